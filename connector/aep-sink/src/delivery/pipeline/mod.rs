//! Everything one inlet decides: what goes next, and what follows from an answer. Pure: no clock,
//! no I/O, no task.

mod backpressure;
mod breaker;
mod record_statuses;
mod refusals;
mod responses;
mod retries;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::attempt::{AttemptResult, AttemptTiming};
use super::batch::Batch;
use super::coalesce::{Coalescer, Payload};
use super::concurrency_limit::ConcurrencyLimit;
use super::counters::Counters;
use super::entity::Entity;
use super::key_queues::{Capacity, KeyQueues, RequestShape};
use super::poison::PoisonSuspects;
use crate::aep::{InletResponse, RecordStatus, Refusal};
use crate::backoff::Backoff;
use crate::inlet_name::InletName;
use breaker::Health;

/// The end of a entity.
#[derive(Debug)]
pub(super) struct Completed {
    pub(super) entity: Entity,
    /// `None` when it was delivered.
    pub(super) undeliverable: Option<Undeliverable>,
}

/// Why a entity cannot be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Undeliverable {
    pub(super) reason: &'static str,
    pub(super) status: Option<u16>,
    pub(super) message: String,
    pub(super) pointer: Option<String>,
}

/// How requests to an inlet are cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestLimits {
    pub(super) capacity: Capacity,
    pub(super) linger: Duration,
    pub(super) holds: RequestShape,
}

/// Whether one more request fits below the bound of all inlets together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Headroom(pub(super) bool);

/// Now, on both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) instant: Instant,
    /// Milliseconds since the epoch.
    pub(super) wall: i64,
}

/// The state of one inlet.
#[derive(Debug)]
pub(super) struct Pipeline {
    inlet: InletName,
    limits: RequestLimits,
    backoff: Backoff,
    counters: Arc<Counters>,
    queues: KeyQueues,
    coalescer: Option<Coalescer>,
    in_flight: HashMap<u64, Batch>,
    /// Between two attempts. They keep their place in the limit: a struggling target then has fewer
    /// batches, not more.
    parked: Vec<Batch>,
    limit: ConcurrencyLimit,
    next_id: u64,
    health: Health,
    /// Failures in a row over all requests.
    failures: u32,
    /// Answers that accepted something.
    acceptances: u64,
    /// When the latest request that was accepted began.
    accepted_begun: Option<Instant>,
    suspects: PoisonSuspects,
    /// RequestShape begun and holds ended, both counted from 1.
    holds: u64,
    released: u64,
    /// For what the inlet was told to be held last.
    held_for: &'static str,
    /// Probes of the present hold or outage.
    probes: u32,
    /// Reasons of refusals that are dead-lettered on purpose instead of holding the inlet.
    accept: Vec<String>,
    /// The stream has ended: nothing more will fill a batch.
    flush: bool,
    ended: Vec<Completed>,
}

impl Pipeline {
    pub(super) fn new(
        inlet: InletName,
        limits: RequestLimits,
        backoff: Backoff,
        limit: ConcurrencyLimit,
        counters: Arc<Counters>,
    ) -> Self {
        counters.limit(inlet, limit.get());
        Self {
            inlet,
            limits,
            backoff,
            counters,
            queues: KeyQueues::new(limits.holds),
            coalescer: (limits.holds == RequestShape::OneProfile).then(Coalescer::default),
            in_flight: HashMap::new(),
            parked: Vec::new(),
            limit,
            next_id: 0,
            health: Health::Well,
            failures: 0,
            acceptances: 0,
            accepted_begun: None,
            suspects: PoisonSuspects::default(),
            holds: 0,
            released: 0,
            held_for: "",
            probes: 0,
            accept: Vec::new(),
            flush: false,
            ended: Vec::new(),
        }
    }

    /// Refusals with these reasons are dead-lettered instead of holding the inlet.
    pub(super) fn accepting(mut self, reasons: &[String]) -> Self {
        self.accept = reasons.to_vec();
        self
    }

    fn accepts(&self, refusal: &Refusal) -> bool {
        self.accept.iter().any(|reason| reason == refusal.reason)
    }

    pub(super) fn push(&mut self, entity: Entity, now: Now) {
        self.queues.push(entity, now.instant, now.wall);
    }

    /// No more entities will come.
    pub(super) fn flush(&mut self) {
        self.flush = true;
    }

