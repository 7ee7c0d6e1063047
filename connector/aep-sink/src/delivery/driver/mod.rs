//! The one loop: arrivals in, requests and letters under way, settlements out.

mod ends;
mod intake;

use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep_until};

use super::counters::{Counters, Tallies};
use super::lanes::{Capacity, Holds};
use super::limit::Limit;
use super::merge::Cargo;
use super::pace::{Gate, Pace};
use super::parcel::Record;
use super::pipeline::{Cut, Now, Pipeline, Room};
use super::repeated::Repeated;
use super::send::{Exchange, Sender, Sent, Tokens};
use crate::aep::{Endpoint, EndpointError, Kind, MAX_BODY, Transport};
use crate::answer::AnswerError;
use crate::backoff::Backoff;
use crate::clock::{Clock, Steady};
use crate::config::Platform;
use crate::dead_letter::{self, DeadLetter, DeadLetters};
use crate::error::Fault;
use crate::inlet_name::InletName;
use crate::offset_tracker::Position;
use crate::offset_tracker::SourceItem;
use crate::offset_tracker::{OffsetTracker, OffsetTrackerError};

/// SourceItems taken at once.
const ARRIVALS: usize = 1024;
/// What may be merged into one statement. Profile drops records above 100 kB without a word.
const MERGED: Capacity = Capacity {
    records: 100,
    bytes: 100_000,
};
/// Letters written at once. They are rare; more would only crowd the dead-letter topic.
const LETTERS: usize = 16;

/// Delivery cannot go on. None of these heals by itself, and nothing that was not acknowledged is
/// settled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeliveryError {
    /// The user's fault: the SmartModule and the connector do not fit together.
    #[error("record {position}: {source}")]
    Answer {
        position: Position,
        source: AnswerError,
    },
    /// A defect of this program.
    #[error("the ledger was told something impossible")]
    OffsetTracker(#[from] OffsetTrackerError),
    /// A defect of this program.
    #[error("a dead letter cannot be written as JSON")]
    Letter(#[from] serde_json::Error),
}

impl DeliveryError {
    pub(crate) fn fault(&self) -> Fault {
        match self {
            Self::Answer { .. } => Fault::User,
            Self::OffsetTracker(_) | Self::Letter(_) => Fault::Internal,
        }
    }
}

/// What delivery works with.
#[derive(Debug)]
pub(crate) struct Parts<T, K, D> {
    /// The source topic, for dead letters.
    pub(crate) topic: String,
    pub(crate) tracker: Arc<OffsetTracker>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) clock: Clock,
    pub(crate) transport: Arc<T>,
    pub(crate) tokens: Arc<K>,
    pub(crate) letters: Arc<D>,
    pub(crate) random: fastrand::Rng,
}

/// One inlet: what it decides and how it sends.
struct Inlet<T, K> {
    name: InletName,
    endpoint: Endpoint,
    pipeline: Pipeline,
    sender: Arc<Sender<T, K>>,
}

/// A request that has ended: of which inlet, its number, and what came of it.
type Landed = (InletName, u64, (Sent, Option<Exchange>));
type Landing = Pin<Box<dyn Future<Output = Landed> + Send>>;
type Written = Pin<Box<dyn Future<Output = (Letter, Result<(), serde_json::Error>)> + Send>>;

/// A letter on its way, and what is settled when it is written.
struct Letter {
    letter: DeadLetter,
    end: LetterEnd,
}

enum LetterEnd {
    /// The whole record.
    Position(Position),
    /// One parcel of it.
    Parcel(Arc<Record>),
}

