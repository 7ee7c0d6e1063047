//! The metrics: every name, in one place. `docs/metrics.md` explains them, and a test compares.

/// What a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only rises, from 0 at the start of the process.
    Counter,
    Gauge,
    Histogram,
}

/// A metric.
#[derive(Debug)]
pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
}

const fn counter(name: &'static str, help: &'static str) -> Metric {
    let kind = Kind::Counter;
    Metric { name, kind, help }
}

const fn gauge(name: &'static str, help: &'static str) -> Metric {
    let kind = Kind::Gauge;
    Metric { name, kind, help }
}

const fn histogram(name: &'static str, help: &'static str) -> Metric {
    let kind = Kind::Histogram;
    Metric { name, kind, help }
}

// === the process ===

pub(super) const BUILD_INFO: Metric = gauge(
    "capillary_aep_build_info",
    "Always 1; the version is a label.",
);
pub(super) const START_TIME: Metric = gauge(
    "process_start_time_seconds",
    "When the process started, seconds since the epoch.",
);
pub(super) const READY: Metric = gauge(
    "capillary_aep_ready",
    "1 while nothing keeps records from being delivered.",
);
pub(super) const OBSTACLE: Metric = gauge(
    "capillary_aep_obstacle",
    "1 for each thing that keeps records from being delivered now; /ready says more.",
);

// === records ===

pub(super) const RECORDS: Metric = counter(
    "capillary_aep_records_total",
    "Offsets of the topic that are settled, by how they ended and by kind of event.",
);
pub(super) const SKIPPED: Metric = counter(
    "capillary_aep_skipped_records_total",
    "Records that are not wanted, by reason.",
);
pub(super) const DEAD_LETTERS: Metric = counter(
    "capillary_aep_dead_letters_total",
    "Dead letters written, by reason.",
);
pub(super) const DEAD_LETTER_FAILURES: Metric = counter(
    "capillary_aep_dead_letter_write_failures_total",
    "Attempts to write a dead letter that failed; the record stays pending.",
);
pub(super) const STATEMENTS: Metric = counter(
    "capillary_aep_statements_total",
    "Events and profile statements that an inlet acknowledged, or that newer statements made superfluous.",
);

// === partitions ===

pub(super) const LOG_START: Metric = gauge(
    "capillary_aep_log_start_offset",
    "The first offset the topic still holds.",
);
pub(super) const HIGH_WATERMARK: Metric = gauge(
    "capillary_aep_high_watermark_offset",
    "The offset the next replicated record will have.",
);
pub(super) const NEXT: Metric = gauge("capillary_aep_next_offset", "The next offset to read.");
pub(super) const SETTLED: Metric = gauge(
    "capillary_aep_settled_offset",
    "Every offset up to this one is settled.",
);
pub(super) const COMMITTED: Metric = gauge(
    "capillary_aep_committed_offset",
    "The stored offset: the last processed one.",
);
pub(super) const LAG: Metric = gauge(
    "capillary_aep_lag_records",
    "Offsets of the topic that are not settled yet, read or not.",
);
pub(super) const PENDING: Metric = gauge(
    "capillary_aep_pending_records",
    "Records that were read and are not settled.",
);
pub(super) const OLDEST: Metric = gauge(
    "capillary_aep_oldest_unsettled_age_seconds",
    "How long ago the oldest unsettled record was produced; 0 without any.",
);
pub(super) const RETENTION: Metric = gauge(
    "capillary_aep_topic_retention_seconds",
    "How long the topic keeps its records.",
);
pub(super) const INTERRUPTIONS: Metric = counter(
    "capillary_aep_read_interruptions_total",
    "Times that reading was interrupted by an error.",
);
pub(super) const HOLES: Metric = counter(
    "capillary_aep_holes_total",
    "Stretches of the log for which the broker gave no answers.",
);
pub(super) const FILLED: Metric = counter(
    "capillary_aep_hole_records_total",
    "Records of such stretches that were read directly and mapped in the connector.",
);
pub(super) const COMMITS: Metric = counter(
    "capillary_aep_commits_total",
    "Attempts to store an offset, by result.",
);

// === memory ===

pub(super) const BUFFER_BYTES: Metric = gauge(
    "capillary_aep_buffer_bytes",
    "Bytes of answers that were read and are not settled.",
);
pub(super) const BUFFER_LIMIT: Metric = gauge(
    "capillary_aep_buffer_limit_bytes",
    "What it may be: buffer.max-bytes. Reading waits at three quarters of it.",
);

// === requests ===

pub(super) const INLET_STATE: Metric = gauge(
    "capillary_aep_inlet_state",
    "1 for the state an inlet is in: well, down or held.",
);
pub(super) const REQUESTS: Metric = counter(
    "capillary_aep_requests_total",
    "Requests to an inlet, repetitions included, by what came back.",
);
pub(super) const REQUEST_SECONDS: Metric = histogram(
    "capillary_aep_request_duration_seconds",
    "Time from a request to its whole answer.",
);
pub(super) const REQUEST_BYTES: Metric = histogram(
    "capillary_aep_request_size_bytes",
    "Size of a request's body.",
);
pub(super) const REQUEST_RECORDS: Metric =
    histogram("capillary_aep_request_records", "Records in a request.");
pub(super) const IN_FLIGHT: Metric = gauge(
    "capillary_aep_requests_in_flight",
    "Requests under way, or between two attempts.",
);
pub(super) const LIMIT: Metric = gauge(
    "capillary_aep_concurrency_limit",
    "How many may be in flight to an inlet now.",
);
pub(super) const RETRIES: Metric = counter(
    "capillary_aep_retries_total",
    "Repetitions of requests and of single records, by reason.",
);
pub(super) const PACE_WAITS: Metric = counter(
    "capillary_aep_pace_waits_total",
    "Requests that were held back, by cause.",
);
pub(super) const PACE_SECONDS: Metric = counter(
    "capillary_aep_pace_wait_seconds_total",
    "How long requests were held back, by cause.",
);

// === the token ===

pub(super) const TOKEN_AGE: Metric = gauge(
    "capillary_aep_token_age_seconds",
    "Age of the access token in use.",
);
pub(super) const TOKEN_REMAINING: Metric = gauge(
    "capillary_aep_token_remaining_seconds",
    "What is left of the life of the access token; 0 without one.",
);
pub(super) const TOKEN_REFRESHES: Metric = counter(
    "capillary_aep_token_refreshes_total",
    "Times that Adobe IMS was asked for a token, by result.",
);
