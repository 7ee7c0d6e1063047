//! How much a replay has to do, and how far it is.

use crate::delivery::Counters;
use crate::ledger::Ledger;
use crate::progress::State;

/// The letters of one partition that a replay looks at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    pub(super) partition: u32,
    pub(super) first: i64,
    /// The end of the topic when the replay began: no letter of this replay.
    pub(super) end: i64,
}

impl Extent {
    pub(super) fn letters(&self) -> u64 {
        u64::try_from(self.end.saturating_sub(self.first)).unwrap_or(0)
    }

    fn settled(&self, ledger: &Ledger) -> u64 {
        let through = ledger.settled_through(self.partition).unwrap_or(-1);
        u64::try_from(through.saturating_add(1).saturating_sub(self.first)).unwrap_or(0)
    }
}

/// How far a replay is.
pub(super) fn state(extents: &[Extent], ledger: &Ledger, counters: &Counters) -> State {
    let counts = counters.snapshot();
    State {
        done: extents.iter().map(|extent| extent.settled(ledger)).sum(),
        total: extents.iter().map(Extent::letters).sum(),
        details: format!(
            "{} events and {} profile statements delivered, {} refused again",
            counts.events_delivered,
            counts.profiles_delivered,
            counts.dead_lettered.values().sum::<u64>()
        ),
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Bounds;
    use crate::outcome::Outcome;

    #[test]
    fn progress_counts_what_is_settled_of_what_there_is() {
        let ledger = Ledger::new(Bounds {
            bytes: 1_000,
            offsets: 1_000,
        });
        let extents = [(0, 10, 20), (1, 0, 5)].map(|(partition, first, end)| Extent {
            partition,
            first,
            end,
        });
        ledger.begin(0, Some(9));
        ledger.begin(1, None);
        let counters = Counters::default();
        let done = |ledger: &Ledger| state(&extents, ledger, &counters).done;
        assert_eq!(
            (done(&ledger), state(&extents, &ledger, &counters).total),
            (0, 15)
        );
        ledger.pass(0, 10, 13, Outcome::Skipped).unwrap();
        ledger.pass(1, 0, 0, Outcome::Skipped).unwrap();
        assert_eq!(done(&ledger), 5);
    }
}
