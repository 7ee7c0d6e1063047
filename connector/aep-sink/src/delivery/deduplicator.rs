//! Events that were delivered before: their digests are kept for a while, within bounds, when the
//! configuration asks for it.
//!
//! Only delivery counts. A copy of an event that is still on its way is sent too: should the first
//! one fail for good, the copy must not have been dropped for its sake.

use std::collections::{HashMap, VecDeque};

use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::entity::Record;
use crate::config::Deduplicate;

/// An event: half a SHA-256 of its customer and `_id`. A shorter one could take two events for one,
/// which would lose one.
type EventDigest = [u8; 16];

/// The events delivered last. Some 80 bytes each.
#[derive(Debug)]
pub(super) struct Deduplicator {
    bounds: Deduplicate,
    delivered: HashMap<EventDigest, Instant>,
    /// Oldest first.
    by_age: VecDeque<(Instant, EventDigest)>,
}

impl Deduplicator {
    pub(super) fn new(bounds: Deduplicate) -> Self {
        Self {
            bounds,
            delivered: HashMap::new(),
            by_age: VecDeque::new(),
        }
    }

    /// Whether a copy of this record was delivered.
    pub(super) fn has(&mut self, record: &Record, now: Instant) -> bool {
        self.forget(now);
        self.delivered.contains_key(&digest(record))
    }

    /// Notes a record that was delivered.
    pub(super) fn delivered(&mut self, record: &Record, now: Instant) {
        let digest = digest(record);
        self.delivered.insert(digest, now);
        self.by_age.push_back((now, digest));
        self.forget(now);
    }

    fn forget(&mut self, now: Instant) {
        while let Some((since, digest)) = self.by_age.front().copied() {
            if self.by_age.len() <= self.bounds.count.get() && now - since <= self.bounds.age {
                return;
            }
            self.by_age.pop_front();
            // Delivered again since, it is remembered from then on.
            if self.delivered.get(&digest) == Some(&since) {
                self.delivered.remove(&digest);
            }
        }
    }
}

fn digest(record: &Record) -> EventDigest {
    let mut hasher = Sha256::new();
    hasher.update(record.key.as_bytes());
    hasher.update([0]);
    hasher.update(record.id.as_bytes());
    let mut digest = EventDigest::default();
    digest
        .iter_mut()
        .zip(hasher.finalize())
        .for_each(|(to, from)| *to = from);
    digest
}
