//! A partition's data and the signals its streams wait for.

use std::io;
use std::sync::Mutex;

use fluvio_controlplane_metadata::topic::Deduplication;
use fluvio_protocol::record::{Batch, Offset, RawRecords};
use tokio::sync::watch;

use super::lock::lock;
use super::log::Log;
use super::smartmodules::chains::Chain;

/// One partition. Streams hold it directly, so that one opened before the leader moved goes silent,
/// as on the real SPU.
#[derive(Debug)]
pub(super) struct Replica {
    pub(super) topic: String,
    pub(super) partition: u32,
    pub(super) log: Mutex<Log>,
    pub(super) deduplication: Option<Deduplication>,
    /// The deduplication filter, built at the first write after the leader came up.
    pub(super) filter: tokio::sync::Mutex<Option<Chain>>,
    end: watch::Sender<Offset>,
    deleted: watch::Sender<bool>,
    /// What is told as the high watermark, where that is behind the log: an SPU writes it lazily,
    /// and after a crash knows an old one until the next write.
    behind: Mutex<Option<Offset>>,
}

impl Replica {
    pub(super) fn new(
        topic: &str,
        partition: u32,
        deduplication: Option<Deduplication>,
    ) -> Replica {
        Replica {
            topic: topic.to_owned(),
            partition,
            log: Mutex::default(),
            deduplication,
            filter: tokio::sync::Mutex::default(),
            end: watch::Sender::new(0),
            deleted: watch::Sender::new(false),
            behind: Mutex::default(),
        }
    }

    /// Appends batches in one step and wakes the streams; gives the offset of the first.
    pub(super) fn append(&self, batches: Vec<Batch<RawRecords>>) -> io::Result<Offset> {
        let mut log = lock(&self.log);
        let base = log.end();
        for batch in batches {
            log.append(batch)?;
        }
        let end = log.end();
        drop(log);
        *lock(&self.behind) = None;
        self.end.send_replace(end);
        Ok(base)
    }

    /// Log start and end.
    pub(super) fn range(&self) -> (Offset, Offset) {
        let log = lock(&self.log);
        (log.start(), log.end())
    }

    /// Log start and high watermark, as consumers are told.
    pub(super) fn told_range(&self) -> (Offset, Offset) {
        let (start, end) = self.range();
        (start, lock(&self.behind).unwrap_or(end))
    }

    /// Leaves the high watermark behind the log until the next write.
    pub(super) fn lag(&self, high_watermark: Offset) {
        *lock(&self.behind) = Some(high_watermark);
    }

    /// The high watermark catches up with the log.
    pub(super) fn catch_up(&self) {
        *lock(&self.behind) = None;
    }

    pub(super) fn watch_end(&self) -> watch::Receiver<Offset> {
        self.end.subscribe()
    }

    pub(super) fn watch_deletion(&self) -> watch::Receiver<bool> {
        self.deleted.subscribe()
    }

    /// Tells the streams the log's end after the log was put in place as a whole.
    pub(super) fn refresh(&self) {
        self.end.send_replace(self.range().1);
    }

    pub(super) fn delete(&self) {
        self.deleted.send_replace(true);
    }
}
