//! The snapshot as JSON, for the page and for programs.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

use super::snapshot::{LandingView, Snapshot};
use crate::dead_letter::DeadLetterSummary;
use crate::inlet_name::InletName;
use crate::landing::Look;
use crate::telemetry::ActiveCondition;

/// What `/status` says. Times are milliseconds since the epoch, durations are seconds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Status<'a> {
    name: &'a str,
    version: &'static str,
    topic: &'a str,
    consumer: &'a str,
    dead_letter_topic: &'a str,
    now: i64,
    started: i64,
    ready: bool,
    #[serde(rename = "obstacles")]
    conditions: &'a [ActiveCondition],
    records: Records,
    partitions: Vec<Partition>,
    retention: Option<u64>,
    buffer: Buffer,
    inlets: Vec<Inlet<'a>>,
    token: Token,
    delivered: &'a BTreeMap<String, u64>,
    skipped: &'a BTreeMap<String, u64>,
    dead_letters: &'a BTreeMap<String, u64>,
    retries: &'a BTreeMap<String, u64>,
    last_dead_letters: &'a VecDeque<DeadLetterSummary>,
    landing: Option<LandingStatus>,
}

/// What became of acknowledged records; absent when nobody asks.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LandingStatus {
    /// When it was asked last.
    asked: Option<i64>,
    /// Why it is not known.
    unknown_because: Option<String>,
    unmatched: u64,
    inlets: BTreeMap<&'static str, LandingCounts>,
}

#[derive(Debug, Serialize)]
struct LandingCounts {
    acknowledged: u64,
    landed: u64,
    failed: u64,
    unknown: u64,
}

/// Offsets by how they ended.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Records {
    delivered: u64,
    dead_lettered: u64,
    skipped: u64,
    absent: u64,
    evicted: u64,
    pending: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Partition {
    partition: u32,
    log_start: Option<i64>,
    high_watermark: Option<i64>,
    log_end: Option<i64>,
    unreplicated: Option<i64>,
    next: Option<i64>,
    settled: Option<i64>,
    committed: Option<i64>,
    lag: Option<u64>,
    pending: usize,
    oldest_unsettled_age: Option<f64>,
    interruptions: u64,
    holes: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Buffer {
    bytes: u64,
    limit: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Inlet<'a> {
    name: &'static str,
    state: &'static str,
    reason: Option<&'a str>,
    since: Option<i64>,
    delivered: u64,
    superseded: u64,
    in_flight: usize,
    limit: Option<usize>,
    requests: BTreeMap<&'static str, u64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    held: bool,
    age: Option<u64>,
    remaining: Option<u64>,
    refreshes: u64,
    failures: u64,
    error: Option<String>,
}

/// The JSON of `/status`.
pub(super) fn json(snapshot: &Snapshot<'_>) -> Result<Vec<u8>, serde_json::Error> {
    let counts = &snapshot.counts;
    let instance = snapshot.instance;
    let (age, remaining) = snapshot.token.current.unzip();
    let status = Status {
        name: &instance.name,
        version: env!("CARGO_PKG_VERSION"),
        topic: &instance.topic,
        consumer: &instance.consumer,
        dead_letter_topic: &instance.dead_letter_topic,
        now: snapshot.now,
        started: snapshot.started,
        ready: snapshot.is_ready(),
        conditions: &snapshot.conditions,
        records: Records {
            delivered: counts.records_delivered.values().sum(),
            dead_lettered: counts.records_dead_lettered.values().sum(),
            skipped: counts.skipped.values().sum(),
            absent: snapshot.absent,
            evicted: snapshot.evicted,
            pending: snapshot.pending(),
        },
        partitions: partitions(snapshot),
        retention: snapshot.retention.map(|keeps| keeps.as_secs()),
        buffer: Buffer {
            bytes: snapshot.buffer_bytes,
            limit: snapshot.buffer_limit,
        },
        inlets: snapshot
            .inlets()
            .map(|inlet| view(snapshot, inlet))
            .collect(),
        token: Token {
            held: snapshot.token.current.is_some(),
            age: age.map(|age| age.as_secs()),
            remaining: remaining.map(|remaining| remaining.as_secs()),
            refreshes: snapshot.token.granted,
            failures: snapshot.token.failed,
            error: snapshot
                .token
                .error
                .as_ref()
                .map(|(error, _)| error.to_string()),
        },
        delivered: &counts.records_delivered,
        skipped: &counts.skipped,
        dead_letters: &counts.dead_letters,
        retries: &counts.retries,
        last_dead_letters: &snapshot.dead_letters,
        landing: snapshot.landing.as_ref().map(landing),
    };
    serde_json::to_vec(&status)
}

fn landing(landing: &LandingView) -> LandingStatus {
    let (asked, unknown_because) = match &landing.look {
        Look::Never => (None, None),
        Look::Well(when) => (Some(*when), None),
        Look::Forbidden(permission) => (None, Some(format!("permission {permission} is missing"))),
        Look::Failed(reason) => (None, Some(reason.clone())),
    };
    LandingStatus {
        asked,
        unknown_because,
        unmatched: landing.unmatched,
        inlets: landing
            .inlets
            .iter()
            .map(|(inlet, progress)| {
                let counts = LandingCounts {
                    acknowledged: progress.acknowledged,
                    landed: progress.landed,
                    failed: progress.failed,
                    unknown: progress.unknown,
                };
                (inlet.as_str(), counts)
            })
            .collect(),
    }
}

fn partitions(snapshot: &Snapshot<'_>) -> Vec<Partition> {
    let views = snapshot.partitions.iter();
    views
        .map(|view| Partition {
            partition: view.partition,
            log_start: view.status.log_start,
            high_watermark: view.status.high_watermark,
            log_end: view.status.log_end,
            unreplicated: view.status.unreplicated,
            next: view.progress.map(|progress| progress.next),
            settled: view.progress.and_then(|progress| progress.settled),
            committed: view.status.committed,
            lag: view.lag(),
            pending: view.progress.map_or(0, |progress| progress.pending),
            oldest_unsettled_age: snapshot.oldest_age(view).map(|age| age.as_secs_f64()),
            interruptions: view.status.interruptions,
            holes: view.status.gaps,
        })
        .collect()
}

fn view<'a>(snapshot: &'a Snapshot<'_>, inlet: InletName) -> Inlet<'a> {
    let counts = &snapshot.counts;
    let state = counts.inlet_states.get(&inlet).copied();
    let condition = snapshot.inlet_conditions.get(&inlet);
    let (delivered, superseded) = match inlet {
        InletName::Events => (counts.events_delivered, 0),
        InletName::Profiles => (counts.profiles_delivered, counts.profiles_superseded),
    };
    Inlet {
        name: inlet.as_str(),
        state: state.unwrap_or_default().as_str(),
        reason: condition.map(|condition| condition.reason.as_str()),
        since: condition.map(|condition| condition.since),
        delivered,
        superseded,
        in_flight: counts.in_flight.get(&inlet).copied().unwrap_or_default(),
        limit: counts.limits.get(&inlet).copied(),
        requests: counts.requests.get(&inlet).cloned().unwrap_or_default(),
    }
}
