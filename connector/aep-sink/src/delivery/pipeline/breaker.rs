//! The circuit breaker of one inlet: its states and every change between them.
//!
//! ```text
//!             on_failure: FAILURES_BEFORE_OPEN in a row
//!   Closed ───────────────────────────────────────────────► Unavailable
//!     ▲ ▲       on_response: anything but a failure             │
//!     │ └───────────────────────────────────────────────────────┤
//!     │                                                         │ trip
//!     │         trip: every record is refused                   ▼
//!     │ Closed ─────────────────────────────────────────► Misconfigured
//!     └─────────────────────────────────────────────────────────┘
//!               reset: a probe is accepted
//! ```
//!
//! `Unavailable` heals by itself and sends one request at a time; `Misconfigured` waits for a
//! person and sends one record at a time. Users know the three as *well*, *down* and *held*.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::failure::{Failure, NO_TOKEN};
use super::now::Now;
use crate::aep::{Refusal, Scope};
use crate::backoff::Backoff;
use crate::error::Fault;
use crate::inlet_name::InletName;
use crate::telemetry::{Component, Condition, Conditions, InletState, Metrics};

/// Failures in a row before an inlet counts as unavailable. Fewer would let one bad record of a
/// quiet stream stop the rest.
const FAILURES_BEFORE_OPEN: u32 = 5;

/// Whether an inlet takes records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It does.
    Closed,
    /// It does not answer, or only with errors that heal.
    Unavailable {
        since: Instant,
        /// When to probe next.
        until: Instant,
        /// Otherwise a person has been asked to change something.
        heals: bool,
    },
    /// It refuses every record until a person changes something.
    Misconfigured {
        /// When to probe next.
        until: Instant,
    },
}

/// What a failure means for the request that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AfterFailure {
    /// It is tried again.
    Retry,
    /// The same, and the inlet has just become unavailable.
    Opened,
    /// Its entities wait until the inlet is repaired.
    Requeue,
}

/// The circuit breaker of one inlet. It reports its changes to the log and the metrics.
#[derive(Debug)]
pub(super) struct Breaker {
    inlet: InletName,
    metrics: Arc<Metrics>,
    conditions: Arc<Conditions>,
    state: State,
    /// Failures in a row over all requests.
    failures: u32,
    /// Probes since the breaker opened.
    probes: u32,
    /// Times it was tripped. The count is the name of the present trip.
    trips: u64,
    /// The last trip that was reset.
    last_reset: u64,
    /// The reason of the present trip, as last reported.
    tripped_for: &'static str,
}

