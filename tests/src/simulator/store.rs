//! The back end: what was accepted, and what became of it afterwards.
//!
//! Accepting is not ingesting: an acknowledged record may be dropped later and nobody is told.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::config::Records;
use super::inlet::envelope::{Facts, Identity, Operation};
use super::landing::Violation;

/// Above this an event never reaches Profile.
const MAX_EVENT_BYTES: usize = 10_000;
/// Above this a profile record never reaches Profile.
const MAX_PROFILE_BYTES: usize = 100_000;

/// What became of an accepted record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ingestion {
    /// In Profile, and in the lake unless it was a merge or a deletion.
    Stored,
    /// An event whose `_id` Profile has already: in the lake only.
    Duplicate,
    /// Too large for Profile: dropped there without a word.
    Oversize,
    /// Not what the class requires (`_id` and `timestamp` of an event): in the dataset's error
    /// batch.
    Invalid,
    /// Not exactly one primary identity: Profile cannot tell whose it is.
    NoPrimaryIdentity,
    /// Sent before the new dataflow was ready: lost.
    TooEarly,
}

impl Ingestion {
    /// The name it is counted under.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Duplicate => "duplicate",
            Self::Oversize => "oversize",
            Self::Invalid => "invalid",
            Self::NoPrimaryIdentity => "no-primary-identity",
            Self::TooEarly => "too-early",
        }
    }
}

/// One record that was accepted.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Accepted {
    /// Position in the order of acceptance, over all inlets, from 1.
    pub sequence: u64,
    /// Milliseconds since the epoch.
    pub at_ms: u64,
    /// The number of the request it came in.
    pub request: u64,
    /// Its position in that request.
    pub index: usize,
    /// The inlet's name.
    pub inlet: String,
    /// `_id`.
    pub id: Option<String>,
    /// `eventType`.
    pub event_type: Option<String>,
    /// Everything in its `identityMap`.
    pub identities: Vec<Identity>,
    /// The dataset it named.
    pub dataset_id: Option<String>,
    /// What it asked for.
    pub operation: Operation,
    /// What became of it.
    pub ingestion: Ingestion,
    /// What is wrong with it by its schema.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Violation>,
    /// The record as it was sent.
    #[serde(serialize_with = "json_text")]
    pub entity: Bytes,
    /// The whole message, envelope and all.
    #[serde(skip)]
    pub message: Bytes,
}

fn json_text<S: Serializer>(bytes: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    let raw: &RawValue = serde_json::from_slice(bytes).map_err(serde::ser::Error::custom)?;
    raw.serialize(serializer)
}

impl Accepted {
    /// The record, parsed.
    #[must_use]
    pub fn entity(&self) -> Value {
        // It was parsed when it was accepted, so this cannot fail.
        serde_json::from_slice(&self.entity).unwrap_or_default()
    }

    /// The primary identity, when there is exactly one.
    #[must_use]
    pub fn primary_identity(&self) -> Option<&Identity> {
        primary(&self.identities)
    }
}

fn primary(identities: &[Identity]) -> Option<&Identity> {
    let mut primaries = identities.iter().filter(|identity| identity.primary);
    primaries.next().filter(|_| primaries.next().is_none())
}

/// Whose profile fragment it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FragmentKey {
    /// The dataset.
    pub dataset_id: String,
    /// Namespace code of the primary identity.
    pub namespace: String,
    /// Value of the primary identity.
    pub id: String,
}

/// What one dataset knows of one identity.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Fragment {
    /// The merged record.
    pub record: Value,
    /// How many statements made it.
    pub statements: u64,
    /// [`Accepted::sequence`] of the last one.
    pub last: u64,
}

/// A message that is about to be accepted.
#[derive(Debug)]
pub(super) struct Arriving {
    pub(super) request: u64,
    pub(super) index: usize,
    pub(super) at_ms: u64,
    pub(super) inlet: String,
    pub(super) records: Records,
    pub(super) too_early: bool,
    /// What is wrong with it by its schema.
    pub(super) violations: Vec<Violation>,
    pub(super) reordered_within: Duration,
    pub(super) facts: Facts,
    pub(super) operation: Operation,
    pub(super) dataset_id: Option<String>,
    pub(super) entity: Bytes,
    pub(super) message: Bytes,
}

/// Everything accepted so far.
#[derive(Debug, Default)]
pub struct Store {
    sequence: u64,
    events: Vec<Arc<Accepted>>,
    profiles: Vec<Arc<Accepted>>,
    first_by_id: HashMap<String, u64>,
    fragments: BTreeMap<FragmentKey, Fragment>,
    /// Statements that a later one may still pass, newest first, each with when it came.
    passed_over: BTreeMap<FragmentKey, Vec<(u64, Operation, Value)>>,
    ingestion: BTreeMap<Ingestion, u64>,
}

impl Store {
    /// Accepted events in the order of acceptance.
    #[must_use]
    pub fn events(&self) -> &[Arc<Accepted>] {
        &self.events
    }

    /// Accepted profile statements in the order of acceptance.
    #[must_use]
    pub fn profiles(&self) -> &[Arc<Accepted>] {
        &self.profiles
    }

    /// How many different events Profile has.
    #[must_use]
    pub fn distinct_events(&self) -> usize {
        self.first_by_id.len()
    }

