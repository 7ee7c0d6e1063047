//! The metrics that are recorded where things happen.
//!
//! What happens to single records costs an atomic: the counters without labels are fields, and the
//! driver of delivery keeps handles to the others ([`RecordCounters`]). What happens for each
//! request or repetition finds its counter under a lock.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::bounded_family::{BoundedFamily, CachedCounters};
use super::declare;
use super::labels::{Cause, Inlet, InletResult, Kind, Reason};
use crate::inlet_name::InletName;

/// From a warm connection to a data centre (20 ms) up to the longest `http.request-timeout`
/// somebody sets.
const SECONDS: [f64; 13] = [
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0,
];
/// The last bound is the platform's limit.
const BYTES: [f64; 8] = [
    1_000.0,
    10_000.0,
    50_000.0,
    100_000.0,
    250_000.0,
    500_000.0,
    750_000.0,
    1_000_000.0,
];
const RECORDS: [f64; 10] = [
    1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0,
];

type Histograms = Family<Inlet, Histogram, fn() -> Histogram>;

/// Whether an inlet takes records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum InletState {
    #[default]
    Well,
    /// It does not answer, or only with errors that heal; or there is no access token for it.
    Down,
    /// It refuses every record, until somebody changes something.
    Held,
}

impl InletState {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Well, Self::Down, Self::Held];

    /// The value of the label.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Well => "well",
            Self::Down => "down",
            Self::Held => "held",
        }
    }
}

/// Shared between those who record and those who show.
#[derive(Debug)]
pub(crate) struct Metrics {
    events_delivered: Counter,
    profiles_delivered: Counter,
    profiles_superseded: Counter,
    records_delivered: BoundedFamily<Kind>,
    records_dead_lettered: BoundedFamily<Kind>,
    skipped: BoundedFamily<Reason>,
    dead_letters: BoundedFamily<Reason>,
    dead_letter_failures: Counter,
    retries: BoundedFamily<Reason>,
    requests: BoundedFamily<InletResult>,
    request_seconds: Histograms,
    request_bytes: Histograms,
    request_records: Histograms,
    inlet_states: Mutex<BTreeMap<InletName, InletState>>,
    in_flight: Family<Inlet, Gauge>,
    concurrency_limit: Family<Inlet, Gauge>,
    waits: Family<Cause, Counter>,
    wait_seconds: Family<Cause, Counter<f64, AtomicU64>>,
}

/// The counters of single records, for the one that settles them.
#[derive(Debug)]
pub(crate) struct RecordCounters {
    /// By kind of event.
    pub(crate) delivered: CachedCounters<Kind>,
    /// By kind of event.
    pub(crate) dead_lettered: CachedCounters<Kind>,
    /// By reason.
    pub(crate) skipped: CachedCounters<Reason>,
}

/// The values of the counters at one moment, all since the start of the process.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Counts {
    /// Events their inlet acknowledged.
    pub(crate) events_delivered: u64,
    /// Profile statements their inlet acknowledged.
    pub(crate) profiles_delivered: u64,
    /// Profile statements that newer ones made superfluous.
    pub(crate) profiles_superseded: u64,
    /// Records that were delivered, by kind of event.
    pub(crate) records_delivered: BTreeMap<String, u64>,
    /// Records that ended in the dead letters, by kind of event.
    pub(crate) records_dead_lettered: BTreeMap<String, u64>,
    /// Records the SmartModule did not want, and duplicates, by reason.
    pub(crate) skipped: BTreeMap<String, u64>,
    /// Dead letters written, by reason.
    pub(crate) dead_letters: BTreeMap<String, u64>,
    /// Repetitions of requests and of single records, by reason.
    pub(crate) retries: BTreeMap<String, u64>,
    /// Attempts to write a dead letter that failed.
    pub(crate) dead_letter_failures: u64,
    /// Requests sent, repetitions included, by what came back.
    pub(crate) requests: BTreeMap<InletName, BTreeMap<&'static str, u64>>,
    /// Inlets whose state was reported; the others are well.
    pub(crate) inlet_states: BTreeMap<InletName, InletState>,
    /// Requests under way or between two attempts.
    pub(crate) in_flight: BTreeMap<InletName, usize>,
    /// How many requests may be in flight to each inlet.
    pub(crate) limits: BTreeMap<InletName, usize>,
}

