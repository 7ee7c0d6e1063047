//! How many acknowledged records landed, as far as anybody can know.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::inlet_name::InletName;

/// The last look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Look {
    /// There was none yet.
    #[default]
    Never,
    /// It went well, at this time, milliseconds since the epoch.
    Well(i64),
    /// The credential lacks this permission.
    Forbidden(&'static str),
    /// The platform did not answer.
    Failed(String),
}

/// What became of an inlet's acknowledged entities since the start of the process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct InletProgress {
    pub(crate) acknowledged: u64,
    /// Acknowledged longer ago than `landed.within` at a look since, and not among the failed.
    pub(crate) landed: u64,
    /// Named by a failed batch.
    pub(crate) failed: u64,
    /// Too young, or nobody may look.
    pub(crate) unknown: u64,
}

/// Shared between the one who looks and those who show.
#[derive(Debug)]
pub(crate) struct LandingProgress {
    within: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    look: Look,
    inlets: BTreeMap<InletName, Counts>,
    /// Failed records that are in no journal: of others, or of before it.
    unmatched: u64,
    /// Since when each dataflow has failed, milliseconds since the epoch.
    failing: BTreeMap<InletName, i64>,
}

#[derive(Debug, Default)]
struct Counts {
    /// When a look was, and what had been acknowledged by then.
    looks: VecDeque<(i64, u64)>,
    /// Acknowledged early enough to be known to have landed or failed.
    due: u64,
    failed: u64,
}

impl LandingProgress {
    pub(crate) fn new(within: Duration) -> Self {
        Self {
            within,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A look went well; so much had been acknowledged by each inlet.
    pub(super) fn looked(&self, now: i64, acknowledged: &[(InletName, u64)]) {
        let within = i64::try_from(self.within.as_millis()).unwrap_or(i64::MAX);
        let due_until = now.saturating_sub(within);
        let mut state = self.state();
        state.look = Look::Well(now);
        for (inlet, count) in acknowledged {
            let counts = state.inlets.entry(*inlet).or_default();
            counts.looks.push_back((now, *count));
            while let Some((at, count)) = counts.looks.front().copied()
                && at <= due_until
            {
                counts.due = count;
                counts.looks.pop_front();
            }
        }
    }

    pub(super) fn not_looked(&self, look: Look) {
        self.state().look = look;
    }

    pub(super) fn failed(&self, inlet: InletName, count: u64) {
        self.state().inlets.entry(inlet).or_default().failed += count;
    }

    pub(super) fn unmatched(&self, count: u64) {
        self.state().unmatched += count;
    }

    pub(super) fn set_failing(&self, inlet: InletName, since: Option<i64>) {
        let mut state = self.state();
        match since {
            Some(since) => drop(state.failing.insert(inlet, since)),
            None => drop(state.failing.remove(&inlet)),
        }
    }

    /// The last look.
    pub(crate) fn look(&self) -> Look {
        self.state().look.clone()
    }

    /// Failed records that no journal knows.
    pub(crate) fn count_of_unmatched(&self) -> u64 {
        self.state().unmatched
    }

    /// Since when the dataflow of an inlet has failed all the time, milliseconds since the epoch.
    pub(crate) fn failing_since(&self, inlet: InletName) -> Option<i64> {
        self.state().failing.get(&inlet).copied()
    }

    /// What became of so many acknowledged entities of an inlet.
    pub(crate) fn of(&self, inlet: InletName, acknowledged: u64) -> InletProgress {
        let state = self.state();
        let (due, failed) = state
            .inlets
            .get(&inlet)
            .map_or((0, 0), |counts| (counts.due, counts.failed));
        let failed = failed.min(acknowledged);
        let landed = due.saturating_sub(failed);
        InletProgress {
            acknowledged,
            landed,
            failed,
            unknown: acknowledged.saturating_sub(landed + failed),
        }
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_counts_as_landed_only_after_its_time_and_a_look() {
        let inlet = InletName::Events;
        let progress = LandingProgress::new(Duration::from_secs(60));
        let counts = |acknowledged| {
            let progress = progress.of(inlet, acknowledged);
            (progress.landed, progress.failed, progress.unknown)
        };
        assert_eq!(counts(10), (0, 0, 10));
        progress.looked(1_000, &[(inlet, 10)]);
        progress.failed(inlet, 2);
        assert_eq!(counts(15), (0, 2, 13));
        progress.looked(60_999, &[(inlet, 15)]);
        assert_eq!(counts(15), (0, 2, 13));
        progress.looked(61_000, &[(inlet, 15)]);
        assert_eq!(counts(15), (8, 2, 5));
        progress.not_looked(Look::Forbidden("View Datasets"));
        assert_eq!(counts(20), (8, 2, 10));
    }
}