    /// Requests under way or between two attempts.
    pub(super) fn load(&self) -> usize {
        self.in_flight.len() + self.parked.len()
    }

    /// Requests under way.
    pub(super) fn under_way(&self) -> usize {
        self.in_flight.len()
    }

    /// Parcels that ended since the last call.
    pub(super) fn take_ended(&mut self) -> Vec<Completed> {
        std::mem::take(&mut self.ended)
    }

    /// Whether one more request may be under way. When the limit shrinks, those between two
    /// attempts may be more than it allows; they keep their places and go one after the other.
    fn may_send(&self) -> bool {
        self.in_flight.len() < self.limit.get()
    }

    /// Whether something new may be begun.
    fn may_begin(&self, headroom: Headroom) -> bool {
        headroom.0 && self.load() < self.limit.get()
    }

    /// What goes out next, if anything may go now.
    pub(super) fn next(
        &mut self,
        now: Now,
        headroom: Headroom,
    ) -> Option<(u64, &[Entity], Payload)> {
        self.queues.wake_rested(now.instant, now.wall);
        self.judge_suspects(now);
        let mut batch = match self.health {
            Health::Held { until } => {
                if now.instant < until || !self.in_flight.is_empty() || !headroom.0 {
                    return None;
                }
                // One record: if the inlet refuses it, only that one was tried in vain. A different
                // one each time, so that a record that is itself at fault cannot keep the inlet
                // held.
                let mut batch = Batch::new(vec![self.queues.take_one()?], now.instant);
                batch.probe = true;
                batch
            }
            Health::Down { until, .. } => {
                if now.instant < until || !self.in_flight.is_empty() {
                    return None;
                }
                // One request: the limit does not matter, and it must not keep the question to what
                // has failed before.
                let mut batch = self.outage_probe(now, headroom.0)?;
                batch.probe = true;
                batch
            }
            Health::Well => {
                if !self.may_send() {
                    return None;
                }
                let permit = self.may_begin(headroom);
                match self
                    .parked
                    .iter()
                    .position(|parked| parked.not_before <= now.instant)
                {
                    Some(index) => self.parked.swap_remove(index),
                    None => self.fresh(now, permit)?,
                }
            }
        };
        batch.begun = now.instant;
        batch.attempt(now.wall);
        let payload = match &mut self.coalescer {
            Some(coalescer) => coalescer.coalesce(batch.chunk_mut()),
            None => Payload::AsStated,
        };
        let id = self.next_id;
        self.next_id += 1;
        Some((
            id,
            self.in_flight.entry(id).or_insert(batch).chunk(),
            payload,
        ))
    }

    /// What asks an inlet that is down how it is: something else each time. What failed may be
    /// failing for its own sake, and asking with it alone would keep the inlet down for ever.
    fn outage_probe(&mut self, now: Now, permit: bool) -> Option<Batch> {
        (0..3).find_map(|turn| match (self.probes + turn) % 3 {
            // The one that waits longest; what fails goes to the end.
            1 => (!self.parked.is_empty()).then(|| self.parked.remove(0)),
            2 => self.batch(now, permit),
            _ => self.solo(now, permit),
        })
    }

    fn fresh(&mut self, now: Now, permit: bool) -> Option<Batch> {
        self.solo(now, permit).or_else(|| self.batch(now, permit))
    }

    fn solo(&mut self, now: Now, permit: bool) -> Option<Batch> {
        let entity = permit.then(|| self.queues.take_solo())??;
        let mut batch = Batch::new(vec![entity], now.instant);
        batch.is_split = true;
        Some(batch)
    }

    fn batch(&mut self, now: Now, permit: bool) -> Option<Batch> {
        if !permit || self.batch_due()? > now.instant {
            return None;
        }
        let batch = self
            .queues
            .take_batch(self.limits.capacity, now.instant, now.wall);
        (!batch.is_empty()).then(|| Batch::new(batch, now.instant))
    }

    fn batch_due(&self) -> Option<Instant> {
        let linger = if self.flush {
            Duration::ZERO
        } else {
            self.limits.linger
        };
        self.queues.due(self.limits.capacity, linger)
    }