impl Counts {
    /// Events and profile statements that came to an end, however.
    pub(crate) fn completed(&self) -> u64 {
        let dead_letters: u64 = self.dead_letters.values().sum();
        self.events_delivered + self.profiles_delivered + self.profiles_superseded + dead_letters
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            events_delivered: Counter::default(),
            profiles_delivered: Counter::default(),
            profiles_superseded: Counter::default(),
            records_delivered: BoundedFamily::default(),
            records_dead_lettered: BoundedFamily::default(),
            skipped: BoundedFamily::default(),
            dead_letters: BoundedFamily::default(),
            dead_letter_failures: Counter::default(),
            retries: BoundedFamily::default(),
            requests: BoundedFamily::default(),
            request_seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            request_bytes: Family::new_with_constructor(|| Histogram::new(BYTES)),
            request_records: Family::new_with_constructor(|| Histogram::new(RECORDS)),
            inlet_states: Mutex::default(),
            in_flight: Family::default(),
            concurrency_limit: Family::default(),
            waits: Family::default(),
            wait_seconds: Family::default(),
        }
    }
}

impl Metrics {
    /// Declares all of them but those whose samples also need the state of the process (see
    /// `StateMetrics::records` and `StateMetrics::statements`).
    pub(crate) fn register(&self, registry: &mut Registry) {
        declare(
            registry,
            "capillary_aep_skipped_records",
            "Records that are not wanted, by reason",
            self.skipped.clone(),
        );
        declare(
            registry,
            "capillary_aep_dead_letters",
            "Dead letters written, by reason",
            self.dead_letters.clone(),
        );
        declare(
            registry,
            "capillary_aep_dead_letter_write_failures",
            "Attempts to write a dead letter that failed; the record stays pending",
            self.dead_letter_failures.clone(),
        );
        declare(
            registry,
            "capillary_aep_requests",
            "Requests to an inlet, repetitions included, by what came back",
            self.requests.clone(),
        );
        declare(
            registry,
            "capillary_aep_request_duration_seconds",
            "Time from a request to its whole answer",
            self.request_seconds.clone(),
        );
        declare(
            registry,
            "capillary_aep_request_size_bytes",
            "Size of a request's body",
            self.request_bytes.clone(),
        );
        declare(
            registry,
            "capillary_aep_request_records",
            "Records in a request",
            self.request_records.clone(),
        );
        declare(
            registry,
            "capillary_aep_requests_in_flight",
            "Requests under way, or between two attempts",
            self.in_flight.clone(),
        );
        declare(
            registry,
            "capillary_aep_concurrency_limit",
            "How many may be in flight to an inlet now",
            self.concurrency_limit.clone(),
        );
        declare(
            registry,
            "capillary_aep_retries",
            "Repetitions of requests and of single records, by reason",
            self.retries.clone(),
        );
        declare(
            registry,
            "capillary_aep_pace_waits",
            "Requests that were held back, by cause",
            self.waits.clone(),
        );
        declare(
            registry,
            "capillary_aep_pace_wait_seconds",
            "How long requests were held back, by cause",
            self.wait_seconds.clone(),
        );
    }

    /// Handles for the one that settles records.
    pub(crate) fn record_counters(&self) -> RecordCounters {
        RecordCounters {
            delivered: CachedCounters::new(&self.records_delivered),
            dead_lettered: CachedCounters::new(&self.records_dead_lettered),
            skipped: CachedCounters::new(&self.skipped),
        }
    }

    /// An inlet acknowledged one event or profile statement.
    pub(crate) fn delivered(&self, inlet: InletName) {
        let counter = match inlet {
            InletName::Events => &self.events_delivered,
            InletName::Profiles => &self.profiles_delivered,
        };
        counter.inc();
    }

    /// Newer profile statements made one superfluous.
    pub(crate) fn superseded(&self) {
        self.profiles_superseded.inc();
    }

    /// A dead letter was written.
    pub(crate) fn dead_lettered(&self, reason: &str) {
        self.dead_letters.get_or_create(Reason::from(reason)).inc();
    }

