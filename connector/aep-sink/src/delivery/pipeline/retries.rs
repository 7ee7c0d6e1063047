//! Failures of whole requests: when to try again, and when to ask whether one record causes them.

use std::time::Duration;

use super::breaker::AfterFailure;
use super::failure::Failure;
use super::now::Now;
use super::outcome::Undeliverable;
use super::state::Pipeline;
use crate::delivery::batch::{Batch, FAILURES_BEFORE_HALVING, UNKNOWNS_BEFORE_HALVING};
use crate::delivery::entity::{Batching, Entity};
use crate::delivery::key_queues::RequestShape;
use crate::delivery::suspicion::Suspicion;

impl Pipeline {
    pub(super) fn failed(&mut self, mut batch: Batch, failure: &Failure, probe: bool, now: Now) {
        self.metrics.retried(failure.cause, 1);
        batch.failures = batch.failures.saturating_add(1);
        let counts = failure.may_be_the_record && !self.breaker.is_misconfigured();
        if counts {
            self.count_failures(&mut batch, now);
        }
        // What fails where others are accepted says nothing of the inlet.
        let is_own = counts && self.breaker.is_closed() && is_contradicted(&mut batch);
        let after = if is_own {
            AfterFailure::Retry
        } else {
            self.breaker
                .on_failure(failure, probe, &mut self.backoff, now)
        };
        match after {
            AfterFailure::Requeue => {
                self.requeue_all(batch, None, now);
                return;
            }
            AfterFailure::Opened => {
                // It comes back to few requests at once.
                self.limit.restart(now.instant);
                self.metrics.concurrency_limit(self.inlet, self.limit.get());
            }
            AfterFailure::Retry => {}
        }
        if batch.chunk().len() > 1 {
            self.failed_batch(batch, failure, now);
        } else {
            self.failed_alone(batch, failure, now);
        }
    }

    /// Holds a failure against what failed.
    fn count_failures(&mut self, batch: &mut Batch, now: Now) {
        let was_suspect = matches!(batch.chunk(), [lone] if lone.has_failed());
        if !was_suspect {
            self.tally.add(0, 1, now.instant);
            batch.suspicion().counted();
        }
        let sent = batch.suspicion().of_part();
        batch.suspicion().failed(self.tally, now.instant);
        if let [lone] = batch.chunk_mut() {
            self.count_failure(lone, sent, now);
        }
    }

    /// Holds a failure against one record; `sent`: nothing held against it yet. While the inlet is
    /// unavailable, a failure is no news unless others were accepted meanwhile.
    pub(super) fn count_failure(&self, entity: &mut Entity, sent: Suspicion, now: Now) {
        let had_failed = entity.has_failed();
        let suspicion = &mut entity.trouble().suspicion;
        if !had_failed {
            *suspicion = sent;
        }
        if self.breaker.is_closed() || !suspicion.is_contradicted() {
            suspicion.failed(self.tally, now.instant);
        }
    }

    fn failed_batch(&mut self, mut batch: Batch, failure: &Failure, now: Now) {
        let is_hung = failure.cause == "timeout" && self.limits.shape == RequestShape::Batch;
        if is_hung && batch.suspicion().hangs_alone(self.tally, now.instant) {
            // Halving would let all its customers wait for the timeout once more at each step.
            for mut entity in batch.into_entities() {
                entity.batching = Batching::Alone;
                self.queues
                    .requeue_after(entity, now.instant, now.instant, now.wall);
            }
            return;
        }
        // There is nothing else to ask with: perhaps one record of this batch is all that is wrong.
        // Cutting finds out, and costs no more than the probes that are sent anyway.
        let idle = self.in_flight.is_empty() && !self.queues.has_ready();
        let is_all = idle && self.load() == 0 && batch.failures >= FAILURES_BEFORE_HALVING;
        let pause = self.backoff.pause_or(batch.failures, failure.retry_after);
        let names_none = batch.unknowns >= UNKNOWNS_BEFORE_HALVING;
        if failure.may_be_the_record && (names_none || is_all || batch.is_to_cut(idle, now.instant))
        {
            batch.halve_suspect();
        }
        batch.not_before = now.instant + pause;
        self.parked.push(batch);
    }

    /// A lone record goes back to its queue and rests there: between attempts it takes no place in
    /// the limit, so records that are stuck cannot stop the others.
    fn failed_alone(&mut self, mut batch: Batch, failure: &Failure, now: Now) {
        for mut entity in batch.take_chunk() {
            if batch.is_split || is_suspicious(&mut entity) {
                entity.batching = Batching::Alone;
            } else if failure.may_be_the_record {
                // It may have been accepted. What is sent again must not be newer than that: both
                // may be applied in either order.
                entity.batching = entity.batching.max(Batching::OnePerKey);
            }
            let pause = self.backoff.pause_or(entity.attempts, failure.retry_after);
            if failure.may_be_the_record {
                self.judge(entity, &failure.detail, pause, &mut batch, now);
            } else {
                self.requeue(entity, now.instant + pause, &mut batch, now);
            }
        }
        self.resume(batch, now);
    }

    /// What becomes of a record that failed alone once more, by what is held against it.
    pub(super) fn judge(
        &mut self,
        mut entity: Entity,
        detail: &str,
        pause: Duration,
        batch: &mut Batch,
        now: Now,
    ) {
        let until = now.instant + pause;
        let suspicion = &entity.trouble().suspicion;
        if suspicion.is_guilty(now.instant) {
            self.complete(entity, Some(Undeliverable::stuck(detail.to_owned())), now);
            return;
        }
        let stands_aside = self.may_pass && suspicion.is_suspected(now.instant);
        if suspicion.is_lasting(now.instant) {
            self.failing.put(&entity, detail);
        }
        if stands_aside {
            entity.batching = Batching::Alone;
            self.queues
                .requeue_aside(entity, until, now.instant, now.wall);
        } else {
            self.requeue(entity, until, batch, now);
        }
    }
}

/// Whether others were accepted where the chunk in front failed.
fn is_contradicted(batch: &mut Batch) -> bool {
    match batch.chunk_mut() {
        [lone] => is_suspicious(lone),
        _ => batch.suspicion().is_contradicted(),
    }
}

fn is_suspicious(entity: &mut Entity) -> bool {
    entity.has_failed() && entity.trouble().suspicion.is_contradicted()
}
