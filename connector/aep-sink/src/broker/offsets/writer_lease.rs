//! The one-writer rule: a number of this process, stored beside its offsets.
//!
//! Fluvio has no consumer groups and fences nobody. Offsets alone cannot tell two processes apart
//! that keep up with the topic: both store the very same numbers. So each process draws a number of
//! its own at its start and stores it as the offset of the consumer `<id>-writer`. A process that
//! starts overwrites it; the one before finds another's number and ends.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

/// Numbers a person can tell apart in a list of consumers.
const NUMBERS: Range<i64> = 1_000_000_000..1_000_000_000_000;

/// Whether this process holds the lease of every partition it reads. While it does, it can be
/// patient with foreign offsets: the other process is about to end.
#[derive(Debug, Default)]
pub(crate) struct WriterLease(AtomicBool);

/// What the value stored for one partition calls for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum LeaseCheck {
    Held,
    /// The number of this process is not stored (yet, or any more): to be stored.
    Unset,
    /// Another process stored its own number instead.
    Taken,
}

/// The number of this process, and what it replaced, by partition.
#[derive(Debug)]
pub(crate) struct LeaseClaim {
    number: i64,
    /// What was stored before this process began. A broker that lost its newest writes shows it
    /// again.
    before: HashMap<u32, Option<i64>>,
}

impl WriterLease {
    pub(crate) fn is_held(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set_held(&self, is_held: bool) {
        self.0.store(is_held, Ordering::Relaxed);
    }

    /// The consumer under whose name the number is stored.
    pub(crate) fn consumer(consumer: &str) -> String {
        format!("{consumer}-writer")
    }
}

impl LeaseClaim {
    /// Draws the number of this process.
    pub(crate) fn draw() -> Self {
        Self::new(fastrand::i64(NUMBERS))
    }

    fn new(number: i64) -> Self {
        Self {
            number,
            before: HashMap::new(),
        }
    }

    pub(crate) fn number(&self) -> i64 {
        self.number
    }

    /// Judges the number found stored for a partition.
    pub(crate) fn check(&mut self, partition: u32, found: Option<i64>) -> LeaseCheck {
        let before = *self.before.entry(partition).or_insert(found);
        match found {
            Some(found) if found == self.number => LeaseCheck::Held,
            Some(found) if before != Some(found) => LeaseCheck::Taken,
            _ => LeaseCheck::Unset,
        }
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lease_goes_to_the_process_that_starts_last() {
        let (mut older, mut newer) = (LeaseClaim::new(7), LeaseClaim::new(9));
        assert_eq!(older.check(0, None), LeaseCheck::Unset);
        assert_eq!(older.check(0, Some(7)), LeaseCheck::Held);
        assert_eq!(newer.check(0, Some(7)), LeaseCheck::Unset);
        assert_eq!(newer.check(0, Some(9)), LeaseCheck::Held);
        assert_eq!(older.check(0, Some(9)), LeaseCheck::Taken);
    }

    #[test]
    fn lease_lost_by_the_broker_is_not_taken_by_another() {
        let mut claim = LeaseClaim::new(7);
        assert_eq!(claim.check(0, Some(3)), LeaseCheck::Unset);
        assert_eq!(claim.check(0, Some(7)), LeaseCheck::Held);
        assert_eq!(
            claim.check(0, Some(3)),
            LeaseCheck::Unset,
            "taken back to the run before"
        );
        assert_eq!(
            claim.check(0, None),
            LeaseCheck::Unset,
            "taken back to nothing"
        );
    }

    #[test]
    fn lease_is_judged_per_partition() {
        let mut claim = LeaseClaim::new(7);
        assert_eq!(claim.check(0, Some(3)), LeaseCheck::Unset);
        assert_eq!(claim.check(1, Some(4)), LeaseCheck::Unset);
        assert_eq!(claim.check(1, Some(3)), LeaseCheck::Taken);
    }
}
