//! Refusals for good: the record's fault, or the target's?

use std::time::Duration;

use tokio::time::Instant;

use super::breaker::Health;
use super::retries::STUCK_FAILURES;
use super::{Completed, Now, Pipeline, cause};
use crate::aep::{Refusal, Scope};
use crate::delivery::batch::Batch;
use crate::delivery::counters::{Stop, StopKind};
use crate::delivery::entity::{Batching, Entity};
use crate::error::Fault;

/// How long a refusal that names the configuration is taken for a change that has not reached all
/// of the platform, while others are accepted. Adobe names 15 minutes.
const CHANGE_TIME: Duration = Duration::from_secs(1800);

/// Whom a refusal blames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blamed {
    /// Every record is refused.
    Target,
    /// This record, unless the target turns out to be at fault.
    Record,
    /// This record: others were accepted for long enough.
    Proven,
    /// Not known yet.
    Nobody,
}

/// The hold for whoever looks.
fn stop(refusal: &Refusal, now: Now) -> Stop {
    Stop {
        kind: StopKind::Held,
        fault: Fault::User,
        reason: format!(
            "{} ({}: {})",
            refusal.reason,
            refusal.status,
            refusal.redacted_message()
        ),
        remedy: refusal.advice(),
        since: now.wall,
    }
}

impl Pipeline {
    /// A whole request was refused. Alone, the record is known; otherwise halves find it.
    pub(super) fn refused(&mut self, mut batch: Batch, refusal: Refusal, now: Now) {
        if batch.chunk().len() == 1 && self.accepts(&refusal) {
            for entity in batch.take_chunk() {
                self.end(entity, Some(refusal.clone().into()), now);
            }
            self.resume(batch, now);
            return;
        }
        if self.health.is_held() {
            self.requeue_all(batch, Some(self.holds), now);
            return;
        }
        if batch.chunk().len() > 1 {
            batch.halve();
        } else if let [entity] = batch.chunk_mut() {
            let blamed = self.weigh(entity, &refusal, now);
            if blamed == Blamed::Target {
                self.hold(&refusal, batch, now);
                return;
            }
            for entity in batch.take_chunk() {
                self.draw(entity, blamed, refusal.clone(), &mut batch, now);
            }
        }
        self.resume(batch, now);
    }

    /// Whom a refusal blames, of a record whose answer accepted no other.
    pub(super) fn weigh(&mut self, entity: &mut Entity, refusal: &Refusal, now: Now) -> Blamed {
        let was_held = self.was_held(entity);
        if refusal.scope == Scope::Record {
            // One that was refused before and after many others were accepted tells nothing of the
            // target.
            let tells = !was_held || !self.suspects.is_target_proven();
            return if tells && self.suspects.refused(refusal) {
                Blamed::Target
            } else {
                Blamed::Record
            };
        }
        if !was_held {
            return Blamed::Target;
        }
        if entity.hold() != Some(self.holds) {
            // The target was at fault once more since.
            entity.held(self.holds);
        }
        // Accepting a probe proves little: the fault may be back, or gone from some of the
        // platform's nodes only.
        let trouble = entity.trouble();
        let others_pass = trouble
            .refused
            .is_some_and(|refused| trouble.failures > 0 || self.accepted_begun >= Some(refused));
        trouble.refused = Some(now.instant);
        if !others_pass {
            return if self.suspects.refused(refusal) {
                Blamed::Target
            } else {
                Blamed::Nobody
            };
        }
        trouble.failures += 1;
        let since = *trouble.failing_since.get_or_insert(now.instant);
        if trouble.failures >= STUCK_FAILURES && now.instant - since >= CHANGE_TIME {
            Blamed::Proven
        } else {
            Blamed::Nobody
        }
    }

    /// Draws the consequences for a record that does not go back on hold.
    pub(super) fn draw(
        &mut self,
        mut entity: Entity,
        blamed: Blamed,
        refusal: Refusal,
        batch: &mut Batch,
        now: Now,
    ) {
        match blamed {
            Blamed::Proven => self.end(entity, Some(refusal.into()), now),
            Blamed::Record => self.suspect(entity, refusal, now),
            Blamed::Nobody | Blamed::Target => {
                self.counters.retried(cause(refusal.status), 1);
                entity.batching = Batching::Alone;
                let pause = self.backoff.pause(entity.attempts);
                self.requeue(entity, now.instant + pause, batch, now);
            }
        }
    }

