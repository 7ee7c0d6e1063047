//! What was counted since the start.
//!
//! What happens to single records is counted in atomics, whose owner needs neither a lock nor a
//! look-up of others (see [`Tally`]). What happens a few hundred times a second at most (requests,
//! repetitions, changes of state) is counted under one lock.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::tally::{Family, Tally};
use crate::clock::Clock;
use crate::dead_letter::{DeadLetterSummary, WriteObserver};
use crate::error::Fault;
use crate::inlet_name::InletName;
use crate::telemetry::histogram::{self, Histogram};

/// How many dead letters are remembered for whoever looks.
const LETTERS: usize = 20;

/// Why an inlet does not deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stop {
    pub(crate) kind: StopKind,
    pub(crate) fault: Fault,
    /// As in the log.
    pub(crate) reason: String,
    /// What a person can do.
    pub(crate) remedy: &'static str,
    /// Milliseconds since the epoch.
    pub(crate) since: i64,
}

/// How an inlet does not deliver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopKind {
    /// It does not answer, or only with errors that heal.
    Down,
    /// As [`Self::Down`], because there is no access token.
    WithoutToken,
    /// It refuses every record, until somebody changes something.
    Held,
}

impl StopKind {
    /// For programs.
    pub(crate) fn state(self) -> &'static str {
        match self {
            Self::Down | Self::WithoutToken => "down",
            Self::Held => "held",
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.remedy)
    }
}

/// What went to one inlet and came back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Exchanges {
    /// Requests sent, repetitions included, by what came back: `2xx`, `4xx`, `429`, `5xx`,
    /// `timeout`, `network`.
    pub(crate) results: BTreeMap<&'static str, u64>,
    /// Seconds from the request to its whole answer.
    pub(crate) duration: Histogram,
    /// Bytes of the request's body.
    pub(crate) bytes: Histogram,
    /// Records in the request.
    pub(crate) records: Histogram,
}

impl Default for Exchanges {
    fn default() -> Self {
        Self {
            results: BTreeMap::new(),
            duration: Histogram::new(histogram::SECONDS),
            bytes: Histogram::new(histogram::BYTES),
            records: Histogram::new(histogram::RECORDS),
        }
    }
}

/// Time spent holding requests back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Waits {
    pub(crate) count: u64,
    pub(crate) time: Duration,
}

/// Dead letters that are being written again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LetterTrouble {
    pub(crate) reason: String,
    pub(crate) heals: bool,
    /// Milliseconds since the epoch.
    pub(crate) since: i64,
    /// Letters that wait.
    letters: u64,
}

/// A copy of the counts.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Counts {
    /// Records by whose inlet acknowledged them.
    pub(crate) events_delivered: u64,
    pub(crate) profiles_delivered: u64,
    /// Profile statements of which nothing was left to say, since newer ones said all of it.
    pub(crate) profiles_superseded: u64,
    /// Records that were delivered, by kind of event.
    pub(crate) delivered: BTreeMap<String, u64>,
    /// Records that ended in the dead letters, by kind of event.
    pub(crate) buried: BTreeMap<String, u64>,
    /// Records the SmartModule did not want, by its reason.
    pub(crate) skipped: BTreeMap<String, u64>,
    /// Dead letters written, by reason.
    pub(crate) dead_lettered: BTreeMap<String, u64>,
    /// Repetitions by cause: of requests, and of single records inside an answer.
    pub(crate) retries: BTreeMap<String, u64>,
    /// Attempts to write a dead letter that failed.
    pub(crate) letter_retries: u64,
    pub(crate) letter_trouble: Option<LetterTrouble>,
    /// The last dead letters, oldest first.
    pub(crate) letters: VecDeque<DeadLetterSummary>,
    /// Offsets without a record.
    pub(crate) gaps: u64,
    pub(crate) exchanges: BTreeMap<InletName, Exchanges>,
    /// Requests under way or between two attempts.
    pub(crate) in_flight: BTreeMap<InletName, usize>,
    /// By cause: the configured `rate`, or the other side's `retry_after`.
    pub(crate) waits: BTreeMap<&'static str, Waits>,
    /// Inlets that do not deliver now, and why.
    pub(crate) stopped: BTreeMap<InletName, Stop>,
    /// How many requests may be under way to each inlet now.
    pub(crate) limits: BTreeMap<InletName, usize>,
}

impl Counts {
    /// Events and statements that came to an end, whichever.
    pub(crate) fn ended(&self) -> u64 {
        let letters: u64 = self.dead_lettered.values().sum();
        self.events_delivered + self.profiles_delivered + self.profiles_superseded + letters
    }
}

