//! What goes wrong on purpose.

use std::collections::HashMap;
use std::time::Duration;

use fluvio_protocol::link::ErrorCode;

/// How commits of consumer offsets fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CommitFault {
    /// They do not.
    #[default]
    None,
    /// Stored, but the answer never arrives: the client must not believe that nothing was stored.
    AnswerLost,
    /// Answered with an error, nothing stored.
    Refused,
    /// Answered as stored, but forgotten: what a power loss between two flushes of the offset store
    /// does.
    Forgotten,
}

/// The faults in force; the default is none.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) commit: CommitFault,
    /// SPUs do not know the SmartModules the controller has: it answers a `create` before they do.
    pub(super) unknown_smartmodules: bool,
    /// Waited before every read of a partition stream.
    pub(super) fetch_delay: Duration,
    /// Topics that refuse records, with the error they answer.
    pub(super) produce: HashMap<String, ErrorCode>,
    /// Topics whose followers are away: records are stored, the high watermark stands still, and
    /// the wait for it times out (`wait_for_acks` in fluvio-spu's `produce_handler.rs`).
    pub(super) unreplicated: Vec<String>,
    /// Topics that store records and never say so.
    pub(super) unanswered_produce: Vec<String>,
}
