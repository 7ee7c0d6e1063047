//! What the event loop works on.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use super::ahead::AheadEvents;
use crate::aep::{Endpoint, EndpointError, MAX_BODY, Transport};
use crate::backoff::Backoff;
use crate::clock::{Clock, Steady};
use crate::config::Platform;
use crate::dead_letter::{DeadLetters, RecentDeadLetters, WriteFailures, WriteQueue, WriteReport};
use crate::delivery::attempt::{AttemptResult, AttemptTiming, Sender, Tokens};
use crate::delivery::concurrency_limit::ConcurrencyLimit;
use crate::delivery::deduplicator::Deduplicator;
use crate::delivery::entity::Record;
use crate::delivery::key_queues::{Capacity, RequestShape};
use crate::delivery::pipeline::{Now, Pipeline, RequestLimits};
use crate::delivery::rate_limiter::{RateLimiter, RetryAfterGate};
use crate::inlet_name::InletName;
use crate::landing::Journal;
use crate::offset_tracker::{OffsetTracker, Position, Revocation, Revocations};
use crate::telemetry::metrics::RecordCounters;
use crate::telemetry::{Conditions, Metrics};

/// How many statements may be coalesced into one: all that wait, or a customer with many of them
/// would never get to the newest. How large the one may be is seen when it is made.
const COALESCED: Capacity = Capacity {
    records: 4096,
    bytes: usize::MAX,
};

/// What delivery works with.
#[derive(Debug)]
pub(crate) struct Parts<T, K, D> {
    /// The source topic, for dead letters.
    pub(crate) topic: String,
    pub(crate) tracker: Arc<OffsetTracker>,
    /// Partitions that are given up during the run.
    pub(crate) revocations: Revocations,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) conditions: Arc<Conditions>,
    /// The dead letters written last.
    pub(crate) recent: Arc<RecentDeadLetters>,
    /// Where it is noted what was acknowledged.
    pub(crate) journal: Option<Arc<Journal>>,
    pub(crate) clock: Clock,
    pub(crate) transport: Arc<T>,
    pub(crate) tokens: Arc<K>,
    pub(crate) dead_letters: Arc<D>,
    pub(crate) random: fastrand::Rng,
}

/// One inlet: what it decides and how it sends.
pub(super) struct Inlet<T, K> {
    pub(super) name: InletName,
    pub(super) endpoint: Endpoint,
    pub(super) pipeline: Pipeline,
    pub(super) sender: Arc<Sender<T, K>>,
}

/// A request that is finished: of which inlet, its number, and its result.
pub(super) type Finished = (InletName, u64, (AttemptResult, Option<AttemptTiming>));
type InFlight = Pin<Box<dyn Future<Output = Finished> + Send>>;
/// A write of dead letters. It ends with its number and whether they are stored.
pub(super) struct Writing {
    pub(super) id: u64,
    pub(super) write: Pin<Box<dyn Future<Output = bool> + Send>>,
}

impl Future for Writing {
    type Output = (u64, bool);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let id = self.id;
        self.write
            .as_mut()
            .poll(context)
            .map(|is_written| (id, is_written))
    }
}

/// What a dead letter holds, and what is settled when it is written.
#[derive(Debug)]
pub(super) enum DeadLetterOf {
    /// The whole record.
    Record(Position),
    /// One entity of it.
    Entity(Arc<Record>),
}

impl DeadLetterOf {
    pub(super) fn position(&self) -> Position {
        match self {
            Self::Record(position) => *position,
            Self::Entity(record) => record.position,
        }
    }
}

/// How many records of each partition are neither settled nor given up.
#[derive(Debug, Default)]
pub(super) struct OpenRecords(BTreeMap<u32, usize>);

impl OpenRecords {
    pub(super) fn begin(&mut self, position: Position) {
        *self.0.entry(position.partition).or_default() += 1;
    }

