//! One statement on its way to one inlet.

pub mod json_fields;
mod ordering_key;
mod record;
mod subject;

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

pub use ordering_key::OrderingKey;
pub use record::Record;
pub(crate) use subject::IDENTITY;
pub use subject::{Stamp, Subject};

/// A place in the order of ready queues; lower ones are earlier. It is drawn when a entity comes,
/// and again when it is put last; a queue has that of its first entity.
pub type Seq = u64;

/// With whom a entity may share a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Batching {
    /// With anyone.
    Any,
    /// Not with later entities of its queue: it was refused for the moment while others were
    /// accepted, and nothing of its customer may pass it a second time.
    OnePerKey,
    /// With nobody: it may be what makes a whole request fail.
    Alone,
}

/// One statement on its way to one inlet.
#[derive(Debug)]
pub struct Entity {
    pub record: Arc<Record>,
    /// The XDM entity, JSON.
    pub json: Bytes,
    pub ordering_key: OrderingKey,
    /// Bytes in a request, without what a batch puts around them.
    pub wire_len: usize,
    pub batching: Batching,
    /// Its queue's turn when it is the first one of it; drawn by the queues.
    pub seq: Seq,
    /// When it may go, if its event lies ahead of our clock: see [`Entity::waits_until`].
    pub due: Option<Instant>,
    /// Whose profile it is about, if it may be merged with others about the same.
    pub subject: Option<Subject>,
    /// Whether its latest request says nothing of it, because newer statements say all of it.
    pub superseded: bool,
    /// Requests that held it so far.
    pub attempts: u32,
    /// Wall-clock times of the first and the last attempt, for the dead letter.
    pub first_attempt: Option<i64>,
    pub last_attempt: Option<i64>,
    /// Apart: most entities never have any, and tens of thousands may wait.
    trouble: Option<Box<Trouble>>,
}

/// What went wrong with a entity so far.
#[derive(Debug, Default)]
pub struct Trouble {
    /// Failures it had alone while its inlet was well, and when the first was.
    pub failures: u32,
    pub failing_since: Option<Instant>,
    /// The inlet's acceptances at its last failure: more of them at the next one means the inlet is
    /// well.
    pub acceptances: Option<u64>,
    /// When it was last refused alone for what looks like the target's fault.
    pub refused: Option<Instant>,
    /// How many answers did not say what became of it.
    pub unknowns: u32,
    /// The trip of the breaker it was part of. When that was reset since, others are accepted where
    /// this one is not.
    pub trip: Option<u64>,
}

impl Entity {
    pub fn new(
        record: Arc<Record>,
        json: Bytes,
        ordering_key: OrderingKey,
        wire_len: usize,
    ) -> Self {
        record.expect();
        Self {
            record,
            json,
            ordering_key,
            wire_len,
            batching: Batching::Any,
            seq: 0,
            due: None,
            subject: None,
            superseded: false,
            attempts: 0,
            first_attempt: None,
            last_attempt: None,
            trouble: None,
        }
    }

    /// Failures it had alone while its inlet was well.
    pub fn failures(&self) -> u32 {
        self.trouble.as_ref().map_or(0, |trouble| trouble.failures)
    }

    /// The trip of the breaker it was part of, by its number.
    pub fn trip(&self) -> Option<u64> {
        self.trouble.as_ref()?.trip
    }

    /// To note what went wrong.
    pub fn trouble(&mut self) -> &mut Trouble {
        self.trouble.get_or_insert_default()
    }

    /// Until when it has to wait for the time of its event. Counted by the monotonic clock from the
    /// moment it was read, so a wall clock that is set back holds nothing up; one that is set
    /// forward ends the wait.
    pub fn waits_until(&self, now: Instant, now_ms: i64) -> Option<Instant> {
        self.due.filter(|due| *due > now && self.record.at > now_ms)
    }

    /// Its target was at fault: what it failed before says nothing of it.
    pub fn on_trip(&mut self, trip: u64) {
        let trouble = self.trouble();
        *trouble = Trouble {
            trip: Some(trip),
            unknowns: trouble.unknowns,
            ..Trouble::default()
        };
    }

    /// Whether both are about one profile.
    pub fn merges_with(&self, other: &Self) -> bool {
        self.subject.is_some() && self.subject == other.subject
    }

    pub fn offset(&self) -> i64 {
        self.record.position.offset
    }
}
