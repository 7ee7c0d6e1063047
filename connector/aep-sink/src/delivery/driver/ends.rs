//! How parcels, letters and records end.

use bytes::Bytes;
use tokio::time::Instant;

use super::{Delivery, DeliveryError, Letter, LetterEnd};
use crate::aep::Transport;
use crate::dead_letter::{DeadLetter, DeadLetters, Origin, Trial};
use crate::delivery::parcel::{Parcel, Record};
use crate::delivery::pipeline::{Death, Ended};
use crate::delivery::send::Tokens;
use crate::inlet_name::InletName;
use crate::offset_tracker::Outcome;
use crate::offset_tracker::Position;

impl<T, K, D> Delivery<T, K, D>
where
    T: Transport + 'static,
    K: Tokens + 'static,
    D: DeadLetters + 'static,
{
    pub(super) fn ended(&mut self, name: InletName, ended: Ended) -> Result<(), DeliveryError> {
        let Ended { parcel, death } = ended;
        match death {
            None => {
                if parcel.superseded {
                    self.parts.counters.superseded();
                } else {
                    self.parts.counters.delivered(name);
                }
                self.parcel_ended(&parcel.record, false)
            }
            Some(death) => {
                let part = if name == InletName::Events {
                    "event"
                } else {
                    "profile"
                };
                let trial = trial(name, death, Some(&parcel));
                let letter =
                    self.undeliverable(&parcel.record, &[(part, &parcel.entity)], trial)?;
                self.letters.push_back(Letter {
                    letter,
                    end: LetterEnd::Parcel(parcel.record),
                });
                Ok(())
            }
        }
    }

    pub(super) fn undeliverable(
        &self,
        record: &Record,
        parts: &[(&'static str, &Bytes)],
        trial: Trial,
    ) -> Result<DeadLetter, serde_json::Error> {
        let origin = Origin::new(&self.parts.topic, record.position, record.timestamp);
        DeadLetter::undeliverable(
            origin,
            (&record.key, &record.name, &record.id),
            parts,
            trial,
        )
    }

    pub(super) fn written(&mut self, letter: &Letter) -> Result<(), DeliveryError> {
        let (source, reason) = (letter.letter.source(), letter.letter.reason());
        self.parts.counters.dead_lettered(reason);
        let now = self.parts.clock.now_ms();
        self.parts.recent.push(letter.letter.summary(now));
        tracing::error!(%source, reason, "{}", D::END);
        match &letter.end {
            LetterEnd::Position(position) => {
                self.tallies.dead_lettered.inc(letter.letter.kind());
                self.settle(*position, Outcome::DeadLettered)
            }
            LetterEnd::Parcel(record) => self.parcel_ended(record, true),
        }
    }

    pub(super) fn parcel_ended(
        &mut self,
        record: &Record,
        dead: bool,
    ) -> Result<(), DeliveryError> {
        match record.end(dead) {
            None => Ok(()),
            Some(false) => {
                if let Some(repeated) = &mut self.repeated {
                    repeated.delivered(record, Instant::now());
                }
                self.tallies.delivered.inc(&record.name);
                self.settle(record.position, Outcome::Delivered)
            }
            Some(true) => {
                self.tallies.dead_lettered.inc(&record.name);
                self.settle(record.position, Outcome::DeadLettered)
            }
        }
    }

    pub(super) fn settle(
        &mut self,
        position: Position,
        outcome: Outcome,
    ) -> Result<(), DeliveryError> {
        self.open -= 1;
        Ok(self.parts.tracker.settle(position, outcome)?)
    }
}

pub(super) fn trial(inlet: InletName, death: Death, parcel: Option<&Parcel>) -> Trial {
    Trial {
        inlet: inlet.as_str(),
        reason: death.reason,
        pointer: death.pointer,
        status: death.status,
        message: death.message,
        attempts: parcel.map_or(0, |parcel| parcel.attempts),
        first: parcel.and_then(|parcel| parcel.first_attempt),
        last: parcel.and_then(|parcel| parcel.last_attempt),
    }
}
