//! One statement on its way to one inlet.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use bytes::Bytes;
use tokio::time::Instant;

use super::lanes::Turn;
use super::merge::Subject;
use crate::answer::Mapped;
use crate::offset_tracker::Position;
use crate::shared_str::SharedStr;

/// What the parcels of one record share. The record is settled when its last parcel has ended.
#[derive(Debug)]
pub struct Record {
    pub position: Position,
    /// The record's Fluvio timestamp, milliseconds since the epoch.
    pub timestamp: Option<i64>,
    pub name: SharedStr,
    pub id: SharedStr,
    pub key: SharedStr,
    /// When the event happened, milliseconds since the epoch.
    pub at: i64,
    parcels: AtomicU8,
    dead: AtomicBool,
}

/// Records of one lane are sent one after the other. Two keys in one lane (the same hash) only wait
/// needlessly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane(u64);

/// A map by what is a digest already: to hash it once more only costs time.
pub type ByDigest<K, V> = HashMap<K, V, BuildHasherDefault<Digested>>;

/// Takes a digest for its hash.
#[derive(Debug, Default, Clone, Copy)]
pub struct Digested(u64);

impl Hasher for Digested {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, digest: u64) {
        self.0 = digest;
    }
}

/// With whom a parcel may share a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Company {
    /// With anyone.
    Any,
    /// Not with later parcels of its lane: it was refused for the moment while others were
    /// accepted, and nothing of its customer may pass it a second time.
    OtherLanes,
    /// With nobody: it may be what makes a whole request fail.
    Nobody,
}

/// One statement on its way to one inlet.
#[derive(Debug)]
pub struct Parcel {
    pub record: Arc<Record>,
    /// The XDM entity, JSON.
    pub entity: Bytes,
    pub lane: Lane,
    /// Bytes in a request, without what a batch puts around them.
    pub wire_len: usize,
    pub company: Company,
    /// Its lane's turn when it is the first one of it; drawn by the lanes.
    pub turn: Turn,
    /// When it may go, if its event lies ahead of our clock: see [`Parcel::waits_until`].
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
    /// Apart: most parcels never have any, and tens of thousands may wait.
    trouble: Option<Box<Trouble>>,
}

/// What went wrong with a parcel so far.
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
    /// The number of the hold it was part of. When that hold has ended since, others are accepted
    /// where it is not.
    pub hold: Option<u64>,
}

impl Record {
    pub fn new(position: Position, timestamp: Option<i64>, mapped: Mapped) -> Self {
        Self {
            position,
            timestamp,
            name: mapped.name,
            id: mapped.id,
            key: mapped.key,
            at: mapped.at,
            parcels: AtomicU8::new(0),
            dead: AtomicBool::new(false),
        }
    }

    /// Its lane. Partitions are apart: order is promised within one only, and one must not wait for
    /// another.
    pub fn lane(&self) -> Lane {
        let mut hasher = DefaultHasher::new();
        (self.position.partition, &self.key).hash(&mut hasher);
        Lane(hasher.finish())
    }

    /// Counts one more parcel of this record.
    pub fn expect(&self) {
        self.parcels.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes the end of one parcel. Returns whether it was the last one, with whether any of them
    /// went to the dead letters.
    pub fn end(&self, dead: bool) -> Option<bool> {
        self.dead.fetch_or(dead, Ordering::Relaxed);
        (self.parcels.fetch_sub(1, Ordering::Relaxed) == 1)
            .then(|| self.dead.load(Ordering::Relaxed))
    }
}

impl Parcel {
    pub fn new(record: Arc<Record>, entity: Bytes, lane: Lane, wire_len: usize) -> Self {
        record.expect();
        Self {
            record,
            entity,
            lane,
            wire_len,
            company: Company::Any,
            turn: 0,
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

    /// The number of the hold it was part of.
    pub fn hold(&self) -> Option<u64> {
        self.trouble.as_ref()?.hold
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
    pub fn held(&mut self, hold: u64) {
        let trouble = self.trouble();
        *trouble = Trouble {
            hold: Some(hold),
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
