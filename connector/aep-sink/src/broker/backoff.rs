//! Pauses between attempts to reach the broker.

use std::time::Duration;

/// The first pause is at most this long.
const FIRST: Duration = Duration::from_millis(250);
/// No pause is longer: a broker that is back should be noticed soon.
const LONGEST: Duration = Duration::from_secs(10);

/// Exponential, with jitter, so that the partitions of a broker that comes back do not all knock at
/// once.
#[derive(Debug)]
pub(super) struct Backoff {
    failures: u32,
    random: fastrand::Rng,
}

impl Backoff {
    pub(super) fn new(random: fastrand::Rng) -> Self {
        Self {
            failures: 0,
            random,
        }
    }

    /// Something worked: the next failure begins anew.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// How many attempts failed in a row.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// The pause after one more failure: between half of the step and all of it.
    pub(super) fn pause(&mut self) -> Duration {
        let step = FIRST
            .saturating_mul(2_u32.saturating_pow(self.failures))
            .min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        step.mul_f64(self.random.f64().mul_add(0.5, 0.5))
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_the_limit_and_begin_anew_after_a_success() {
        let mut backoff = Backoff::new(fastrand::Rng::with_seed(7));
        let pauses: Vec<Duration> = (0..40).map(|_| backoff.pause()).collect();
        assert!(pauses[0] <= FIRST && pauses[0] >= FIRST / 2);
        assert!(pauses[39] <= LONGEST && pauses[39] >= LONGEST / 2);
        backoff.reset();
        assert!(backoff.pause() <= FIRST);
    }
}
