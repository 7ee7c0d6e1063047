//! Failures of whole requests: when to try again, and when to ask whether one record causes them.

use std::time::Duration;

use tokio::time::Instant;

use super::breaker::AfterFailure;
use super::failure::Failure;
use super::now::Now;
use super::outcome::Undeliverable;
use super::state::Pipeline;
use crate::delivery::batch::{Batch, FAILURES_BEFORE_HALVING, UNKNOWNS_BEFORE_HALVING};
use crate::delivery::entity::{Batching, Entity};

/// A lone record that failed this often, for this long, while its inlet worked, goes to the dead
/// letters.
pub(super) const STUCK_FAILURES: u32 = 20;
const STUCK_TIME: Duration = Duration::from_secs(600);

impl Pipeline {
    pub(super) fn failed(&mut self, mut batch: Batch, failure: &Failure, probe: bool, now: Now) {
        self.metrics.retried(failure.cause, 1);
        batch.failures = batch.failures.saturating_add(1);
        match self
            .breaker
            .on_failure(failure, probe, &mut self.backoff, now)
        {
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
        let pause = self.backoff.pause_or(batch.failures, failure.retry_after);
        if batch.chunk().len() > 1 {
            self.failed_batch(batch, failure, now.instant + pause);
        } else {
            self.failed_alone(batch, failure, now);
        }
    }

    fn failed_batch(&mut self, mut batch: Batch, failure: &Failure, not_before: Instant) {
        let well = batch
            .acceptances
            .is_some_and(|seen| self.acceptances > seen);
        batch.acceptances = Some(self.acceptances);
        if failure.may_be_the_record && well {
            batch.failures_while_well += 1;
        }
        // Down, and there is nothing else to ask with: perhaps one record of this batch is all that
        // is wrong. Cutting finds out, and costs no more than the probes that are sent anyway. Not
        // at once: a short outage should not cost the batch.
        let is_all = self.breaker.is_unavailable()
            && self.load() == 0
            && !self.queues.has_ready()
            && batch.failures >= 2 * FAILURES_BEFORE_HALVING;
        if batch.unknowns >= UNKNOWNS_BEFORE_HALVING || (is_all && failure.may_be_the_record) {
            batch.halve();
        } else if batch.failures_while_well >= FAILURES_BEFORE_HALVING {
            batch.halve_suspect();
        }
        batch.not_before = not_before;
        self.parked.push(batch);
    }

    /// A lone record goes back to its queue and rests there: between attempts it takes no place in
    /// the limit, so records that are stuck cannot stop the others.
    fn failed_alone(&mut self, mut batch: Batch, failure: &Failure, now: Now) {
        for mut entity in batch.take_chunk() {
            let stuck = failure.may_be_the_record && self.count_failure(&mut entity, false, now);
            if stuck {
                self.complete(
                    entity,
                    Some(Undeliverable::stuck(failure.detail.clone())),
                    now,
                );
                continue;
            }
            if batch.is_split || entity.failures() > 0 {
                entity.batching = Batching::Alone;
            } else if failure.may_be_the_record {
                // It may have been accepted. What is sent again must not be newer than that: both
                // may be applied in either order.
                entity.batching = entity.batching.max(Batching::OnePerKey);
            }
            let pause = self.backoff.pause_or(entity.attempts, failure.retry_after);
            self.requeue(entity, now.instant + pause, &mut batch, now);
        }
        self.resume(batch, now);
    }

    /// Counts a failure against one record, if the inlet works. `true` when it has failed long
    /// enough.
    pub(super) fn count_failure(&self, entity: &mut Entity, well: bool, now: Now) -> bool {
        let trouble = entity.trouble();
        let well = well
            || trouble
                .acceptances
                .is_some_and(|seen| self.acceptances > seen);
        trouble.acceptances = Some(self.acceptances);
        if !well {
            return false;
        }
        trouble.failures += 1;
        let since = *trouble.failing_since.get_or_insert(now.instant);
        trouble.failures >= STUCK_FAILURES && now.instant - since >= STUCK_TIME
    }
}