/// Shared between the delivery side and whoever reports.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    clock: Clock,
    counts: Mutex<Counts>,
    events_delivered: AtomicU64,
    profiles_delivered: AtomicU64,
    profiles_superseded: AtomicU64,
    delivered: Arc<Family>,
    buried: Arc<Family>,
    skipped: Arc<Family>,
}

/// The counters of single records, for the one that settles them.
#[derive(Debug)]
pub(super) struct Tallies {
    /// By kind of event.
    pub(super) delivered: Tally,
    /// By kind of event.
    pub(super) buried: Tally,
    /// By reason.
    pub(super) skipped: Tally,
}

impl Counters {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Counting cannot leave the counts half-changed.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn snapshot(&self) -> Counts {
        Counts {
            events_delivered: self.events_delivered.load(Ordering::Relaxed),
            profiles_delivered: self.profiles_delivered.load(Ordering::Relaxed),
            profiles_superseded: self.profiles_superseded.load(Ordering::Relaxed),
            delivered: self.delivered.counts(),
            buried: self.buried.counts(),
            skipped: self.skipped.counts(),
            ..self.counts().clone()
        }
    }

    pub(super) fn tallies(&self) -> Tallies {
        Tallies {
            delivered: Tally::of(&self.delivered),
            buried: Tally::of(&self.buried),
            skipped: Tally::of(&self.skipped),
        }
    }

    pub(super) fn delivered(&self, inlet: InletName) {
        let counter = match inlet {
            InletName::Events => &self.events_delivered,
            InletName::Profiles => &self.profiles_delivered,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn superseded(&self) {
        self.profiles_superseded.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn dead_lettered(&self, letter: DeadLetterSummary) {
        let mut counts = self.counts();
        *counts
            .dead_lettered
            .entry(letter.reason.clone())
            .or_default() += 1;
        if counts.letters.len() >= LETTERS {
            counts.letters.pop_front();
        }
        counts.letters.push_back(letter);
    }

    pub(super) fn retried(&self, cause: &str, times: u64) {
        *self.counts().retries.entry(cause.to_owned()).or_default() += times;
    }

    /// A request was sent and answered, or given up.
    pub(super) fn exchanged(
        &self,
        inlet: InletName,
        result: &'static str,
        took: Duration,
        (records, bytes): (usize, usize),
    ) {
        let mut counts = self.counts();
        let exchanges = counts.exchanges.entry(inlet).or_default();
        *exchanges.results.entry(result).or_default() += 1;
        exchanges.duration.observe(took.as_secs_f64());
        // Sizes are far below what a float holds exactly.
        exchanges.bytes.observe(bytes as f64);
        exchanges.records.observe(records as f64);
    }

    pub(super) fn waited(&self, cause: &'static str, time: Duration) {
        let mut counts = self.counts();
        let waits = counts.waits.entry(cause).or_default();
        waits.count += 1;
        waits.time += time;
    }

    pub(super) fn in_flight(&self, inlet: InletName, requests: usize) {
        self.counts().in_flight.insert(inlet, requests);
    }

    pub(super) fn gap(&self, offsets: u64) {
        self.counts().gaps += offsets;
    }

    /// The limit of an inlet is this many requests at once from now on.
    pub(super) fn limit(&self, inlet: InletName, requests: usize) {
        self.counts().limits.insert(inlet, requests);
    }

    /// An inlet delivers again (`None`), or does not.
    pub(super) fn health(&self, inlet: InletName, stop: Option<Stop>) {
        let mut counts = self.counts();
        match stop {
            Some(stop) => {
                // The reason may change while it lasts.
                let since = counts
                    .stopped
                    .get(&inlet)
                    .map_or(stop.since, |before| before.since);
                counts.stopped.insert(inlet, Stop { since, ..stop })
            }
            None => counts.stopped.remove(&inlet),
        };
    }
}

impl WriteObserver for Counters {
    fn write_failed(&self, first: bool, heals: bool, reason: &str) {
        let mut counts = self.counts();
        counts.letter_retries += 1;
        let (letters, since) = match &counts.letter_trouble {
            Some(trouble) => (trouble.letters, trouble.since),
            None => (0, self.clock.now_ms()),
        };
        counts.letter_trouble = Some(LetterTrouble {
            reason: reason.to_owned(),
            heals,
            since,
            letters: letters + u64::from(first),
        });
    }

    fn write_recovered(&self) {
        let mut counts = self.counts();
        if let Some(trouble) = &mut counts.letter_trouble {
            trouble.letters = trouble.letters.saturating_sub(1);
            if trouble.letters == 0 {
                counts.letter_trouble = None;
            }
        }
    }
}
