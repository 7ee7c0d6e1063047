//! The metrics. `docs/metrics.md` explains them, and a test compares.
//!
//! [`Metrics`] are recorded where things happen. [`StateMetrics`] are read from the state of the
//! process when somebody scrapes.

mod bounded_family;
pub(crate) mod labels;
mod recorded;
mod state;

use std::fmt;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Metric, Registry};

pub(crate) use recorded::{Counts, InletState, Metrics, RecordCounters};
pub(crate) use state::StateMetrics;

/// A metric whose type is shown before it has samples, so that a dashboard finds it: the registry
/// leaves out families that are empty.
#[derive(Debug)]
struct Declared<M>(M);

impl<M: EncodeMetric> EncodeMetric for Declared<M> {
    fn encode(&self, encoder: MetricEncoder<'_>) -> fmt::Result {
        self.0.encode(encoder)
    }

    fn metric_type(&self) -> MetricType {
        self.0.metric_type()
    }
}

/// Registers a metric. Of counters, the encoder appends `_total` to the name; to the help, the
/// registry appends a full stop.
fn declare(registry: &mut Registry, name: &str, help: &str, metric: impl Metric) {
    registry.register(name, help, Declared(metric));
}
