//! What an attempt means for its batch.

use super::retries::{Failure, NO_TOKEN, WAIT};
use super::{Now, Pipeline, cause};
use crate::aep::TransportError::{Broken, Connect, Timeout};
use crate::aep::{InletResponse, MAX_BODY, RecordStatus, Refusal, Scope};
use crate::delivery::attempt::AttemptResult;
use crate::delivery::batch::Batch;

/// Bytes below which a record is not too large, whoever says so: a quarter of the platform's limit,
/// and more than Profile takes.
const NEVER_TOO_LARGE: usize = MAX_BODY / 4;

impl Pipeline {
    pub(super) fn judge(&mut self, mut batch: Batch, sent: AttemptResult, probe: bool, now: Now) {
        match sent {
            AttemptResult::Response(InletResponse::Records(mut statuses)) => {
                if self.coalescer.is_some()
                    && let [record_status] = statuses.as_slice()
                {
                    if let RecordStatus::Refused(refusal) = record_status
                        && batch.chunk().len() > 1
                    {
                        // One of those merged is to blame; which one, only sending them apart can
                        // tell.
                        let refusal = refusal.clone();
                        return self.judge(
                            batch,
                            AttemptResult::Response(InletResponse::Refused(refusal)),
                            probe,
                            now,
                        );
                    }
                    statuses = vec![record_status.clone(); batch.chunk().len()];
                }
                self.records(batch, statuses, probe, now);
            }
            AttemptResult::Nothing => {
                for entity in batch.take_chunk() {
                    self.end(entity, None, now);
                }
                self.resume(batch, now);
            }
            AttemptResult::Response(InletResponse::Refused(refusal)) => {
                self.answers(now);
                if refusal.scope == Scope::Record || self.accepts(&refusal) {
                    self.refused(batch, refusal, now);
                } else if batch.chunk().iter().any(|entity| self.was_held(entity)) {
                    // Something in it was refused like this before, and others were accepted since.
                    // Perhaps one record of it draws the refusal, so the whole request is looked
                    // into and not the inlet held for it once more.
                    let released = self.released;
                    for entity in batch
                        .chunk_mut()
                        .iter_mut()
                        .filter(|entity| entity.hold().is_none())
                    {
                        entity.held(released);
                    }
                    self.refused(batch, refusal, now);
                } else {
                    self.hold(&refusal, batch, now);
                }
            }
            AttemptResult::Response(InletResponse::TooLarge(refusal)) => {
                if let [lone] = batch.chunk()
                    && lone.wire_len < NEVER_TOO_LARGE
                {
                    // Not for its size, whatever the answer says: something between here and there
                    // is wrong or full. It may pass, and it may be what somebody set up too small,
                    // so it is neither one record's fault at once nor ever while everything fails
                    // so.
                    let failure = Failure {
                        cause: "413",
                        detail: format!("it answers 413 to a record of {} bytes", lone.wire_len),
                        retry_after: None,
                        may_be_the_record: true,
                        heals: true,
                        remedy: "raise the limit of what a request may hold on the way to the inlet: proxy, gateway or firewall",
                    };
                    return self.failed(batch, &failure, probe, now);
                }
                self.answers(now);
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
                self.judge(
                    batch,
                    AttemptResult::Response(InletResponse::Refused(refusal)),
                    probe,
                    now,
                );
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
                    Connect(_) | Broken(_) => "network",
                };
                // Something on the way may break off whenever it sees this record. A refused
                // connection saw none.
                let may_be_the_record = !matches!(error, Connect(_));
                let remedy = if may_be_the_record {
                    WAIT
                } else {
                    "nothing: it is asked again; if it lasts, check inlet-url, http.proxy, http.ca-file and the firewall"
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
}
