//! How entities, dead letters and records end.

use bytes::Bytes;
use tokio::time::Instant;

use super::error::DeliveryError;
use super::state::{DeadLetterOf, Delivery};
use crate::aep::Transport;
use crate::dead_letter::{Attempts, DeadLetter, DeadLetters, Origin, PendingDeadLetter};
use crate::delivery::attempt::Tokens;
use crate::delivery::entity::{Entity, EntityEnd, Record};
use crate::delivery::pipeline::{Completed, Undeliverable};
use crate::inlet_name::InletName;
use crate::offset_tracker::Outcome;
use crate::offset_tracker::Position;

impl<T, K, D> Delivery<T, K, D>
where
    T: Transport + 'static,
    K: Tokens + 'static,
    D: DeadLetters + 'static,
{
    pub(super) fn on_completed(
        &mut self,
        name: InletName,
        completed: Completed,
    ) -> Result<(), DeliveryError> {
        let Completed {
            entity,
            undeliverable,
        } = completed;
        if undeliverable.is_some() && self.is_revoked(entity.record.position.partition) {
            return self.on_entity_end(&entity.record, EntityEnd::Revoked);
        }
        match undeliverable {
            None => {
                if entity.superseded {
                    self.parts.metrics.superseded();
                } else {
                    self.parts.metrics.delivered(name);
                    if let Some(journal) = &self.parts.journal {
                        journal.acknowledged(name, &entity);
                    }
                }
                self.on_entity_end(&entity.record, EntityEnd::Delivered)
            }
            Some(undeliverable) => {
                let part = if name == InletName::Events {
                    "event"
                } else {
                    "profile"
                };
                let trial = trial(name, undeliverable, Some(&entity));
                let dead_letter =
                    self.dead_letter(&entity.record, &[(part, &entity.json)], trial)?;
                self.dead_letters
                    .push(dead_letter, DeadLetterOf::Entity(entity.record));
                Ok(())
            }
        }
    }

    pub(super) fn dead_letter(
        &self,
        record: &Record,
        parts: &[(&'static str, &Bytes)],
        trial: Attempts,
    ) -> Result<DeadLetter, serde_json::Error> {
        let origin = Origin::new(&self.parts.topic, record.position, record.timestamp);
        DeadLetter::undeliverable(
            origin,
            (&record.key, &record.name, &record.id, record.at),
            parts,
            trial,
        )
    }

    pub(super) fn on_dead_letter_written(
        &mut self,
        written: &PendingDeadLetter<DeadLetterOf>,
    ) -> Result<(), DeliveryError> {
        self.parts
            .metrics
            .dead_lettered(written.dead_letter.reason());
        let now = self.parts.clock.now_ms();
        self.parts.recent.push(written.dead_letter.summary(now));
        self.write_report
            .written(&written.dead_letter, D::END, Instant::now());
        match &written.of {
            DeadLetterOf::Record(position) => {
                self.record_counters
                    .dead_lettered
                    .inc(written.dead_letter.kind());
                self.settle(*position, Outcome::DeadLettered)
            }
            DeadLetterOf::Entity(record) => self.on_entity_end(record, EntityEnd::DeadLettered),
        }
    }

    pub(super) fn on_entity_end(
        &mut self,
        record: &Record,
        end: EntityEnd,
    ) -> Result<(), DeliveryError> {
        match record.end(end) {
            None => Ok(()),
            Some(EntityEnd::Delivered) => {
                if let Some(deduplicator) = &mut self.deduplicator {
                    deduplicator.delivered(record, Instant::now());
                }
                self.record_counters.delivered.inc(&record.name);
                self.settle(record.position, Outcome::Delivered)
            }
            Some(EntityEnd::DeadLettered) => {
                self.record_counters.dead_lettered.inc(&record.name);
                self.settle(record.position, Outcome::DeadLettered)
            }
            Some(EntityEnd::Revoked) => {
                self.open.end(record.position);
                Ok(())
            }
        }
    }

    pub(super) fn settle(
        &mut self,
        position: Position,
        outcome: Outcome,
    ) -> Result<(), DeliveryError> {
        self.open.end(position);
        Ok(self.parts.tracker.settle(position, outcome)?)
    }
}

pub(super) fn trial(
    inlet: InletName,
    undeliverable: Undeliverable,
    entity: Option<&Entity>,
) -> Attempts {
    Attempts {
        inlet: inlet.as_str(),
        reason: undeliverable.reason,
        pointer: undeliverable.pointer,
        status: undeliverable.status,
        message: undeliverable.message,
        ids: undeliverable.ids,
        attempts: entity.map_or(0, |entity| entity.attempts),
        first: entity.and_then(|entity| entity.first_attempt),
        last: entity.and_then(|entity| entity.last_attempt),
    }
}
