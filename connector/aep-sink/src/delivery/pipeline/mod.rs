//! Everything one inlet decides: what goes next, and what follows from an answer. Pure: no clock,
//! no I/O, no task.

mod answers;
mod failures;
mod pressure;
mod refusals;
mod verdicts;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::health::Health;
use super::lanes::{Capacity, Holds, Lanes};
use super::limit::Limit;
use super::merge::{Cargo, Merger};
use super::parcel::Parcel;
use super::send::{Exchange, Sent};
use super::shipment::Shipment;
use super::suspicion::Suspicion;
use crate::aep::{Answer, Fate, Refusal};
use crate::backoff::Backoff;
use crate::inlet_name::InletName;
use crate::telemetry::{Conditions, Metrics};

/// The end of a parcel.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) parcel: Parcel,
    /// `None` when it was delivered.
    pub(super) death: Option<Death>,
}

/// Why a parcel cannot be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Death {
    pub(super) reason: &'static str,
    pub(super) status: Option<u16>,
    pub(super) message: String,
    pub(super) pointer: Option<String>,
}

/// How requests to an inlet are cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    pub(super) capacity: Capacity,
    pub(super) linger: Duration,
    pub(super) holds: Holds,
}

/// Whether one more request fits below the bound of all inlets together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room(pub(super) bool);

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
    cut: Cut,
    backoff: Backoff,
    counters: Arc<Metrics>,
    conditions: Arc<Conditions>,
    lanes: Lanes,
    merger: Option<Merger>,
    flying: HashMap<u64, Shipment>,
    /// Between two attempts. They keep their place in the limit: a struggling target then has fewer
    /// batches, not more.
    parked: Vec<Shipment>,
    limit: Limit,
    next_id: u64,
    health: Health,
    /// Failures in a row over all requests.
    failures: u32,
    /// Answers that accepted something.
    acceptances: u64,
    /// When the latest request that was accepted began.
    accepted_begun: Option<Instant>,
    suspicion: Suspicion,
    /// Holds begun and holds ended, both counted from 1.
    holds: u64,
    released: u64,
    /// For what the inlet was told to be held last.
    held_for: &'static str,
    /// Probes of the present hold or outage.
    probes: u32,
    /// Reasons of refusals that are dead-lettered on purpose instead of holding the inlet.
    accept: Vec<String>,
    /// The stream has ended: nothing more will fill a batch.
    hurry: bool,
    ended: Vec<Ended>,
}

