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
    /// Writes whose last attempt failed.
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

    /// A write has failed for the first time.
    pub(super) fn begin(&self) -> FailingWrite<'_> {
        self.failing.fetch_add(1, Ordering::Relaxed);
        FailingWrite(self)
    }

    /// An attempt failed.
    pub(super) fn failed(&self, error: &DeadLetterError) {
        self.metrics.dead_letter_failed();
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
}

/// A write whose attempts failed so far, until it ends in any way: it may also be given up.
pub(super) struct FailingWrite<'a>(&'a WriteFailures);

impl Drop for FailingWrite<'_> {
    fn drop(&mut self) {
        if self.0.failing.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.conditions.clear(Component::DeadLetters);
        }
    }
}
