//! Remembers which offsets this process committed, so that commits of another process are noticed.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many own values are remembered per partition. The broker syncs its store every 100 changes,
/// so a power loss takes it back by no more than that.
const REMEMBERED: usize = 1_000;

/// This many unknown older values, each after the one before was overwritten, are the work of
/// another process.
const REGRESSIONS: u32 = 2;

/// What a stored offset says about who writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Ours,
    /// An older value: the broker lost its newest commits, as after a crash. They are to be sent
    /// again.
    Rewound,
    /// None, although one was acknowledged: lost as above, or removed together with the topic.
    Gone,
    /// This process never wrote that value. Fluvio has no consumer groups: two processes with one
    /// consumer id both deliver everything and rewind each other's offset.
    Foreign,
}

#[derive(Debug, Default)]
struct Entry {
    /// The value found at the start, and every value sent since.
    ours: BTreeSet<i64>,
    /// The newest value the broker acknowledged.
    acknowledged: Option<i64>,
    send_again: bool,
    /// The newest commit is to be sent again, and is not acknowledged yet.
    restoring: bool,
    /// Times in a row that an older value was found which this process did not store.
    regressions: u32,
}

/// The commits of this process, by partition.
#[derive(Debug, Default)]
pub(crate) struct CommitHistory {
    entries: Mutex<HashMap<u32, Entry>>,
}

impl CommitHistory {
    fn entries(&self) -> MutexGuard<'_, HashMap<u32, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a partition with the value found stored.
    pub(crate) fn begin(&self, partition: u32, stored: Option<i64>) {
        let entry = Entry {
            ours: stored.into_iter().collect(),
            acknowledged: stored,
            ..Entry::default()
        };
        self.entries().insert(partition, entry);
    }

    /// A commit is about to be sent. Written down before: its answer may be lost although it took
    /// effect.
    pub(crate) fn sending(&self, partition: u32, offset: i64) {
        let mut entries = self.entries();
        let entry = entries.entry(partition).or_default();
        entry.ours.insert(offset);
        if entry.ours.len() > REMEMBERED {
            entry.ours.pop_first();
        }
    }

    /// The broker acknowledged a commit.
    pub(crate) fn acknowledged(&self, partition: u32, offset: i64) {
        let mut entries = self.entries();
        let entry = entries.entry(partition).or_default();
        entry.acknowledged = Some(offset);
        entry.restoring = false;
    }

    /// Whether the last commit has to be sent again although nothing changed. Asking clears it.
    pub(crate) fn take_send_again(&self, partition: u32) -> bool {
        self.entries()
            .get_mut(&partition)
            .is_some_and(|entry| std::mem::take(&mut entry.send_again))
    }

    /// The partitions begun, in order.
    pub(crate) fn partitions(&self) -> BTreeSet<u32> {
        self.entries().keys().copied().collect()
    }

    /// What is acknowledged now, by partition: to be noted before a look at the store, and given to
    /// [`Self::judge`].
    pub(crate) fn snapshot(&self) -> HashMap<u32, i64> {
        let entries = self.entries();
        entries
            .iter()
            .filter_map(|(partition, entry)| Some((*partition, entry.acknowledged?)))
            .collect()
    }

    /// Judges a stored value that was read back. `floor` was acknowledged before the look.
    ///
    /// An older value that this process does not know is at first a loss too: a crash may take the
    /// store back to what an earlier run wrote. When it comes back after the commit was repeated,
    /// somebody writes it.
    pub(crate) fn judge(&self, partition: u32, found: Option<i64>, floor: Option<i64>) -> Verdict {
        let mut entries = self.entries();
        let Some(entry) = entries.get_mut(&partition) else {
            // Not read here.
            return Verdict::Ours;
        };
        let older = floor.is_some_and(|floor| found.is_none_or(|found| found < floor));
        if found.is_some_and(|found| !entry.ours.contains(&found)) {
            if !older {
                return Verdict::Foreign;
            }
            if !entry.restoring {
                entry.regressions += 1;
            }
            if entry.regressions >= REGRESSIONS {
                return Verdict::Foreign;
            }
        } else {
            entry.regressions = 0;
        }
        match (older, found) {
            (true, Some(_)) => Verdict::Rewound,
            (true, None) => Verdict::Gone,
            (false, _) => Verdict::Ours,
        }
    }

