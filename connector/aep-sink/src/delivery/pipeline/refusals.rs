//! Refusals for good: the record's fault, or the target's?

use std::time::Duration;

use tokio::time::Instant;

use super::failure::cause;
use super::now::Now;
use super::outcome::Completed;
use super::state::Pipeline;
use crate::aep::{Refusal, Scope};
use crate::delivery::batch::Batch;
use crate::delivery::entity::{Batching, Entity};

/// How long a refusal that names the configuration is taken for a change that has not reached all
/// of the platform, while others are accepted. Adobe names 15 minutes.
const CHANGE_TIME: Duration = Duration::from_secs(1800);

/// Whose fault a refusal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blame {
    /// Every record is refused.
    Target,
    /// This record, unless the target turns out to be at fault.
    Record,
    /// This record: others were accepted for long enough.
    ProvenRecord,
    /// Not known yet.
    Undecided,
}

impl Pipeline {
    /// A whole request was refused. Alone, the record is known; otherwise halves find it.
    pub(super) fn refused(&mut self, mut batch: Batch, refusal: Refusal, now: Now) {
        if batch.chunk().len() == 1 && self.accepts(&refusal) {
            for entity in batch.take_chunk() {
                self.complete(entity, Some(refusal.clone().into()), now);
            }
            self.resume(batch, now);
            return;
        }
        if self.breaker.is_misconfigured() {
            self.requeue_all(batch, Some(self.breaker.trip_number()), now);
            return;
        }
        if batch.chunk().len() > 1 {
            batch.halve();
        } else if let [entity] = batch.chunk_mut() {
            let blame = self.blame(entity, &refusal, now);
            if blame == Blame::Target {
                self.trip_and_requeue(&refusal, batch, now);
                return;
            }
            for entity in batch.take_chunk() {
                self.apply_blame(entity, blame, refusal.clone(), &mut batch, now);
            }
        }
        self.resume(batch, now);
    }

    /// Whose fault a refusal is, of a record whose response accepted no other.
    pub(super) fn blame(&mut self, entity: &mut Entity, refusal: &Refusal, now: Now) -> Blame {
        let was_tripped = self.was_tripped(entity);
        if refusal.scope == Scope::Record {
            // One that was refused before and after many others were accepted tells nothing of the
            // target.
            let tells = !was_tripped || !self.suspects.is_target_proven();
            return if tells && self.suspects.refused(refusal) {
                Blame::Target
            } else {
                Blame::Record
            };
        }
        if !was_tripped {
            return Blame::Target;
        }
        if entity.trip() != Some(self.breaker.trip_number()) {
            // The target was at fault once more since.
            entity.on_trip(self.breaker.trip_number());
        }
        // Accepting a probe proves little: the fault may be back, or gone from some of the
        // platform's nodes only.
        if !entity.has_failed() {
            self.tally.add(0, 1, now.instant);
        }
        let suspicion = &mut entity.trouble().suspicion;
        suspicion.failed(self.tally, now.instant);
        if suspicion.is_refused(CHANGE_TIME, now.instant) {
            Blame::ProvenRecord
        } else if !suspicion.is_contradicted() && self.suspects.refused(refusal) {
            Blame::Target
        } else {
            Blame::Undecided
        }
    }

    /// Draws the consequences for a record of an inlet that is not misconfigured.
    pub(super) fn apply_blame(
        &mut self,
        mut entity: Entity,
        blame: Blame,
        refusal: Refusal,
        batch: &mut Batch,
        now: Now,
    ) {
        match blame {
            Blame::ProvenRecord => self.complete(entity, Some(refusal.into()), now),
            Blame::Record => self.suspect(entity, refusal, now),
            Blame::Undecided | Blame::Target => {
                self.metrics.retried(cause(refusal.status), 1);
                entity.batching = Batching::Alone;
                let pause = self.backoff.pause(entity.attempts);
                self.requeue(entity, now.instant + pause, batch, now);
            }
        }
    }

    /// The record was refused, and nothing is known yet of others. Its queue goes on, since there
    /// was a response, unless a later statement would be replaced by this one if it is sent again.
    pub(super) fn suspect(&mut self, entity: Entity, refusal: Refusal, now: Now) {
        if self.may_pass {
            self.queues
                .release(entity.ordering_key, now.instant, now.wall);
        }
        self.suspects.keep(entity, refusal, now.instant);
    }

    pub(super) fn judge_suspects(&mut self, now: Now) {
        if self.is_idle() && self.suspects.due().is_some_and(|due| due <= now.instant) {
            self.confirm_suspects(now.instant, now);
        }
    }

    /// Gives up those refused before this moment.
    pub(super) fn confirm_suspects(&mut self, before: Instant, now: Now) {
        for (entity, refusal) in self.suspects.take_before(before) {
            self.failing.remove(entity.record.position);
            if !self.may_pass {
                self.queues
                    .release(entity.ordering_key, now.instant, now.wall);
            }
            self.completed.push(Completed {
                entity,
                undeliverable: Some(refusal.into()),
            });
        }
    }

    /// Whether it was part of a trip that was reset since: then others are accepted where it is
    /// refused.
    pub(super) fn was_tripped(&self, entity: &Entity) -> bool {
        entity
            .trip()
            .is_some_and(|trip| trip <= self.breaker.last_reset())
    }

    /// Trips the breaker; what was refused waits until it is reset.
    pub(super) fn trip_and_requeue(&mut self, refusal: &Refusal, batch: Batch, now: Now) {
        self.trip(refusal, now);
        self.requeue_all(batch, Some(self.breaker.trip_number()), now);
    }

    /// Trips the breaker, unless it is tripped. Nothing stays in its place: probes are taken from
    /// the queues.
    pub(super) fn trip(&mut self, refusal: &Refusal, now: Now) {
        if !self.breaker.trip(refusal, &self.backoff, now) {
            return;
        }
        for (mut entity, _) in self.suspects.take() {
            entity.on_trip(self.breaker.trip_number());
            if self.may_pass {
                self.queues.requeue_released(entity, now.instant, now.wall);
            } else {
                self.queues
                    .requeue_last(entity, now.instant, now.instant, now.wall);
            }
        }
        for batch in std::mem::take(&mut self.parked) {
            self.requeue_all(batch, None, now);
        }
    }

    /// A probe was accepted: the target was mended.
    pub(super) fn reset(&mut self, now: Now) {
        self.suspects.reset();
        self.breaker.reset();
        self.resume_parked(now);
    }

    /// The inlet responded with something that is no failure.
    pub(super) fn responded(&mut self, now: Now) {
        if let Some(unavailable) = self.breaker.on_response(now) {
            self.tally.add_unavailable(unavailable);
            self.resume_parked(now);
        }
    }
}
