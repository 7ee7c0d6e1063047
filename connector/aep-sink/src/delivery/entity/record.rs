//! The record that entities come from.

use std::sync::atomic::{AtomicU8, Ordering};

use super::ordering_key::OrderingKey;
use crate::answer::Mapped;
use crate::offset_tracker::Position;
use crate::shared_str::SharedStr;

/// How an entity ends. A record ends as the last of these that one of its entities ended as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum EntityEnd {
    /// Acknowledged, or replaced by what was.
    Delivered,
    /// Written to the dead-letter topic.
    DeadLettered,
    /// Dropped with its partition. Its offset stays open.
    Revoked,
}

/// What the entities of one record share. The record is settled when its last entity has ended.
#[derive(Debug)]
pub struct Record {
    /// Where it is in the source topic.
    pub position: Position,
    /// The record's Fluvio timestamp, milliseconds since the epoch.
    pub timestamp: Option<i64>,
    /// The kind of event.
    pub name: SharedStr,
    /// The `_id` of the event.
    pub id: SharedStr,
    /// The customer.
    pub key: SharedStr,
    /// When the event happened, milliseconds since the epoch.
    pub at: i64,
    entities: AtomicU8,
    end: AtomicU8,
}

impl Record {
    /// A record that was mapped and has no entities yet.
    pub fn new(position: Position, timestamp: Option<i64>, mapped: Mapped) -> Self {
        Self {
            position,
            timestamp,
            name: mapped.name,
            id: mapped.id,
            key: mapped.key,
            at: mapped.at,
            entities: AtomicU8::new(0),
            end: AtomicU8::new(EntityEnd::Delivered as u8),
        }
    }

    /// The key of its customer in its partition.
    pub fn ordering_key(&self) -> OrderingKey {
        OrderingKey::new(self.position.partition, &self.key)
    }

    /// Counts one more entity of this record.
    pub fn expect_entity(&self) {
        self.entities.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes the end of one entity. Returns how the record ends, if it was the last one.
    pub fn end(&self, end: EntityEnd) -> Option<EntityEnd> {
        let before = self.end.fetch_max(end as u8, Ordering::Relaxed);
        (self.entities.fetch_sub(1, Ordering::Relaxed) == 1).then(|| {
            let ends = [EntityEnd::Revoked, EntityEnd::DeadLettered];
            let worst = before.max(end as u8);
            ends.into_iter()
                .find(|end| *end as u8 == worst)
                .unwrap_or(EntityEnd::Delivered)
        })
    }
}
