//! An answer with a verdict on each record: what follows for each, and for the whole.

use super::refusals::Blamed;
use super::retries::{Failure, WAIT};
use super::{Death, Now, Pipeline, cause};
use crate::aep::Fate;
use crate::delivery::batch::{Shipment, UNKNOWNS_BEFORE_HALVING};
use crate::delivery::entity::{Company, Parcel};

impl Pipeline {
    pub(super) fn records(
        &mut self,
        mut shipment: Shipment,
        mut fates: Vec<Fate>,
        probe: bool,
        now: Now,
    ) {
        fates.resize(shipment.part().len(), Fate::Unknown);
        let accepted = fates.contains(&Fate::Accepted);
        if let Some(cause) = all_transient(&fates) {
            // Nothing was accepted and nothing refused: the same as one failure of the whole
            // request.
            if cause == "unknown" {
                shipment.unknowns += 1;
            }
            let detail = "its answers do not accept any record".to_owned();
            let failure = Failure {
                cause,
                detail,
                retry_after: None,
                // An answer that never says what became of one record, while others are accepted,
                // is that record's trouble.
                may_be_the_record: cause != "429",
                heals: true,
                remedy: if cause == "unknown" {
                    "check inlet-url and http.proxy: what answers there is no inlet"
                } else {
                    WAIT
                },
            };
            self.failed(shipment, &failure, probe, now);
            return;
        }
        self.answers(now);
        let mut part = shipment.take_part();
        if let Some(merger) = self.merger.as_mut().filter(|_| accepted) {
            merger.accepted(&part);
        }
        if accepted {
            self.acceptances += 1;
            self.accepted_begun = self.accepted_begun.max(Some(shipment.begun));
            if probe && self.health.is_held() {
                self.release(now);
            }
        }
        // First the judgment over the whole answer, then its consequences: nothing may become a
        // dead letter that the same answer shows to be the target's fault.
        let mut culprit = None;
        let mut blamed = vec![Blamed::Nobody; part.len()];
        for ((parcel, fate), blamed) in part.iter_mut().zip(&fates).zip(&mut blamed) {
            match fate {
                Fate::Accepted => self.suspicion.accepted(),
                Fate::Refused(refusal) if self.accepts(refusal) => {}
                Fate::Refused(refusal) => {
                    let target = if accepted {
                        self.suspicion.refused_among_accepted(refusal)
                    } else {
                        *blamed = self.weigh(parcel, refusal, now);
                        *blamed == Blamed::Target
                    };
                    if target {
                        culprit = Some(refusal.clone());
                    }
                }
                Fate::Again(_) | Fate::Unknown => {}
            }
        }
        if let Some(refusal) = culprit {
            self.begin_hold(&refusal, now);
        } else if accepted && !self.health.is_held() {
            // An answer to what was sent before they were refused does not show that others are
            // accepted since.
            self.convict_suspects(shipment.begun);
        }
        for ((parcel, fate), blamed) in part.into_iter().zip(fates).zip(blamed) {
            match fate {
                Fate::Accepted => self.end(parcel, None, now),
                Fate::Refused(refusal) if self.accepts(&refusal) => {
                    self.end(parcel, Some(refusal.into()), now)
                }
                Fate::Refused(_) if self.health.is_held() => self.put_on_hold(parcel, now),
                // The credential is the request's, and the request was accepted: this says nothing
                // about the record.
                Fate::Refused(refusal) if accepted && refusal.reason == "unauthorized" => {
                    self.again(parcel, cause(refusal.status), accepted, &mut shipment, now);
                }
                Fate::Refused(refusal) if accepted => self.end(parcel, Some(refusal.into()), now),
                Fate::Refused(refusal) => self.draw(parcel, blamed, refusal, &mut shipment, now),
                Fate::Again(status) => {
                    self.again(parcel, cause(status), accepted, &mut shipment, now)
                }
                Fate::Unknown => self.again(parcel, "unknown", accepted, &mut shipment, now),
            }
        }
        self.carry_on(shipment, now);
    }

    /// One record has to be sent again while others of its request were dealt with.
    fn again(
        &mut self,
        mut parcel: Parcel,
        cause: &'static str,
        others_accepted: bool,
        shipment: &mut Shipment,
        now: Now,
    ) {
        self.counters.retried(cause, 1);
        parcel.company = parcel.company.max(Company::OtherLanes);
        if cause == "unknown" {
            parcel.trouble().unknowns += 1;
            if parcel.trouble().unknowns >= UNKNOWNS_BEFORE_HALVING {
                // Alone, no answer can be about another record.
                parcel.company = Company::Nobody;
            }
        }
        if cause != "429" && self.blame(&mut parcel, others_accepted, now) {
            let message = format!("it answers \"{cause}\" to this record and accepts others");
            self.end(parcel, Some(Death::stuck(message)), now);
            return;
        }
        let rest_until = now.instant + self.backoff.pause(parcel.attempts);
        self.rest(parcel, rest_until, shipment, now);
    }
}

/// The cause, when every record is to be sent again. The gravest one: an error of the server may be
/// a record's fault.
fn all_transient(fates: &[Fate]) -> Option<&'static str> {
    let mut found = "unknown";
    for fate in fates {
        match fate {
            Fate::Again(status) if found != "5xx" => found = cause(*status),
            Fate::Again(_) | Fate::Unknown => {}
            Fate::Accepted | Fate::Refused(_) => return None,
        }
    }
    Some(found)
}
