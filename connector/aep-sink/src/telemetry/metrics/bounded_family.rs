//! Counters by a label whose values are few, but not known beforehand: kinds of events, reasons.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::encoding::{EncodeLabelSet, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;

/// Above any number of event kinds or reasons in use. Values come from records: without a bound, a
/// flood of different ones would fill the memory of this process and of the monitoring system.
const MAX_VALUES: usize = 200;

/// The labels of one counter of a [`BoundedFamily`].
pub(crate) trait Labels: Ord + Clone + EncodeLabelSet {
    /// What is counted instead when the family is full.
    fn overflow(&self) -> Self;
}

/// What prometheus-client's `Family` is, with a bound on the number of label values, and readable
/// for `/status` and the log.
#[derive(Debug)]
pub(super) struct BoundedFamily<L>(Arc<Mutex<BTreeMap<L, Counter>>>);

impl<L> Default for BoundedFamily<L> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<L> Clone for BoundedFamily<L> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<L: Labels> BoundedFamily<L> {
    fn counters(&self) -> MutexGuard<'_, BTreeMap<L, Counter>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The counter of these labels, created at 0 when there is none yet.
    pub(super) fn get_or_create(&self, labels: L) -> Counter {
        let mut counters = self.counters();
        let labels = if counters.len() < MAX_VALUES || counters.contains_key(&labels) {
            labels
        } else {
            labels.overflow()
        };
        counters.entry(labels).or_default().clone()
    }

    /// A copy of all values.
    pub(super) fn values(&self) -> BTreeMap<L, u64> {
        let counters = self.counters();
        counters
            .iter()
            .map(|(labels, counter)| (labels.clone(), counter.get()))
            .collect()
    }
}

impl<L: Labels> EncodeMetric for BoundedFamily<L> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (labels, counter) in self.counters().iter() {
            counter.encode(encoder.encode_family(labels)?)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Counter
    }
}

/// Handles to the counters of a [`BoundedFamily`], kept by the one that counts records: a value it
/// has seen before takes no lock.
#[derive(Debug)]
pub(crate) struct CachedCounters<L> {
    family: BoundedFamily<L>,
    handles: HashMap<String, Counter>,
}

impl<L: Labels + for<'a> From<&'a str>> CachedCounters<L> {
    pub(super) fn new(family: &BoundedFamily<L>) -> Self {
        Self {
            family: family.clone(),
            handles: HashMap::new(),
        }
    }

    /// Counts one more with this label value.
    pub(crate) fn inc(&mut self, value: &str) {
        if let Some(counter) = self.handles.get(value) {
            counter.inc();
            return;
        }
        let counter = self.family.get_or_create(L::from(value));
        counter.inc();
        if self.handles.len() < MAX_VALUES {
            self.handles.insert(value.to_owned(), counter);
        }
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::super::labels::Reason;
    use super::*;

    #[test]
    fn label_values_are_bounded_and_no_count_is_lost() {
        let family = BoundedFamily::<Reason>::default();
        let mut counters = CachedCounters::new(&family);
        for value in 0..1_000 {
            counters.inc(&value.to_string());
            counters.inc("0");
        }
        let values = family.values();
        assert_eq!(values[&Reason::from("0")], 1_001);
        assert_eq!(values.len(), MAX_VALUES + 1);
        assert_eq!(values.values().sum::<u64>(), 2_000);
    }
}