    /// The record was refused, and nothing is known yet of others. Its queue goes on: it has been
    /// answered.
    pub(super) fn suspect(&mut self, entity: Entity, refusal: Refusal, now: Now) {
        self.queues
            .release(entity.ordering_key, now.instant, now.wall);
        self.suspects.keep(entity, refusal, now.instant);
    }

    pub(super) fn judge_suspects(&mut self, now: Now) {
        if self.is_idle() && self.suspects.due().is_some_and(|due| due <= now.instant) {
            self.convict_suspects(now.instant);
        }
    }

    /// Gives up those refused before this moment.
    pub(super) fn convict_suspects(&mut self, before: Instant) {
        for (entity, refusal) in self.suspects.take_before(before) {
            self.ended.push(Completed {
                entity,
                undeliverable: Some(refusal.into()),
            });
        }
    }

    /// Whether it was held before and that hold has ended: then others are accepted where it is
    /// refused.
    pub(super) fn was_held(&self, entity: &Entity) -> bool {
        entity.hold().is_some_and(|hold| hold <= self.released)
    }

    pub(super) fn hold(&mut self, refusal: &Refusal, batch: Batch, now: Now) {
        self.begin_hold(refusal, now);
        self.requeue_all(batch, Some(self.holds), now);
    }

    pub(super) fn begin_hold(&mut self, refusal: &Refusal, now: Now) {
        if self.health.is_held() {
            return;
        }
        self.holds += 1;
        self.probes = 1;
        self.held_for = refusal.reason;
        // The one ERROR line of this change. Silence about the probes, unless they are refused for
        // another reason.
        tracing::error!(
            inlet = self.inlet.as_str(),
            reason = refusal.reason,
            status = refusal.status,
            said = refusal.redacted_message(),
            "held: the inlet refuses every record; nothing is dead-lettered or committed; {}",
            refusal.advice(),
        );
        let until = now.instant + self.backoff.ceiling(self.probes);
        self.counters.health(self.inlet, Some(stop(refusal, now)));
        self.health = Health::Held { until };
        for (mut entity, _) in self.suspects.take() {
            entity.held(self.holds);
            self.queues.requeue_released(entity, now.instant, now.wall);
        }
        for batch in std::mem::take(&mut self.parked) {
            self.requeue_all(batch, None, now);
        }
    }

    /// A probe was refused. What has to be mended now may be something else than what the hold
    /// began with.
    pub(super) fn held_for_another(&mut self, refusal: &Refusal, now: Now) {
        // A probe may be a record that is refused for its own sake.
        if refusal.scope == Scope::Record || refusal.reason == self.held_for {
            return;
        }
        self.held_for = refusal.reason;
        tracing::error!(
            inlet = self.inlet.as_str(),
            reason = refusal.reason,
            status = refusal.status,
            said = refusal.redacted_message(),
            "still held, for another reason now; {}",
            refusal.advice(),
        );
        self.counters.health(self.inlet, Some(stop(refusal, now)));
    }

    pub(super) fn release(&mut self, now: Now) {
        self.released = self.holds;
        self.suspects.reset();
        self.well("the inlet accepts records again", now);
    }

    pub(super) fn requeue_refused(&mut self, mut entity: Entity, now: Now) {
        entity.held(self.holds);
        self.queues
            .requeue_last(entity, now.instant, now.instant, now.wall);
    }

    /// `refused`: the hold whose reason this batch was refused for.
    pub(super) fn requeue_all(&mut self, batch: Batch, refused: Option<u64>, now: Now) {
        // Only what was sent was refused.
        let sent = batch.chunk().len();
        for (index, mut entity) in batch.into_parcels().enumerate() {
            if let Some(hold) = refused.filter(|_| index < sent) {
                entity.held(hold);
            }
            self.queues
                .requeue_last(entity, now.instant, now.instant, now.wall);
        }
    }
}
