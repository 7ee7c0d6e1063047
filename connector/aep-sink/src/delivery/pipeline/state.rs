//! The state of one inlet, and what every consequence of an attempt ends with: an entity is
//! completed, or goes back to its queue, or its batch is tried again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::breaker::Breaker;
use super::now::Now;
use super::outcome::{Completed, Undeliverable};
use crate::aep::Refusal;
use crate::backoff::Backoff;
use crate::delivery::batch::Batch;
use crate::delivery::coalesce::Coalescer;
use crate::delivery::concurrency_limit::ConcurrencyLimit;
use crate::delivery::entity::{Entity, OrderingKey};
use crate::delivery::failing_records::FailingRecords;
use crate::delivery::key_queues::{Capacity, KeyQueues, RequestShape};
use crate::delivery::poison::PoisonSuspects;
use crate::delivery::suspicion::Tally;
use crate::inlet_name::InletName;
use crate::telemetry::{Conditions, Metrics};

/// How entities are put into requests to an inlet.
#[derive(Debug, Clone, Copy)]
pub(in crate::delivery) struct RequestLimits {
    pub(in crate::delivery) capacity: Capacity,
    pub(in crate::delivery) linger: Duration,
    pub(in crate::delivery) shape: RequestShape,
    /// How long a customer's next entity waits after an acknowledgement.
    pub(in crate::delivery) settle: Duration,
}

/// Whether one more request fits below the bound of all inlets together.
#[derive(Debug, Clone, Copy)]
pub(in crate::delivery) struct Headroom(pub(in crate::delivery) bool);

/// The state of one inlet.
#[derive(Debug)]
pub(in crate::delivery) struct Pipeline {
    pub(super) inlet: InletName,
    pub(super) limits: RequestLimits,
    pub(super) backoff: Backoff,
    pub(super) metrics: Arc<Metrics>,
    pub(super) queues: KeyQueues,
    pub(super) coalescer: Option<Coalescer>,
    /// By the number of their request.
    pub(super) in_flight: HashMap<u64, Batch>,
    /// Between two attempts. They keep their place in the limit: a struggling target then has fewer
    /// batches, not more.
    pub(super) parked: Vec<Batch>,
    pub(super) limit: ConcurrencyLimit,
    pub(super) next_id: u64,
    pub(super) breaker: Breaker,
    /// What became of requests.
    pub(super) tally: Tally,
    /// How long the inlet takes to answer, the last answers counting most.
    pub(super) answer_time: Duration,
    pub(super) suspects: PoisonSuspects,
    pub(super) failing: FailingRecords,
    /// Whether later records may pass one that keeps failing or is refused for now: events carry
    /// their own time, and a merged statement leaves out what is older than what was accepted.
    pub(super) may_pass: bool,
    /// Reasons of refusals that are dead-lettered on purpose instead of tripping the breaker.
    accept: Vec<String>,
    /// The stream has ended: nothing more will fill a batch.
    pub(super) flush: bool,
    pub(super) completed: Vec<Completed>,
}

impl Pipeline {
    pub(in crate::delivery) fn new(
        inlet: InletName,
        limits: RequestLimits,
        backoff: Backoff,
        limit: ConcurrencyLimit,
        metrics: Arc<Metrics>,
        conditions: Arc<Conditions>,
    ) -> Self {
        metrics.concurrency_limit(inlet, limit.get());
        Self {
            inlet,
            limits,
            backoff,
            breaker: Breaker::new(inlet, Arc::clone(&metrics), Arc::clone(&conditions)),
            failing: FailingRecords::new(inlet, conditions),
            may_pass: inlet == InletName::Events || limits.shape == RequestShape::OneProfile,
            metrics,
            queues: KeyQueues::new(limits.shape, limits.settle),
            coalescer: (limits.shape == RequestShape::OneProfile).then(Coalescer::default),
            in_flight: HashMap::new(),
            parked: Vec::new(),
            limit,
            next_id: 0,
            tally: Tally::default(),
            answer_time: Duration::ZERO,
            suspects: PoisonSuspects::default(),
            accept: Vec::new(),
            flush: false,
            completed: Vec::new(),
        }
    }

    /// Refusals with these reasons are dead-lettered instead of tripping the breaker.
    pub(in crate::delivery) fn accepting(mut self, reasons: &[String]) -> Self {
        self.accept = reasons.to_vec();
        self
    }

    pub(super) fn accepts(&self, refusal: &Refusal) -> bool {
        self.accept.iter().any(|reason| reason == refusal.reason)
    }

    pub(in crate::delivery) fn push(&mut self, entity: Entity, now: Now) {
        self.queues.push(entity, now.instant, now.wall);
    }

    /// Whether this customer's entities wait for a moment, whatever the inlet does.
    pub(in crate::delivery) fn is_held(&self, ordering_key: OrderingKey, now: Now) -> bool {
        self.queues.is_held(ordering_key, now.instant, now.wall)
    }

