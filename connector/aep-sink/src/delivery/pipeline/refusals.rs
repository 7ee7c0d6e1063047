//! Refusals for good: the record's fault, or the target's?

use std::time::Duration;

use tokio::time::Instant;

use super::failures::STUCK_FAILURES;
use super::{Ended, Now, Pipeline, cause};
use crate::aep::{Refusal, Scope};
use crate::delivery::health::Health;
use crate::delivery::parcel::{Company, Parcel};
use crate::delivery::shipment::Shipment;
use crate::error::Fault;
use crate::telemetry::{Component, Condition, InletState};

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

/// The hold, for `/ready` and `/status`.
fn condition(refusal: &Refusal) -> Condition {
    Condition {
        fault: Fault::User,
        reason: format!(
            "{} ({}: {})",
            refusal.reason,
            refusal.status,
            refusal.told()
        ),
        remedy: refusal.advice().to_owned(),
    }
}

impl Pipeline {
    /// A whole request was refused. Alone, the record is known; otherwise halves find it.
    pub(super) fn refused(&mut self, mut shipment: Shipment, refusal: Refusal, now: Now) {
        if shipment.part().len() == 1 && self.accepts(&refusal) {
            for parcel in shipment.take_part() {
                self.end(parcel, Some(refusal.clone().into()), now);
            }
            self.carry_on(shipment, now);
            return;
        }
        if self.health.is_held() {
            self.back_to_lanes(shipment, Some(self.holds), now);
            return;
        }
        if shipment.part().len() > 1 {
            shipment.halve();
        } else if let [parcel] = shipment.part_mut() {
            let blamed = self.weigh(parcel, &refusal, now);
            if blamed == Blamed::Target {
                self.hold(&refusal, shipment, now);
                return;
            }
            for parcel in shipment.take_part() {
                self.draw(parcel, blamed, refusal.clone(), &mut shipment, now);
            }
        }
        self.carry_on(shipment, now);
    }

    /// Whom a refusal blames, of a record whose answer accepted no other.
    pub(super) fn weigh(&mut self, parcel: &mut Parcel, refusal: &Refusal, now: Now) -> Blamed {
        let was_held = self.was_held(parcel);
        if refusal.scope == Scope::Record {
            // One that was refused before and after many others were accepted tells nothing of the
            // target.
            let tells = !was_held || !self.suspicion.is_target_proven();
            return if tells && self.suspicion.refused(refusal) {
                Blamed::Target
            } else {
                Blamed::Record
            };
        }
        if !was_held {
            return Blamed::Target;
        }
        if parcel.hold() != Some(self.holds) {
            // The target was at fault once more since.
            parcel.held(self.holds);
        }
        // Accepting a probe proves little: the fault may be back, or gone from some of the
        // platform's nodes only.
        let trouble = parcel.trouble();
        let others_pass = trouble
            .refused
            .is_some_and(|refused| trouble.failures > 0 || self.accepted_begun >= Some(refused));
        trouble.refused = Some(now.instant);
        if !others_pass {
            return if self.suspicion.refused(refusal) {
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
        mut parcel: Parcel,
        blamed: Blamed,
        refusal: Refusal,
        shipment: &mut Shipment,
        now: Now,
    ) {
        match blamed {
            Blamed::Proven => self.end(parcel, Some(refusal.into()), now),
            Blamed::Record => self.suspect(parcel, refusal, now),
            Blamed::Nobody | Blamed::Target => {
                self.counters.retried(cause(refusal.status), 1);
                parcel.company = Company::Nobody;
                let pause = self.backoff.pause(parcel.attempts);
                self.rest(parcel, now.instant + pause, shipment, now);
            }
        }
    }

    /// The record was refused, and nothing is known yet of others. Its lane goes on: it has been
    /// answered.
    pub(super) fn suspect(&mut self, parcel: Parcel, refusal: Refusal, now: Now) {
        self.lanes.release(parcel.lane, now.instant, now.wall);
        self.suspicion.keep(parcel, refusal, now.instant);
    }

    pub(super) fn judge_suspects(&mut self, now: Now) {
        if self.is_idle() && self.suspicion.due().is_some_and(|due| due <= now.instant) {
            self.convict_suspects(now.instant);
        }
    }

    /// Gives up those refused before this moment.
    pub(super) fn convict_suspects(&mut self, before: Instant) {
        for (parcel, refusal) in self.suspicion.take_before(before) {
            self.ended.push(Ended {
                parcel,
                death: Some(refusal.into()),
            });
        }
    }

    /// Whether it was held before and that hold has ended: then others are accepted where it is
    /// refused.
    pub(super) fn was_held(&self, parcel: &Parcel) -> bool {
        parcel.hold().is_some_and(|hold| hold <= self.released)
    }

    pub(super) fn hold(&mut self, refusal: &Refusal, shipment: Shipment, now: Now) {
        self.begin_hold(refusal, now);
        self.back_to_lanes(shipment, Some(self.holds), now);
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
            said = refusal.told(),
            "held: the inlet refuses every record; nothing is dead-lettered or committed; {}",
            refusal.advice(),
        );
        let until = now.instant + self.backoff.ceiling(self.probes);
        self.report_hold(refusal);
        self.health = Health::Held { until };
        for (mut parcel, _) in self.suspicion.take() {
            parcel.held(self.holds);
            self.lanes.take_back(parcel, now.instant, now.wall);
        }
        for shipment in std::mem::take(&mut self.parked) {
            self.back_to_lanes(shipment, None, now);
        }
    }

    fn report_hold(&self, refusal: &Refusal) {
        self.counters.inlet_state(self.inlet, InletState::Held);
        let inlet = Component::Inlet(self.inlet.as_str());
        self.conditions.put(inlet, condition(refusal));
    }

    /// A probe was refused. What has to be mended now may be something else than what the hold
    /// began with.
    pub(super) fn held_for_another(&mut self, refusal: &Refusal) {
        // A probe may be a record that is refused for its own sake.
        if refusal.scope == Scope::Record || refusal.reason == self.held_for {
            return;
        }
        self.held_for = refusal.reason;
        tracing::error!(
            inlet = self.inlet.as_str(),
            reason = refusal.reason,
            status = refusal.status,
            said = refusal.told(),
            "still held, for another reason now; {}",
            refusal.advice(),
        );
        self.report_hold(refusal);
    }

    pub(super) fn release(&mut self, now: Now) {
        self.released = self.holds;
        self.suspicion.reset();
        self.well("the inlet accepts records again", now);
    }

    pub(super) fn put_on_hold(&mut self, mut parcel: Parcel, now: Now) {
        parcel.held(self.holds);
        self.lanes
            .put_last(parcel, now.instant, now.instant, now.wall);
    }

    /// `refused`: the hold whose reason this shipment was refused for.
    pub(super) fn back_to_lanes(&mut self, shipment: Shipment, refused: Option<u64>, now: Now) {
        // Only what was sent was refused.
        let sent = shipment.part().len();
        for (index, mut parcel) in shipment.into_parcels().enumerate() {
            if let Some(hold) = refused.filter(|_| index < sent) {
                parcel.held(hold);
            }
            self.lanes
                .put_last(parcel, now.instant, now.instant, now.wall);
        }
    }
}
