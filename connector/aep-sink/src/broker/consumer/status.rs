//! How reading and committing go, for metrics and `/status`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How one partition is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PartitionStatus {
    /// The first offset of the log, at the last look.
    pub(crate) log_start: Option<i64>,
    /// The offset the next replicated record will have, as the broker last reported it.
    pub(crate) high_watermark: Option<i64>,
    /// The offset the next record of the leader's log will have, as the controller last told it.
    pub(crate) log_end: Option<i64>,
    /// How many of its last records not all replicas have.
    pub(crate) unreplicated: Option<i64>,
    /// The last stored offset the broker acknowledged, or the one found at the start.
    pub(crate) committed: Option<i64>,
    /// The oldest record that was not settled at the last look: its offset, and when the
    /// first record of its batch was produced, milliseconds since the epoch.
    pub(crate) oldest: Option<(i64, i64)>,
    /// Connections that ended although they were not closed here.
    pub(crate) interruptions: u64,
    /// Ranges of the log for which the broker gave no answer.
    pub(crate) gaps: u64,
    /// Records of those ranges that were read directly and mapped here.
    pub(crate) filled: u64,
    pub(crate) commits: u64,
    pub(crate) commit_failures: u64,
}

/// Whose the partitions of the topic are, as far as this process knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ownership {
    /// Read here.
    pub(crate) owned: BTreeSet<u32>,
    /// To be read here once their present owner is gone.
    pub(crate) standby: BTreeSet<u32>,
    /// Not to be read here; another process reads them.
    pub(crate) elsewhere: BTreeSet<u32>,
    /// Not to be read here, and nobody reads them.
    pub(crate) unread: BTreeSet<u32>,
}

/// How every partition is. Changed a few times per response of the broker, never per record.
#[derive(Debug, Default)]
pub(crate) struct PartitionStatuses {
    partitions: Mutex<BTreeMap<u32, PartitionStatus>>,
    ownership: Mutex<Ownership>,
}

impl PartitionStatuses {
    fn partitions(&self) -> MutexGuard<'_, BTreeMap<u32, PartitionStatus>> {
        self.partitions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn change(&self, partition: u32, change: impl FnOnce(&mut PartitionStatus)) {
        change(self.partitions().entry(partition).or_default());
    }

    /// The same for what was found out meanwhile: nothing of a partition that is not read here any
    /// more.
    pub(crate) fn change_if_read(&self, partition: u32, change: impl FnOnce(&mut PartitionStatus)) {
        if let Some(status) = self.partitions().get_mut(&partition) {
            change(status);
        }
    }

    /// A partition is not read here any more.
    pub(crate) fn remove(&self, partition: u32) {
        self.partitions().remove(&partition);
    }

    /// Notes whose the partitions are.
    pub(crate) fn set_ownership(&self, ownership: Ownership) {
        *self
            .ownership
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = ownership;
    }

    /// Whose the partitions are.
    pub(crate) fn ownership(&self) -> Ownership {
        self.ownership
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The partitions that are read here.
    pub(crate) fn snapshot(&self) -> BTreeMap<u32, PartitionStatus> {
        self.partitions().clone()
    }
}
