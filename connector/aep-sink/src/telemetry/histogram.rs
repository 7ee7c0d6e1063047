//! How values are spread: counts below fixed bounds, as Prometheus wants them.

/// Seconds. From a warm connection to a data centre (20 ms) up to the longest
/// `http.request-timeout` somebody sets.
pub(crate) const SECONDS: &[f64] = &[
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0,
];
/// Bytes of a request. The platform's limit is the last bound.
pub(crate) const BYTES: &[f64] = &[
    1_000.0,
    10_000.0,
    50_000.0,
    100_000.0,
    250_000.0,
    500_000.0,
    750_000.0,
    1_000_000.0,
];
/// Records of a request.
pub(crate) const RECORDS: &[f64] = &[
    1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0,
];

/// A distribution. Counting is a search over a dozen bounds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Histogram {
    bounds: &'static [f64],
    /// For each bound the values up to it and above the one before; then those above all bounds.
    counts: Vec<u64>,
    sum: f64,
}

impl Histogram {
    /// `bounds` rise.
    pub(crate) fn new(bounds: &'static [f64]) -> Self {
        Self {
            bounds,
            counts: vec![0; bounds.len() + 1],
            sum: 0.0,
        }
    }

    pub(crate) fn observe(&mut self, value: f64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.sum += value;
    }

    /// Each bound with how many values were at most that, the last one being infinity.
    pub(crate) fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        bounds.zip(&self.counts).scan(0, |below, (bound, count)| {
            *below += count;
            Some((bound, *below))
        })
    }

    pub(crate) fn sum(&self) -> f64 {
        self.sum
    }

    pub(crate) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_below_its_bound_and_all_greater_ones() {
        let mut histogram = Histogram::new(&[1.0, 10.0]);
        for value in [0.5, 1.0, 2.0, 100.0] {
            histogram.observe(value);
        }
        let cumulative: Vec<(f64, u64)> = histogram.cumulative().collect();
        assert_eq!(cumulative, [(1.0, 2), (10.0, 3), (f64::INFINITY, 4)]);
        assert_eq!((histogram.count(), histogram.sum()), (4, 103.5));
    }

    #[test]
    fn bounds_rise() {
        for bounds in [SECONDS, BYTES, RECORDS] {
            assert!(
                bounds.is_sorted_by(|earlier, later| earlier < later),
                "{bounds:?}"
            );
        }
    }
}
