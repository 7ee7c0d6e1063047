//! The record that entities come from.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use super::ordering_key::OrderingKey;
use crate::answer::Mapped;
use crate::offset_tracker::Position;
use crate::shared_str::SharedStr;

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
    dead_lettered: AtomicBool,
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
            dead_lettered: AtomicBool::new(false),
        }
    }

    /// The key of its customer in its partition.
    pub fn ordering_key(&self) -> OrderingKey {
        OrderingKey::new(self.position.partition, &self.key)
    }

    /// Counts one more entity of this record.
    pub fn expect(&self) {
        self.entities.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes the end of one entity. Returns whether it was the last one, with whether any of them
    /// was dead-lettered.
    pub fn end(&self, dead_lettered: bool) -> Option<bool> {
        self.dead_lettered
            .fetch_or(dead_lettered, Ordering::Relaxed);
        (self.entities.fetch_sub(1, Ordering::Relaxed) == 1)
            .then(|| self.dead_lettered.load(Ordering::Relaxed))
    }
}
