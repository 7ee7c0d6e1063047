//! Customers whose latest acknowledged statement may not be applied yet.
//!
//! Experience Platform acknowledges a statement before Profile applies it, and does not promise to
//! apply two of one profile in the order of their acknowledgements. The next one of a customer
//! therefore waits, also when its queue was empty meanwhile.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::delivery::digest_map::ByDigest;
use crate::delivery::entity::OrderingKey;

/// When the next statement of a customer may go. Holds no one longer than the settling time.
#[derive(Debug)]
pub(super) struct Settling {
    time: Duration,
    until: ByDigest<OrderingKey, Instant>,
    /// The same for all, so in the order of their ends.
    by_end: VecDeque<(Instant, OrderingKey)>,
}

impl Settling {
    pub(super) fn new(time: Duration) -> Self {
        Self {
            time,
            until: ByDigest::default(),
            by_end: VecDeque::new(),
        }
    }

    /// A statement of this customer was acknowledged.
    pub(super) fn begin(&mut self, ordering_key: OrderingKey, now: Instant) {
        if self.time.is_zero() {
            return;
        }
        self.forget(now);
        let until = now + self.time;
        self.until.insert(ordering_key, until);
        self.by_end.push_back((until, ordering_key));
    }

    /// Until when this customer's next statement has to wait.
    pub(super) fn until(&self, ordering_key: OrderingKey, now: Instant) -> Option<Instant> {
        let until = self.until.get(&ordering_key).copied();
        until.filter(|until| *until > now)
    }

    /// Forgets those whose time is over.
    pub(super) fn forget(&mut self, now: Instant) {
        while let Some((until, ordering_key)) = self.by_end.front().copied() {
            if until > now {
                return;
            }
            self.by_end.pop_front();
            // Acknowledged again since, it settles until later.
            if self.until.get(&ordering_key) == Some(&until) {
                self.until.remove(&ordering_key);
            }
        }
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settling_ends_after_its_time_and_keeps_nothing_longer() {
        let begin = Instant::now();
        let mut settling = Settling::new(Duration::from_secs(5));
        let keys = [0, 1].map(|customer| OrderingKey::new(0, &format!("{customer}")));
        let at = |seconds| begin + Duration::from_secs(seconds);
        for second in 0..100 {
            settling.begin(keys[0], at(second));
        }
        settling.begin(keys[1], at(100));
        assert_eq!(settling.until(keys[0], at(100)), Some(at(104)));
        assert_eq!(settling.until(keys[0], at(104)), None);
        assert!(settling.by_end.len() <= 6, "{}", settling.by_end.len());
        settling.forget(at(105));
        assert_eq!((settling.until.len(), settling.by_end.len()), (0, 0));
    }

    #[test]
    fn settling_of_no_time_remembers_nobody() {
        let mut settling = Settling::new(Duration::ZERO);
        let key = OrderingKey::new(0, "c");
        settling.begin(key, Instant::now());
        assert_eq!(settling.until(key, Instant::now()), None);
        assert!(settling.by_end.is_empty());
    }
}
