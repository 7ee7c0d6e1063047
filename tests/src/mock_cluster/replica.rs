//! A partition's data and the signals its streams wait for.

use std::io;
use std::sync::Mutex;

use fluvio::Isolation;
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
    high_watermark: watch::Sender<Offset>,
    deleted: watch::Sender<bool>,
    behind: Mutex<Behind>,
}

/// Where the high watermark is, if it is not the end of the log.
#[derive(Clone, Copy, Debug)]
enum Behind {
    No,
    /// An SPU writes it lazily, and after a crash knows an old one until the next write.
    UntilWrite(Offset),
    /// It moves only when every replica has a record, also while one of them is away: the number of
    /// replicas that have to have it is fixed (`in_sync_replica` and `compute_hw` in
    /// fluvio-spu/src/replication/leader/replica_state.rs).
    FollowerAway(Offset),
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
            high_watermark: watch::Sender::new(0),
            deleted: watch::Sender::new(false),
            behind: Mutex::new(Behind::No),
        }
    }

    /// Appends batches in one step and wakes the streams; gives the offset of the first.
    pub(super) fn append(&self, batches: Vec<Batch<RawRecords>>) -> io::Result<Offset> {
        let mut log = lock(&self.log);
        let base = log.end();
        for batch in batches {
            log.append(batch)?;
        }
        drop(log);
        {
            let mut behind = lock(&self.behind);
            if matches!(*behind, Behind::UntilWrite(_)) {
                *behind = Behind::No;
            }
        }
        self.refresh();
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
        (start, self.watermark(end))
    }

    fn watermark(&self, end: Offset) -> Offset {
        match *lock(&self.behind) {
            Behind::No => end,
            Behind::UntilWrite(offset) | Behind::FollowerAway(offset) => offset.min(end),
        }
    }

    /// Leaves the high watermark behind the log until the next write.
    pub(super) fn lag(&self, high_watermark: Offset) {
        *lock(&self.behind) = Behind::UntilWrite(high_watermark);
    }

    /// A follower goes away, or all are back.
    pub(super) fn set_replicated(&self, replicated: bool) {
        let (_, watermark) = self.told_range();
        *lock(&self.behind) = if replicated {
            Behind::No
        } else {
            Behind::FollowerAway(watermark)
        };
        self.refresh();
    }

    /// Whether no follower is away.
    pub(super) fn is_replicated(&self) -> bool {
        !matches!(*lock(&self.behind), Behind::FollowerAway(_))
    }

    /// Where what may be read ends, and each time that moves.
    pub(super) fn watch_readable(&self, isolation: Isolation) -> watch::Receiver<Offset> {
        match isolation {
            Isolation::ReadCommitted => self.high_watermark.subscribe(),
            Isolation::ReadUncommitted => self.end.subscribe(),
        }
    }

    pub(super) fn watch_deletion(&self) -> watch::Receiver<bool> {
        self.deleted.subscribe()
    }

    /// Tells the streams where the log ends now.
    pub(super) fn refresh(&self) {
        let (_, end) = self.range();
        self.end.send_replace(end);
        self.high_watermark.send_replace(self.watermark(end));
    }

    pub(super) fn delete(&self) {
        self.deleted.send_replace(true);
    }
}
