//! Statements about one profile that wait together go out as one request.
//!
//! Each field keeps what its newest statement says, by event time and then offset. Finer than by
//! kind of statement on purpose: a redemption states the balance but not the lifetime points, so
//! the one must not throw away the other. What is older than a field's last accepted value is left
//! out, so late events do not turn a profile back.

pub mod field_versions;

use std::collections::BTreeMap;

use bytes::Bytes;

use self::field_versions::{Memory, Profile};
use crate::delivery::entity::json_fields::{Field, Path, fields};
use crate::delivery::entity::{IDENTITY, Parcel, Stamp};

/// What goes out for some parcels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cargo {
    /// Each parcel as it was stated.
    AsStated,
    /// One entity for all of them.
    Merged(Bytes),
    /// Newer statements were accepted for every field.
    Nothing,
}

/// Decides what goes out.
#[derive(Debug, Default)]
pub struct Merger {
    memory: Memory,
}

impl Merger {
    /// What goes out for these parcels, which are about one profile; those that add nothing to it
    /// are marked.
    pub fn merge(&mut self, parcels: &mut [Parcel]) -> Cargo {
        let known = match parcels {
            [] => return Cargo::AsStated,
            [first, ..] => first
                .subject
                .and_then(|subject| self.memory.recall(subject)),
        };
        if let [parcel] = parcels
            && let Some(cargo) = alone(parcel, known)
        {
            return cargo;
        }
        let mut newest: BTreeMap<Path<'_>, (Stamp, usize, &str)> = BTreeMap::new();
        let mut omitted = false;
        let entities: Vec<Bytes> = parcels.iter().map(|parcel| parcel.entity.clone()).collect();
        for (index, (parcel, entity)) in parcels.iter().zip(&entities).enumerate() {
            let stamp = stamp(parcel);
            let Some(fields) = fields(entity).filter(|_| parcel.subject.is_some()) else {
                // Alone by construction: it shares its request with nothing.
                return Cargo::AsStated;
            };
            for (path, value) in fields {
                let later = known.and_then(|known| known.stated(path.digest()));
                if !is_identity(&path) && later.is_some_and(|later| later > stamp) {
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
        let fields: Vec<Field<'_>> = newest
            .into_iter()
            .map(|(path, (_, _, value))| (path, value))
            .collect();
        let mut merged = Vec::new();
        write(&fields, 0, &mut merged);
        Cargo::Merged(Bytes::from(merged))
    }

    /// Remembers what was accepted. Only that: a newer statement that is refused must not suppress
    /// an older one.
    pub fn accepted(&mut self, parcels: &[Parcel]) {
        for parcel in parcels {
            let (Some(subject), Some(fields)) = (parcel.subject, fields(&parcel.entity)) else {
                continue;
            };
            let stated = fields.iter().filter(|(path, _)| !is_identity(path));
            self.memory.note(
                subject,
                stated.map(|(path, _)| path.digest()),
                stamp(parcel),
            );
        }
    }
}

/// What goes out for one parcel, unless some of its fields are to be left out: most are alone, and
/// need no sorting.
fn alone(parcel: &mut Parcel, known: Option<Profile<'_>>) -> Option<Cargo> {
    let (entity, stamp) = (parcel.entity.clone(), stamp(parcel));
    let fields = fields(&entity).filter(|_| parcel.subject.is_some())?;
    let is_old =
        |path: &Path<'_>| known.and_then(|known| known.stated(path.digest())) > Some(stamp);
    let facts = fields.iter().filter(|(path, _)| !is_identity(path));
    let mut old = facts.map(|(path, _)| is_old(path));
    let first = old.next()?;
    if old.any(|other| other != first) {
        return None;
    }
    parcel.superseded = first;
    Some(if first {
        Cargo::Nothing
    } else {
        Cargo::AsStated
    })
}

fn stamp(parcel: &Parcel) -> Stamp {
    (parcel.record.at, parcel.offset())
}

fn is_identity(path: &Path<'_>) -> bool {
    path.names().first().is_some_and(|name| *name == IDENTITY)
}

/// Writes fields, sorted by path, that agree in their first `depth` names, as one object. A name
/// that is a value in one statement and an object in another has no meaning in XDM; the object is
/// kept.
fn write(fields: &[Field<'_>], depth: usize, out: &mut Vec<u8>) {
    out.push(b'{');
    let same =
        |(a, _): &Field<'_>, (b, _): &Field<'_>| a.names().get(depth) == b.names().get(depth);
    for (index, group) in fields.chunk_by(same).enumerate() {
        let Some(((path, value), deeper)) = group.split_first() else {
            continue;
        };
        if index > 0 {
            out.push(b',');
        }
        // Names with escapes are no fields, so they are written as they were read.
        out.push(b'"');
        out.extend_from_slice(
            path.names()
                .get(depth)
                .copied()
                .unwrap_or_default()
                .as_bytes(),
        );
        out.extend_from_slice(b"\":");
        match (path.names().len() == depth + 1, deeper) {
            (true, []) => out.extend_from_slice(value.as_bytes()),
            (true, deeper) => write(deeper, depth + 1, out),
            (false, _) => write(group, depth + 1, out),
        }
    }
    out.push(b'}');
}
