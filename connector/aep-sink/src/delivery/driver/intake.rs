//! What happens to an arrival before anything is sent.

use std::sync::Arc;
use std::time::Duration;

use super::ends::trial;
use super::{Delivery, DeliveryError, Letter, LetterEnd};
use crate::aep::{MAX_BODY, Transport};
use crate::answer::{Answer, Mapped};
use crate::dead_letter::{DeadLetter, DeadLetters, Origin};
use crate::delivery::merge::Subject;
use crate::delivery::parcel::{Parcel, Record};
use crate::delivery::pipeline::{Death, Ended};
use crate::delivery::send::Tokens;
use crate::inlet_name::InletName;
use crate::offset_tracker::Outcome;
use crate::offset_tracker::Position;
use crate::offset_tracker::SourceItem;

/// How far ahead of our clock an event may be: it waits that long. Clocks differ; beyond this it is
/// an error in the data.
const FUTURE_MS: i64 = 5 * 60 * 1000;
/// What a copy of a delivered event is skipped as.
const DUPLICATE: &str = "duplicate";

impl<T, K, D> Delivery<T, K, D>
where
    T: Transport + 'static,
    K: Tokens + 'static,
    D: DeadLetters + 'static,
{
    pub(super) fn accept(&mut self, arrival: SourceItem) -> Result<(), DeliveryError> {
        match arrival {
            SourceItem::Gap { .. } => Ok(()),
            SourceItem::Record {
                position,
                timestamp,
                answer,
            } => {
                self.open += 1;
                match Answer::read(&answer)
                    .map_err(|source| DeliveryError::Answer { position, source })?
                {
                    Answer::Skipped(reason) => {
                        self.tallies.skipped.inc(&reason);
                        self.settle(position, Outcome::Skipped)
                    }
                    Answer::Rejected(rejected) => {
                        let origin = Origin::new(&self.parts.topic, position, timestamp);
                        let letter = DeadLetter::rejected(origin, &rejected)?;
                        self.letters.push_back(Letter {
                            letter,
                            end: LetterEnd::Position(position),
                        });
                        Ok(())
                    }
                    Answer::Mapped(mapped) => self.mapped(position, timestamp, mapped),
                }
            }
        }
    }

    pub(super) fn mapped(
        &mut self,
        position: Position,
        timestamp: Option<i64>,
        mut mapped: Mapped,
    ) -> Result<(), DeliveryError> {
        let now = self.now();
        let (event, profile) = (mapped.event.take(), mapped.profile.take());
        let record = Arc::new(Record::new(position, timestamp, mapped));
        if self
            .repeated
            .as_mut()
            .is_some_and(|repeated| repeated.has(&record, now.instant))
        {
            self.tallies.skipped.inc(DUPLICATE);
            return self.settle(position, Outcome::Skipped);
        }
        // The record's own time is the clock of whoever produced it. Where that one agrees with the
        // event, it is ours that is wrong, and a wrong clock here must not cost or hold up a single
        // record. Answers of the broker's SmartModule have lost that time, so the clock of Adobe is
        // another witness.
        let mut clock = now.wall.max(timestamp.unwrap_or(i64::MIN));
        if record.at > clock
            && let Some(there) = self.parts.tokens.server_time(now.instant)
        {
            clock = clock.max(there);
        }
        let ahead = record.at.saturating_sub(clock);
        if ahead > FUTURE_MS {
            let message = "the event's time is more than five minutes in the future".to_owned();
            let death = Death {
                reason: "future_time",
                status: None,
                message,
                pointer: None,
            };
            let mut parts = Vec::new();
            parts.extend(event.as_ref().map(|event| ("event", event)));
            parts.extend(profile.as_ref().map(|profile| ("profile", profile)));
            let trial = trial(InletName::Events, death, None);
            let letter = self.undeliverable(&record, &parts, trial)?;
            self.letters.push_back(Letter {
                letter,
                end: LetterEnd::Position(position),
            });
            return Ok(());
        }
        let lane = record.lane();
        let mut oversize = Vec::new();
        let statements = [(InletName::Events, event), (InletName::Profiles, profile)];
        // Both parcels are counted before either can end.
        for (name, entity) in statements {
            let Some(entity) = entity else { continue };
            let Some(inlet) = self.inlets().find(|inlet| inlet.name == name) else {
                continue;
            };
            let wire_len = inlet.endpoint.wire_len(record.at, &entity);
            let mut parcel = Parcel::new(Arc::clone(&record), entity, lane, wire_len);
            // Statements about a profile have no time of their own to wait for.
            if name == InletName::Events {
                parcel.due = u64::try_from(ahead)
                    .ok()
                    .map(|ahead| now.instant + Duration::from_millis(ahead));
            }
            if inlet.endpoint.merges() {
                parcel.subject = Subject::read(&record, &parcel.entity);
            }
            if inlet.endpoint.fits(wire_len) {
                inlet.pipeline.push(parcel, now);
            } else {
                let message = format!("larger than the platform's limit of {MAX_BODY} bytes");
                oversize.push((
                    name,
                    Ended {
                        parcel,
                        death: Some(Death {
                            reason: "too_large",
                            status: None,
                            message,
                            pointer: None,
                        }),
                    },
                ));
            }
        }
        for (name, ended) in oversize {
            self.ended(name, ended)?;
        }
        Ok(())
    }
}
