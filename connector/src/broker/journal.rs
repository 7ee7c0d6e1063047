//! Remembers which offsets this process committed, so that commits of another process are noticed.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many own values are remembered per partition. The broker syncs its store every 100 changes, so a power loss
/// takes it back by no more than that.
const REMEMBERED: usize = 1_000;

/// What a stored offset says about who writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Ours,
    /// An older value of ours: the broker lost its newest commits. They are sent again.
    Rewound,
    /// This process never wrote that value. Fluvio has no consumer groups: two processes with one consumer id both
    /// deliver everything and rewind each other's offset.
    Foreign { sightings: u32 },
}

#[derive(Debug, Default)]
struct Entry {
    /// The value found at the start, and every value sent since.
    ours: BTreeSet<i64>,
    /// The newest value the broker acknowledged.
    acknowledged: Option<i64>,
    sightings: u32,
    send_again: bool,
}

/// The commits of this process, by partition.
#[derive(Debug, Default)]
pub(super) struct Journal {
    entries: Mutex<HashMap<u32, Entry>>,
}

impl Journal {
    fn entries(&self) -> MutexGuard<'_, HashMap<u32, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a partition with the value found stored.
    pub(super) fn begin(&self, partition: u32, stored: Option<i64>) {
        let entry = Entry {
            ours: stored.into_iter().collect(),
            acknowledged: stored,
            ..Entry::default()
        };
        self.entries().insert(partition, entry);
    }

    /// A commit is about to be sent. Written down before: its answer may be lost although it took effect.
    pub(super) fn sending(&self, partition: u32, offset: i64) {
        let mut entries = self.entries();
        let entry = entries.entry(partition).or_default();
        entry.ours.insert(offset);
        if entry.ours.len() > REMEMBERED {
            entry.ours.pop_first();
        }
    }

    /// The broker acknowledged a commit.
    pub(super) fn acknowledged(&self, partition: u32, offset: i64) {
        self.entries().entry(partition).or_default().acknowledged = Some(offset);
    }

    /// Whether the last commit has to be sent again although nothing changed. Asking clears it.
    pub(super) fn take_send_again(&self, partition: u32) -> bool {
        self.entries().get_mut(&partition).is_some_and(|entry| std::mem::take(&mut entry.send_again))
    }

    /// What is acknowledged now, by partition: to be noted before a look at the store, and given to [`Self::judge`].
    pub(super) fn snapshot(&self) -> HashMap<u32, i64> {
        let entries = self.entries();
        entries.iter().filter_map(|(partition, entry)| Some((*partition, entry.acknowledged?))).collect()
    }

    /// Judges a stored value that was read back. `floor` was acknowledged before the look.
    pub(super) fn judge(&self, partition: u32, found: i64, floor: Option<i64>) -> Verdict {
        let mut entries = self.entries();
        let Some(entry) = entries.get_mut(&partition) else {
            // Not read here.
            return Verdict::Ours;
        };
        if !entry.ours.contains(&found) {
            entry.sightings += 1;
            let sightings = entry.sightings;
            return Verdict::Foreign { sightings };
        }
        if floor.is_some_and(|floor| found < floor) {
            entry.send_again = true;
            return Verdict::Rewound;
        }
        Verdict::Ours
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_found_at_the_start_and_every_value_sent_are_ours() {
        let journal = Journal::default();
        journal.begin(0, Some(4));
        assert_eq!(journal.judge(0, 4, Some(4)), Verdict::Ours);
        journal.sending(0, 7);
        assert_eq!(journal.judge(0, 7, Some(4)), Verdict::Ours, "sent, its answer lost");
        assert_eq!(journal.judge(0, 4, Some(4)), Verdict::Ours, "sent, but not yet in effect");
    }

    #[test]
    fn a_value_never_written_is_foreign_and_sightings_are_counted() {
        let journal = Journal::default();
        journal.begin(0, None);
        journal.sending(0, 7);
        assert_eq!(journal.judge(0, 3, None), Verdict::Foreign { sightings: 1 });
        assert_eq!(journal.judge(0, 7, None), Verdict::Ours);
        assert_eq!(journal.judge(0, 5, None), Verdict::Foreign { sightings: 2 });
    }

    #[test]
    fn a_store_that_lost_our_newest_commit_gets_it_again_and_is_not_taken_for_another_writer() {
        let journal = Journal::default();
        journal.begin(0, Some(4));
        journal.sending(0, 9);
        journal.acknowledged(0, 9);
        assert_eq!(journal.judge(0, 4, journal.snapshot().get(&0).copied()), Verdict::Rewound);
        assert!(journal.take_send_again(0));
        assert!(!journal.take_send_again(0));
    }

    #[test]
    fn memory_is_bounded() {
        let journal = Journal::default();
        journal.begin(0, None);
        for offset in 0..5_000 {
            journal.sending(0, offset);
        }
        assert_eq!(journal.judge(0, 4_999, None), Verdict::Ours);
        assert_eq!(journal.judge(0, 10, None), Verdict::Foreign { sightings: 1 });
    }

    #[test]
    fn partitions_that_are_not_read_here_are_no_concern() {
        let journal = Journal::default();
        journal.begin(0, None);
        assert_eq!(journal.judge(1, 5, None), Verdict::Ours);
    }
}
