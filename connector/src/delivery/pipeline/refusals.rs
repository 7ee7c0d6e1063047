//! Refusals for good: the record's fault, or the target's?

use super::{Ended, Now, Pipeline};
use crate::aep::Refusal;
use crate::delivery::counters::{Stop, StopKind};
use crate::delivery::health::Health;
use crate::delivery::parcel::Parcel;
use crate::delivery::shipment::Shipment;
use crate::error::Fault;

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
        } else {
            let ours = shipment.part().iter().any(|parcel| !self.was_held(parcel));
            if ours && self.suspicion.refused(&refusal) {
                self.hold(&refusal, shipment, now);
                return;
            }
            for parcel in shipment.take_part() {
                self.suspect(parcel, refusal.clone(), now);
            }
        }
        self.carry_on(shipment, now);
    }

    /// The record was refused, and nothing is known yet of others. Its lane goes on: it has been answered.
    pub(super) fn suspect(&mut self, parcel: Parcel, refusal: Refusal, now: Now) {
        self.lanes.release(parcel.lane, now.instant, now.wall);
        self.suspicion.keep(parcel, refusal, now.instant);
    }

    pub(super) fn judge_suspects(&mut self, now: Now) {
        if self.is_idle() && self.suspicion.due().is_some_and(|due| due <= now.instant) {
            self.convict_suspects();
        }
    }

    pub(super) fn convict_suspects(&mut self) {
        for (parcel, refusal) in self.suspicion.take() {
            self.ended.push(Ended {
                parcel,
                death: Some(refusal.into()),
            });
        }
    }

    /// Whether it was held before and that hold has ended: then others are accepted where it is refused.
    pub(super) fn was_held(&self, parcel: &Parcel) -> bool {
        parcel.hold.is_some_and(|hold| hold <= self.released)
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
        // The one ERROR line of this change. Silence about the probes: nothing changes with them.
        tracing::error!(
            inlet = self.inlet.as_str(),
            reason = refusal.reason,
            status = refusal.status,
            message = refusal.message,
            "held: the inlet refuses every record; nothing is dead-lettered or committed; {}",
            refusal.advice(),
        );
        let until = now.instant + self.backoff.ceiling(self.probes);
        let stop = Stop {
            kind: StopKind::Held,
            fault: Fault::User,
            reason: format!("{} ({} {})", refusal.reason, refusal.status, refusal.message),
            remedy: refusal.advice(),
            since: now.wall,
        };
        self.counters.health(self.inlet, Some(stop));
        self.health = Health::Held { until };
        for (mut parcel, _) in self.suspicion.take() {
            parcel.hold = Some(self.holds);
            self.lanes.take_back(parcel, now.instant, now.wall);
        }
        for shipment in std::mem::take(&mut self.parked) {
            self.back_to_lanes(shipment, None, now);
        }
    }

    pub(super) fn release(&mut self, now: Now) {
        self.released = self.holds;
        self.suspicion.reset();
        self.well("the inlet accepts records again", now);
    }

    pub(super) fn put_on_hold(&mut self, mut parcel: Parcel, now: Now) {
        parcel.hold = Some(self.holds);
        self.lanes.give_back(parcel, now.instant, now.instant, now.wall);
    }

    /// `refused`: the hold whose reason this shipment was refused for.
    pub(super) fn back_to_lanes(&mut self, shipment: Shipment, refused: Option<u64>, now: Now) {
        for mut parcel in shipment.into_parcels() {
            parcel.hold = refused.or(parcel.hold);
            self.lanes.give_back(parcel, now.instant, now.instant, now.wall);
        }
    }
}
