//! The metrics whose samples are read from the state of the process when somebody scrapes.
//!
//! They are filled and encoded once: a sample that was there at the last scrape, such as that of an
//! obstacle that is gone, needs no removal.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::declare;
use super::labels::{
    Build, Inlet, InletOutcome, InletStateLabels, NoLabels, Obstacle, Partition, PartitionResult,
    PartitionState, RecordOutcome, TokenResult,
};

type Unsigned = Gauge<u64, AtomicU64>;
type Float = Gauge<f64, AtomicU64>;

/// The samples of one scrape.
#[derive(Debug, Default)]
pub(crate) struct StateMetrics {
    /// Seconds since the epoch.
    pub(crate) start_time: Float,
    /// 1 or 0.
    pub(crate) ready: Gauge,
    /// 1 for each.
    pub(crate) obstacles: Family<Obstacle, Gauge>,
    /// Partitions of the topic.
    pub(crate) partitions: Family<PartitionState, Unsigned>,
    /// Settled offsets.
    pub(crate) records: Family<RecordOutcome, Counter>,
    /// Events and profile statements.
    pub(crate) statements: Family<InletOutcome, Counter>,
    /// Offset.
    pub(crate) log_start: Family<Partition, Gauge>,
    /// Offset.
    pub(crate) high_watermark: Family<Partition, Gauge>,
    /// Offset.
    pub(crate) log_end: Family<Partition, Gauge>,
    /// Records.
    pub(crate) unreplicated: Family<Partition, Gauge>,
    /// Offset.
    pub(crate) next: Family<Partition, Gauge>,
    /// Offset.
    pub(crate) settled: Family<Partition, Gauge>,
    /// Offset.
    pub(crate) committed: Family<Partition, Gauge>,
    /// Offsets.
    pub(crate) lag: Family<Partition, Unsigned>,
    /// Records.
    pub(crate) pending: Family<Partition, Unsigned>,
    /// Seconds.
    pub(crate) oldest_age: Family<Partition, Float>,
    /// Seconds.
    pub(crate) retention: Family<NoLabels, Unsigned>,
    /// Times.
    pub(crate) interruptions: Family<Partition, Counter>,
    /// Stretches.
    pub(crate) holes: Family<Partition, Counter>,
    /// Records.
    pub(crate) hole_records: Family<Partition, Counter>,
    /// Attempts.
    pub(crate) commits: Family<PartitionResult, Counter>,
    /// Statements, by what became of them after their acknowledgement.
    pub(crate) landing: Family<InletOutcome, Unsigned>,
    /// 1 or 0.
    pub(crate) landing_known: Family<NoLabels, Unsigned>,
    /// Records.
    pub(crate) landing_unmatched: Family<NoLabels, Counter>,
    /// Seconds.
    pub(crate) dataflow_failing: Family<Inlet, Unsigned>,
    /// Bytes.
    pub(crate) buffer: Unsigned,
    /// Bytes.
    pub(crate) buffer_limit: Unsigned,
    /// 1 for the state an inlet is in, 0 for the others.
    pub(crate) inlet_states: Family<InletStateLabels, Gauge>,
    /// Seconds.
    pub(crate) token_age: Family<NoLabels, Float>,
    /// Seconds.
    pub(crate) token_remaining: Float,
    /// Times.
    pub(crate) token_refreshes: Family<TokenResult, Counter>,
}

impl StateMetrics {
    /// Declares all of them.
    pub(crate) fn register(self, registry: &mut Registry) {
        self.register_partitions(registry);
        self.register_landing(registry);
        let build = Family::<Build, Gauge>::default();
        let version = env!("CARGO_PKG_VERSION");
        build.get_or_create(&Build { version }).set(1);
        declare(
            registry,
            "capillary_aep_build_info",
            "Always 1; the version is a label",
            build,
        );
        declare(
            registry,
            "process_start_time_seconds",
            "When the process started, seconds since the epoch",
            self.start_time,
        );
        declare(
            registry,
            "capillary_aep_ready",
            "1 while nothing keeps records from being delivered",
            self.ready,
        );
        declare(
            registry,
            "capillary_aep_obstacle",
            "1 for each thing that keeps records from being delivered now; /ready says more",
            self.obstacles,
        );
        declare(
            registry,
            "capillary_aep_records",
            "Offsets of the topic that are settled, by how they ended and by kind of event",
            self.records,
        );
        declare(
            registry,
            "capillary_aep_statements",
            "Events and profile statements that an inlet acknowledged, or that newer statements \
             made superfluous",
            self.statements,
        );
        declare(
            registry,
            "capillary_aep_buffer_bytes",
            "Bytes of answers that were read and are not settled",
            self.buffer,
        );
        declare(
            registry,
            "capillary_aep_buffer_limit_bytes",
            "What it may be: buffer.max-bytes. Reading waits at three quarters of it",
            self.buffer_limit,
        );
        declare(
            registry,
            "capillary_aep_inlet_state",
            "1 for the state an inlet is in: well, down or held",
            self.inlet_states,
        );
        declare(
            registry,
            "capillary_aep_token_age_seconds",
            "Age of the access token in use",
            self.token_age,
        );
        declare(
            registry,
            "capillary_aep_token_remaining_seconds",
            "What is left of the life of the access token; 0 without one",
            self.token_remaining,
        );
        declare(
            registry,
            "capillary_aep_token_refreshes",
            "Times that Adobe IMS was asked for a token, by result",
            self.token_refreshes,
        );
    }

