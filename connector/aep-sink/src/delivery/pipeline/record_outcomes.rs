//! A response with a status for each record: what follows for each, and for the whole.

use super::failure::{Failure, WAIT, cause};
use super::now::Now;
use super::refusals::Blame;
use super::state::Pipeline;
use crate::aep::RecordStatus;
use crate::delivery::batch::{Batch, UNKNOWNS_BEFORE_HALVING};
use crate::delivery::entity::{Batching, Entity};
use crate::delivery::suspicion::Suspicion;

impl Pipeline {
    pub(super) fn records(
        &mut self,
        mut batch: Batch,
        mut statuses: Vec<RecordStatus>,
        probe: bool,
        now: Now,
    ) {
        statuses.resize(batch.chunk().len(), RecordStatus::Unknown);
        let accepted = statuses.contains(&RecordStatus::Accepted);
        if let Some(cause) = all_transient(&statuses) {
            // Nothing was accepted and nothing refused: the same as one failure of the whole
            // request.
            if cause == "unknown" {
                batch.unknowns += 1;
            }
            let detail = "its answers do not accept any record".to_owned();
            let failure = Failure {
                cause,
                detail,
                retry_after: None,
                // A response that never says what became of one record, while others are accepted,
                // is that record's trouble.
                may_be_the_record: cause != "429",
                heals: true,
                remedy: if cause == "unknown" {
                    "check inlet-url and http.proxy: what answers there is no inlet"
                } else {
                    WAIT
                },
            };
            self.failed(batch, &failure, probe, now);
            return;
        }
        self.responded(now);
        let mut chunk = batch.take_chunk();
        if let Some(coalescer) = self.coalescer.as_mut().filter(|_| accepted) {
            coalescer.accepted(&chunk);
        }
        self.count(&chunk, &statuses, now);
        if accepted && probe && self.breaker.is_misconfigured() {
            self.reset(now);
        }
        // First the judgment over the whole response, then its consequences: nothing may become a
        // dead letter that the same response shows to be the target's fault.
        let mut culprit = None;
        let mut blame = vec![Blame::Undecided; chunk.len()];
        for ((entity, record_status), blame) in chunk.iter_mut().zip(&statuses).zip(&mut blame) {
            match record_status {
                RecordStatus::Accepted => self.suspects.accepted(),
                RecordStatus::Refused(refusal) if self.accepts(refusal) => {}
                RecordStatus::Refused(refusal) => {
                    let target = if accepted {
                        self.suspects.refused_among_accepted(refusal)
                    } else {
                        *blame = self.blame(entity, refusal, now);
                        *blame == Blame::Target
                    };
                    if target {
                        culprit = Some(refusal.clone());
                    }
                }
                RecordStatus::Retry(_) | RecordStatus::Unknown => {}
            }
        }
        if let Some(refusal) = culprit {
            self.trip(&refusal, now);
        } else if accepted && !self.breaker.is_misconfigured() {
            // A response to what was sent before they were refused does not show that others are
            // accepted since.
            self.confirm_suspects(batch.begun, now);
        }
        for ((entity, record_status), blame) in chunk.into_iter().zip(statuses).zip(blame) {
            match record_status {
                RecordStatus::Accepted => {
                    self.queues.acknowledged(entity.ordering_key, now.instant);
                    self.complete(entity, None, now)
                }
                RecordStatus::Refused(refusal) if self.accepts(&refusal) => {
                    self.complete(entity, Some(refusal.into()), now)
                }
                RecordStatus::Refused(_) if self.breaker.is_misconfigured() => {
                    self.requeue_refused(entity, now)
                }
                // The credential is the request's, and the request was accepted: this does not
                // concern the record.
                RecordStatus::Refused(refusal) if accepted && refusal.reason == "unauthorized" => {
                    self.retry(entity, cause(refusal.status), &mut batch, now);
                }
                RecordStatus::Refused(refusal) if accepted => {
                    self.complete(entity, Some(refusal.into()), now)
                }
                RecordStatus::Refused(refusal) => {
                    self.apply_blame(entity, blame, refusal, &mut batch, now)
                }
                RecordStatus::Retry(status) => self.retry(entity, cause(status), &mut batch, now),
                RecordStatus::Unknown => self.retry(entity, "unknown", &mut batch, now),
            }
        }
        self.resume(batch, now);
    }

    /// Counts what became of the records that did not fail alone before. Those throttled say
    /// nothing: a record that is throttled did not fail.
    fn count(&mut self, chunk: &[Entity], statuses: &[RecordStatus], now: Now) {
        let (mut accepted, mut failed) = (0, 0);
        for (_, record_status) in chunk
            .iter()
            .zip(statuses)
            .filter(|(entity, _)| !entity.has_failed())
        {
            match record_status {
                RecordStatus::Accepted => accepted += 1,
                RecordStatus::Retry(429) | RecordStatus::Refused(_) => {}
                RecordStatus::Retry(_) | RecordStatus::Unknown => failed += 1,
            }
        }
        self.tally.add(accepted, failed, now.instant);
    }

    /// One record has to be sent again while others of its request were dealt with.
    fn retry(&mut self, mut entity: Entity, cause: &'static str, batch: &mut Batch, now: Now) {
        self.metrics.retried(cause, 1);
        entity.batching = entity.batching.max(Batching::OnePerKey);
        if cause == "unknown" {
            entity.trouble().unknowns += 1;
            if entity.trouble().unknowns >= UNKNOWNS_BEFORE_HALVING {
                // Alone, no response can be about another record.
                entity.batching = Batching::Alone;
            }
        }
        let pause = self.backoff.pause(entity.attempts);
        if cause == "429" {
            self.requeue(entity, now.instant + pause, batch, now);
            return;
        }
        let sent = Suspicion::sent(self.tally, now.instant);
        self.count_failure(&mut entity, sent, now);
        let detail = format!("it answers \"{cause}\" to this record and accepts others");
        self.judge(entity, &detail, pause, batch, now);
    }
}

/// The cause, when every record is to be sent again. The gravest one: an error of the server may be
/// a record's fault.
fn all_transient(statuses: &[RecordStatus]) -> Option<&'static str> {
    let mut found = "unknown";
    for record_status in statuses {
        match record_status {
            RecordStatus::Retry(status) if found != "5xx" => found = cause(*status),
            RecordStatus::Retry(_) | RecordStatus::Unknown => {}
            RecordStatus::Accepted | RecordStatus::Refused(_) => return None,
        }
    }
    Some(found)
}
