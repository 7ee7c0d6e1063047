//! The clock of Adobe IMS, by the dates of its responses.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::UNIX_EPOCH;

use tokio::time::Instant;

/// The last date: milliseconds since the epoch, and when it came.
#[derive(Debug, Default)]
pub(super) struct ServerClock(Mutex<Option<(i64, Instant)>>);

impl ServerClock {
    fn last(&self) -> MutexGuard<'_, Option<(i64, Instant)>> {
        // One assignment is all that happens under this lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the `Date` header of a response that has just come. One that cannot be read changes
    /// nothing.
    pub(super) fn observe(&self, date: &str) {
        let since_epoch = httpdate::parse_http_date(date)
            .ok()
            .and_then(|date| date.duration_since(UNIX_EPOCH).ok());
        if let Some(ms) = since_epoch.and_then(|since| i64::try_from(since.as_millis()).ok()) {
            *self.last() = Some((ms, Instant::now()));
        }
    }

    /// Milliseconds since the epoch, never more than IMS's clock shows, since a response is on its
    /// way for a while. `None` before the first dated response.
    pub(super) fn now_ms(&self, now: Instant) -> Option<i64> {
        let (date, since) = (*self.last())?;
        let passed = now.saturating_duration_since(since).as_millis();
        Some(date.saturating_add(i64::try_from(passed).unwrap_or(i64::MAX)))
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn server_clock_goes_on_from_the_last_date() {
        let clock = ServerClock::default();
        assert_eq!(clock.now_ms(Instant::now()), None);
        clock.observe("Thu, 01 Jan 1970 00:00:05 GMT");
        tokio::time::advance(Duration::from_millis(1_500)).await;
        assert_eq!(clock.now_ms(Instant::now()), Some(6_500));
        clock.observe("Thu, 01 Jan 1970 00:00:06 GMT");
        assert_eq!(clock.now_ms(Instant::now()), Some(6_000));
        for date in ["", "now", "Sun, 06 Nov 1994 08:49:37 CET", "784111777"] {
            clock.observe(date);
            assert_eq!(clock.now_ms(Instant::now()), Some(6_000), "{date}");
        }
    }
}