    fn register_landing(&self, registry: &mut Registry) {
        declare(
            registry,
            "capillary_aep_landing_statements",
            "Events and profile statements acknowledged since the start, by what became of them \
             afterwards: landed, failed or unknown",
            self.landing.clone(),
        );
        declare(
            registry,
            "capillary_aep_landing_known",
            "1 while Experience Platform tells what became of acknowledged records",
            self.landing_known.clone(),
        );
        declare(
            registry,
            "capillary_aep_landing_unmatched_records",
            "Failed records of the datasets that cannot be matched with a record of the topic",
            self.landing_unmatched.clone(),
        );
        declare(
            registry,
            "capillary_aep_dataflow_failing_seconds",
            "How long every run of the inlet's dataflow has failed; 0 when the last did not",
            self.dataflow_failing.clone(),
        );
    }

    fn register_partitions(&self, registry: &mut Registry) {
        declare(
            registry,
            "capillary_aep_partitions",
            "Partitions of the topic: owned by this process, waited for, read elsewhere, or read by \
             nobody",
            self.partitions.clone(),
        );
        declare(
            registry,
            "capillary_aep_log_start_offset",
            "The first offset the topic still holds",
            self.log_start.clone(),
        );
        declare(
            registry,
            "capillary_aep_high_watermark_offset",
            "The offset the next replicated record will have",
            self.high_watermark.clone(),
        );
        declare(
            registry,
            "capillary_aep_log_end_offset",
            "The offset the next record of the leader's log will have",
            self.log_end.clone(),
        );
        declare(
            registry,
            "capillary_aep_unreplicated_records",
            "Records the leader has and not all replicas; they are read only with isolation: \
             uncommitted",
            self.unreplicated.clone(),
        );
        declare(
            registry,
            "capillary_aep_next_offset",
            "The next offset to read",
            self.next.clone(),
        );
        declare(
            registry,
            "capillary_aep_settled_offset",
            "Every offset up to this one is settled",
            self.settled.clone(),
        );
        declare(
            registry,
            "capillary_aep_committed_offset",
            "The stored offset: the last processed one",
            self.committed.clone(),
        );
        declare(
            registry,
            "capillary_aep_lag_records",
            "Offsets of the topic that are not settled yet, read or not",
            self.lag.clone(),
        );
        declare(
            registry,
            "capillary_aep_pending_records",
            "Records that were read and are not settled",
            self.pending.clone(),
        );
        declare(
            registry,
            "capillary_aep_oldest_unsettled_age_seconds",
            "How long ago the oldest unsettled record was produced; 0 without any",
            self.oldest_age.clone(),
        );
        declare(
            registry,
            "capillary_aep_topic_retention_seconds",
            "How long the topic keeps its records",
            self.retention.clone(),
        );
        declare(
            registry,
            "capillary_aep_read_interruptions",
            "Times that reading was interrupted by an error",
            self.interruptions.clone(),
        );
        declare(
            registry,
            "capillary_aep_holes",
            "Stretches of the log for which the broker gave no answers",
            self.holes.clone(),
        );
        declare(
            registry,
            "capillary_aep_hole_records",
            "Records of such stretches that were read directly and mapped in the connector",
            self.hole_records.clone(),
        );
        declare(
            registry,
            "capillary_aep_commits",
            "Attempts to store an offset, by result",
            self.commits.clone(),
        );
    }
}
