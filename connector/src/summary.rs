//! The line that says how far things are.

use tracing::info;

use crate::delivery::Counters;
use crate::ledger::Ledger;
use crate::outcome::Outcome;

/// Counts since the start; never a payload.
pub(crate) fn log(counters: &Counters, ledger: &Ledger) {
    let counts = counters.snapshot();
    info!(
        events = counts.events_delivered,
        profiles = counts.profiles_delivered,
        superseded = counts.profiles_superseded,
        requests = counts.requests,
        skipped = ?counts.skipped,
        dead_lettered = ?counts.dead_lettered,
        retries = ?counts.retries,
        stopped = ?counts.stopped,
        limits = ?counts.limits,
        absent = ledger.count(Outcome::Absent),
        evicted = ledger.count(Outcome::Evicted),
        pending = ledger.pending(),
        "so far"
    );
}
