//! Failures of whole requests, which heal: when to try again, and when to ask whether one record
//! causes them.

use std::time::Duration;

use tokio::time::Instant;

use super::breaker::{FAILURES_BEFORE_DOWN, Health};
use super::{Now, Pipeline, Undeliverable};
use crate::delivery::batch::{Batch, FAILURES_BEFORE_HALVING, UNKNOWNS_BEFORE_HALVING};
use crate::delivery::counters::{Stop, StopKind};
use crate::delivery::entity::{Batching, Entity};
use crate::delivery::key_queues::KeyQueues;
use crate::error::Fault;
use crate::inlet_name::InletName;

/// A lone record that failed this often, for this long, while its inlet was well, goes to the dead
/// letters.
pub(super) const STUCK_FAILURES: u32 = 20;
const STUCK_TIME: Duration = Duration::from_secs(600);

/// The cause of a failure for want of an access token.
pub(super) const NO_TOKEN: &str = "token";

/// A failure of a whole request that heals.
pub(super) struct Failure {
    /// For the counters.
    pub(super) cause: &'static str,
    /// For a person.
    pub(super) detail: String,
    pub(super) retry_after: Option<Duration>,
    /// Whether the records themselves may be what makes it fail.
    pub(super) may_be_the_record: bool,
    /// Otherwise it lasts until somebody changes something.
    pub(super) heals: bool,
    /// What a person can do.
    pub(super) remedy: &'static str,
}

/// What heals and names nobody.
pub(super) const WAIT: &str =
    "nothing: it is asked again; if it lasts, look at the status page of Adobe and at the network";

/// The same for whoever looks.
fn stop(failure: &Failure, now: Now) -> Stop {
    Stop {
        kind: if failure.cause == NO_TOKEN {
            StopKind::WithoutToken
        } else {
            StopKind::Down
        },
        fault: if failure.heals {
            Fault::External
        } else {
            Fault::User
        },
        reason: failure.detail.clone(),
        remedy: failure.remedy,
        since: now.wall,
    }
}

/// The one line of this change.
fn tell(inlet: InletName, failure: &Failure) {
    let (inlet, reason) = (inlet.as_str(), &failure.detail);
    if failure.heals {
        tracing::warn!(inlet, reason, "down: delivery waits and asks again");
    } else {
        tracing::error!(
            inlet,
            reason,
            "down until this is repaired; nothing is dead-lettered or committed"
        );
    }
}

impl Pipeline {
    pub(super) fn failed(&mut self, mut batch: Batch, failure: &Failure, probe: bool, now: Now) {
        self.counters.retried(failure.cause, 1);
        self.failures = self.failures.saturating_add(1);
        batch.failures = batch.failures.saturating_add(1);
        match &mut self.health {
            Health::Held { .. } => {
                if probe && !failure.heals && self.held_for != failure.cause {
                    // What has to be mended first now.
                    self.held_for = failure.cause;
                    tell(self.inlet, failure);
                    self.counters.health(self.inlet, Some(stop(failure, now)));
                }
                self.requeue_all(batch, None, now);
                return;
            }
            Health::Down { until, heals } => {
                // Only the probe tells something new; the rest were under way when it went down.
                if probe {
                    self.probes += 1;
                    *until = now.instant + self.backoff.pause_or(self.probes, failure.retry_after);
                    // What keeps it down now, which may be something else than what it began with.
                    self.counters.health(self.inlet, Some(stop(failure, now)));
                    if *heals && !failure.heals {
                        tell(self.inlet, failure);
                    }
                    *heals = failure.heals;
                }
            }
            Health::Well if self.failures >= FAILURES_BEFORE_DOWN => {
                self.probes = 1;
                let until = now.instant + self.backoff.pause_or(self.probes, failure.retry_after);
                tell(self.inlet, failure);
                self.counters.health(self.inlet, Some(stop(failure, now)));
                self.health = Health::Down {
                    until,
                    heals: failure.heals,
                };
                self.limit.restart(now.instant);
                self.counters.limit(self.inlet, self.limit.get());
            }
            Health::Well => {}
        }
        let pause = self.backoff.pause_or(batch.failures, failure.retry_after);
        if batch.chunk().len() > 1 {
            self.failed_batch(batch, failure, now.instant + pause);
        } else {
            self.failed_alone(batch, failure, now);
        }
    }

    pub(super) fn failed_batch(
        &mut self,
        mut batch: Batch,
        failure: &Failure,
        not_before: Instant,
    ) {
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
        let is_all = matches!(self.health, Health::Down { .. })
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
    pub(super) fn failed_alone(&mut self, mut batch: Batch, failure: &Failure, now: Now) {
        for mut entity in batch.take_chunk() {
            let stuck = failure.may_be_the_record && self.blame(&mut entity, false, now);
            if stuck {
                self.end(
                    entity,
                    Some(Undeliverable::stuck(failure.detail.clone())),
                    now,
                );
                continue;
            }
            if batch.is_split || entity.failures() > 0 {
                entity.batching = Batching::Alone;
            }
            let pause = self.backoff.pause_or(entity.attempts, failure.retry_after);
            self.requeue(entity, now.instant + pause, &mut batch, now);
        }
        self.resume(batch, now);
    }

    /// Sends a entity back to rest in its queue, and with it whatever later entities of the queue the
    /// batch still holds.
    pub(super) fn requeue(&mut self, entity: Entity, until: Instant, batch: &mut Batch, now: Now) {
        let ordering_key = entity.ordering_key;
        // An inlet that is well has no need of other records to show it, and the queue's later ones
        // wait for this one.
        let back = if self.health == Health::Well {
            KeyQueues::requeue_after
        } else {
            KeyQueues::requeue_last
        };
        for entity in std::iter::once(entity).chain(batch.withdraw(ordering_key)) {
            back(&mut self.queues, entity, until, now.instant, now.wall);
        }
    }

    /// Counts a failure against one record, if the inlet is well. `true` when it has failed long
    /// enough.
    pub(super) fn blame(&self, entity: &mut Entity, well: bool, now: Now) -> bool {
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

    /// The inlet answered with something that is no failure.
    pub(super) fn answers(&mut self, now: Now) {
        self.failures = 0;
        if matches!(self.health, Health::Down { .. }) {
            self.well("the inlet answers again", now);
        }
    }

    pub(super) fn well(&mut self, news: &'static str, now: Now) {
        tracing::info!(inlet = self.inlet.as_str(), "{news}");
        self.counters.health(self.inlet, None);
        self.health = Health::Well;
        self.failures = 0;
        self.probes = 0;
        // What waited for the inlet need not wait longer; a pause it asked for is kept by its gate.
        for batch in &mut self.parked {
            batch.not_before = now.instant;
        }
    }
}
