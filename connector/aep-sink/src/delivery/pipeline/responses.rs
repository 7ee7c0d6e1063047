//! What an attempt means for its batch.

use super::failure::{Failure, NO_TOKEN, WAIT, cause};
use super::now::Now;
use super::state::Pipeline;
use crate::aep::TransportError::{Broken, Connect, Proxy, Timeout};
use crate::aep::{InletResponse, MAX_BODY, RecordStatus, Refusal, Scope};
use crate::delivery::attempt::{AttemptResult, AttemptTiming};
use crate::delivery::batch::Batch;

/// Bytes below which a record is not too large, whatever a response says: a quarter of the
/// platform's limit, and more than Profile takes.
const NEVER_TOO_LARGE: usize = MAX_BODY / 4;

impl Pipeline {
    /// Draws the consequences of the attempt with this number.
    pub(in crate::delivery) fn on_response(
        &mut self,
        id: u64,
        result: AttemptResult,
        timing: Option<AttemptTiming>,
        now: Now,
    ) {
        let Some(mut batch) = self.in_flight.remove(&id) else {
            return;
        };
        if let Some(timing) = timing {
            self.measure(&result, timing, now);
        }
        let probe = std::mem::take(&mut batch.probe);
        let refusal = if probe {
            refusal_of(&result).cloned()
        } else {
            None
        };
        let is_withdrawn = result == AttemptResult::Withdrawn;
        let was_misconfigured = self.breaker.is_misconfigured();
        self.draw_consequences(batch, result, probe, now);
        if probe && was_misconfigured && !is_withdrawn {
            self.breaker
                .on_probe_refused(refusal.as_ref(), &self.backoff, now);
        }
    }

    fn draw_consequences(&mut self, batch: Batch, result: AttemptResult, probe: bool, now: Now) {
        match result {
            AttemptResult::Response(InletResponse::Records(mut statuses)) => {
                if self.coalescer.is_some()
                    && let [record_status] = statuses.as_slice()
                {
                    if let RecordStatus::Refused(refusal) = record_status
                        && batch.chunk().len() > 1
                    {
                        // One of those coalesced is to blame; which one, only sending them apart
                        // can tell.
                        let refusal = refusal.clone();
                        return self.request_refused(batch, refusal, now);
                    }
                    statuses = vec![record_status.clone(); batch.chunk().len()];
                }
                self.records(batch, statuses, probe, now);
            }
            AttemptResult::Response(InletResponse::Refused(refusal)) => {
                self.request_refused(batch, refusal, now);
            }
            AttemptResult::Response(InletResponse::TooLarge(refusal)) => {
                if let [lone] = batch.chunk()
                    && lone.wire_len < NEVER_TOO_LARGE
                {
                    // Not for its size, whatever the response says: something between here and
                    // there is wrong or full. It may pass, and it may be what somebody set up too
                    // small, so it is neither one record's fault at once nor ever while everything
                    // fails so.
                    let failure = Failure {
                        cause: "413",
                        detail: format!("it answers 413 to a record of {} bytes", lone.wire_len),
                        retry_after: None,
                        may_be_the_record: true,
                        heals: true,
                        remedy: "raise the limit of what a request may hold on the way to the \
                            inlet: proxy, gateway or firewall",
                    };
                    return self.failed(batch, &failure, probe, now);
                }
                self.responded(now);
                self.refused(batch, refusal, now);
            }
            AttemptResult::Response(
                InletResponse::Unauthorized(refusal) | InletResponse::Target(refusal),
            ) => {
                // Whatever its text says.
                let refusal = Refusal {
                    scope: Scope::Target,
                    ..refusal
                };
                self.request_refused(batch, refusal, now);
            }
            AttemptResult::Response(InletResponse::Busy {
                status,
                retry_after,
            }) => {
                let failure = Failure {
                    cause: cause(status),
                    detail: format!("it answers {status}"),
                    retry_after,
                    // With a pause asked for, too: a record that makes the inlet fail gets its 503
                    // from the same place.
                    may_be_the_record: status != 429,
                    heals: true,
                    remedy: WAIT,
                };
                self.failed(batch, &failure, probe, now);
            }
            AttemptResult::Failed(error) => {
                let cause = match error {
                    Timeout => "timeout",
                    Connect(_) | Proxy(_) | Broken(_) => "network",
                };
                // Something on the way may break off whenever it sees this record. A refused
                // connection saw none.
                let may_be_the_record = !matches!(error, Connect(_) | Proxy(_));
                let remedy = match error {
                    Timeout | Broken(_) => WAIT,
                    Proxy(_) => {
                        "it is asked again; if it lasts, check http.proxy, and that the proxy \
                        allows and reaches the host of inlet-url"
                    }
                    Connect(_) => {
                        "nothing: it is asked again; if it lasts, check inlet-url, http.proxy, \
                        http.ca-file and the firewall"
                    }
                };
                let failure = Failure {
                    cause,
                    detail: error.to_string(),
                    retry_after: None,
                    may_be_the_record,
                    heals: true,
                    remedy,
                };
                self.failed(batch, &failure, probe, now);
            }
            AttemptResult::Withdrawn => self.resume(batch, now),
            AttemptResult::NoToken(none) => {
                let failure = Failure {
                    cause: NO_TOKEN,
                    detail: format!("no access token: {}", none.message),
                    retry_after: None,
                    may_be_the_record: false,
                    heals: none.heals,
                    remedy: if none.heals {
                        WAIT
                    } else {
                        "repair what the reason names"
                    },
                };
                self.failed(batch, &failure, probe, now);
            }
        }
    }

    /// A whole request was refused for good.
    fn request_refused(&mut self, mut batch: Batch, refusal: Refusal, now: Now) {
        self.responded(now);
        if refusal.scope == Scope::Record || self.accepts(&refusal) {
            self.refused(batch, refusal, now);
        } else if batch.chunk().iter().any(|entity| self.was_tripped(entity)) {
            // Something in it was refused like this before, and others were accepted since. Perhaps
            // one record of it draws the refusal, so the whole request is looked into and the
            // breaker not tripped for it once more.
            let last_reset = self.breaker.last_reset();
            for entity in batch
                .chunk_mut()
                .iter_mut()
                .filter(|entity| entity.trip().is_none())
            {
                entity.on_trip(last_reset);
            }
            self.refused(batch, refusal, now);
        } else {
            self.trip_and_requeue(&refusal, batch, now);
        }
    }
}

/// For what a request was refused.
fn refusal_of(result: &AttemptResult) -> Option<&Refusal> {
    match result {
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
