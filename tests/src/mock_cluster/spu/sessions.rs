//! The partition streams of one connection.

use std::collections::HashMap;

use tokio::sync::watch;

/// A partition stream, as its connection knows it.
pub(crate) struct Session {
    pub(crate) topic: String,
    pub(crate) partition: u32,
    pub(crate) consumer: Option<String>,
    /// How far the consumer says it has read; the stream sends no more until it is told.
    pub(crate) credit: watch::Sender<Option<i64>>,
}

/// The streams of one connection by their id; ids count from 1 on every connection.
pub(crate) type Sessions = HashMap<u32, Session>;
