//! What is told of records that keep failing while others of their inlet are accepted.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::entity::Entity;
use crate::error::Fault;
use crate::inlet_name::InletName;
use crate::offset_tracker::Position;
use crate::telemetry::{Component, Condition, Conditions};

/// The records of one inlet that are told of, by what is wrong.
#[derive(Debug)]
pub(super) struct FailingRecords {
    inlet: InletName,
    conditions: Arc<Conditions>,
    failing: BTreeMap<Position, String>,
}

impl FailingRecords {
    pub(super) fn new(inlet: InletName, conditions: Arc<Conditions>) -> Self {
        Self {
            inlet,
            conditions,
            failing: BTreeMap::new(),
        }
    }

    /// Tells of a record that failed once more.
    pub(super) fn put(&mut self, entity: &Entity, detail: &str) {
        let position = entity.record.position;
        if self.failing.insert(position, detail.to_owned()).is_none() {
            tracing::warn!(
                inlet = self.inlet.as_str(),
                partition = position.partition,
                offset = position.offset,
                reason = detail,
                "a record keeps failing while others are accepted; it is tried alone from now on"
            );
        }
        self.tell();
    }

    /// A record has ended.
    pub(super) fn remove(&mut self, position: Position) {
        // Nearly always there is none.
        if !self.failing.is_empty() && self.failing.remove(&position).is_some() {
            self.tell();
        }
    }

    fn tell(&self) {
        let place = Component::Record(self.inlet.as_str());
        let Some((position, detail)) = self.failing.first_key_value() else {
            return self.conditions.clear(place);
        };
        let others = match self.failing.len() - 1 {
            0 => String::new(),
            others => format!(", and so do {others} more"),
        };
        let reason = format!(
            "partition {}, offset {} keeps failing while others are accepted: {detail}{others}",
            position.partition, position.offset
        );
        let remedy = "nothing: it is tried alone, and dead-lettered as target_keeps_failing after \
            20 failures in no less than 10 minutes; while nothing else is sent that it could be \
            compared with, it waits";
        let condition = Condition {
            fault: Fault::External,
            reason,
            remedy: remedy.to_owned(),
        };
        self.conditions.put(place, condition);
    }
}
