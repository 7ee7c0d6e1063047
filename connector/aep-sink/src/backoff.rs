//! How long to wait before trying again.

use std::time::Duration;

use crate::config::RetryLimits;

/// Exponential backoff with full jitter: anywhere between nothing and a limit that doubles. Full
/// jitter spreads the repetitions of many requests best, which is what a struggling target needs.
#[derive(Debug)]
pub(crate) struct Backoff {
    limits: RetryLimits,
    random: fastrand::Rng,
}

impl Backoff {
    /// `random` is given so that tests can repeat a run.
    pub(crate) fn new(limits: RetryLimits, random: fastrand::Rng) -> Self {
        Self { limits, random }
    }

    /// The pause after the `failures`-th failure in a row (from 1).
    pub(crate) fn pause(&mut self, failures: u32) -> Duration {
        self.ceiling(failures).mul_f64(self.random.f64())
    }

    /// The pause, or the one the other side asked for. That one is clamped: a mistaken header must
    /// not stop the stream for a day. One of nothing, or a date that is over by our clock, is none:
    /// it would make a hammer of us.
    pub(crate) fn pause_or(&mut self, failures: u32, asked: Option<Duration>) -> Duration {
        match asked {
            Some(asked) if !asked.is_zero() => asked.min(self.limits.max),
            _ => self.pause(failures),
        }
    }

    /// The longest pause after the `failures`-th failure in a row.
    pub(crate) fn ceiling(&self, failures: u32) -> Duration {
        ceiling(self.limits, failures)
    }
}

/// The longest pause after the `failures`-th failure in a row (from 1): doubles up to the maximum.
pub(crate) fn ceiling(limits: RetryLimits, failures: u32) -> Duration {
    let doubled = 1_u32
        .checked_shl(failures.saturating_sub(1))
        .unwrap_or(u32::MAX);
    limits.initial.saturating_mul(doubled).min(limits.max)
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    fn backoff() -> Backoff {
        let limits = RetryLimits {
            initial: Duration::from_millis(200),
            max: Duration::from_secs(30),
        };
        Backoff::new(limits, fastrand::Rng::with_seed(1))
    }

    #[test]
    fn the_limit_doubles_up_to_the_maximum() {
        let millis: Vec<u128> = (1..=10).map(|n| backoff().ceiling(n).as_millis()).collect();
        assert_eq!(
            millis,
            [
                200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000
            ]
        );
        assert_eq!(backoff().ceiling(u32::MAX), Duration::from_secs(30));
    }

    #[test]
    fn jitter_uses_the_whole_range() {
        let mut backoff = backoff();
        let pauses: Vec<Duration> = (0..1000).map(|_| backoff.pause(3)).collect();
        assert!(
            pauses
                .iter()
                .all(|pause| *pause <= Duration::from_millis(800))
        );
        assert!(
            pauses
                .iter()
                .any(|pause| *pause < Duration::from_millis(80))
        );
        assert!(
            pauses
                .iter()
                .any(|pause| *pause > Duration::from_millis(720))
        );
    }

    #[test]
    fn a_pause_asked_for_is_honoured_but_clamped() {
        assert_eq!(
            backoff().pause_or(1, Some(Duration::from_secs(7))),
            Duration::from_secs(7)
        );
        assert_eq!(
            backoff().pause_or(1, Some(Duration::from_secs(86_400))),
            Duration::from_secs(30)
        );
    }

    #[test]
    fn a_pause_of_nothing_is_our_own() {
        assert_eq!(
            backoff().pause_or(9, Some(Duration::ZERO)),
            backoff().pause(9)
        );
    }
}