    /// The newest commit was lost and is to be sent again.
    pub(crate) fn send_again(&self, partition: u32) {
        let mut entries = self.entries();
        let entry = entries.entry(partition).or_default();
        entry.send_again = true;
        entry.restoring = true;
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_knows_the_value_found_and_every_value_sent() {
        let commit_history = CommitHistory::default();
        commit_history.begin(0, Some(4));
        assert_eq!(commit_history.judge(0, Some(4), Some(4)), Verdict::Ours);
        commit_history.sending(0, 7);
        assert_eq!(
            commit_history.judge(0, Some(7), Some(4)),
            Verdict::Ours,
            "sent, its answer lost"
        );
        assert_eq!(
            commit_history.judge(0, Some(4), Some(4)),
            Verdict::Ours,
            "sent, but not yet in effect"
        );
    }

    #[test]
    fn value_never_written_is_foreign() {
        let commit_history = CommitHistory::default();
        commit_history.begin(0, None);
        commit_history.sending(0, 7);
        assert_eq!(commit_history.judge(0, Some(3), None), Verdict::Foreign);
        assert_eq!(commit_history.judge(0, Some(7), None), Verdict::Ours);
        assert_eq!(commit_history.judge(0, Some(5), None), Verdict::Foreign);
    }

    #[test]
    fn lost_commit_is_sent_again_and_not_taken_for_foreign() {
        let commit_history = CommitHistory::default();
        commit_history.begin(0, Some(4));
        commit_history.sending(0, 9);
        commit_history.acknowledged(0, 9);
        assert_eq!(
            commit_history.judge(0, Some(4), commit_history.snapshot().get(&0).copied()),
            Verdict::Rewound
        );
        commit_history.send_again(0);
        assert!(commit_history.take_send_again(0));
        assert!(!commit_history.take_send_again(0));
    }

    #[test]
    fn commit_that_is_gone_is_not_sent_again_by_itself() {
        let commit_history = CommitHistory::default();
        commit_history.begin(0, None);
        assert_eq!(
            commit_history.judge(0, None, None),
            Verdict::Ours,
            "nothing was written yet"
        );
        commit_history.sending(0, 9);
        commit_history.acknowledged(0, 9);
        assert_eq!(commit_history.judge(0, None, Some(9)), Verdict::Gone);
        assert!(
            !commit_history.take_send_again(0),
            "its topic may be gone with it"
        );
    }

    #[test]
    fn older_value_of_an_earlier_run_is_a_loss_and_not_foreign() {
        let commit_history = CommitHistory::default();
        commit_history.begin(0, Some(90));
        commit_history.sending(0, 100);
        commit_history.acknowledged(0, 100);
        assert_eq!(
            commit_history.judge(0, Some(70), Some(100)),
            Verdict::Rewound
        );
        commit_history.send_again(0);
        assert_eq!(
            commit_history.judge(0, Some(70), Some(100)),
            Verdict::Rewound,
            "it could not be sent again yet"
        );
        commit_history.acknowledged(0, 100);
        assert_eq!(commit_history.judge(0, Some(100), Some(100)), Verdict::Ours);
        assert_eq!(
            commit_history.judge(0, Some(80), Some(100)),
            Verdict::Rewound,
            "another crash, later"
        );
    }

    #[test]
    fn older_value_that_comes_back_is_foreign() {
        let commit_history = CommitHistory::default();
        commit_history.begin(0, Some(90));
        commit_history.sending(0, 100);
        commit_history.acknowledged(0, 100);
        assert_eq!(
            commit_history.judge(0, Some(70), Some(100)),
            Verdict::Rewound
        );
        commit_history.acknowledged(0, 100);
        assert_eq!(
            commit_history.judge(0, Some(71), Some(100)),
            Verdict::Foreign
        );
        assert_eq!(
            commit_history.judge(0, Some(72), Some(100)),
            Verdict::Foreign
        );
    }

    #[test]
    fn history_is_bounded() {
        let commit_history = CommitHistory::default();
        commit_history.begin(0, None);
        for offset in 0..5_000 {
            commit_history.sending(0, offset);
        }
        assert_eq!(commit_history.judge(0, Some(4_999), None), Verdict::Ours);
        assert_eq!(commit_history.judge(0, Some(10), None), Verdict::Foreign);
    }

    #[test]
    fn history_ignores_partitions_not_read_here() {
        let commit_history = CommitHistory::default();
        commit_history.begin(0, None);
        assert_eq!(commit_history.judge(1, Some(5), None), Verdict::Ours);
    }
}
