//! Which failed records have their dead letter already: the dead-letter topic says so.

use std::collections::HashSet;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::journal::Entry;
use crate::inlet_name::InletName;
use crate::offset_tracker::Position;

/// A failed record: batch, inlet, and the record it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Failure([u8; 16]);

/// What was written, by this process or any other.
#[derive(Debug, Default)]
pub(crate) struct KnownDeadLetters {
    failures: HashSet<Failure>,
    /// The offset up to which the topic was read.
    pub(super) next: i64,
}

#[derive(Deserialize)]
struct DeadLetter<'a> {
    stage: &'a str,
    source: Source,
    #[serde(borrow)]
    target: Option<Target<'a>>,
}

#[derive(Deserialize)]
struct Source {
    partition: u32,
    offset: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target<'a> {
    inlet: &'a str,
    failed_batch: Option<&'a str>,
}

impl Failure {
    pub(super) fn new(batch: &str, entry: &Entry) -> Self {
        Self::of(batch, entry.inlet.as_str(), entry.position)
    }

    fn of(batch: &str, inlet: &str, position: Position) -> Self {
        let mut hash = Sha256::new();
        hash.update(position.partition.to_be_bytes());
        hash.update(position.offset.to_be_bytes());
        hash.update(inlet);
        hash.update([0]);
        hash.update(batch);
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(hash.finalize()) {
            *to = from;
        }
        Self(bytes)
    }
}

impl KnownDeadLetters {
    pub(super) fn has(&self, failure: &Failure) -> bool {
        self.failures.contains(failure)
    }

    /// Reads one record of the topic.
    pub(super) fn read(&mut self, value: &[u8]) {
        // Most dead letters are of other stages and without these members.
        let Ok(dead_letter) = serde_json::from_slice::<DeadLetter<'_>>(value) else {
            return;
        };
        let Some(target) = dead_letter
            .target
            .filter(|_| dead_letter.stage == "landing")
        else {
            return;
        };
        let Some(batch) = target.failed_batch else {
            return;
        };
        let known = [InletName::Events, InletName::Profiles]
            .into_iter()
            .find(|inlet| inlet.as_str() == target.inlet);
        if let Some(inlet) = known {
            let position = Position {
                partition: dead_letter.source.partition,
                offset: dead_letter.source.offset,
            };
            let failure = Failure::of(batch, inlet.as_str(), position);
            self.failures.insert(failure);
        }
    }
}
