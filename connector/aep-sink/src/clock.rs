//! Time, injected: tests run on tokio's paused clock, and wall time can be made to jump.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Wall-clock time. Monotonic time is `tokio::time::Instant`, which tests can pause.
#[derive(Debug, Clone, Default)]
pub(crate) enum Clock {
    #[default]
    System,
    /// Stands still at the given milliseconds since the epoch until somebody moves it.
    #[cfg_attr(not(test), expect(dead_code, reason = "only tests set the clock"))]
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// Milliseconds since the epoch.
    pub(crate) fn now_ms(&self) -> i64 {
        match self {
            Self::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |elapsed| {
                    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
                }),
            Self::Fixed(now) => now.load(Ordering::Relaxed),
        }
    }
}

/// Wall-clock time for decisions about records: it never falls behind the time that has passed
/// since it was made.
///
/// A clock that is set back while the process runs would otherwise make every new event one of the
/// future, to be held back or dead-lettered. A jump ahead is followed: a suspended machine has only
/// that to know what it missed.
#[derive(Debug)]
pub(crate) struct Steady {
    clock: Clock,
    began: Instant,
    began_ms: i64,
}

impl Steady {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            began: Instant::now(),
            began_ms: clock.now_ms(),
            clock,
        }
    }

    /// Milliseconds since the epoch at this instant.
    pub(crate) fn now_ms(&self, now: Instant) -> i64 {
        let passed = now.saturating_duration_since(self.began).as_millis();
        let passed = i64::try_from(passed).unwrap_or(i64::MAX);
        self.clock
            .now_ms()
            .max(self.began_ms.saturating_add(passed))
    }
}
