//! Schemas, and what requests left behind.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jsonschema::Validator;
use serde_json::Value;

use super::violation::{self, Violation};
use crate::simulator::clock::now_ms;

/// A schema cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("not a JSON Schema: {0}")]
pub struct NotASchema(String);

/// A record that was acknowledged and did not land.
#[derive(Debug, Clone)]
pub(in crate::simulator) struct FailedRecord {
    /// The message as it was sent, envelope and all.
    pub(in crate::simulator) message: Value,
    pub(in crate::simulator) violations: Vec<Violation>,
}

/// What one request left behind of an inlet: the records that failed, and how many did not.
#[derive(Debug, Clone)]
pub(in crate::simulator) struct Batch {
    pub(in crate::simulator) id: String,
    pub(in crate::simulator) dataset_id: String,
    pub(in crate::simulator) flow_id: String,
    pub(in crate::simulator) created_ms: u64,
    pub(in crate::simulator) failed: Vec<FailedRecord>,
    pub(in crate::simulator) stored: usize,
}

/// What is known of acknowledged records.
#[derive(Debug, Default)]
pub(in crate::simulator) struct Landing {
    /// By the name of the inlet. Without one, records are not validated.
    schemas: BTreeMap<String, Arc<Validator>>,
    pub(super) batches: Vec<Batch>,
    /// Batches that ever got a name.
    named: u64,
    /// Whether the credential's role may look.
    pub(super) forbidden: bool,
    /// How far the clock of these services is set forward.
    ahead: Duration,
}

impl Landing {
    /// What is wrong with a record of an inlet, as its schema is now.
    pub(in crate::simulator) fn violations(&self, inlet: &str, entity: &[u8]) -> Vec<Violation> {
        let Some(schema) = self.schemas.get(inlet) else {
            return Vec::new();
        };
        violation::of(schema, entity)
    }

    pub(in crate::simulator) fn set_schema(
        &mut self,
        inlet: &str,
        schema: Option<&Value>,
    ) -> Result<(), NotASchema> {
        match schema {
            None => drop(self.schemas.remove(inlet)),
            Some(schema) => {
                let compiled = jsonschema::options()
                    .should_validate_formats(true)
                    .build(schema)
                    .map_err(|error| NotASchema(error.to_string()))?;
                self.schemas.insert(inlet.to_owned(), Arc::new(compiled));
            }
        }
        Ok(())
    }

    pub(in crate::simulator) fn forbid(&mut self, forbidden: bool) {
        self.forbidden = forbidden;
    }

    pub(in crate::simulator) fn advance(&mut self, by: Duration) {
        self.ahead += by;
    }

    /// Adds a batch and names it.
    pub(in crate::simulator) fn add(&mut self, batch: Batch) {
        self.named += 1;
        let id = format!("01{:024}", self.named);
        self.batches.push(Batch { id, ..batch });
    }

    pub(in crate::simulator) fn forget_batches(&mut self) {
        self.batches.clear();
    }

    /// Records in failed batches, also in those that cannot be seen yet.
    pub(in crate::simulator) fn failed(&self) -> usize {
        self.batches.iter().map(|batch| batch.failed.len()).sum()
    }

    /// Batches that can be seen by now, newest last. Catalog is behind by `visible_after`.
    pub(super) fn visible(&self, visible_after: Duration) -> impl Iterator<Item = &Batch> {
        let lag = u64::try_from(visible_after.saturating_sub(self.ahead).as_millis());
        let until = now_ms().saturating_sub(lag.unwrap_or(u64::MAX));
        let batches = self.batches.iter();
        batches.filter(move |batch| batch.created_ms <= until)
    }
}
