//! Statements about one profile that wait together go out as one request.
//!
//! Each field keeps what its newest statement says, by event time and then offset. Finer than by kind of statement on
//! purpose: a redemption states the balance but not the lifetime points, so the one must not throw away the other.
//! What is older than a field's last accepted value is left out, so late events do not turn a profile back.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::parcel::{Parcel, Record};

/// Profiles in one generation of the memory; there are two generations. With some ten fields a profile both together
/// take less than 10 MB.
const GENERATION: usize = 8192;
/// Whose profile it is: never left out, whatever its age.
const IDENTITY: &str = "identityMap";

/// Whose profile a statement is about: partition, customer and primary identity. Two statements of one customer with
/// different primary identities are about different profiles, and merging them would give one the other's facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Subject(u64);

/// Event time and offset.
type Stamp = (i64, i64);
type Path = Vec<String>;

/// What goes out for some parcels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cargo {
    /// Each parcel as it was stated.
    AsStated,
    /// One entity for all of them.
    Merged(Bytes),
    /// Newer statements were accepted for every field.
    Nothing,
}

/// When each field of the profiles seen last was stated. Bounded; what is forgotten is sent as it comes.
#[derive(Debug, Default)]
pub(super) struct Merger {
    young: HashMap<Subject, HashMap<u64, Stamp>>,
    old: HashMap<Subject, HashMap<u64, Stamp>>,
}

#[derive(Deserialize)]
struct Identified {
    #[serde(rename = "identityMap")]
    identities: BTreeMap<String, Vec<Identity>>,
}

#[derive(Deserialize)]
struct Identity {
    id: String,
    #[serde(default)]
    primary: bool,
}

impl Subject {
    /// `None` when the statement has not exactly one primary identity: it then is sent alone.
    pub(super) fn read(record: &Record, entity: &[u8]) -> Option<Self> {
        let identified: Identified = serde_json::from_slice(entity).ok()?;
        let mut primaries = identified.identities.iter().flat_map(|(namespace, identities)| {
            let primaries = identities.iter().filter(|identity| identity.primary);
            primaries.map(move |identity| (namespace, &identity.id))
        });
        let primary = primaries.next().filter(|_| primaries.next().is_none())?;
        let mut hasher = DefaultHasher::new();
        (record.position.partition, &record.key, primary).hash(&mut hasher);
        Some(Self(hasher.finish()))
    }
}

impl Merger {
    /// What goes out for these parcels, which are about one profile; those that add nothing to it are marked.
    pub(super) fn merge(&mut self, parcels: &mut [Parcel]) -> Cargo {
        let known = match parcels {
            [] => return Cargo::AsStated,
            [first, ..] => first.subject.and_then(|subject| self.recall(subject)),
        };
        let mut newest: BTreeMap<Path, (Stamp, usize, &str)> = BTreeMap::new();
        let mut omitted = false;
        let entities: Vec<Bytes> = parcels.iter().map(|parcel| parcel.entity.clone()).collect();
        for (index, (parcel, entity)) in parcels.iter().zip(&entities).enumerate() {
            let stamp = stamp(parcel);
            let Some(fields) = fields(entity).filter(|_| parcel.subject.is_some()) else {
                // Alone by construction: it shares its request with nothing.
                return Cargo::AsStated;
            };
            for (path, value) in fields {
                let later = known.and_then(|known| known.get(&digest(&path)));
                if !is_identity(&path) && later.is_some_and(|later| *later > stamp) {
                    omitted = true;
                    continue;
                }
                if newest.get(&path).is_some_and(|(other, ..)| *other > stamp) {
                    continue;
                }
                newest.insert(path, (stamp, index, value));
            }
        }
        let mut useful = vec![false; parcels.len()];
        for (path, (_, index, _)) in &newest {
            useful[*index] |= !is_identity(path);
        }
        for (parcel, useful) in parcels.iter_mut().zip(&useful) {
            parcel.superseded = !useful;
        }
        if !useful.contains(&true) {
            return Cargo::Nothing;
        }
        if parcels.len() == 1 && !omitted {
            return Cargo::AsStated;
        }
        let fields: Vec<(&[String], &str)> = newest
            .iter()
            .map(|(path, (_, _, value))| (path.as_slice(), *value))
            .collect();
        let mut merged = Vec::new();
        write(&fields, 0, &mut merged);
        Cargo::Merged(Bytes::from(merged))
    }

    /// Remembers what was accepted. Only that: a newer statement that is refused must not suppress an older one.
    pub(super) fn accepted(&mut self, parcels: &[Parcel]) {
        for parcel in parcels {
            let (Some(subject), Some(fields)) = (parcel.subject, fields(&parcel.entity)) else {
                continue;
            };
            if self.young.len() >= GENERATION && !self.young.contains_key(&subject) {
                self.old = std::mem::take(&mut self.young);
            }
            let before = self.old.remove(&subject);
            let known = self.young.entry(subject).or_default();
            known.extend(before.into_iter().flatten());
            for (path, _) in fields.iter().filter(|(path, _)| !is_identity(path)) {
                let last = known.entry(digest(path)).or_insert(stamp(parcel));
                *last = stamp(parcel).max(*last);
            }
        }
    }

    fn recall(&self, subject: Subject) -> Option<&HashMap<u64, Stamp>> {
        self.young.get(&subject).or_else(|| self.old.get(&subject))
    }
}

fn stamp(parcel: &Parcel) -> Stamp {
    (parcel.record.at, parcel.offset())
}

fn is_identity(path: &[String]) -> bool {
    path.first().is_some_and(|name| name == IDENTITY)
}

fn digest(path: &[String]) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    hasher.finish()
}

/// The fields of an entity with their values as they were written. Lists are values: a merge replaces them whole.
fn fields(entity: &[u8]) -> Option<Vec<(Path, &str)>> {
    let mut found = Vec::new();
    walk(std::str::from_utf8(entity).ok()?, &mut Vec::new(), &mut found)?;
    Some(found)
}

fn walk<'a>(json: &'a str, path: &mut Path, found: &mut Vec<(Path, &'a str)>) -> Option<()> {
    let members: BTreeMap<String, &'a RawValue> = serde_json::from_str(json).ok()?;
    for (name, value) in members {
        path.push(name);
        if value.get().starts_with('{') {
            walk(value.get(), path, found)?;
        } else {
            found.push((path.clone(), value.get()));
        }
        path.pop();
    }
    Some(())
}

/// Writes fields, sorted by path, that agree in their first `depth` names, as one object. A name that is a value in one
/// statement and an object in another has no meaning in XDM; the object is kept.
fn write(fields: &[(&[String], &str)], depth: usize, out: &mut Vec<u8>) {
    out.push(b'{');
    for (index, group) in fields.chunk_by(|(a, _), (b, _)| a[depth] == b[depth]).enumerate() {
        let Some(((path, value), deeper)) = group.split_first() else {
            continue;
        };
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(serde_json::Value::from(path[depth].as_str()).to_string().as_bytes());
        out.push(b':');
        match (path.len() == depth + 1, deeper) {
            (true, []) => out.extend_from_slice(value.as_bytes()),
            (true, deeper) => write(deeper, depth + 1, out),
            (false, _) => write(group, depth + 1, out),
        }
    }
    out.push(b'}');
}
