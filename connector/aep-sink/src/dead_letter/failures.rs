//! What is reported of dead letters that cannot be written.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::DeadLetterError;
use crate::error::Fault;
use crate::telemetry::{Component, Condition, Conditions, Metrics};

/// Shared by all writes of a process: the condition ends when none of them fails any more.
#[derive(Debug)]
pub(crate) struct WriteFailures {
    /// The dead-letter topic.
    topic: String,
    metrics: Arc<Metrics>,
    conditions: Arc<Conditions>,
    /// Dead letters whose last attempt failed.
    failing: AtomicU64,
}

impl WriteFailures {
    /// None yet.
    pub(crate) fn new(topic: &str, metrics: Arc<Metrics>, conditions: Arc<Conditions>) -> Self {
        Self {
            topic: topic.to_owned(),
            metrics,
            conditions,
            failing: AtomicU64::new(0),
        }
    }

    /// An attempt failed; `first`: the first one of its dead letter.
    pub(super) fn failed(&self, error: &DeadLetterError, first: bool) {
        self.metrics.dead_letter_failed();
        self.failing.fetch_add(u64::from(first), Ordering::Relaxed);
        let condition = Condition {
            fault: if error.heals() {
                Fault::External
            } else {
                Fault::User
            },
            reason: error.to_string(),
            remedy: format!(
                "make topic {} writable; the records concerned stay pending until then",
                self.topic
            ),
        };
        self.conditions.put(Component::DeadLetters, condition);
    }

    /// A dead letter whose attempts had failed was written.
    pub(super) fn recovered(&self) {
        if self.failing.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.conditions.clear(Component::DeadLetters);
        }
    }
}
