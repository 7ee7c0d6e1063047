//! Everything one inlet decides: what goes next, and what follows from an answer. Pure: no clock, no I/O, no task.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::backoff::Backoff;
use super::counters::{Counters, InletName};
use super::health::{FAILURES_BEFORE_DOWN, Health};
use super::lanes::{Capacity, Lanes};
use super::parcel::{Company, Parcel};
use super::send::Sent;
use super::shipment::{FAILURES_BEFORE_HALVING, Shipment, UNKNOWNS_BEFORE_HALVING};
use super::suspicion::Suspicion;
use crate::aep::{Answer, Fate, Refusal, Scope};

/// A lone record that failed this often, for this long, while its inlet was well, goes to the dead letters.
const STUCK_FAILURES: u32 = 20;
const STUCK_TIME: Duration = Duration::from_secs(600);

/// The end of a parcel.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) parcel: Parcel,
    /// `None` when it was delivered.
    pub(super) death: Option<Death>,
}

/// Why a parcel cannot be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Death {
    pub(super) reason: &'static str,
    pub(super) status: Option<u16>,
    pub(super) message: String,
    pub(super) pointer: Option<String>,
}

/// How requests to an inlet are cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    pub(super) capacity: Capacity,
    pub(super) linger: Duration,
    /// Whether events of the future have to wait.
    pub(super) timed: bool,
}

/// Now, on both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) instant: Instant,
    /// Milliseconds since the epoch.
    pub(super) wall: i64,
}

/// A failure of a whole request that heals.
struct Failure {
    /// For the counters.
    cause: &'static str,
    /// For a person.
    detail: String,
    retry_after: Option<Duration>,
    /// Whether the records themselves may be what makes it fail.
    may_be_the_record: bool,
}

/// The state of one inlet.
#[derive(Debug)]
pub(super) struct Pipeline {
    inlet: InletName,
    cut: Cut,
    backoff: Backoff,
    counters: Arc<Counters>,
    lanes: Lanes,
    flying: HashMap<u64, Shipment>,
    /// Between two attempts. They keep their place in the limit: a struggling target then has fewer batches, not more.
    parked: Vec<Shipment>,
    next_id: u64,
    health: Health,
    /// Failures in a row over all requests.
    failures: u32,
    /// Answers that accepted something.
    acceptances: u64,
    suspicion: Suspicion,
    /// Holds begun and holds ended, both counted from 1.
    holds: u64,
    released: u64,
    /// Probes of the present hold or outage.
    probes: u32,
    /// The stream has ended: nothing more will fill a batch.
    hurry: bool,
    ended: Vec<Ended>,
}

