//! The records of one request that are acknowledged and do not land.

use bytes::Bytes;

use crate::simulator::config::InletConfig;
use crate::simulator::landing::{Batch, FailedRecord, Violation, missing};
use crate::simulator::shared::State;
use crate::simulator::store::Ingestion;

/// What one request leaves in Catalog.
#[derive(Debug, Default)]
pub(super) struct Unlanded {
    failed: Vec<FailedRecord>,
    stored: usize,
}

impl Unlanded {
    pub(super) fn add(
        &mut self,
        ingestion: Ingestion,
        message: &Bytes,
        mut violations: Vec<Violation>,
    ) {
        if ingestion != Ingestion::Invalid {
            self.stored += 1;
            return;
        }
        if violations.is_empty() {
            // What the class itself requires, where no schema was set.
            violations.push(missing("_id"));
        }
        self.failed.push(FailedRecord {
            message: serde_json::from_slice(message).unwrap_or_default(),
            violations,
        });
    }

    pub(super) fn store(self, state: &mut State, inlet: &InletConfig, now: u64) {
        if self.failed.is_empty() && self.stored == 0 {
            return;
        }
        state.landing.add(Batch {
            id: String::new(),
            dataset_id: inlet.dataset_id.clone().unwrap_or_default(),
            flow_id: inlet.flow_id.clone(),
            created_ms: now,
            failed: self.failed,
            stored: self.stored,
        });
    }
}
