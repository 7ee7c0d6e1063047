//! What was counted since the start.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Which inlet. The name is the section of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum InletName {
    Events,
    Profiles,
}

impl InletName {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Profiles => "profiles",
        }
    }
}

/// A copy of the counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Records by whose inlet acknowledged them.
    pub(crate) events_delivered: u64,
    pub(crate) profiles_delivered: u64,
    /// Profile statements of which nothing was left to say, since newer ones said all of it.
    pub(crate) profiles_superseded: u64,
    /// Requests sent, repetitions included.
    pub(crate) requests: u64,
    /// Records the SmartModule did not want, by its reason.
    pub(crate) skipped: BTreeMap<String, u64>,
    /// Dead letters written, by reason.
    pub(crate) dead_lettered: BTreeMap<String, u64>,
    /// Repetitions by cause: of requests, and of single records inside an answer.
    pub(crate) retries: BTreeMap<String, u64>,
    /// Attempts to write a dead letter that failed.
    pub(crate) letter_retries: u64,
    /// Offsets without a record.
    pub(crate) gaps: u64,
    /// Inlets that do not deliver now, and why.
    pub(crate) stopped: BTreeMap<InletName, String>,
    /// How many requests may be under way to each inlet now.
    pub(crate) limits: BTreeMap<InletName, usize>,
}

/// Shared between the delivery side and whoever reports.
#[derive(Debug, Default)]
pub(crate) struct Counters(Mutex<Counts>);

impl Counters {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Counting cannot leave the counts half-changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn snapshot(&self) -> Counts {
        self.counts().clone()
    }

    pub(super) fn delivered(&self, inlet: InletName) {
        let mut counts = self.counts();
        match inlet {
            InletName::Events => counts.events_delivered += 1,
            InletName::Profiles => counts.profiles_delivered += 1,
        }
    }

    pub(super) fn superseded(&self) {
        self.counts().profiles_superseded += 1;
    }

    pub(super) fn skipped(&self, reason: &str) {
        increment(&mut self.counts().skipped, reason);
    }

    pub(crate) fn dead_lettered(&self, reason: &str) {
        increment(&mut self.counts().dead_lettered, reason);
    }

    pub(super) fn retried(&self, cause: &str, times: u64) {
        *self.counts().retries.entry(cause.to_owned()).or_default() += times;
    }

    pub(crate) fn letter_retried(&self) {
        self.counts().letter_retries += 1;
    }

    pub(super) fn request(&self) {
        self.counts().requests += 1;
    }

    pub(super) fn gap(&self, offsets: u64) {
        self.counts().gaps += offsets;
    }

    /// The limit of an inlet is this many requests at once from now on.
    pub(super) fn limit(&self, inlet: InletName, requests: usize) {
        self.counts().limits.insert(inlet, requests);
    }

    pub(super) fn health(&self, inlet: InletName, reason: Option<&str>) {
        let mut counts = self.counts();
        match reason {
            Some(reason) => counts.stopped.insert(inlet, reason.to_owned()),
            None => counts.stopped.remove(&inlet),
        };
    }
}

/// Most reasons are known already, so the text is copied only for a new one.
fn increment(counts: &mut BTreeMap<String, u64>, reason: &str) {
    if let Some(count) = counts.get_mut(reason) {
        *count += 1;
    } else {
        counts.insert(reason.to_owned(), 1);
    }
}
