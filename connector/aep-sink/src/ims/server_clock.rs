//! The clock of Adobe IMS, as far as the dates of its answers tell.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

/// What was told last: milliseconds since the epoch, and when it came.
#[derive(Debug, Default)]
pub(super) struct ServerClock(Mutex<Option<(i64, Instant)>>);

impl ServerClock {
    fn told(&self) -> MutexGuard<'_, Option<(i64, Instant)>> {
        // One assignment is all that happens under this lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the date of an answer that has just come.
    pub(super) fn tell(&self, date: i64) {
        *self.told() = Some((date, Instant::now()));
    }

    /// What it shows now; never more, since an answer is on its way for a while. `None` before the
    /// first dated answer.
    pub(super) fn now_ms(&self, now: Instant) -> Option<i64> {
        let (told, since) = (*self.told())?;
        let passed = now.saturating_duration_since(since).as_millis();
        Some(told.saturating_add(i64::try_from(passed).unwrap_or(i64::MAX)))
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_goes_on_from_what_was_told_last() {
        let clock = ServerClock::default();
        assert_eq!(clock.now_ms(Instant::now()), None);
        clock.tell(5_000);
        tokio::time::advance(Duration::from_millis(1_500)).await;
        assert_eq!(clock.now_ms(Instant::now()), Some(6_500));
        clock.tell(6_000);
        assert_eq!(clock.now_ms(Instant::now()), Some(6_000));
    }
}
