//! Rate limiting: the configured rate of all inlets together, and the pause one inlet asked for.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::config::RateLimits as Rates;

/// The configured rate. Shared by all inlets, because the platform's limits are the organisation's.
#[derive(Debug)]
pub(super) struct RateLimiter {
    rates: Rates,
    /// When the next request, and the next record, may go.
    next: Mutex<(Instant, Instant)>,
}

/// The pause one inlet asked for with `Retry-After`. It holds back every request to that inlet, not
/// only the one that got this response.
#[derive(Debug)]
pub(super) struct RetryAfterGate(Mutex<Instant>);

/// How long a request was held back, and by what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Waited {
    pub(super) rate: Duration,
    pub(super) gate: Duration,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // One assignment is all that happens under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl RateLimiter {
    pub(super) fn new(rates: Rates) -> Self {
        let now = Instant::now();
        Self {
            rates,
            next: Mutex::new((now, now)),
        }
    }

    /// Books one request with this many records and says when it may go. Without bursts: a second's
    /// worth of requests in one millisecond is what a rate limit is meant to prevent.
    fn book(&self, records: usize, now: Instant) -> Instant {
        let mut next = lock(&self.next);
        let mut at = now;
        if self.rates.requests_per_second.is_some() {
            at = at.max(next.0);
        }
        if self.rates.records_per_second.is_some() {
            at = at.max(next.1);
        }
        if let Some(rate) = self.rates.requests_per_second {
            next.0 = at + Duration::from_secs(1) / rate.get();
        }
        if let Some(rate) = self.rates.records_per_second {
            let records = u32::try_from(records).unwrap_or(u32::MAX);
            next.1 = at + Duration::from_secs(1).saturating_mul(records) / rate.get();
        }
        at
    }

    /// Waits until this request may go: first its place in the rate, then the inlet's gate, which
    /// may have closed meanwhile.
    pub(super) async fn acquire(&self, gate: &RetryAfterGate, records: usize) -> Waited {
        let asked = Instant::now();
        let turn = self.book(records, asked);
        if turn > asked {
            sleep_until(turn).await;
        }
        let mut open = turn;
        loop {
            let opens = gate.opens();
            if opens <= turn || opens <= Instant::now() {
                return Waited {
                    rate: turn - asked,
                    gate: open - turn,
                };
            }
            open = opens;
            sleep_until(open).await;
        }
    }
}

impl RetryAfterGate {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Instant::now()))
    }

    /// Closes the gate for this long, unless it is closed for longer.
    pub(super) fn close(&self, pause: Duration) {
        let mut open = lock(&self.0);
        *open = (*open).max(Instant::now() + pause);
    }

    fn opens(&self) -> Instant {
        *lock(&self.0)
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    #[tokio::test(start_paused = true)]
    async fn rate_limiter_keeps_the_rates_of_requests_and_records() {
        let rate_limiter = RateLimiter::new(Rates {
            requests_per_second: NonZeroU32::new(10),
            records_per_second: NonZeroU32::new(100),
        });
        let start = Instant::now();
        let booked: Vec<u128> = [1, 1, 50, 1]
            .map(|records| (rate_limiter.book(records, start) - start).as_millis())
            .to_vec();
        assert_eq!(booked, [0, 100, 200, 700]);
    }

    #[tokio::test(start_paused = true)]
    async fn rate_limiter_without_a_rate_delays_nothing() {
        let rate_limiter = RateLimiter::new(Rates::default());
        let start = Instant::now();
        for _ in 0..1000 {
            rate_limiter.acquire(&RetryAfterGate::new(), 500).await;
        }
        assert_eq!(Instant::now(), start);
    }

    #[tokio::test(start_paused = true)]
    async fn retry_after_gate_that_closes_during_the_wait_is_respected() {
        let rate_limiter = RateLimiter::new(Rates {
            requests_per_second: NonZeroU32::new(1),
            records_per_second: None,
        });
        let gate = RetryAfterGate::new();
        let start = Instant::now();
        rate_limiter.acquire(&gate, 1).await;
        let close = async {
            tokio::time::sleep(Duration::from_millis(900)).await;
            gate.close(Duration::from_secs(5));
            gate.close(Duration::from_secs(1));
        };
        tokio::join!(rate_limiter.acquire(&gate, 1), close);
        assert_eq!(start.elapsed(), Duration::from_millis(5900));
    }
}
