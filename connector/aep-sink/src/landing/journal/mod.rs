//! What was acknowledged, and where its record is: a few bytes a record, in a topic beside the dead
//! letters.
//!
//! Delivery only adds to a list in memory. It is written once a second, so a crash may lose the
//! last second of it: a record of that second that fails later is counted, and not named.

mod chunk;

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::fingerprint::Fingerprint;
use crate::delivery::entity::Entity;
use crate::inlet_name::InletName;
use crate::offset_tracker::Position;

pub(super) use chunk::{decode, encode};

/// A minute at ten thousand records a second, some 25 MB. More is only there when the topic cannot
/// be written to.
const MOST: usize = 600_000;

/// One entity that was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(super) inlet: InletName,
    pub(super) position: Position,
    /// When the request was sent that was acknowledged, milliseconds since the epoch: the same for
    /// all that went in it.
    pub(super) sent: i64,
    pub(super) fingerprint: Fingerprint,
}

/// Entries that are not written yet.
#[derive(Debug, Default)]
pub(crate) struct Journal(Mutex<Pending>);

#[derive(Debug, Default)]
struct Pending {
    entries: Vec<Entry>,
    /// Acknowledged entities of events and of profiles since the start.
    acknowledged: [u64; 2],
    /// Entries that found no room.
    dropped: u64,
}

impl Journal {
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes an entity that its inlet acknowledged.
    pub(crate) fn acknowledged(&self, inlet: InletName, entity: &Entity) {
        let fingerprint = match inlet {
            InletName::Events => Some(Fingerprint::of_event(&entity.record.id)),
            InletName::Profiles => serde_json::from_slice::<Value>(&entity.json)
                .ok()
                .and_then(|json| Fingerprint::of_entity(inlet, &json)),
        };
        let mut pending = self.pending();
        pending.acknowledged[index(inlet)] += 1;
        let Some(fingerprint) = fingerprint else {
            return;
        };
        if pending.entries.len() >= MOST {
            pending.dropped += 1;
            return;
        }
        pending.entries.push(Entry {
            inlet,
            position: entity.record.position,
            sent: entity.last_attempt.unwrap_or_default(),
            fingerprint,
        });
    }

    /// Acknowledged entities of an inlet since the start.
    pub(crate) fn count(&self, inlet: InletName) -> u64 {
        self.pending().acknowledged[index(inlet)]
    }

    /// Takes what is to be written, and how many entries found no room since the last time.
    pub(super) fn take(&self) -> (Vec<Entry>, u64) {
        let mut pending = self.pending();
        let dropped = std::mem::take(&mut pending.dropped);
        (std::mem::take(&mut pending.entries), dropped)
    }

    /// Gives back what could not be written.
    pub(super) fn put_back(&self, mut entries: Vec<Entry>) {
        let mut pending = self.pending();
        entries.append(&mut pending.entries);
        let excess = entries.len().saturating_sub(MOST);
        entries.drain(..excess);
        pending.dropped += u64::try_from(excess).unwrap_or(u64::MAX);
        pending.entries = entries;
    }
}

fn index(inlet: InletName) -> usize {
    match inlet {
        InletName::Events => 0,
        InletName::Profiles => 1,
    }
}