    /// Whether Profile has an event with this `_id`.
    #[must_use]
    pub fn has_event(&self, id: &str) -> bool {
        self.first_by_id.contains_key(id)
    }

    /// The copies the data lake keeps: every valid event, repeated or not, and profile records that
    /// are not merges.
    pub fn lake(&self) -> impl Iterator<Item = &Arc<Accepted>> {
        self.events.iter().chain(&self.profiles).filter(|record| {
            record.operation == Operation::Create
                && !matches!(record.ingestion, Ingestion::Invalid | Ingestion::TooEarly)
        })
    }

    /// The profile store's fragments.
    #[must_use]
    pub fn fragments(&self) -> &BTreeMap<FragmentKey, Fragment> {
        &self.fragments
    }

    /// How many accepted records ended how.
    #[must_use]
    pub fn ingestion(&self) -> &BTreeMap<Ingestion, u64> {
        &self.ingestion
    }

    pub(super) fn accept(&mut self, arriving: Arriving) -> Ingestion {
        self.sequence += 1;
        let sequence = self.sequence;
        let ingestion = match arriving.records {
            _ if arriving.too_early => Ingestion::TooEarly,
            _ if !arriving.violations.is_empty() => Ingestion::Invalid,
            Records::Events => self.ingest_event(sequence, &arriving),
            Records::Profiles => self.ingest_profile(sequence, &arriving),
        };
        *self.ingestion.entry(ingestion).or_default() += 1;
        let record = Arc::new(Accepted {
            sequence,
            at_ms: arriving.at_ms,
            request: arriving.request,
            index: arriving.index,
            inlet: arriving.inlet,
            id: arriving.facts.id,
            event_type: arriving.facts.event_type,
            identities: arriving.facts.identities,
            dataset_id: arriving.dataset_id,
            operation: arriving.operation,
            ingestion,
            violations: arriving.violations,
            entity: arriving.entity,
            message: arriving.message,
        });
        match arriving.records {
            Records::Events => self.events.push(record),
            Records::Profiles => self.profiles.push(record),
        }
        ingestion
    }

    fn ingest_event(&mut self, sequence: u64, arriving: &Arriving) -> Ingestion {
        let facts = &arriving.facts;
        let Some(id) = facts
            .id
            .as_ref()
            .filter(|_| facts.well_typed && facts.timestamp)
        else {
            return Ingestion::Invalid;
        };
        if primary(&facts.identities).is_none() {
            return Ingestion::NoPrimaryIdentity;
        }
        if arriving.entity.len() > MAX_EVENT_BYTES {
            return Ingestion::Oversize;
        }
        if self.first_by_id.contains_key(id) {
            return Ingestion::Duplicate;
        }
        self.first_by_id.insert(id.clone(), sequence);
        Ingestion::Stored
    }

    fn ingest_profile(&mut self, sequence: u64, arriving: &Arriving) -> Ingestion {
        if !arriving.facts.well_typed {
            return Ingestion::Invalid;
        }
        let Some(identity) = primary(&arriving.facts.identities) else {
            return Ingestion::NoPrimaryIdentity;
        };
        if arriving.entity.len() > MAX_PROFILE_BYTES {
            return Ingestion::Oversize;
        }
        let Ok(record) = serde_json::from_slice::<Value>(&arriving.entity) else {
            return Ingestion::Invalid;
        };
        let key = FragmentKey {
            dataset_id: arriving.dataset_id.clone().unwrap_or_default(),
            namespace: identity.namespace.clone(),
            id: identity.id.clone(),
        };
        if arriving.operation == Operation::Delete {
            self.fragments.remove(&key);
            return Ingestion::Stored;
        }
        // What came shortly before is applied after this one.
        let mut later = Vec::new();
        if !arriving.reordered_within.is_zero() {
            let passed_over = self.passed_over.entry(key.clone()).or_default();
            passed_over.retain(|(at_ms, ..)| {
                let since = arriving.at_ms.saturating_sub(*at_ms);
                u128::from(since) <= arriving.reordered_within.as_millis()
            });
            later.clone_from(passed_over);
            passed_over.insert(0, (arriving.at_ms, arriving.operation, record.clone()));
        }
        let fragment = self.fragments.entry(key).or_insert_with(|| Fragment {
            record: Value::Null,
            statements: 0,
            last: 0,
        });
        let later = later
            .into_iter()
            .map(|(_, operation, record)| (operation, record));
        for (operation, record) in std::iter::once((arriving.operation, record)).chain(later) {
            match operation {
                Operation::Merge => patch(&mut fragment.record, record),
                _ => fragment.record = record,
            }
        }
        fragment.statements += 1;
        fragment.last = sequence;
        Ingestion::Stored
    }
}

/// JSON merge patch (RFC 7396): objects member by member, arrays and scalars replaced, `null`
/// removes.
fn patch(target: &mut Value, patch_with: Value) {
    let Value::Object(changes) = patch_with else {
        *target = patch_with;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Some(members) = target.as_object_mut() else {
        return;
    };
    for (name, change) in changes {
        if change.is_null() {
            members.remove(&name);
        } else {
            patch(members.entry(name).or_insert(Value::Null), change);
        }
    }
}
