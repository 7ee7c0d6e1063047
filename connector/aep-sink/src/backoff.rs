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

/// The pauses between attempts to reach the broker: short, since a broker that is back should be
/// noticed soon.
const RECONNECT: RetryLimits = RetryLimits {
    initial: Duration::from_millis(250),
    max: Duration::from_secs(10),
};

/// Exponential backoff with half jitter, which counts the failures in a row: between half of the
/// limit and all of it, so that the partitions of a broker that comes back do not all knock at
/// once.
#[derive(Debug)]
pub(crate) struct ReconnectBackoff {
    failures: u32,
    backoff: Backoff,
}

impl ReconnectBackoff {
    pub(crate) fn new() -> Self {
        Self {
            failures: 0,
            backoff: Backoff::new(RECONNECT, fastrand::Rng::new()),
        }
    }

    /// Something worked: the next failure is the first one again.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// How many attempts failed in a row.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// The pause after one more failure.
    pub(crate) fn pause(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let jitter = self.backoff.random.f64().mul_add(0.5, 0.5);
        self.backoff.ceiling(self.failures).mul_f64(jitter)
    }
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
    fn ceiling_doubles_up_to_the_maximum() {
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
    fn requested_pause_is_honoured_but_clamped() {
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
    fn requested_pause_of_zero_is_ignored() {
        assert_eq!(
            backoff().pause_or(9, Some(Duration::ZERO)),
            backoff().pause(9)
        );
    }

    #[test]
    fn reconnect_pauses_grow_and_start_over_after_a_success() {
        let mut backoff = ReconnectBackoff::new();
        let pauses: Vec<Duration> = (0..40).map(|_| backoff.pause()).collect();
        assert!(pauses[0] <= RECONNECT.initial && pauses[0] >= RECONNECT.initial / 2);
        assert!(pauses[39] <= RECONNECT.max && pauses[39] >= RECONNECT.max / 2);
        backoff.reset();
        assert!(backoff.pause() <= RECONNECT.initial);
    }
}
