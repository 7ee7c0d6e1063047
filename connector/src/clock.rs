//! Time, injected: tests run on tokio's paused clock, and wall time can be made to jump.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

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
                .map_or(0, |elapsed| i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)),
            Self::Fixed(now) => now.load(Ordering::Relaxed),
        }
    }
}