    /// When [`Self::next`] has to be asked again, if nothing happens before. Never a moment at
    /// which it could do nothing: that would make the driver spin.
    pub(super) fn wake(&self, headroom: Headroom) -> Option<Instant> {
        let resting = self.queues.next_wake();
        let suspects = if self.is_idle() {
            self.suspects.due()
        } else {
            None
        };
        let sending = match self.health {
            Health::Held { until } => {
                (self.in_flight.is_empty() && headroom.0 && self.queues.has_ready())
                    .then_some(until)
            }
            Health::Down { until, .. } => {
                let fresh = || {
                    if self.queues.has_solo() {
                        Some(until)
                    } else {
                        self.batch_due()
                    }
                };
                let due = if !self.parked.is_empty() {
                    Some(until)
                } else if headroom.0 {
                    fresh()
                } else {
                    None
                };
                due.filter(|_| self.in_flight.is_empty())
                    .map(|due| due.max(until))
            }
            Health::Well if !self.may_send() => None,
            Health::Well => {
                let parked = self.parked.iter().map(|batch| batch.not_before).min();
                let fresh = if self.may_begin(headroom) {
                    self.batch_due()
                } else {
                    None
                };
                [parked, fresh].into_iter().flatten().min()
            }
        };
        [resting, suspects, sending].into_iter().flatten().min()
    }

    /// Whether nothing is under way or ready, so that no further evidence is to be expected.
    fn is_idle(&self) -> bool {
        self.health == Health::Well && self.load() == 0 && !self.queues.has_ready()
    }

    /// Draws the consequences of an attempt.
    pub(super) fn on_response(
        &mut self,
        id: u64,
        sent: AttemptResult,
        timing: Option<AttemptTiming>,
        now: Now,
    ) {
        let Some(mut batch) = self.in_flight.remove(&id) else {
            return;
        };
        if let Some(timing) = timing {
            self.measure(&sent, timing, now);
        }
        let probe = std::mem::take(&mut batch.probe);
        // Nothing was sent, so nothing was asked: another one asks at once.
        let asked = sent != AttemptResult::Nothing;
        let refusal = if probe {
            refusal_of(&sent).cloned()
        } else {
            None
        };
        let was_held = self.health.is_held();
        self.judge(batch, sent, probe, now);
        if probe
            && asked
            && was_held
            && let Health::Held { until } = &mut self.health
        {
            // Still held. Without jitter and up to the maximum: this waits for a person.
            self.probes += 1;
            *until = now.instant + self.backoff.ceiling(self.probes);
            if let Some(refusal) = refusal {
                self.held_for_another(&refusal, now);
            }
        }
    }

    // === what all of them end with ===

    fn end(&mut self, entity: Entity, undeliverable: Option<Undeliverable>, now: Now) {
        self.queues
            .release(entity.ordering_key, now.instant, now.wall);
        self.ended.push(Completed {
            entity,
            undeliverable,
        });
    }

    /// Sends the rest of a batch on, or frees its place.
    fn resume(&mut self, mut batch: Batch, now: Now) {
        if batch.is_done() {
            return;
        }
        if self.health.is_held() {
            self.requeue_all(batch, None, now);
            return;
        }
        batch.not_before = now.instant;
        self.parked.push(batch);
    }
}

/// For what a request was refused.
fn refusal_of(sent: &AttemptResult) -> Option<&Refusal> {
    match sent {
        AttemptResult::Response(InletResponse::Records(statuses)) => {
            statuses
                .iter()
                .find_map(|record_status| match record_status {
                    RecordStatus::Refused(refusal) => Some(refusal),
                    RecordStatus::Accepted | RecordStatus::Retry(_) | RecordStatus::Unknown => None,
                })
        }
        AttemptResult::Response(
            InletResponse::Refused(refusal)
            | InletResponse::TooLarge(refusal)
            | InletResponse::Unauthorized(refusal)
            | InletResponse::Target(refusal),
        ) => Some(refusal),
        _ => None,
    }
}

/// The name of a status that heals, for the counters.
fn cause(status: u16) -> &'static str {
    match status {
        429 => "429",
        500.. => "5xx",
        _ => "4xx",
    }
}

impl Undeliverable {
    fn stuck(message: String) -> Self {
        Self {
            reason: "target_keeps_failing",
            status: None,
            message,
            pointer: None,
        }
    }
}

impl From<Refusal> for Undeliverable {
    fn from(refusal: Refusal) -> Self {
        Self {
            reason: refusal.reason,
            status: Some(refusal.status),
            message: refusal.message,
            pointer: refusal.pointer,
        }
    }
}
