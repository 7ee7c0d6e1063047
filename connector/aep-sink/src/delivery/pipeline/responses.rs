//! What an attempt means for its shipment.

use super::retries::{Failure, NO_TOKEN, WAIT};
use super::{Now, Pipeline, cause};
use crate::aep::TransportError::{Broken, Connect, Timeout};
use crate::aep::{Answer, Fate, MAX_BODY, Refusal, Scope};
use crate::delivery::attempt::Sent;
use crate::delivery::batch::Shipment;

/// Bytes below which a record is not too large, whoever says so: a quarter of the platform's limit,
/// and more than Profile takes.
const NEVER_TOO_LARGE: usize = MAX_BODY / 4;

impl Pipeline {
    pub(super) fn judge(&mut self, mut shipment: Shipment, sent: Sent, probe: bool, now: Now) {
        match sent {
            Sent::Answered(Answer::Records(mut fates)) => {
                if self.merger.is_some()
                    && let [fate] = fates.as_slice()
                {
                    if let Fate::Refused(refusal) = fate
                        && shipment.part().len() > 1
                    {
                        // One of those merged is to blame; which one, only sending them apart can
                        // tell.
                        let refusal = refusal.clone();
                        return self.judge(
                            shipment,
                            Sent::Answered(Answer::Refused(refusal)),
                            probe,
                            now,
                        );
                    }
                    fates = vec![fate.clone(); shipment.part().len()];
                }
                self.records(shipment, fates, probe, now);
            }
            Sent::Nothing => {
                for parcel in shipment.take_part() {
                    self.end(parcel, None, now);
                }
                self.carry_on(shipment, now);
            }
            Sent::Answered(Answer::Refused(refusal)) => {
                self.answers(now);
                if refusal.scope == Scope::Record || self.accepts(&refusal) {
                    self.refused(shipment, refusal, now);
                } else if shipment.part().iter().any(|parcel| self.was_held(parcel)) {
                    // Something in it was refused like this before, and others were accepted since.
                    // Perhaps one record of it draws the refusal, so the whole request is looked
                    // into and not the inlet held for it once more.
                    let released = self.released;
                    for parcel in shipment
                        .part_mut()
                        .iter_mut()
                        .filter(|parcel| parcel.hold().is_none())
                    {
                        parcel.held(released);
                    }
                    self.refused(shipment, refusal, now);
                } else {
                    self.hold(&refusal, shipment, now);
                }
            }
            Sent::Answered(Answer::TooLarge(refusal)) => {
                if let [lone] = shipment.part()
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
                    return self.failed(shipment, &failure, probe, now);
                }
                self.answers(now);
                self.refused(shipment, refusal, now);
            }
            Sent::Answered(Answer::Unauthorized(refusal) | Answer::Target(refusal)) => {
                // Whatever its text says.
                let refusal = Refusal {
                    scope: Scope::Target,
                    ..refusal
                };
                self.judge(
                    shipment,
                    Sent::Answered(Answer::Refused(refusal)),
                    probe,
                    now,
                );
            }
            Sent::Answered(Answer::Busy {
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
                self.failed(shipment, &failure, probe, now);
            }
            Sent::Failed(error) => {
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
                self.failed(shipment, &failure, probe, now);
            }
            Sent::NoToken(none) => {
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
                self.failed(shipment, &failure, probe, now);
            }
        }
    }
}