    /// An attempt to write a dead letter failed.
    pub(crate) fn dead_letter_failed(&self) {
        self.dead_letter_failures.inc();
    }

    /// A request, or this many records inside one, are repeated.
    pub(crate) fn retried(&self, reason: &str, times: u64) {
        self.retries
            .get_or_create(Reason::from(reason))
            .inc_by(times);
    }

    /// A request was sent and answered, or given up.
    pub(crate) fn request_ended(
        &self,
        inlet: InletName,
        result: &'static str,
        took: Duration,
        (records, bytes): (usize, usize),
    ) {
        let inlet = inlet.as_str();
        self.requests
            .get_or_create(InletResult { inlet, result })
            .inc();
        // Sizes are far below what a float holds exactly.
        for (histograms, value) in [
            (&self.request_seconds, took.as_secs_f64()),
            (&self.request_bytes, bytes as f64),
            (&self.request_records, records as f64),
        ] {
            histograms.get_or_create(&Inlet { inlet }).observe(value);
        }
    }

    /// A request was held back for this long.
    pub(crate) fn waited(&self, cause: &'static str, time: Duration) {
        let cause = Cause { cause };
        self.waits.get_or_create(&cause).inc();
        self.wait_seconds
            .get_or_create(&cause)
            .inc_by(time.as_secs_f64());
    }

    /// An inlet is in this state from now on.
    pub(crate) fn inlet_state(&self, inlet: InletName, state: InletState) {
        let mut states = self
            .inlet_states
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        states.insert(inlet, state);
    }

    /// This many requests to an inlet are under way or between two attempts now.
    pub(crate) fn in_flight(&self, inlet: InletName, requests: usize) {
        set(&self.in_flight, inlet, requests);
    }

    /// This many requests may be in flight to an inlet from now on.
    pub(crate) fn concurrency_limit(&self, inlet: InletName, requests: usize) {
        set(&self.concurrency_limit, inlet, requests);
    }

    /// The values now.
    pub(crate) fn snapshot(&self) -> Counts {
        let mut requests = BTreeMap::<_, BTreeMap<_, _>>::new();
        for (InletResult { inlet, result }, count) in self.requests.values() {
            let name = INLETS.into_iter().find(|name| name.as_str() == inlet);
            if let Some(name) = name {
                requests.entry(name).or_default().insert(result, count);
            }
        }
        Counts {
            events_delivered: self.events_delivered.get(),
            profiles_delivered: self.profiles_delivered.get(),
            profiles_superseded: self.profiles_superseded.get(),
            records_delivered: by_kind(&self.records_delivered),
            records_dead_lettered: by_kind(&self.records_dead_lettered),
            skipped: by_reason(&self.skipped),
            dead_letters: by_reason(&self.dead_letters),
            retries: by_reason(&self.retries),
            dead_letter_failures: self.dead_letter_failures.get(),
            requests,
            inlet_states: self
                .inlet_states
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
            in_flight: by_inlet(&self.in_flight),
            limits: by_inlet(&self.concurrency_limit),
        }
    }
}

const INLETS: [InletName; 2] = [InletName::Events, InletName::Profiles];

fn set(gauges: &Family<Inlet, Gauge>, inlet: InletName, value: usize) {
    let inlet = inlet.as_str();
    let value = i64::try_from(value).unwrap_or(i64::MAX);
    gauges.get_or_create(&Inlet { inlet }).set(value);
}

fn by_inlet(gauges: &Family<Inlet, Gauge>) -> BTreeMap<InletName, usize> {
    let samples = INLETS.into_iter().filter_map(|name| {
        let inlet = name.as_str();
        let value = gauges.get(&Inlet { inlet })?.get();
        Some((name, usize::try_from(value).unwrap_or_default()))
    });
    samples.collect()
}

fn by_kind(family: &BoundedFamily<Kind>) -> BTreeMap<String, u64> {
    let values = family.values().into_iter();
    values.map(|(Kind { kind }, count)| (kind, count)).collect()
}

fn by_reason(family: &BoundedFamily<Reason>) -> BTreeMap<String, u64> {
    let values = family.values().into_iter();
    values
        .map(|(Reason { reason }, count)| (reason, count))
        .collect()
}
