//! What an attempt tells the limit, and what the log is told of the limit.

use super::{Now, Pipeline};
use crate::aep::{Answer, Fate, TransportError};
use crate::delivery::health::Health;
use crate::delivery::limit::{Change, Reading, Sign};
use crate::delivery::send::{Exchange, Sent};

impl Pipeline {
    /// Tells the limit of an attempt, if it says anything of how much the inlet can take.
    pub(super) fn measure(&mut self, sent: &Sent, exchange: Exchange, now: Now) {
        // A probe is one request, whatever the limit.
        let Some(sign) = sign(sent).filter(|_| self.health == Health::Well) else {
            return;
        };
        let reading = Reading {
            sign,
            started: exchange.started,
            took: exchange.took,
            // As the inlet counts them: merged statements are one.
            records: if let Sent::Answered(Answer::Records(fates)) = sent {
                fates.len()
            } else {
                1
            },
            together: exchange.together,
        };
        let before = self.limit.get();
        let change = self.limit.landed(&reading, now.instant);
        let limit = self.limit.get();
        if limit != before {
            self.counters.concurrency_limit(self.inlet, limit);
            tracing::trace!(inlet = self.inlet.as_str(), limit, "another limit");
        }
        let inlet = self.inlet.as_str();
        match change {
            Some(Change::Pressed) => {
                tracing::warn!(
                    inlet,
                    limit,
                    "the inlet is asked too much: fewer requests at once from now on"
                );
            }
            Some(Change::Relieved) => {
                tracing::info!(inlet, limit, "the inlet has refused nothing for a while");
            }
            None => {}
        }
    }

    /// The inlet went down: it comes back to few requests at once.
    pub(super) fn begin_anew(&mut self, now: Now) {
        self.limit.restart(now.instant);
        self.counters
            .concurrency_limit(self.inlet, self.limit.get());
    }
}

/// `None` when the attempt says nothing of it: a refused record costs the inlet little, and a
/// broken connection may have broken anywhere.
fn sign(sent: &Sent) -> Option<Sign> {
    match sent {
        Sent::Answered(Answer::Records(fates)) => {
            // By the greater part of the records: one that always gets a 503 is not the inlet's
            // load.
            let most_are = |sign| {
                let are = |fate: &&Fate| matches!(fate, Fate::Again(status) if of_status(*status) == Some(sign));
                2 * fates.iter().filter(are).count() > fates.len()
            };
            let told = [Sign::Refused, Sign::Strained]
                .into_iter()
                .find(|sign| most_are(*sign));
            told.or(fates.contains(&Fate::Accepted).then_some(Sign::Served))
        }
        Sent::Answered(Answer::Busy { status, .. }) => of_status(*status),
        Sent::Failed(TransportError::Timeout) => Some(Sign::Strained),
        Sent::Answered(_) | Sent::Failed(_) | Sent::NoToken(_) | Sent::Nothing => None,
    }
}

/// 500 and 502 are not among them: they tell of a fault, which fewer requests do not mend.
fn of_status(status: u16) -> Option<Sign> {
    match status {
        429 => Some(Sign::Refused),
        408 | 503 | 504 => Some(Sign::Strained),
        _ => None,
    }
}
