//! What becomes of records after their acknowledgement.
//!
//! An inlet answers before Experience Platform validates. A record that breaks the schema is then
//! in a failed batch, and nobody is told. So what is acknowledged is noted in a [journal], and at
//! an interval the [platform] is asked for failed batches of the datasets. Each failed record is
//! matched with the journal and written as a dead letter of stage `landing`, once.
//!
//! ```text
//! delivery ── acknowledged ──► journal ──► topic <name>-landing
//!                                               │ which record was it?
//! Catalog, Data Access ──► failed records ──► watch ──► dead letter, /ready, metrics
//! ```
//!
//! The dead-letter topic itself says which failed records were written: it is read before each
//! write, so neither a restart nor a second instance writes one twice. Delivery never waits for any
//! of this.

mod dead_letter;
mod fingerprint;
mod journal;
mod known;
mod matching;
mod platform;
mod progress;
mod storage;
mod target;
#[cfg(test)]
mod tests;
mod watch;

use std::sync::Arc;
use std::time::Duration;

pub(crate) use dead_letter::violation as violation_of;
pub(crate) use journal::Journal;
pub(crate) use platform::{FailedRecord, LookError, PlatformApi};
pub(crate) use progress::{InletProgress, LandingProgress, Look};
pub(crate) use storage::BrokerStorage;
pub(crate) use target::Target;
pub(crate) use watch::{Watch, WatchParts};

/// What delivery writes to and what is shown.
#[derive(Debug, Clone)]
pub(crate) struct Landing {
    pub(crate) journal: Arc<Journal>,
    pub(crate) progress: Arc<LandingProgress>,
}

impl Landing {
    /// Nothing is acknowledged yet. After `within` without a failure a record counts as landed.
    pub(crate) fn new(within: Duration) -> Self {
        Self {
            journal: Arc::default(),
            progress: Arc::new(LandingProgress::new(within)),
        }
    }
}
