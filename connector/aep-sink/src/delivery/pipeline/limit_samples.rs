//! What an attempt shows the concurrency limit, and what the log says of backpressure.

use super::now::Now;
use super::state::Pipeline;
use crate::aep::{InletResponse, RecordStatus, TransportError};
use crate::delivery::attempt::{AttemptResult, AttemptTiming};
use crate::delivery::concurrency_limit::{BackpressureChange, Sample, Signal};

/// The answer time is a mean of about this many answers.
const ANSWERS: u32 = 50;

impl Pipeline {
    /// Shows an attempt to the limit, if it says anything of the inlet's load.
    pub(super) fn measure(&mut self, result: &AttemptResult, timing: AttemptTiming, now: Now) {
        // A probe is one request, whatever the limit.
        let Some(signal) = signal(result).filter(|_| self.breaker.is_closed()) else {
            return;
        };
        let sample = Sample {
            signal,
            started: timing.started,
            took: timing.took,
            // As the inlet counts them: coalesced statements are one.
            records: if let AttemptResult::Response(InletResponse::Records(statuses)) = result {
                statuses.len()
            } else {
                1
            },
            in_flight: timing.in_flight,
        };
        if sample.signal == Signal::Success {
            self.answer_time += sample.took / ANSWERS;
            self.answer_time -= self.answer_time / ANSWERS;
        }
        let before = self.limit.get();
        let change = self.limit.on_response(&sample, now.instant);
        let limit = self.limit.get();
        if limit != before {
            self.metrics.concurrency_limit(self.inlet, limit);
            tracing::trace!(inlet = self.inlet.as_str(), limit, "another limit");
        }
        let inlet = self.inlet.as_str();
        match change {
            Some(BackpressureChange::Began) => {
                tracing::warn!(
                    inlet,
                    limit,
                    "the inlet is asked too much: fewer requests at once from now on"
                );
            }
            Some(BackpressureChange::Ended) => {
                tracing::info!(inlet, limit, "the inlet has refused nothing for a while");
            }
            None => {}
        }
    }
}

/// `None` when the attempt shows nothing of the load: a refused record costs the inlet little, and a
/// broken connection may have broken anywhere.
fn signal(result: &AttemptResult) -> Option<Signal> {
    match result {
        AttemptResult::Response(InletResponse::Records(statuses)) => {
            // By the greater part of the records: one that always gets a 503 is not the inlet's
            // load.
            let most_are = |signal| {
                let are = |record_status: &&RecordStatus| matches!(record_status, RecordStatus::Retry(status) if of_status(*status) == Some(signal));
                2 * statuses.iter().filter(are).count() > statuses.len()
            };
            let load = [Signal::Throttled, Signal::Overloaded]
                .into_iter()
                .find(|signal| most_are(*signal));
            load.or(statuses
                .contains(&RecordStatus::Accepted)
                .then_some(Signal::Success))
        }
        AttemptResult::Response(InletResponse::Busy { status, .. }) => of_status(*status),
        AttemptResult::Failed(TransportError::Timeout) => Some(Signal::Overloaded),
        AttemptResult::Response(_)
        | AttemptResult::Failed(_)
        | AttemptResult::NoToken(_)
        | AttemptResult::Withdrawn => None,
    }
}

/// 500 and 502 are not among them: they tell of a fault, which fewer requests do not mend.
fn of_status(status: u16) -> Option<Signal> {
    match status {
        429 => Some(Signal::Throttled),
        408 | 503 | 504 => Some(Signal::Overloaded),
        _ => None,
    }
}
