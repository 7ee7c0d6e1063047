//! `/metrics`: what was recorded, and the snapshot as metrics.

use std::fmt;

use prometheus_client::encoding::prometheus_text;
use prometheus_client::registry::Registry;

use super::snapshot::{PartitionView, Snapshot};
use crate::inlet_name::InletName;
use crate::landing::Look;
use crate::telemetry::metrics::StateMetrics;
use crate::telemetry::metrics::labels::{
    Inlet, InletOutcome, InletStateLabels, Obstacle, Partition, PartitionResult, PartitionState,
    RecordOutcome, TokenResult,
};
use crate::telemetry::{InletState, Metrics};

/// The kind of records that were not read as an event.
const NO_KIND: &str = "unknown";

/// The media type of [`text`].
pub(super) const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// All metrics, in Prometheus' text format.
///
/// # Errors
/// None in practice: only a writer that fails makes one, and a `String` does not.
pub(super) fn text(recorded: &Metrics, snapshot: &Snapshot<'_>) -> Result<String, fmt::Error> {
    let state = StateMetrics::default();
    process(snapshot, &state);
    records(snapshot, &state);
    for view in &snapshot.partitions {
        partition(snapshot, view, &state);
    }
    inlets(snapshot, &state);
    token(snapshot, &state);
    landing(snapshot, &state);
    let mut registry = Registry::default();
    state.register(&mut registry);
    recorded.register(&mut registry);
    let mut text = String::new();
    prometheus_text::encode(&mut text, &registry)?;
    // The library writes this bound with an exponent. Rules that name the bucket compare labels as
    // text.
    Ok(text.replace("le=\"1e+06\"", "le=\"1000000\""))
}

fn process(snapshot: &Snapshot<'_>, state: &StateMetrics) {
    // Milliseconds of our times are far below what a float holds exactly.
    state.start_time.set(snapshot.started as f64 / 1000.0);
    state.ready.set(i64::from(snapshot.is_ready()));
    for condition in &snapshot.conditions {
        let labels = Obstacle {
            r#where: condition.place.to_string(),
            fault: condition.fault.code(),
        };
        state.obstacles.get_or_create(&labels).set(1);
    }
    let ownership = &snapshot.ownership;
    for (name, partitions) in [
        ("owned", &ownership.owned),
        ("standby", &ownership.standby),
        ("elsewhere", &ownership.elsewhere),
        ("unread", &ownership.unread),
    ] {
        let count = u64::try_from(partitions.len()).unwrap_or(u64::MAX);
        let labels = PartitionState { state: name };
        state.partitions.get_or_create(&labels).set(count);
    }
    state.buffer.set(snapshot.buffer_bytes);
    state.buffer_limit.set(snapshot.buffer_limit);
    if let Some(keeps) = snapshot.retention {
        state.retention.get_or_create(&[]).set(keeps.as_secs());
    }
}

fn records(snapshot: &Snapshot<'_>, state: &StateMetrics) {
    let counts = &snapshot.counts;
    let count = |outcome, kind: &str, count| {
        let kind = kind.to_owned();
        let labels = RecordOutcome { outcome, kind };
        state.records.get_or_create(&labels).inc_by(count);
    };
    for (kind, delivered) in &counts.records_delivered {
        count("delivered", kind, *delivered);
    }
    for (kind, dead_lettered) in &counts.records_dead_lettered {
        count("dead_lettered", kind, *dead_lettered);
    }
    count("skipped", NO_KIND, counts.skipped.values().sum());
    count("absent", NO_KIND, snapshot.absent);
    count("evicted", NO_KIND, snapshot.evicted);
    count("passed_over", NO_KIND, snapshot.passed_over);
}

