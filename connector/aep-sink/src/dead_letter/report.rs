//! Tells the log of dead letters: each one while they are rare, their number when they are not.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::compose::DeadLetter;

/// Lines of single dead letters in one period.
const LINES: u32 = 10;
const PERIOD: Duration = Duration::from_secs(10);

/// What was told of late, and what was not.
#[derive(Debug, Default)]
pub(crate) struct WriteReport {
    /// The end of the period.
    end: Option<Instant>,
    lines: u32,
    /// By reason, those without a line of their own.
    untold: BTreeMap<String, u64>,
}

impl WriteReport {
    /// A dead letter was written; `what` became of its record.
    pub(crate) fn written(&mut self, dead_letter: &DeadLetter, what: &str, now: Instant) {
        self.tell(now);
        let end = *self.end.get_or_insert(now + PERIOD);
        debug_assert!(now < end);
        let (source, reason) = (dead_letter.source(), dead_letter.reason());
        if self.lines < LINES {
            self.lines += 1;
            tracing::error!(%source, reason, "{what}");
        } else {
            *self.untold.entry(reason.to_owned()).or_default() += 1;
        }
    }

    /// When there is something to tell.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.end.filter(|_| !self.untold.is_empty())
    }

    /// Ends the period if it is over.
    pub(crate) fn tell(&mut self, now: Instant) {
        if self.end.is_some_and(|end| end <= now) {
            self.tell_all();
        }
    }

    /// Tells what was not told.
    pub(crate) fn tell_all(&mut self) {
        for (reason, count) in std::mem::take(&mut self.untold) {
            tracing::error!(
                reason,
                count,
                "more dead letters than are listed one by one"
            );
        }
        self.end = None;
        self.lines = 0;
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::compose::Origin;
    use super::*;
    use crate::answer::Rejected;
    use crate::offset_tracker::Position;

    #[test]
    fn letters_are_listed_until_there_are_many_and_counted_then() {
        let position = Position {
            partition: 0,
            offset: 1,
        };
        let rejected = Rejected {
            reason: "not_json".to_owned(),
            pointer: None,
            message: String::new(),
            original: Bytes::from_static(b"{}"),
        };
        let dead_letter =
            DeadLetter::rejected(Origin::new("t", position, None), &rejected).unwrap();
        let (mut report, start) = (WriteReport::default(), Instant::now());
        for _ in 0..LINES {
            report.written(&dead_letter, "dead-lettered", start);
        }
        assert_eq!(report.due(), None, "all of them have a line");
        for _ in 0..5_000 {
            report.written(&dead_letter, "dead-lettered", start);
        }
        assert_eq!(report.untold["not_json"], 5_000);
        assert_eq!(report.due(), Some(start + PERIOD));
        report.tell(start + PERIOD);
        assert_eq!((report.due(), report.lines), (None, 0));
    }
}
