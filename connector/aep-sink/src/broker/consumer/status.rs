//! How reading and committing are, for whoever looks.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How one partition is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PartitionStatus {
    /// The first offset of the log, when it was looked at last.
    pub(crate) log_start: Option<i64>,
    /// The offset the next replicated record will have, when the broker told last.
    pub(crate) high_watermark: Option<i64>,
    /// The last stored offset the broker acknowledged, or the one found at the start.
    pub(crate) committed: Option<i64>,
    /// The oldest record that was not settled when somebody looked last: its offset, and when it
    /// was produced, milliseconds since the epoch.
    pub(crate) oldest: Option<(i64, i64)>,
    /// Connections that ended other than by our will.
    pub(crate) interruptions: u64,
    /// Stretches of the log for which the broker gave no answer.
    pub(crate) gaps: u64,
    /// Records of those stretches that were read directly and mapped here.
    pub(crate) filled: u64,
    pub(crate) commits: u64,
    pub(crate) commit_failures: u64,
}

/// How every partition is. Changed a few times per response of the broker, never per record.
#[derive(Debug, Default)]
pub(crate) struct PartitionStatuses(Mutex<BTreeMap<u32, PartitionStatus>>);

impl PartitionStatuses {
    fn partitions(&self) -> MutexGuard<'_, BTreeMap<u32, PartitionStatus>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn change(&self, partition: u32, change: impl FnOnce(&mut PartitionStatus)) {
        change(self.partitions().entry(partition).or_default());
    }

    /// The partitions that are read here.
    pub(crate) fn snapshot(&self) -> BTreeMap<u32, PartitionStatus> {
        self.partitions().clone()
    }
}
