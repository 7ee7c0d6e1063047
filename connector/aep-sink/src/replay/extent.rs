//! How much a replay has to do, and how far it is.

use crate::offset_tracker::OffsetTracker;
use crate::telemetry::Metrics;
use crate::telemetry::progress::State;

/// The dead letters of one partition that a replay looks at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    pub(super) partition: u32,
    pub(super) first: i64,
    /// The end of the topic when the replay began: no dead letter of this replay.
    pub(super) end: i64,
}

impl Extent {
    pub(super) fn dead_letters(&self) -> u64 {
        u64::try_from(self.end.saturating_sub(self.first)).unwrap_or(0)
    }

    fn settled(&self, tracker: &OffsetTracker) -> u64 {
        let through = tracker.settled_through(self.partition).unwrap_or(-1);
        u64::try_from(through.saturating_add(1).saturating_sub(self.first)).unwrap_or(0)
    }
}

/// How far a replay is.
pub(super) fn state(extents: &[Extent], tracker: &OffsetTracker, metrics: &Metrics) -> State {
    let counts = metrics.snapshot();
    State {
        done: extents.iter().map(|extent| extent.settled(tracker)).sum(),
        total: extents.iter().map(Extent::dead_letters).sum(),
        details: format!(
            "{} events and {} profile statements delivered, {} refused again",
            counts.events_delivered,
            counts.profiles_delivered,
            counts.dead_letters.values().sum::<u64>()
        ),
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::BufferLimits;
    use crate::offset_tracker::Outcome;

    #[test]
    fn progress_counts_settled_letters_of_all() {
        let tracker = OffsetTracker::new(BufferLimits::new(1_000, 1_000));
        let extents = [(0, 10, 20), (1, 0, 5)].map(|(partition, first, end)| Extent {
            partition,
            first,
            end,
        });
        tracker.begin(0, Some(9));
        tracker.begin(1, None);
        let metrics = Metrics::default();
        let done = |tracker: &OffsetTracker| state(&extents, tracker, &metrics).done;
        assert_eq!(
            (done(&tracker), state(&extents, &tracker, &metrics).total),
            (0, 15)
        );
        tracker.pass(0, 10, 13, Outcome::Skipped).unwrap();
        tracker.pass(1, 0, 0, Outcome::Skipped).unwrap();
        assert_eq!(done(&tracker), 5);
    }
}
