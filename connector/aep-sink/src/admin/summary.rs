//! The line that says how far things are.

use std::collections::BTreeMap;

use tracing::info;

use super::snapshot::Observer;

/// Counts since the start, the same as in the metrics; never a payload.
pub(crate) fn log(observer: &Observer) {
    let snapshot = observer.snapshot();
    let counts = &snapshot.counts;
    let requests: u64 = counts.requests.values().flat_map(BTreeMap::values).sum();
    let lag: u64 = snapshot
        .partitions
        .iter()
        .filter_map(|view| view.lag())
        .sum();
    info!(
        events = counts.events_delivered,
        profiles = counts.profiles_delivered,
        superseded = counts.profiles_superseded,
        requests,
        skipped = ?counts.skipped,
        dead_lettered = ?counts.dead_letters,
        retries = ?counts.retries,
        limits = ?counts.limits,
        absent = snapshot.absent,
        evicted = snapshot.evicted,
        pending = snapshot.pending(),
        lag,
        obstacles = ?snapshot.conditions.iter().map(|condition| condition.place.to_string()).collect::<Vec<_>>(),
        "so far"
    );
}