impl Breaker {
    pub(super) fn new(
        inlet: InletName,
        metrics: Arc<Metrics>,
        conditions: Arc<Conditions>,
    ) -> Self {
        Self {
            inlet,
            metrics,
            conditions,
            state: State::Closed,
            failures: 0,
            probes: 0,
            trips: 0,
            last_reset: 0,
            tripped_for: "",
        }
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    pub(super) fn is_misconfigured(&self) -> bool {
        matches!(self.state, State::Misconfigured { .. })
    }

    /// Probes since the breaker opened.
    pub(super) fn probes(&self) -> u32 {
        self.probes
    }

    /// The present trip, or the last one.
    pub(super) fn trip_number(&self) -> u64 {
        self.trips
    }

    /// The last trip that was reset.
    pub(super) fn last_reset(&self) -> u64 {
        self.last_reset
    }

    // === transitions ===

    /// A whole request failed. `Closed` becomes `Unavailable` after several in a row.
    pub(super) fn on_failure(
        &mut self,
        failure: &Failure,
        probe: bool,
        backoff: &mut Backoff,
        now: Now,
    ) -> AfterFailure {
        self.failures = self.failures.saturating_add(1);
        match &mut self.state {
            State::Misconfigured { .. } => {
                if probe && !failure.heals && self.tripped_for != failure.cause {
                    // What has to be mended first now.
                    self.tripped_for = failure.cause;
                    log_unavailable(self.inlet, failure);
                    self.report_unavailable(failure);
                }
                AfterFailure::Requeue
            }
            State::Unavailable { until, heals, .. } => {
                // Only the probe shows something new; the rest were in flight when it opened.
                if probe {
                    self.probes += 1;
                    *until = now.instant + backoff.pause_or(self.probes, failure.retry_after);
                    if *heals && !failure.heals {
                        log_unavailable(self.inlet, failure);
                    }
                    *heals = failure.heals;
                    // What keeps it unavailable now may be something else than what it began with.
                    self.report_unavailable(failure);
                }
                AfterFailure::Retry
            }
            State::Closed if self.failures >= FAILURES_BEFORE_OPEN => {
                self.probes = 1;
                let until = now.instant + backoff.pause_or(self.probes, failure.retry_after);
                log_unavailable(self.inlet, failure);
                self.report_unavailable(failure);
                self.state = State::Unavailable {
                    since: now.instant,
                    until,
                    heals: failure.heals,
                };
                AfterFailure::Opened
            }
            State::Closed => AfterFailure::Retry,
        }
    }

    /// The inlet responded with something that is no failure: `Unavailable` becomes `Closed`.
    /// Returns how long it was unavailable, if it was.
    pub(super) fn on_response(&mut self, now: Now) -> Option<Duration> {
        self.failures = 0;
        let State::Unavailable { since, .. } = self.state else {
            return None;
        };
        self.close("the inlet answers again");
        Some(now.instant - since)
    }

    /// Every record is refused: any other state becomes `Misconfigured`. Returns whether it did.
    pub(super) fn trip(&mut self, refusal: &Refusal, backoff: &Backoff, now: Now) -> bool {
        if self.is_misconfigured() {
            return false;
        }
        self.trips += 1;
        self.probes = 1;
        self.tripped_for = refusal.reason;
        // The one ERROR line of this change. Probes are not logged, unless they are refused for
        // another reason.
        tracing::error!(
            inlet = self.inlet.as_str(),
            reason = refusal.reason,
            status = refusal.status,
            said = refusal.redacted_message(),
            "held: the inlet refuses every record; nothing is dead-lettered or committed; {}",
            refusal.advice(),
        );
        let until = now.instant + backoff.ceiling(self.probes);
        self.report_misconfigured(refusal);
        self.state = State::Misconfigured { until };
        true
    }

    /// A probe was not accepted: if the inlet is `Misconfigured`, it is probed again later. What
    /// has to be mended may be something else by now than what tripped it.
    pub(super) fn on_probe_refused(
        &mut self,
        refusal: Option<&Refusal>,
        backoff: &Backoff,
        now: Now,
    ) {
        let State::Misconfigured { until } = &mut self.state else {
            return;
        };
        // Without jitter and up to the maximum: this waits for a person.
        self.probes += 1;
        *until = now.instant + backoff.ceiling(self.probes);
        // A probe may be a record that is refused for its own sake.
        if let Some(refusal) = refusal
            && refusal.scope != Scope::Record
            && refusal.reason != self.tripped_for
        {
            self.tripped_for = refusal.reason;
            tracing::error!(
                inlet = self.inlet.as_str(),
                reason = refusal.reason,
                status = refusal.status,
                said = refusal.redacted_message(),
                "still held, for another reason now; {}",
                refusal.advice(),
            );
            self.report_misconfigured(refusal);
        }
    }

    /// A probe was accepted: `Misconfigured` becomes `Closed`.
    pub(super) fn reset(&mut self) {
        self.last_reset = self.trips;
        self.close("the inlet accepts records again");
    }

    fn report_unavailable(&self, failure: &Failure) {
        self.metrics.inlet_state(self.inlet, InletState::Down);
        // Without a token this is the same trouble as that of the token, if that is reported.
        let cause = (failure.cause == NO_TOKEN).then_some(Component::Token);
        let inlet = Component::Inlet(self.inlet.as_str());
        self.conditions
            .put_caused_by(inlet, unavailable(failure), cause);
    }

    fn report_misconfigured(&self, refusal: &Refusal) {
        self.metrics.inlet_state(self.inlet, InletState::Held);
        let inlet = Component::Inlet(self.inlet.as_str());
        self.conditions.put(inlet, misconfigured(refusal));
    }

    fn close(&mut self, news: &'static str) {
        tracing::info!(inlet = self.inlet.as_str(), "{news}");
        self.metrics.inlet_state(self.inlet, InletState::Well);
        self.conditions.clear(Component::Inlet(self.inlet.as_str()));
        self.state = State::Closed;
        self.failures = 0;
        self.probes = 0;
    }
}

/// For `/status` and `/ready`: what makes an inlet unavailable.
fn unavailable(failure: &Failure) -> Condition {
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

/// For `/status` and `/ready`: what tripped the breaker.
fn misconfigured(refusal: &Refusal) -> Condition {
    Condition {
        fault: Fault::User,
        reason: format!(
            "{} ({}: {})",
            refusal.reason,
            refusal.status,
            refusal.redacted_message()
        ),
        remedy: refusal.advice().to_owned(),
    }
}

/// The one line of this change.
fn log_unavailable(inlet: InletName, failure: &Failure) {
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
