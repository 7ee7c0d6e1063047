//! The record that entities come from.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use super::ordering_key::OrderingKey;
use crate::answer::Mapped;
use crate::offset_tracker::Position;
use crate::shared_str::SharedStr;

/// What the entities of one record share. The record is settled when its last entity has ended.
#[derive(Debug)]
pub struct Record {
    pub position: Position,
    /// The record's Fluvio timestamp, milliseconds since the epoch.
    pub timestamp: Option<i64>,
    pub name: SharedStr,
    pub id: SharedStr,
    pub key: SharedStr,
    /// When the event happened, milliseconds since the epoch.
    pub at: i64,
    entities: AtomicU8,
    dead: AtomicBool,
}

impl Record {
    pub fn new(position: Position, timestamp: Option<i64>, mapped: Mapped) -> Self {
        Self {
            position,
            timestamp,
            name: mapped.name,
            id: mapped.id,
            key: mapped.key,
            at: mapped.at,
            entities: AtomicU8::new(0),
            dead: AtomicBool::new(false),
        }
    }

    /// Its queue.
    pub fn ordering_key(&self) -> OrderingKey {
        OrderingKey::new(self.position.partition, &self.key)
    }

    /// Counts one more entity of this record.
    pub fn expect(&self) {
        self.entities.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes the end of one entity. Returns whether it was the last one, with whether any of them
    /// went to the dead letters.
    pub fn end(&self, dead: bool) -> Option<bool> {
        self.dead.fetch_or(dead, Ordering::Relaxed);
        (self.entities.fetch_sub(1, Ordering::Relaxed) == 1)
            .then(|| self.dead.load(Ordering::Relaxed))
    }
}
