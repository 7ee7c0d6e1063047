//! The snapshot as metrics.

use std::collections::BTreeMap;

use super::exposition::Exposition;
use super::metric::{self, Metric};
use super::snapshot::{PartitionView, Snapshot};
use crate::delivery::Exchanges;
use crate::inlet_name::InletName;
use crate::telemetry::Histogram;

/// The kind of records that were not read as an event.
const NO_KIND: &str = "unknown";
/// The states an inlet can be in.
const STATES: [&str; 3] = ["well", "down", "held"];

/// All metrics, in the text format.
pub(super) fn metrics(snapshot: &Snapshot<'_>) -> String {
    let mut text = Exposition::default();
    process(snapshot, &mut text);
    records(snapshot, &mut text);
    partitions(snapshot, &mut text);
    inlets(snapshot, &mut text);
    token(snapshot, &mut text);
    text.into_text()
}

fn process(snapshot: &Snapshot<'_>, text: &mut Exposition) {
    text.metric(&metric::BUILD_INFO)
        .count(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    // Milliseconds of our times are far below what a float holds exactly.
    text.metric(&metric::START_TIME)
        .number(&[], snapshot.started as f64 / 1000.0);
    text.metric(&metric::READY)
        .count(&[], u8::from(snapshot.is_ready()));
    let mut conditions = text.metric(&metric::OBSTACLE);
    for standing in &snapshot.conditions {
        let place = standing.place.to_string();
        conditions.count(&[("where", &place), ("fault", standing.fault.code())], 1);
    }
    text.metric(&metric::BUFFER_BYTES)
        .count(&[], snapshot.buffer_bytes);
    text.metric(&metric::BUFFER_LIMIT)
        .count(&[], snapshot.buffer_limit);
}

fn records(snapshot: &Snapshot<'_>, text: &mut Exposition) {
    let counts = &snapshot.counts;
    let mut records = text.metric(&metric::RECORDS);
    for (outcome, kinds) in [
        ("delivered", &counts.delivered),
        ("dead_lettered", &counts.buried),
    ] {
        for (kind, count) in kinds {
            records.count(&[("outcome", outcome), ("kind", kind)], count);
        }
    }
    let skipped = counts.skipped.values().sum();
    for (outcome, count) in [
        ("skipped", skipped),
        ("absent", snapshot.absent),
        ("evicted", snapshot.evicted),
    ] {
        records.count(&[("outcome", outcome), ("kind", NO_KIND)], count);
    }
    by_label(text, &metric::SKIPPED, "reason", &counts.skipped);
    by_label(text, &metric::DEAD_LETTERS, "reason", &counts.dead_lettered);
    text.metric(&metric::DEAD_LETTER_FAILURES)
        .count(&[], counts.letter_retries);
    by_label(text, &metric::RETRIES, "reason", &counts.retries);
}

fn by_label(
    text: &mut Exposition,
    metric: &Metric,
    label: &'static str,
    counts: &BTreeMap<String, u64>,
) {
    let mut samples = text.metric(metric);
    for (value, count) in counts {
        samples.count(&[(label, value)], count);
    }
}

fn partitions(snapshot: &Snapshot<'_>, text: &mut Exposition) {
    type Read = fn(&PartitionView) -> Option<i64>;
    let offsets: [(&Metric, Read); 5] = [
        (&metric::LOG_START, |view| view.standing.log_start),
        (&metric::HIGH_WATERMARK, |view| view.standing.high_watermark),
        (&metric::NEXT, |view| Some(view.progress?.next)),
        (&metric::SETTLED, |view| view.progress?.settled),
        (&metric::COMMITTED, |view| view.standing.committed),
    ];
    for (metric, read) in offsets {
        by_partition(snapshot, text, metric, read);
    }
    by_partition(snapshot, text, &metric::LAG, PartitionView::lag);
    by_partition(snapshot, text, &metric::PENDING, |view| {
        Some(view.progress?.pending)
    });
    by_partition(snapshot, text, &metric::OLDEST, |view| {
        Some(snapshot.oldest_age(view)?.as_secs_f64())
    });
    let mut retention = text.metric(&metric::RETENTION);
    if let Some(keeps) = snapshot.retention {
        retention.count(&[], keeps.as_secs());
    }
    type Count = fn(&PartitionView) -> u64;
    let counts: [(&Metric, Count); 3] = [
        (&metric::INTERRUPTIONS, |view| view.standing.interruptions),
        (&metric::HOLES, |view| view.standing.gaps),
        (&metric::FILLED, |view| view.standing.filled),
    ];
    for (metric, read) in counts {
        by_partition(snapshot, text, metric, |view| Some(read(view)));
    }
    let mut commits = text.metric(&metric::COMMITS);
    for view in &snapshot.partitions {
        let partition = view.partition.to_string();
        for (result, count) in [
            ("acknowledged", view.standing.commits),
            ("failed", view.standing.commit_failures),
        ] {
            commits.count(&[("partition", &partition), ("result", result)], count);
        }
    }
}

fn by_partition<V: std::fmt::Display>(
    snapshot: &Snapshot<'_>,
    text: &mut Exposition,
    metric: &Metric,
    read: impl Fn(&PartitionView) -> Option<V>,
) {
    let mut samples = text.metric(metric);
    for view in &snapshot.partitions {
        if let Some(value) = read(view) {
            samples.count(&[("partition", &view.partition.to_string())], value);
        }
    }
}

fn inlets(snapshot: &Snapshot<'_>, text: &mut Exposition) {
    let counts = &snapshot.counts;
    let mut statements = text.metric(&metric::STATEMENTS);
    for inlet in snapshot.inlets() {
        let (delivered, superseded) = match inlet {
            InletName::Events => (counts.events_delivered, None),
            InletName::Profiles => (counts.profiles_delivered, Some(counts.profiles_superseded)),
        };
        let name = ("inlet", inlet.as_str());
        statements.count(&[name, ("outcome", "delivered")], delivered);
        if let Some(superseded) = superseded {
            statements.count(&[name, ("outcome", "superseded")], superseded);
        }
    }
    let mut states = text.metric(&metric::INLET_STATE);
    for inlet in snapshot.inlets() {
        let now = counts
            .stopped
            .get(&inlet)
            .map_or("well", |stop| stop.kind.state());
        for state in STATES {
            states.count(
                &[("inlet", inlet.as_str()), ("state", state)],
                u8::from(state == now),
            );
        }
    }
    let mut requests = text.metric(&metric::REQUESTS);
    for (inlet, exchanges) in &counts.exchanges {
        for (result, count) in &exchanges.results {
            requests.count(&[("inlet", inlet.as_str()), ("result", result)], count);
        }
    }
    type Part = fn(&Exchanges) -> &Histogram;
    let parts: [(&Metric, Part); 3] = [
        (&metric::REQUEST_SECONDS, |exchanges| &exchanges.duration),
        (&metric::REQUEST_BYTES, |exchanges| &exchanges.bytes),
        (&metric::REQUEST_RECORDS, |exchanges| &exchanges.records),
    ];
    for (metric, part) in parts {
        let mut samples = text.metric(metric);
        for (inlet, exchanges) in &counts.exchanges {
            samples.histogram(&[("inlet", inlet.as_str())], part(exchanges));
        }
    }
    let mut in_flight = text.metric(&metric::IN_FLIGHT);
    for (inlet, requests) in &counts.in_flight {
        in_flight.count(&[("inlet", inlet.as_str())], requests);
    }
    let mut limits = text.metric(&metric::LIMIT);
    for (inlet, limit) in &counts.limits {
        limits.count(&[("inlet", inlet.as_str())], limit);
    }
    let mut waits = text.metric(&metric::PACE_WAITS);
    for (cause, waited) in &counts.waits {
        waits.count(&[("cause", cause)], waited.count);
    }
    let mut seconds = text.metric(&metric::PACE_SECONDS);
    for (cause, waited) in &counts.waits {
        seconds.number(&[("cause", cause)], waited.time.as_secs_f64());
    }
}

fn token(snapshot: &Snapshot<'_>, text: &mut Exposition) {
    let token = &snapshot.token;
    let (age, remaining) = token.held.unzip();
    let mut samples = text.metric(&metric::TOKEN_AGE);
    if let Some(age) = age {
        samples.number(&[], age.as_secs_f64());
    }
    text.metric(&metric::TOKEN_REMAINING)
        .number(&[], remaining.unwrap_or_default().as_secs_f64());
    let mut refreshes = text.metric(&metric::TOKEN_REFRESHES);
    refreshes.count(&[("result", "granted")], token.granted);
    refreshes.count(&[("result", "failed")], token.failed);
}
