//! One XDM entity on its way to one inlet, and the record it came from.

pub mod json_fields;
mod ordering_key;
mod record;
mod subject;

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::suspicion::Suspicion;

pub use ordering_key::OrderingKey;
pub use record::{EntityEnd, Record};
pub(crate) use subject::IDENTITY;
pub use subject::{Stamp, Subject};

/// A sequence number: the place of an entity in the order in which entities came or were put last.
/// Lower ones go first.
pub type Seq = u64;

/// With whom an entity may share a request.
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

/// One XDM entity on its way to one inlet: an event, or a statement about a profile.
#[derive(Debug)]
pub struct Entity {
    /// The record it came from.
    pub record: Arc<Record>,
    /// The XDM entity, JSON.
    pub json: Bytes,
    /// Entities with the same key are sent one after the other.
    pub ordering_key: OrderingKey,
    /// Bytes in a request, without what a batch puts around them.
    pub wire_len: usize,
    /// With whom it may share a request.
    pub batching: Batching,
    /// Its place in the order; given by the queues.
    pub seq: Seq,
    /// When it may go, if its event lies ahead of our clock: see [`Entity::waits_until`].
    pub due: Option<Instant>,
    /// Whose profile it is about, if it may be coalesced with others about the same.
    pub subject: Option<Subject>,
    /// Whether nothing of it is in its latest request, because newer statements replace all of it.
    pub superseded: bool,
    /// Requests that contained it so far.
    pub attempts: u32,
    /// When the first attempt was, milliseconds since the epoch; for the dead letter.
    pub first_attempt: Option<i64>,
    /// When the last attempt was, milliseconds since the epoch; for the dead letter.
    pub last_attempt: Option<i64>,
    /// Boxed: most entities never have any, and tens of thousands may wait.
    trouble: Option<Box<Trouble>>,
}

/// What went wrong with an entity so far.
#[derive(Debug, Default)]
pub struct Trouble {
    /// What its failures alone show.
    pub(super) suspicion: Suspicion,
    /// Responses that did not say what became of it.
    pub unknowns: u32,
    /// The trip of the breaker it was part of. When that was reset since, others are accepted where
    /// this one is not.
    pub trip: Option<u64>,
}

impl Entity {
    /// An entity of a record that was not sent yet. `wire_len`: bytes in a request, without what a
    /// batch puts around them.
    pub fn new(
        record: Arc<Record>,
        json: Bytes,
        ordering_key: OrderingKey,
        wire_len: usize,
    ) -> Self {
        record.expect_entity();
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

    /// Whether it failed alone before: its attempts then tell of it, not of its inlet.
    pub fn has_failed(&self) -> bool {
        self.trouble
            .as_ref()
            .is_some_and(|trouble| trouble.suspicion.has_failed())
    }

    /// The trip of the breaker it was part of, by its number.
    pub fn trip(&self) -> Option<u64> {
        self.trouble.as_ref()?.trip
    }

    /// What went wrong so far, to be added to.
    pub fn trouble(&mut self) -> &mut Trouble {
        self.trouble.get_or_insert_default()
    }

    /// Until when it has to wait for the time of its event. Counted by the monotonic clock from the
    /// moment it was read, so a wall clock that is set back holds nothing up; one that is set
    /// forward ends the wait.
    pub fn waits_until(&self, now: Instant, now_ms: i64) -> Option<Instant> {
        self.due.filter(|due| *due > now && self.record.at > now_ms)
    }

    /// The breaker was tripped: the target was at fault, so earlier failures do not count against
    /// the entity.
    pub fn on_trip(&mut self, trip: u64) {
        let trouble = self.trouble();
        *trouble = Trouble {
            trip: Some(trip),
            unknowns: trouble.unknowns,
            ..Trouble::default()
        };
    }

    /// Whether both are about one profile.
    pub fn coalesces_with(&self, other: &Self) -> bool {
        self.subject.is_some() && self.subject == other.subject
    }

    /// Whether its record is of this partition.
    pub fn is_of(&self, partition: u32) -> bool {
        self.record.position.partition == partition
    }

    /// The offset of its record.
    pub fn offset(&self) -> i64 {
        self.record.position.offset
    }
}
