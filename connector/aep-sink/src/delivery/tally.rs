//! Counters that differ in one label whose values are few, but not known beforehand: kinds of
//! events, reasons.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// More values than there are kinds of events or reasons. Whatever comes as an answer must not fill
/// the memory, nor the one of a monitoring system.
const MOST_VALUES: usize = 200;
/// What further values are counted as.
const OTHER: &str = "other";

type Counter = Arc<AtomicU64>;

/// The counters, for whoever reads them.
#[derive(Debug, Default)]
pub(super) struct Family(Mutex<BTreeMap<String, Counter>>);

/// The counters, for the one that counts: a value it has seen before costs a look-up of its own and
/// no lock.
#[derive(Debug)]
pub(super) struct Tally {
    family: Arc<Family>,
    known: HashMap<String, Counter>,
}

impl Family {
    fn counters(&self) -> MutexGuard<'_, BTreeMap<String, Counter>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn counter(&self, value: &str) -> Counter {
        let mut counters = self.counters();
        let value = if counters.len() < MOST_VALUES || counters.contains_key(value) {
            value
        } else {
            OTHER
        };
        Arc::clone(counters.entry(value.to_owned()).or_default())
    }

    pub(super) fn counts(&self) -> BTreeMap<String, u64> {
        let counters = self.counters();
        counters
            .iter()
            .map(|(value, counter)| (value.clone(), counter.load(Ordering::Relaxed)))
            .collect()
    }
}

impl Tally {
    pub(super) fn of(family: &Arc<Family>) -> Self {
        Self {
            family: Arc::clone(family),
            known: HashMap::new(),
        }
    }

    pub(super) fn count(&mut self, value: &str) {
        if let Some(counter) = self.known.get(value) {
            counter.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let counter = self.family.counter(value);
        counter.fetch_add(1, Ordering::Relaxed);
        if self.known.len() < MOST_VALUES {
            self.known.insert(value.to_owned(), counter);
        }
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_count_is_seen_and_values_are_bounded() {
        let family = Arc::new(Family::default());
        let mut tally = Tally::of(&family);
        for value in 0..1_000 {
            tally.count(&value.to_string());
            tally.count("0");
        }
        let counts = family.counts();
        assert_eq!(counts["0"], 1_001);
        assert_eq!(counts.len(), MOST_VALUES + 1);
        assert_eq!(counts.values().sum::<u64>(), 2_000);
    }
}
