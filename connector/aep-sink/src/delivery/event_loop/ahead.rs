//! Events that wait for their time: how many, and what `/ready` says of them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use tokio::time::Instant;

use crate::error::Fault;
use crate::telemetry::{Component, Condition, Conditions};

/// From this many on they are no accident of single records.
const MANY: usize = 100;

/// When the events that wait may go.
#[derive(Debug, Default)]
pub(super) struct AheadEvents {
    due: BinaryHeap<Reverse<Instant>>,
    last: Option<Instant>,
    /// How many were reported.
    reported: usize,
}

impl AheadEvents {
    pub(super) fn add(&mut self, due: Instant) {
        self.due.push(Reverse(due));
        self.last = self.last.max(Some(due));
    }

    /// Says so when there are many, and when there are not any more.
    pub(super) fn report(&mut self, now: Instant, conditions: &Conditions) {
        while self.due.peek().is_some_and(|Reverse(due)| *due <= now) {
            self.due.pop();
        }
        let count = self.due.len();
        if count < MANY / 2 && self.reported > 0 {
            self.reported = 0;
            conditions.clear(Component::Clock);
        }
        // A number that is a tenth off is good enough.
        let is_news = count.abs_diff(self.reported) > self.reported / 10;
        if !is_news || count < if self.reported > 0 { MANY / 2 } else { MANY } {
            return;
        }
        let seconds = self.last.map_or(0, |last| (last - now).as_secs());
        if self.reported == 0 {
            tracing::warn!(
                count,
                seconds,
                "events are ahead of the clock and wait for their time"
            );
        }
        self.reported = count;
        let condition = Condition {
            fault: Fault::User,
            reason: format!(
                "{count} events are ahead of the clock and wait for their time, the farthest for \
                {seconds} s"
            ),
            remedy: "set the clock of the machine that writes the events, and of this one (NTP); \
                they are delivered when their time has come"
                .to_owned(),
        };
        conditions.put(Component::Clock, condition);
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn events_that_wait_are_reported_while_they_are_many() {
        let (now, conditions) = (Instant::now(), Conditions::default());
        let mut ahead = AheadEvents::default();
        let second = Duration::from_secs(1);
        for seconds in 31..130 {
            ahead.add(now + second * seconds);
        }
        ahead.report(now, &conditions);
        assert!(conditions.all().is_empty(), "99 may be an accident");
        ahead.add(now + second * 200);
        ahead.report(now, &conditions);
        let reason = conditions.all()[0].reason.clone();
        assert!(
            reason.contains("100 events") && reason.contains("200 s"),
            "{reason}"
        );
        ahead.report(now + second * 60, &conditions);
        assert!(
            conditions.all()[0].reason.contains("70 events"),
            "fewer by now"
        );
        ahead.report(now + second * 100, &conditions);
        assert!(conditions.all().is_empty());
    }
}