    pub(super) fn end(&mut self, position: Position) {
        if let Entry::Occupied(mut open) = self.0.entry(position.partition) {
            *open.get_mut() -= 1;
            if *open.get() == 0 {
                open.remove();
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn any_of(&self, partition: u32) -> bool {
        self.0.contains_key(&partition)
    }
}

/// Delivers source items until their channel is closed and everything is settled.
pub(crate) struct Delivery<T, K, D> {
    pub(super) parts: Parts<T, K, D>,
    wall: Steady,
    pub(super) platform: Platform,
    pub(super) events: Inlet<T, K>,
    pub(super) profiles: Option<Inlet<T, K>>,
    pub(super) in_flight: FuturesUnordered<InFlight>,
    pub(super) dead_letters: WriteQueue<DeadLetterOf>,
    pub(super) write_report: WriteReport,
    pub(super) writing: FuturesUnordered<Writing>,
    /// Events delivered before, if copies of them are to be skipped.
    pub(super) deduplicator: Option<Deduplicator>,
    pub(super) record_counters: RecordCounters,
    pub(super) write_failures: Arc<WriteFailures>,
    pub(super) open: OpenRecords,
    pub(super) ahead: AheadEvents,
    /// Partitions of which nothing is sent any more, until nothing of them is in flight.
    pub(super) revoked: Vec<Revocation>,
    /// In which order the inlets are asked for their next request.
    pub(super) turns: [InletName; 2],
}

impl<T, K, D> Delivery<T, K, D>
where
    T: Transport + 'static,
    K: Tokens + 'static,
    D: DeadLetters + 'static,
{
    /// Prepares delivery; nothing is sent yet.
    pub(crate) fn new(platform: &Platform, parts: Parts<T, K, D>) -> Result<Self, EndpointError> {
        let mut random = parts.random.clone();
        let rate_limiter = Arc::new(RateLimiter::new(platform.pace));
        // One for each inlet: their requests differ in size and in what they cost the other side,
        // and one that is down or throttles must not slow the other.
        let limit = ConcurrencyLimit::new(platform.concurrency, Instant::now());
        let mut inlet = |name, endpoint: Endpoint| {
            let limits = request_limits(platform, &endpoint, name);
            let backoff = Backoff::new(platform.retry, random.fork());
            Inlet {
                name,
                endpoint,
                pipeline: Pipeline::new(
                    name,
                    limits,
                    backoff,
                    limit.clone(),
                    Arc::clone(&parts.metrics),
                    Arc::clone(&parts.conditions),
                )
                .accepting(&platform.dead_letter.accept),
                sender: Arc::new(Sender {
                    inlet: name,
                    transport: Arc::clone(&parts.transport),
                    tokens: Arc::clone(&parts.tokens),
                    rate_limiter: Arc::clone(&rate_limiter),
                    gate: RetryAfterGate::new(),
                    timeout: platform.http.request_timeout,
                    longest_pause: platform.retry.max,
                    clock: parts.clock.clone(),
                    metrics: Arc::clone(&parts.metrics),
                    in_flight: AtomicUsize::new(0),
                    refuses: AtomicBool::new(false),
                }),
            }
        };
        let events = inlet(InletName::Events, Endpoint::events(platform)?);
        let profiles = match &platform.profiles {
            Some(profiles) => Some(inlet(
                InletName::Profiles,
                Endpoint::profiles(platform, profiles)?,
            )),
            None => None,
        };
        Ok(Self {
            wall: Steady::new(parts.clock.clone()),
            record_counters: parts.metrics.record_counters(),
            write_failures: Arc::new(WriteFailures::new(
                &platform.dead_letter.topic,
                Arc::clone(&parts.metrics),
                Arc::clone(&parts.conditions),
            )),
            parts,
            platform: platform.clone(),
            events,
            profiles,
            in_flight: FuturesUnordered::new(),
            dead_letters: WriteQueue::default(),
            write_report: WriteReport::default(),
            writing: FuturesUnordered::new(),
            deduplicator: platform.deduplicate.map(Deduplicator::new),
            open: OpenRecords::default(),
            revoked: Vec::new(),
            ahead: AheadEvents::default(),
            turns: [InletName::Profiles, InletName::Events],
        })
    }

    pub(super) fn inlets(&mut self) -> impl Iterator<Item = &mut Inlet<T, K>> {
        std::iter::once(&mut self.events).chain(self.profiles.as_mut())
    }

    pub(super) fn inlet(&mut self, name: InletName) -> Option<&mut Inlet<T, K>> {
        match name {
            InletName::Events => Some(&mut self.events),
            InletName::Profiles => self.profiles.as_mut(),
        }
    }

    pub(super) fn now(&self) -> Now {
        let instant = Instant::now();
        Now {
            instant,
            wall: self.wall.now_ms(instant),
        }
    }
}

/// How entities are put into requests to this inlet. Without batches nothing is gained by
/// lingering.
fn request_limits(platform: &Platform, endpoint: &Endpoint, name: InletName) -> RequestLimits {
    let settle = match name {
        // Events carry their own time.
        InletName::Events => Duration::ZERO,
        InletName::Profiles => platform.settle,
    };
    if endpoint.batched() {
        // Each entity counts one byte for its comma; the frame of a batch counts the one comma too
        // many.
        let bytes = platform
            .batch
            .max_bytes
            .get()
            .min(MAX_BODY)
            .saturating_sub(endpoint.body_len(0, 0));
        let capacity = Capacity {
            records: platform.batch.max_records.get(),
            bytes,
        };
        RequestLimits {
            capacity,
            linger: platform.batch.linger,
            shape: RequestShape::Batch,
            settle,
        }
    } else if endpoint.merges() {
        RequestLimits {
            capacity: COALESCED,
            linger: Duration::ZERO,
            shape: RequestShape::OneProfile,
            settle,
        }
    } else {
        RequestLimits {
            capacity: Capacity {
                records: 1,
                bytes: MAX_BODY,
            },
            linger: Duration::ZERO,
            shape: RequestShape::Single,
            settle,
        }
    }
}