fn partition(snapshot: &Snapshot<'_>, view: &PartitionView, state: &StateMetrics) {
    let partition = view.partition;
    let labels = Partition { partition };
    for (offsets, offset) in [
        (&state.log_start, view.status.log_start),
        (&state.high_watermark, view.status.high_watermark),
        (&state.log_end, view.status.log_end),
        (&state.unreplicated, view.status.unreplicated),
        (&state.next, view.progress.map(|progress| progress.next)),
        (
            &state.settled,
            view.progress.and_then(|progress| progress.settled),
        ),
        (&state.committed, view.status.committed),
    ] {
        if let Some(offset) = offset {
            offsets.get_or_create(&labels).set(offset);
        }
    }
    if let Some(lag) = view.lag() {
        state.lag.get_or_create(&labels).set(lag);
    }
    if let Some(progress) = view.progress {
        let pending = u64::try_from(progress.pending).unwrap_or(u64::MAX);
        state.pending.get_or_create(&labels).set(pending);
    }
    if let Some(age) = snapshot.oldest_age(view) {
        state
            .oldest_age
            .get_or_create(&labels)
            .set(age.as_secs_f64());
    }
    for (counters, count) in [
        (&state.interruptions, view.status.interruptions),
        (&state.holes, view.status.gaps),
        (&state.hole_records, view.status.filled),
    ] {
        counters.get_or_create(&labels).inc_by(count);
    }
    for (result, count) in [
        ("acknowledged", view.status.commits),
        ("failed", view.status.commit_failures),
    ] {
        let labels = PartitionResult { partition, result };
        state.commits.get_or_create(&labels).inc_by(count);
    }
}

fn inlets(snapshot: &Snapshot<'_>, state: &StateMetrics) {
    let counts = &snapshot.counts;
    for name in snapshot.inlets() {
        let inlet = name.as_str();
        let count = |outcome, count| {
            let labels = InletOutcome { inlet, outcome };
            state.statements.get_or_create(&labels).inc_by(count);
        };
        match name {
            InletName::Events => count("delivered", counts.events_delivered),
            InletName::Profiles => {
                count("delivered", counts.profiles_delivered);
                count("superseded", counts.profiles_superseded);
            }
        }
        let now = counts.inlet_states.get(&name).copied();
        for possible in InletState::ALL {
            let labels = InletStateLabels {
                inlet,
                state: possible.as_str(),
            };
            let is_now = possible == now.unwrap_or_default();
            let gauge = state.inlet_states.get_or_create_owned(&labels);
            gauge.set(i64::from(is_now));
        }
    }
}

fn landing(snapshot: &Snapshot<'_>, state: &StateMetrics) {
    let Some(landing) = &snapshot.landing else {
        return;
    };
    for inlet in snapshot.inlets() {
        let Some(progress) = landing.inlets.get(&inlet) else {
            continue;
        };
        let inlet_name = inlet.as_str();
        for (outcome, count) in [
            ("landed", progress.landed),
            ("failed", progress.failed),
            ("unknown", progress.unknown),
        ] {
            let labels = InletOutcome {
                inlet: inlet_name,
                outcome,
            };
            state.landing.get_or_create(&labels).set(count);
        }
        let failing = landing.failing.get(&inlet).copied().unwrap_or_default();
        let labels = Inlet { inlet: inlet_name };
        let seconds = u64::try_from(failing / 1000).unwrap_or(0);
        state.dataflow_failing.get_or_create(&labels).set(seconds);
    }
    let is_known = matches!(landing.look, Look::Well(_));
    state.landing_known.get_or_create(&[]).set(is_known.into());
    let unmatched = state.landing_unmatched.get_or_create(&[]);
    unmatched.inc_by(landing.unmatched);
}

fn token(snapshot: &Snapshot<'_>, state: &StateMetrics) {
    let token = &snapshot.token;
    let (age, remaining) = token.current.unzip();
    if let Some(age) = age {
        state.token_age.get_or_create(&[]).set(age.as_secs_f64());
    }
    let remaining = remaining.unwrap_or_default();
    state.token_remaining.set(remaining.as_secs_f64());
    for (result, count) in [("granted", token.granted), ("failed", token.failed)] {
        let labels = TokenResult { result };
        state.token_refreshes.get_or_create(&labels).inc_by(count);
    }
}