impl Pipeline {
    pub(super) fn new(
        inlet: InletName,
        cut: Cut,
        backoff: Backoff,
        limit: Limit,
        counters: Arc<Metrics>,
        conditions: Arc<Conditions>,
    ) -> Self {
        counters.concurrency_limit(inlet, limit.get());
        Self {
            inlet,
            cut,
            backoff,
            counters,
            conditions,
            lanes: Lanes::new(cut.holds),
            merger: (cut.holds == Holds::Profile).then(Merger::default),
            flying: HashMap::new(),
            parked: Vec::new(),
            limit,
            next_id: 0,
            health: Health::Well,
            failures: 0,
            acceptances: 0,
            accepted_begun: None,
            suspicion: Suspicion::default(),
            holds: 0,
            released: 0,
            held_for: "",
            probes: 0,
            accept: Vec::new(),
            hurry: false,
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

    pub(super) fn push(&mut self, parcel: Parcel, now: Now) {
        self.lanes.push(parcel, now.instant, now.wall);
    }

    /// No more parcels will come.
    pub(super) fn hurry(&mut self) {
        self.hurry = true;
    }

    /// Requests under way or between two attempts.
    pub(super) fn load(&self) -> usize {
        self.flying.len() + self.parked.len()
    }

    /// Requests under way.
    pub(super) fn under_way(&self) -> usize {
        self.flying.len()
    }

    /// Parcels that ended since the last call.
    pub(super) fn take_ended(&mut self) -> Vec<Ended> {
        std::mem::take(&mut self.ended)
    }

    /// Whether one more request may be under way. When the limit shrinks, those between two
    /// attempts may be more than it allows; they keep their places and go one after the other.
    fn may_send(&self) -> bool {
        self.flying.len() < self.limit.get()
    }

    /// Whether something new may be begun.
    fn may_begin(&self, room: Room) -> bool {
        room.0 && self.load() < self.limit.get()
    }

    /// What goes out next, if anything may go now.
    pub(super) fn next(&mut self, now: Now, room: Room) -> Option<(u64, &[Parcel], Cargo)> {
        self.lanes.awake(now.instant, now.wall);
        self.judge_suspects(now);
        let mut shipment = match self.health {
            Health::Held { until } => {
                if now.instant < until || !self.flying.is_empty() || !room.0 {
                    return None;
                }
                // One record: if the inlet refuses it, only that one was tried in vain. A different
                // one each time, so that a record that is itself at fault cannot keep the inlet
                // held.
                let mut shipment = Shipment::new(vec![self.lanes.take_one()?], now.instant);
                shipment.probe = true;
                shipment
            }
            Health::Down { until, .. } => {
                if now.instant < until || !self.flying.is_empty() {
                    return None;
                }
                // One request: the limit does not matter, and it must not keep the question to what
                // has failed before.
                let mut shipment = self.outage_probe(now, room.0)?;
                shipment.probe = true;
                shipment
            }
            Health::Well => {
                if !self.may_send() {
                    return None;
                }
                let permit = self.may_begin(room);
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
        shipment.begun = now.instant;
        shipment.attempt(now.wall);
        let cargo = match &mut self.merger {
            Some(merger) => merger.merge(shipment.part_mut()),
            None => Cargo::AsStated,
        };
        let id = self.next_id;
        self.next_id += 1;
        Some((id, self.flying.entry(id).or_insert(shipment).part(), cargo))
    }

    /// What asks an inlet that is down how it is: something else each time. What failed may be
    /// failing for its own sake, and asking with it alone would keep the inlet down for ever.
    fn outage_probe(&mut self, now: Now, permit: bool) -> Option<Shipment> {
        (0..3).find_map(|turn| match (self.probes + turn) % 3 {
            // The one that waits longest; what fails goes to the end.
            1 => (!self.parked.is_empty()).then(|| self.parked.remove(0)),
            2 => self.batch(now, permit),
            _ => self.solo(now, permit),
        })
    }

    fn fresh(&mut self, now: Now, permit: bool) -> Option<Shipment> {
        self.solo(now, permit).or_else(|| self.batch(now, permit))
    }

    fn solo(&mut self, now: Now, permit: bool) -> Option<Shipment> {
        let parcel = permit.then(|| self.lanes.take_solo())??;
        let mut shipment = Shipment::new(vec![parcel], now.instant);
        shipment.cut = true;
        Some(shipment)
    }

    fn batch(&mut self, now: Now, permit: bool) -> Option<Shipment> {
        if !permit || self.batch_due()? > now.instant {
            return None;
        }
        let batch = self
            .lanes
            .take_batch(self.cut.capacity, now.instant, now.wall);
        (!batch.is_empty()).then(|| Shipment::new(batch, now.instant))
    }

    fn batch_due(&self) -> Option<Instant> {
        let linger = if self.hurry {
            Duration::ZERO
        } else {
            self.cut.linger
        };
        self.lanes.due(self.cut.capacity, linger)
    }

    /// When [`Self::next`] has to be asked again, if nothing happens before. Never a moment at
    /// which it could do nothing: that would make the driver spin.
    pub(super) fn wake(&self, room: Room) -> Option<Instant> {
        let resting = self.lanes.next_awake();
        let suspects = if self.is_idle() {
            self.suspicion.due()
        } else {
            None
        };
        let sending = match self.health {
            Health::Held { until } => {
                (self.flying.is_empty() && room.0 && self.lanes.has_ready()).then_some(until)
            }
            Health::Down { until, .. } => {
                let fresh = || {
                    if self.lanes.has_solo() {
                        Some(until)
                    } else {
                        self.batch_due()
                    }
                };
                let due = if !self.parked.is_empty() {
                    Some(until)
                } else if room.0 {
                    fresh()
                } else {
                    None
                };
                due.filter(|_| self.flying.is_empty())
                    .map(|due| due.max(until))
            }
            Health::Well if !self.may_send() => None,
            Health::Well => {
                let parked = self.parked.iter().map(|shipment| shipment.not_before).min();
                let fresh = if self.may_begin(room) {
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
        self.health == Health::Well && self.load() == 0 && !self.lanes.has_ready()
    }

    /// Draws the consequences of an attempt.
    pub(super) fn landed(&mut self, id: u64, sent: Sent, exchange: Option<Exchange>, now: Now) {
        let Some(mut shipment) = self.flying.remove(&id) else {
            return;
        };
        if let Some(exchange) = exchange {
            self.measure(&sent, exchange, now);
        }
        let probe = std::mem::take(&mut shipment.probe);
        // Nothing was sent, so nothing was asked: another one asks at once.
        let asked = sent != Sent::Nothing;
        let refusal = if probe {
            refusal_of(&sent).cloned()
        } else {
            None
        };
        let was_held = self.health.is_held();
        self.judge(shipment, sent, probe, now);
        if probe
            && asked
            && was_held
            && let Health::Held { until } = &mut self.health
        {
            // Still held. Without jitter and up to the maximum: this waits for a person.
            self.probes += 1;
            *until = now.instant + self.backoff.ceiling(self.probes);
            if let Some(refusal) = refusal {
                self.held_for_another(&refusal);
            }
        }
    }

    // === what all of them end with ===

    fn end(&mut self, parcel: Parcel, death: Option<Death>, now: Now) {
        self.lanes.release(parcel.lane, now.instant, now.wall);
        self.ended.push(Ended { parcel, death });
    }

    /// Sends the rest of a shipment on, or frees its place.
    fn carry_on(&mut self, mut shipment: Shipment, now: Now) {
        if shipment.is_done() {
            return;
        }
        if self.health.is_held() {
            self.back_to_lanes(shipment, None, now);
            return;
        }
        shipment.not_before = now.instant;
        self.parked.push(shipment);
    }
}

/// For what a request was refused.
fn refusal_of(sent: &Sent) -> Option<&Refusal> {
    match sent {
        Sent::Answered(Answer::Records(fates)) => fates.iter().find_map(|fate| match fate {
            Fate::Refused(refusal) => Some(refusal),
            Fate::Accepted | Fate::Again(_) | Fate::Unknown => None,
        }),
        Sent::Answered(
            Answer::Refused(refusal)
            | Answer::TooLarge(refusal)
            | Answer::Unauthorized(refusal)
            | Answer::Target(refusal),
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

impl Death {
    fn stuck(message: String) -> Self {
        Self {
            reason: "target_keeps_failing",
            status: None,
            message,
            pointer: None,
        }
    }
}

impl From<Refusal> for Death {
    fn from(refusal: Refusal) -> Self {
        Self {
            reason: refusal.reason,
            status: Some(refusal.status),
            message: refusal.message,
            pointer: refusal.pointer,
        }
    }
}