/// Delivers arrivals until their channel is closed and everything is settled.
pub(crate) struct Delivery<T, K, D> {
    parts: Parts<T, K, D>,
    wall: Steady,
    platform: Platform,
    events: Inlet<T, K>,
    profiles: Option<Inlet<T, K>>,
    flights: FuturesUnordered<Landing>,
    letters: VecDeque<Letter>,
    writing: FuturesUnordered<Written>,
    /// Events delivered before, if copies of them are to be skipped.
    repeated: Option<Repeated>,
    tallies: Tallies,
    /// Records that are not settled.
    open: usize,
    /// In which order the inlets are asked for their next request.
    turns: [InletName; 2],
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
        let pace = Arc::new(Pace::new(platform.pace));
        // One for each inlet: their requests differ in size and in what they cost the other side,
        // and one that is down or throttles must not slow the other.
        let limit = Limit::new(platform.concurrency, Instant::now());
        let mut inlet = |name, endpoint: Endpoint| {
            let cut = cut(platform, &endpoint);
            let backoff = Backoff::new(platform.retry, random.fork());
            Inlet {
                name,
                endpoint,
                pipeline: Pipeline::new(
                    name,
                    cut,
                    backoff,
                    limit.clone(),
                    Arc::clone(&parts.counters),
                )
                .accepting(&platform.dead_letter.accept),
                sender: Arc::new(Sender {
                    inlet: name,
                    transport: Arc::clone(&parts.transport),
                    tokens: Arc::clone(&parts.tokens),
                    pace: Arc::clone(&pace),
                    gate: Gate::new(),
                    timeout: platform.http.request_timeout,
                    longest_pause: platform.retry.max,
                    clock: parts.clock.clone(),
                    counters: Arc::clone(&parts.counters),
                    under_way: AtomicUsize::new(0),
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
            tallies: parts.counters.tallies(),
            parts,
            platform: platform.clone(),
            events,
            profiles,
            flights: FuturesUnordered::new(),
            letters: VecDeque::new(),
            writing: FuturesUnordered::new(),
            repeated: platform.deduplicate.map(Repeated::new),
            open: 0,
            turns: [InletName::Profiles, InletName::Events],
        })
    }

    /// Runs until the channel is closed and everything is settled. May be dropped at any moment:
    /// what was not acknowledged is then not settled, and is sent again by the next run.
    pub(crate) async fn run(
        mut self,
        mut arrivals: Receiver<SourceItem>,
    ) -> Result<(), DeliveryError> {
        let mut buffer = Vec::with_capacity(ARRIVALS);
        let mut is_open = true;
        // Kept over the turns of the loop: nearly all of them wait for the same moment as the one
        // before.
        let mut alarm = pin!(sleep_until(Instant::now()));
        loop {
            self.launch()?;
            if !is_open && self.open == 0 {
                return Ok(());
            }
            let wake = self.wake();
            if let Some(wake) = wake.filter(|wake| *wake != alarm.deadline()) {
                alarm.as_mut().reset(wake);
            }
            tokio::select! {
                count = arrivals.recv_many(&mut buffer, ARRIVALS), if is_open => {
                    if count == 0 {
                        is_open = false;
                        self.inlets().for_each(|inlet| inlet.pipeline.hurry());
                    }
                    for arrival in buffer.drain(..) {
                        self.accept(arrival)?;
                    }
                }
                Some(landed) = self.flights.next() => {
                    let now = self.now();
                    self.landed(landed, now);
                    // Answers come together. What follows from them is then done once.
                    while let Some(Some(landed)) = self.flights.next().now_or_never() {
                        self.landed(landed, now);
                    }
                }
                Some((letter, written)) = self.writing.next() => {
                    written?;
                    self.written(&letter)?;
                }
                () = &mut alarm, if wake.is_some() => {}
            }
        }
    }

    fn landed(&mut self, (name, id, (sent, exchange)): Landed, now: Now) {
        if let Some(inlet) = self.inlets().find(|inlet| inlet.name == name) {
            inlet.pipeline.landed(id, sent, exchange, now);
        }
    }

    fn inlets(&mut self) -> impl Iterator<Item = &mut Inlet<T, K>> {
        std::iter::once(&mut self.events).chain(self.profiles.as_mut())
    }

    fn now(&self) -> Now {
        let instant = Instant::now();
        Now {
            instant,
            wall: self.wall.now_ms(instant),
        }
    }

    // === out ===

    /// Starts whatever may start now, and draws the consequences of what has ended.
    fn launch(&mut self) -> Result<(), DeliveryError> {
        let now = self.now();
        let mut last = None;
        loop {
            let mut started = false;
            for name in self.turns {
                if self.is_other_busy(name) {
                    continue;
                }
                let room = self.room(name);
                let Some(inlet) = self.inlets().find(|inlet| inlet.name == name) else {
                    continue;
                };
                let batched = inlet.endpoint.batched();
                let Some((id, parcels, cargo)) = inlet.pipeline.next(now, room) else {
                    continue;
                };
                let count = parcels.len();
                started = true;
                last = Some(name);
                let entities = parcels
                    .iter()
                    .map(|parcel| (parcel.record.at, parcel.entity.clone()));
                let request = match cargo {
                    Cargo::AsStated => inlet.endpoint.request(entities.collect()),
                    Cargo::Merged(entity) => inlet.endpoint.request(
                        entities
                            .take(1)
                            .map(|(at, _)| (at, entity.clone()))
                            .collect(),
                    ),
                    Cargo::Nothing => {
                        self.flights
                            .push(Box::pin(async move { (name, id, (Sent::Nothing, None)) }));
                        continue;
                    }
                };
                let kind = if batched {
                    Kind::Batch(count)
                } else {
                    Kind::Single
                };
                let sender = Arc::clone(&inlet.sender);
                self.flights.push(Box::pin(async move {
                    (name, id, sender.send(request, kind, count).await)
                }));
            }
            // In turns: with a limit of one, the first of a fixed order would always win.
            if self.turns.first() == last.as_ref() {
                self.turns.swap(0, 1);
            }
            if !started {
                break;
            }
        }
        for name in [InletName::Events, InletName::Profiles] {
            let Some(inlet) = self.inlets().find(|inlet| inlet.name == name) else {
                continue;
            };
            let load = inlet.pipeline.load();
            let ended = inlet.pipeline.take_ended();
            self.parts.counters.in_flight(name, load);
            for ended in ended {
                self.ended(name, ended)?;
            }
        }
        while self.writing.len() < LETTERS
            && let Some(letter) = self.letters.pop_front()
        {
            let letters = Arc::clone(&self.parts.letters);
            let counters = Arc::clone(&self.parts.counters);
            let mut backoff = Backoff::new(self.platform.retry, self.parts.random.fork());
            self.writing.push(Box::pin(async move {
                let written =
                    dead_letter::write(&*letters, &letter.letter, &mut backoff, &counters).await;
                (letter, written)
            }));
        }
        Ok(())
    }

    /// What fits below the bound of both inlets together. A quarter of it is left to the other
    /// inlet: requests that wait for an inlet that is down must not stop the one that works. Of a
    /// bound of one no quarter can be left: it counts what is under way only, and the inlets take
    /// turns.
    fn room(&self, name: InletName) -> Room {
        let most = self.platform.concurrency.upper_bound().get();
        let events = self.events.pipeline.load();
        let Some(profiles) = self.profiles.as_ref().map(|inlet| inlet.pipeline.load()) else {
            return Room(events < most);
        };
        let own = if name == InletName::Events {
            events
        } else {
            profiles
        };
        if most == 1 {
            return Room(own == 0 && !self.is_other_busy(name));
        }
        Room(own < most - most.div_ceil(4) && events + profiles < most)
    }

    /// Whether only one request may be under way, and the other inlet has it.
    fn is_other_busy(&self, name: InletName) -> bool {
        let mut others = std::iter::once(&self.events).chain(self.profiles.as_ref());
        self.platform.concurrency.upper_bound().get() == 1
            && others.any(|inlet| inlet.name != name && inlet.pipeline.under_way() > 0)
    }

    fn wake(&self) -> Option<Instant> {
        let wake = |inlet: &Inlet<T, K>| {
            // The end of that request wakes the loop.
            let waits = self.is_other_busy(inlet.name);
            inlet
                .pipeline
                .wake(self.room(inlet.name))
                .filter(|_| !waits)
        };
        let events = wake(&self.events);
        let profiles = self.profiles.as_ref().and_then(wake);
        [events, profiles].into_iter().flatten().min()
    }
}

/// How requests to this inlet are cut. Without batches nothing is gained by lingering.
fn cut(platform: &Platform, endpoint: &Endpoint) -> Cut {
    if endpoint.batched() {
        // Each parcel counts one byte for its comma; the frame of a batch counts the one comma too
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
        Cut {
            capacity,
            linger: platform.batch.linger,
            holds: Holds::Batch,
        }
    } else if endpoint.merges() {
        Cut {
            capacity: MERGED,
            linger: Duration::ZERO,
            holds: Holds::Profile,
        }
    } else {
        Cut {
            capacity: Capacity {
                records: 1,
                bytes: MAX_BODY,
            },
            linger: Duration::ZERO,
            holds: Holds::One,
        }
    }
}
