//! Failures of whole requests, which heal: when to try again, and when to ask whether one record
//! causes them.

use std::time::Duration;

use tokio::time::Instant;

use super::{Death, Now, Pipeline};
use crate::delivery::health::{FAILURES_BEFORE_DOWN, Health};
use crate::delivery::lanes::Lanes;
use crate::delivery::parcel::{Company, Parcel};
use crate::delivery::shipment::{FAILURES_BEFORE_HALVING, Shipment, UNKNOWNS_BEFORE_HALVING};
use crate::error::Fault;
use crate::inlet_name::InletName;
use crate::telemetry::{Component, Condition, InletState};

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

/// The same for `/ready` and `/status`.
fn condition(failure: &Failure) -> Condition {
    Condition {
        fault: if failure.heals {
            Fault::External
        } else {
            Fault::User
        },
        reason: failure.detail.clone(),
        remedy: failure.remedy.to_owned(),
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
    pub(super) fn failed(
        &mut self,
        mut shipment: Shipment,
        failure: &Failure,
        probe: bool,
        now: Now,
    ) {
        self.counters.retried(failure.cause, 1);
        self.failures = self.failures.saturating_add(1);
        shipment.failures = shipment.failures.saturating_add(1);
        match &mut self.health {
            Health::Held { .. } => {
                if probe && !failure.heals && self.held_for != failure.cause {
                    // What has to be mended first now.
                    self.held_for = failure.cause;
                    tell(self.inlet, failure);
                    self.report_failure(failure);
                }
                self.back_to_lanes(shipment, None, now);
                return;
            }
            Health::Down { until, heals } => {
                // Only the probe tells something new; the rest were under way when it went down.
                if probe {
                    self.probes += 1;
                    *until = now.instant + self.backoff.pause_or(self.probes, failure.retry_after);
                    if *heals && !failure.heals {
                        tell(self.inlet, failure);
                    }
                    *heals = failure.heals;
                    // What keeps it down now, which may be something else than what it began with.
                    self.report_failure(failure);
                }
            }
            Health::Well if self.failures >= FAILURES_BEFORE_DOWN => {
                self.probes = 1;
                let until = now.instant + self.backoff.pause_or(self.probes, failure.retry_after);
                tell(self.inlet, failure);
                self.report_failure(failure);
                self.health = Health::Down {
                    until,
                    heals: failure.heals,
                };
                self.begin_anew(now);
            }
            Health::Well => {}
        }
        let pause = self
            .backoff
            .pause_or(shipment.failures, failure.retry_after);
        if shipment.part().len() > 1 {
            self.failed_batch(shipment, failure, now.instant + pause);
        } else {
            self.failed_alone(shipment, failure, now);
        }
    }

    fn report_failure(&self, failure: &Failure) {
        self.counters.inlet_state(self.inlet, InletState::Down);
        // Without a token this is the same trouble as that of the token, if that is reported.
        let cause = (failure.cause == NO_TOKEN).then_some(Component::Token);
        let inlet = Component::Inlet(self.inlet.as_str());
        self.conditions
            .put_caused_by(inlet, condition(failure), cause);
    }

    pub(super) fn failed_batch(
        &mut self,
        mut shipment: Shipment,
        failure: &Failure,
        not_before: Instant,
    ) {
        let well = shipment
            .acceptances
            .is_some_and(|seen| self.acceptances > seen);
        shipment.acceptances = Some(self.acceptances);
        if failure.may_be_the_record && well {
            shipment.failures_while_well += 1;
        }
        // Down, and there is nothing else to ask with: perhaps one record of this batch is all that
        // is wrong. Cutting finds out, and costs no more than the probes that are sent anyway. Not
        // at once: a short outage should not cost the batch.
        let is_all = matches!(self.health, Health::Down { .. })
            && self.load() == 0
            && !self.lanes.has_ready()
            && shipment.failures >= 2 * FAILURES_BEFORE_HALVING;
        if shipment.unknowns >= UNKNOWNS_BEFORE_HALVING || (is_all && failure.may_be_the_record) {
            shipment.halve();
        } else if shipment.failures_while_well >= FAILURES_BEFORE_HALVING {
            shipment.halve_suspect();
        }
        shipment.not_before = not_before;
        self.parked.push(shipment);
    }

    /// A lone record goes back to its lane and rests there: between attempts it takes no place in
    /// the limit, so records that are stuck cannot stop the others.
    pub(super) fn failed_alone(&mut self, mut shipment: Shipment, failure: &Failure, now: Now) {
        for mut parcel in shipment.take_part() {
            let stuck = failure.may_be_the_record && self.blame(&mut parcel, false, now);
            if stuck {
                self.end(parcel, Some(Death::stuck(failure.detail.clone())), now);
                continue;
            }
            if shipment.cut || parcel.failures() > 0 {
                parcel.company = Company::Nobody;
            }
            let pause = self.backoff.pause_or(parcel.attempts, failure.retry_after);
            self.rest(parcel, now.instant + pause, &mut shipment, now);
        }
        self.carry_on(shipment, now);
    }

    /// Sends a parcel back to rest in its lane, and with it whatever later parcels of the lane the
    /// shipment still holds.
    pub(super) fn rest(
        &mut self,
        parcel: Parcel,
        until: Instant,
        shipment: &mut Shipment,
        now: Now,
    ) {
        let lane = parcel.lane;
        // An inlet that is well has no need of other records to show it, and the lane's later ones
        // wait for this one.
        let back = if self.health == Health::Well {
            Lanes::give_back
        } else {
            Lanes::put_last
        };
        for parcel in std::iter::once(parcel).chain(shipment.withdraw(lane)) {
            back(&mut self.lanes, parcel, until, now.instant, now.wall);
        }
    }

    /// Counts a failure against one record, if the inlet is well. `true` when it has failed long
    /// enough.
    pub(super) fn blame(&self, parcel: &mut Parcel, well: bool, now: Now) -> bool {
        let trouble = parcel.trouble();
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
        self.counters.inlet_state(self.inlet, InletState::Well);
        self.conditions.clear(Component::Inlet(self.inlet.as_str()));
        self.health = Health::Well;
        self.failures = 0;
        self.probes = 0;
        // What waited for the inlet need not wait longer; a pause it asked for is kept by its gate.
        for shipment in &mut self.parked {
            shipment.not_before = now.instant;
        }
    }
}