    /// No more entities will come.
    pub(in crate::delivery) fn flush(&mut self) {
        self.flush = true;
    }

    /// Requests in flight or between two attempts.
    pub(in crate::delivery) fn load(&self) -> usize {
        self.in_flight.len() + self.parked.len()
    }

    /// Requests in flight.
    pub(in crate::delivery) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// How long the inlet takes to answer.
    pub(in crate::delivery) fn answer_time(&self) -> Duration {
        self.answer_time
    }

    /// Entities that were completed since the last call.
    pub(in crate::delivery) fn take_completed(&mut self) -> Vec<Completed> {
        std::mem::take(&mut self.completed)
    }

    /// Takes out what is of a partition and waits. What is in flight goes on, unless it is not sent
    /// yet: then it comes back, to be taken out by the next call.
    pub(in crate::delivery) fn revoke(&mut self, partition: u32, now: Now) -> Vec<Entity> {
        let mut revoked = self.queues.revoke(partition);
        revoked.extend(self.suspects.revoke(partition));
        let mut out = Vec::new();
        for batch in self.in_flight.values_mut() {
            out.extend(batch.revoke(partition, true));
            if batch.chunk().iter().any(|entity| entity.is_of(partition))
                && let Some(withdraw) = batch.withdraw.take()
            {
                // Its attempt may have ended at this moment.
                let _ = withdraw.send(());
            }
        }
        for batch in &mut self.parked {
            out.extend(batch.revoke(partition, false));
        }
        self.parked.retain(|batch| !batch.is_done());
        for entity in &out {
            self.queues
                .release(entity.ordering_key, now.instant, now.wall);
        }
        revoked.append(&mut out);
        for entity in &revoked {
            self.failing.remove(entity.record.position);
        }
        revoked
    }

    /// Whether nothing is in flight or ready, so that no further evidence is to be expected.
    pub(super) fn is_idle(&self) -> bool {
        self.breaker.is_closed() && self.load() == 0 && !self.queues.has_ready()
    }

    /// The entity needs no further attempt; its queue goes on.
    pub(super) fn complete(
        &mut self,
        entity: Entity,
        undeliverable: Option<Undeliverable>,
        now: Now,
    ) {
        self.failing.remove(entity.record.position);
        self.queues
            .release(entity.ordering_key, now.instant, now.wall);
        self.completed.push(Completed {
            entity,
            undeliverable,
        });
    }

    /// Sends the rest of a batch on, or frees its place.
    pub(super) fn resume(&mut self, mut batch: Batch, now: Now) {
        if batch.is_done() {
            return;
        }
        if self.breaker.is_misconfigured() {
            self.requeue_all(batch, None, now);
            return;
        }
        let ordering_key = batch.chunk().first().map(|entity| entity.ordering_key);
        if ordering_key.is_some_and(|key| self.queues.is_settling(key, now.instant)) {
            // A request that settles is about one customer. Meanwhile it needs no place in the
            // limit.
            for entity in batch.into_entities() {
                self.queues
                    .requeue_after(entity, now.instant, now.instant, now.wall);
            }
            return;
        }
        batch.not_before = now.instant;
        self.parked.push(batch);
    }

    /// The inlet works again: what waited for it need not wait longer. A pause it asked for is kept
    /// by its gate.
    pub(super) fn resume_parked(&mut self, now: Now) {
        for batch in &mut self.parked {
            batch.not_before = now.instant;
        }
    }

    /// Sends an entity back to its queue to rest there, and with it whatever later entities of that
    /// queue the batch still holds.
    pub(super) fn requeue(&mut self, entity: Entity, until: Instant, batch: &mut Batch, now: Now) {
        let ordering_key = entity.ordering_key;
        // An inlet that works has no need of other records to show it, and the queue's later ones
        // wait for this one.
        let back = if self.breaker.is_closed() {
            KeyQueues::requeue_after
        } else {
            KeyQueues::requeue_last
        };
        for entity in std::iter::once(entity).chain(batch.withdraw(ordering_key)) {
            back(&mut self.queues, entity, until, now.instant, now.wall);
        }
    }

    /// Sends a whole batch back to the queues. `refused`: the trip whose reason its chunk in front
    /// was refused for.
    pub(super) fn requeue_all(&mut self, batch: Batch, refused: Option<u64>, now: Now) {
        // Only what was sent was refused.
        let sent = batch.chunk().len();
        for (index, mut entity) in batch.into_entities().enumerate() {
            if let Some(trip) = refused.filter(|_| index < sent) {
                entity.on_trip(trip);
            }
            self.queues
                .requeue_last(entity, now.instant, now.instant, now.wall);
        }
    }

    /// Sends an entity back to its queue that was refused for the present trip's reason.
    pub(super) fn requeue_refused(&mut self, mut entity: Entity, now: Now) {
        entity.on_trip(self.breaker.trip_number());
        self.queues
            .requeue_last(entity, now.instant, now.instant, now.wall);
    }
}