impl Pipeline {
    pub(super) fn new(inlet: InletName, cut: Cut, backoff: Backoff, counters: Arc<Counters>) -> Self {
        Self {
            inlet,
            cut,
            backoff,
            counters,
            lanes: Lanes::new(cut.timed),
            flying: HashMap::new(),
            parked: Vec::new(),
            next_id: 0,
            health: Health::Well,
            failures: 0,
            acceptances: 0,
            suspicion: Suspicion::default(),
            holds: 0,
            released: 0,
            probes: 0,
            hurry: false,
            ended: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, parcel: Parcel, now: Now) {
        self.lanes.push(parcel, now.instant, now.wall);
    }

    /// No more parcels will come.
    pub(super) fn hurry(&mut self) {
        self.hurry = true;
    }

    /// Requests under way or between two attempts.
    pub(super) fn load(&self) -> usize {
        self.flying.len() + self.parked.len()
    }

    /// Parcels that ended since the last call.
    pub(super) fn take_ended(&mut self) -> Vec<Ended> {
        std::mem::take(&mut self.ended)
    }

    /// What goes out next, if anything may go now. `permit`: whether one more request fits under the limit.
    pub(super) fn next(&mut self, now: Now, permit: bool) -> Option<(u64, &[Parcel])> {
        self.lanes.awake(now.instant, now.wall);
        self.judge_suspects(now);
        let mut shipment = match self.health {
            Health::Held { until, .. } => {
                if now.instant < until || !self.flying.is_empty() || !permit {
                    return None;
                }
                // One record: if the inlet refuses it, only that one was tried in vain. A different one each time, so
                // that a record that is itself at fault cannot keep the inlet held.
                let mut shipment = Shipment::new(vec![self.lanes.take_one()?], now.instant);
                shipment.probe = true;
                shipment
            }
            Health::Down { until, .. } => {
                if now.instant < until || !self.flying.is_empty() {
                    return None;
                }
                let mut shipment = match self.parked.pop() {
                    Some(shipment) => shipment,
                    None => self.fresh(now, permit)?,
                };
                shipment.probe = true;
                shipment
            }
            Health::Well => match self.parked.iter().position(|parked| parked.not_before <= now.instant) {
                Some(index) => self.parked.swap_remove(index),
                None => self.fresh(now, permit)?,
            },
        };
        shipment.attempt(now.wall);
        let id = self.next_id;
        self.next_id += 1;
        Some((id, self.flying.entry(id).or_insert(shipment).part()))
    }

    fn fresh(&mut self, now: Now, permit: bool) -> Option<Shipment> {
        if !permit {
            return None;
        }
        if let Some(parcel) = self.lanes.take_solo() {
            let mut shipment = Shipment::new(vec![parcel], now.instant);
            shipment.cut = true;
            return Some(shipment);
        }
        if self.batch_due()? > now.instant {
            return None;
        }
        let batch = self.lanes.take_batch(self.cut.capacity, now.instant, now.wall);
        (!batch.is_empty()).then(|| Shipment::new(batch, now.instant))
    }

    fn batch_due(&self) -> Option<Instant> {
        let linger = if self.hurry { Duration::ZERO } else { self.cut.linger };
        self.lanes.due(self.cut.capacity, linger)
    }

    /// When [`Self::next`] has to be asked again, if nothing happens before. Never a moment at which it could do nothing:
    /// that would make the driver spin.
    pub(super) fn wake(&self, permit: bool) -> Option<Instant> {
        let resting = self.lanes.next_awake();
        let suspects = if self.is_idle() { self.suspicion.due() } else { None };
        let sending = match self.health {
            Health::Held { until, .. } => (self.flying.is_empty() && permit && self.lanes.has_ready()).then_some(until),
            Health::Down { until, .. } => {
                let fresh = || if self.lanes.has_solo() { Some(until) } else { self.batch_due() };
                let due = if !self.parked.is_empty() {
                    Some(until)
                } else if permit {
                    fresh()
                } else {
                    None
                };
                due.filter(|_| self.flying.is_empty()).map(|due| due.max(until))
            }
            Health::Well => {
                let parked = self.parked.iter().map(|shipment| shipment.not_before).min();
                let fresh = if permit { self.batch_due() } else { None };
                [parked, fresh].into_iter().flatten().min()
            }
        };
        [resting, suspects, sending].into_iter().flatten().min()
    }

    /// Whether nothing is under way or ready, so that no further evidence is to be expected.
    fn is_idle(&self) -> bool {
        self.health == Health::Well && self.load() == 0 && !self.lanes.has_ready()
    }

    /// Draws the consequences of an attempt.
    pub(super) fn landed(&mut self, id: u64, sent: Sent, now: Now) {
        let Some(mut shipment) = self.flying.remove(&id) else { return };
        let probe = std::mem::take(&mut shipment.probe);
        let was_held = self.health.is_held();
        self.judge(shipment, sent, probe, now);
        if probe
            && was_held
            && let Health::Held { until, .. } = &mut self.health
        {
            // Still held. Without jitter and up to the maximum: this waits for a person.
            self.probes += 1;
            *until = now.instant + self.backoff.ceiling(self.probes);
        }
    }

    fn judge(&mut self, shipment: Shipment, sent: Sent, probe: bool, now: Now) {
        match sent {
            Sent::Answered(Answer::Records(fates)) => self.records(shipment, fates, probe, now),
            Sent::Answered(Answer::Refused(refusal)) => {
                self.answers();
                let ours = shipment.part().iter().any(|parcel| !self.was_held(parcel));
                if refusal.scope == Scope::Target && ours {
                    self.hold(&refusal, shipment, now);
                } else {
                    self.refused(shipment, refusal, now);
                }
            }
            Sent::Answered(Answer::TooLarge(refusal)) => {
                self.answers();
                self.refused(shipment, refusal, now);
            }
            Sent::Answered(Answer::Unauthorized(refusal) | Answer::Target(refusal)) => {
                self.answers();
                self.hold(&refusal, shipment, now);
            }
            Sent::Answered(Answer::Busy { status, retry_after }) => {
                let cause = if status == 429 { "429" } else { "5xx" };
                let failure = Failure {
                    cause,
                    detail: format!("it answers {status}"),
                    retry_after,
                    may_be_the_record: status >= 500 && retry_after.is_none(),
                };
                self.failed(shipment, &failure, probe, now);
            }
            Sent::Failed(error) => {
                use crate::aep::TransportError::{Broken, Connect, Timeout};
                let cause = match error {
                    Timeout => "timeout",
                    Connect(_) | Broken(_) => "network",
                };
                let may_be_the_record = error == Timeout;
                let failure = Failure { cause, detail: error.to_string(), retry_after: None, may_be_the_record };
                self.failed(shipment, &failure, probe, now);
            }
            Sent::NoToken(detail) => {
                let detail = format!("no access token: {detail}");
                let failure = Failure { cause: "token", detail, retry_after: None, may_be_the_record: false };
                self.failed(shipment, &failure, probe, now);
            }
        }
    }

    // === answers per record ===

    fn records(&mut self, mut shipment: Shipment, mut fates: Vec<Fate>, probe: bool, now: Now) {
        fates.resize(shipment.part().len(), Fate::Unknown);
        let accepted = fates.contains(&Fate::Accepted);
        if let Some(cause) = all_transient(&fates) {
            // Nothing was accepted and nothing refused: the same as one failure of the whole request.
            if cause == "unknown" {
                shipment.unknowns += 1;
            }
            let detail = "its answers do not accept any record".to_owned();
            let failure = Failure { cause, detail, retry_after: None, may_be_the_record: cause == "5xx" };
            self.failed(shipment, &failure, probe, now);
            return;
        }
        self.answers();
        let part = shipment.take_part();
        if accepted {
            self.acceptances += 1;
            if probe && self.health.is_held() {
                self.release();
            }
        }
        // First the judgment over the whole answer, then its consequences: nothing may become a dead letter that the
        // same answer shows to be the target's fault.
        let mut culprit = None;
        for (parcel, fate) in part.iter().zip(&fates) {
            match fate {
                Fate::Accepted => self.suspicion.accepted(),
                Fate::Refused(refusal) => {
                    let target = if accepted {
                        self.suspicion.refused_among_accepted(refusal)
                    } else {
                        // One that was refused before and after others were accepted tells nothing of the target.
                        !self.was_held(parcel) && (refusal.scope == Scope::Target || self.suspicion.refused(refusal))
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
            self.convict_suspects();
        }
        for (parcel, fate) in part.into_iter().zip(fates) {
            match fate {
                Fate::Accepted => self.end(parcel, None, now),
                Fate::Refused(_) if self.health.is_held() => self.put_on_hold(parcel, now),
                Fate::Refused(refusal) if accepted => self.end(parcel, Some(refusal.into()), now),
                Fate::Refused(refusal) => self.suspect(parcel, refusal, now),
                Fate::Again(status) => self.again(parcel, if status == 429 { "429" } else { "5xx" }, accepted, now),
                Fate::Unknown => self.again(parcel, "unknown", accepted, now),
            }
        }
        self.carry_on(shipment, now);
    }

    /// One record has to be sent again while others of its request were dealt with.
    fn again(&mut self, mut parcel: Parcel, cause: &'static str, others_accepted: bool, now: Now) {
        self.counters.retried(cause, 1);
        parcel.company = parcel.company.max(Company::OtherLanes);
        if cause == "unknown" {
            parcel.unknowns += 1;
            if parcel.unknowns >= UNKNOWNS_BEFORE_HALVING {
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
        self.lanes.give_back(parcel, rest_until, now.instant, now.wall);
    }

    /// Counts a failure against one record, if the inlet is well. `true` when it has failed long enough.
    fn blame(&self, parcel: &mut Parcel, well: bool, now: Now) -> bool {
        let well = well || parcel.acceptances.is_some_and(|seen| self.acceptances > seen);
        parcel.acceptances = Some(self.acceptances);
        if !well {
            return false;
        }
        parcel.failures += 1;
        let since = *parcel.failing_since.get_or_insert(now.instant);
        parcel.failures >= STUCK_FAILURES && now.instant - since >= STUCK_TIME
    }

    // === refusals ===

    /// A whole request was refused. Alone, the record is known; otherwise halves find it.
    fn refused(&mut self, mut shipment: Shipment, refusal: Refusal, now: Now) {
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
    fn suspect(&mut self, parcel: Parcel, refusal: Refusal, now: Now) {
        self.lanes.release(parcel.lane, now.instant, now.wall);
        self.suspicion.keep(parcel, refusal, now.instant);
    }

    fn judge_suspects(&mut self, now: Now) {
        if self.is_idle() && self.suspicion.due().is_some_and(|due| due <= now.instant) {
            self.convict_suspects();
        }
    }

    fn convict_suspects(&mut self) {
        for (parcel, refusal) in self.suspicion.take() {
            self.ended.push(Ended { parcel, death: Some(refusal.into()) });
        }
    }

    /// Whether it was held before and that hold has ended: then others are accepted where it is refused.
    fn was_held(&self, parcel: &Parcel) -> bool {
        parcel.hold.is_some_and(|hold| hold <= self.released)
    }

    fn hold(&mut self, refusal: &Refusal, shipment: Shipment, now: Now) {
        self.begin_hold(refusal, now);
        self.back_to_lanes(shipment, Some(self.holds), now);
    }

    fn begin_hold(&mut self, refusal: &Refusal, now: Now) {
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
        let reason = format!("{} ({} {}): {}", refusal.reason, refusal.status, refusal.message, refusal.advice());
        self.counters.health(self.inlet, Some(&reason));
        self.health = Health::Held { until, reason };
        for (mut parcel, _) in self.suspicion.take() {
            parcel.hold = Some(self.holds);
            self.lanes.take_back(parcel, now.instant, now.wall);
        }
        for shipment in std::mem::take(&mut self.parked) {
            self.back_to_lanes(shipment, None, now);
        }
    }

    fn release(&mut self) {
        self.released = self.holds;
        self.suspicion.reset();
        self.well("the inlet accepts records again");
    }

    fn put_on_hold(&mut self, mut parcel: Parcel, now: Now) {
        parcel.hold = Some(self.holds);
        self.lanes.give_back(parcel, now.instant, now.instant, now.wall);
    }

    /// `refused`: the hold whose reason this shipment was refused for.
    fn back_to_lanes(&mut self, shipment: Shipment, refused: Option<u64>, now: Now) {
        for mut parcel in shipment.into_parcels() {
            parcel.hold = refused.or(parcel.hold);
            self.lanes.give_back(parcel, now.instant, now.instant, now.wall);
        }
    }

    // === failures that heal ===

    fn failed(&mut self, mut shipment: Shipment, failure: &Failure, probe: bool, now: Now) {
        self.counters.retried(failure.cause, 1);
        self.failures = self.failures.saturating_add(1);
        shipment.failures = shipment.failures.saturating_add(1);
        match &mut self.health {
            Health::Held { .. } => {
                self.back_to_lanes(shipment, None, now);
                return;
            }
            Health::Down { until, .. } => {
                // Only the probe tells something new; the rest were under way when it went down.
                if probe {
                    self.probes += 1;
                    *until = now.instant + self.backoff.pause_or(self.probes, failure.retry_after);
                }
            }
            Health::Well if self.failures >= FAILURES_BEFORE_DOWN => {
                self.probes = 1;
                let until = now.instant + self.backoff.pause_or(self.probes, failure.retry_after);
                tracing::warn!(inlet = self.inlet.as_str(), reason = failure.detail, "down: delivery waits and asks again");
                self.counters.health(self.inlet, Some(&failure.detail));
                self.health = Health::Down { until, reason: failure.detail.clone() };
            }
            Health::Well => {}
        }
        let pause = self.backoff.pause_or(shipment.failures, failure.retry_after);
        if shipment.part().len() > 1 {
            self.failed_batch(shipment, failure, now.instant + pause);
        } else {
            self.failed_alone(shipment, failure, now);
        }
    }

    fn failed_batch(&mut self, mut shipment: Shipment, failure: &Failure, not_before: Instant) {
        let well = shipment.acceptances.is_some_and(|seen| self.acceptances > seen);
        shipment.acceptances = Some(self.acceptances);
        if failure.may_be_the_record && well {
            shipment.failures_while_well += 1;
        }
        if shipment.unknowns >= UNKNOWNS_BEFORE_HALVING {
            shipment.halve();
        } else if shipment.failures_while_well >= FAILURES_BEFORE_HALVING {
            shipment.halve_suspect();
        }
        shipment.not_before = not_before;
        self.parked.push(shipment);
    }

    /// A lone record goes back to its lane and rests there: between attempts it takes no place in the limit, so records
    /// that are stuck cannot stop the others.
    fn failed_alone(&mut self, mut shipment: Shipment, failure: &Failure, now: Now) {
        for mut parcel in shipment.take_part() {
            let stuck = failure.may_be_the_record && self.blame(&mut parcel, false, now);
            if stuck {
                self.end(parcel, Some(Death::stuck(failure.detail.clone())), now);
                continue;
            }
            if shipment.cut || parcel.failures > 0 {
                parcel.company = Company::Nobody;
            }
            let pause = self.backoff.pause_or(parcel.attempts, failure.retry_after);
            self.lanes.give_back(parcel, now.instant + pause, now.instant, now.wall);
        }
        self.carry_on(shipment, now);
    }

    // === what all of them end with ===

    /// The inlet answered with something that is no failure.
    fn answers(&mut self) {
        self.failures = 0;
        if matches!(self.health, Health::Down { .. }) {
            self.well("the inlet answers again");
        }
    }

    fn well(&mut self, news: &'static str) {
        tracing::info!(inlet = self.inlet.as_str(), "{news}");
        self.counters.health(self.inlet, None);
        self.health = Health::Well;
        self.failures = 0;
        self.probes = 0;
    }

    fn end(&mut self, parcel: Parcel, death: Option<Death>, now: Now) {
        self.lanes.release(parcel.lane, now.instant, now.wall);
        self.ended.push(Ended { parcel, death });
    }

    /// Sends the rest of a shipment on, or frees its place.
    fn carry_on(&mut self, mut shipment: Shipment, now: Now) {
        if shipment.is_done() {
            return;
        }
        if self.health.is_held() {
            self.back_to_lanes(shipment, None, now);
            return;
        }
        shipment.not_before = now.instant;
        self.parked.push(shipment);
    }
}

/// The cause, when every record is to be sent again.
fn all_transient(fates: &[Fate]) -> Option<&'static str> {
    let mut cause = "unknown";
    for fate in fates {
        match fate {
            Fate::Again(429) if cause == "unknown" => cause = "429",
            Fate::Again(429) | Fate::Unknown => {}
            Fate::Again(_) => cause = "5xx",
            Fate::Accepted | Fate::Refused(_) => return None,
        }
    }
    Some(cause)
}

impl Death {
    fn stuck(message: String) -> Self {
        Self { reason: "target_keeps_failing", status: None, message, pointer: None }
    }
}

impl From<Refusal> for Death {
    fn from(refusal: Refusal) -> Self {
        Self {
            reason: refusal.reason,
            status: Some(refusal.status),
            message: refusal.message,
            pointer: refusal.pointer,
        }
    }
}
