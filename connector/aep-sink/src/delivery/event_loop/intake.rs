//! What happens to a source item before anything is sent.

use std::sync::Arc;
use std::time::Duration;

use super::completion::trial;
use super::error::DeliveryError;
use super::state::{DeadLetterOf, Delivery, PendingDeadLetter};
use crate::aep::{MAX_BODY, Transport};
use crate::answer::{Answer, Mapped};
use crate::dead_letter::{DeadLetter, DeadLetters, Origin};
use crate::delivery::attempt::Tokens;
use crate::delivery::entity::{Entity, Record, Subject};
use crate::delivery::pipeline::{Completed, Undeliverable};
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
    pub(super) fn accept(&mut self, item: SourceItem) -> Result<(), DeliveryError> {
        match item {
            SourceItem::Record {
                position,
                timestamp,
                answer,
            } if !self.is_revoked(position.partition) => {
                self.open.begin(position);
                match Answer::read(&answer)
                    .map_err(|source| DeliveryError::Answer { position, source })?
                {
                    Answer::Skipped(reason) => {
                        self.record_counters.skipped.inc(&reason);
                        self.settle(position, Outcome::Skipped)
                    }
                    Answer::Rejected(rejected) => {
                        let origin = Origin::new(&self.parts.topic, position, timestamp);
                        let dead_letter = DeadLetter::rejected(origin, &rejected)?;
                        self.dead_letters.push_back(PendingDeadLetter {
                            dead_letter,
                            of: DeadLetterOf::Record(position),
                        });
                        Ok(())
                    }
                    Answer::Mapped(mapped) => self.mapped(position, timestamp, mapped),
                }
            }
            SourceItem::Gap { .. } | SourceItem::Record { .. } => Ok(()),
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
            .deduplicator
            .as_mut()
            .is_some_and(|deduplicator| deduplicator.has(&record, now.instant))
        {
            self.record_counters.skipped.inc(DUPLICATE);
            return self.settle(position, Outcome::Skipped);
        }
        // The record's own time is the clock of its producer. Where that one agrees with the
        // event, it is ours that is wrong, and a wrong clock here must not cost or hold up a single
        // record. Not every producer gives a time, so the clock of Adobe is another witness.
        let mut clock = now.wall.max(timestamp.unwrap_or(i64::MIN));
        if record.at > clock
            && let Some(there) = self.parts.tokens.server_time(now.instant)
        {
            clock = clock.max(there);
        }
        let ahead = record.at.saturating_sub(clock);
        if ahead > FUTURE_MS {
            let message = "the event's time is more than five minutes in the future".to_owned();
            let undeliverable = Undeliverable {
                reason: "future_time",
                status: None,
                message,
                pointer: None,
            };
            let mut parts = Vec::new();
            parts.extend(event.as_ref().map(|event| ("event", event)));
            parts.extend(profile.as_ref().map(|profile| ("profile", profile)));
            let trial = trial(InletName::Events, undeliverable, None);
            let dead_letter = self.dead_letter(&record, &parts, trial)?;
            self.dead_letters.push_back(PendingDeadLetter {
                dead_letter,
                of: DeadLetterOf::Record(position),
            });
            return Ok(());
        }
        let ordering_key = record.ordering_key();
        let mut oversize = Vec::new();
        let statements = [(InletName::Events, event), (InletName::Profiles, profile)];
        // Both entities are counted before either can end.
        for (name, json) in statements {
            let Some(json) = json else { continue };
            let Some(inlet) = self.inlet(name) else {
                continue;
            };
            let wire_len = inlet.endpoint.wire_len(record.at, &json);
            let mut entity = Entity::new(Arc::clone(&record), json, ordering_key, wire_len);
            // Statements about a profile have no time of their own to wait for.
            if name == InletName::Events {
                entity.due = u64::try_from(ahead)
                    .ok()
                    .map(|ahead| now.instant + Duration::from_millis(ahead));
            }
            if inlet.endpoint.merges() {
                entity.subject = Subject::read(&record, &entity.json);
            }
            if inlet.endpoint.fits(wire_len) {
                inlet.pipeline.push(entity, now);
            } else {
                let message = format!("larger than the platform's limit of {MAX_BODY} bytes");
                oversize.push((
                    name,
                    Completed {
                        entity,
                        undeliverable: Some(Undeliverable {
                            reason: "too_large",
                            status: None,
                            message,
                            pointer: None,
                        }),
                    },
                ));
            }
        }
        for (name, completed) in oversize {
            self.on_completed(name, completed)?;
        }
        Ok(())
    }
}
