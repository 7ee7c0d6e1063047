//! Coalescing: statements about one profile that wait together go out as one request.
//!
//! Each field keeps what its newest statement says, by event time and then offset. Finer than by
//! kind of statement on purpose: a redemption states the balance but not the lifetime points, so
//! the one must not throw away the other. What is older than a field's last accepted value is left
//! out, so late events do not turn a profile back.

pub mod field_versions;

use std::collections::BTreeMap;

use bytes::Bytes;

use self::field_versions::{FieldVersions, Profile};
use crate::delivery::entity::json_fields::{Field, Path, fields};
use crate::delivery::entity::{Entity, IDENTITY, Stamp};

/// What is sent for some entities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// Each entity as it was stated.
    AsStated,
    /// One entity for all of them.
    Coalesced(Bytes),
    /// Newer statements were accepted for every field.
    Nothing,
}

/// Coalesces statements, and leaves out fields that were accepted in a newer version.
#[derive(Debug, Default)]
pub struct Coalescer {
    versions: FieldVersions,
}

impl Coalescer {
    /// What goes out for these entities, which are about one profile; those that add nothing to it
    /// are marked.
    pub fn coalesce(&mut self, entities: &mut [Entity]) -> Payload {
        let known = match entities {
            [] => return Payload::AsStated,
            [first, ..] => first
                .subject
                .and_then(|subject| self.versions.recall(subject)),
        };
        if let [entity] = entities
            && let Some(payload) = alone(entity, known)
        {
            return payload;
        }
        let mut newest: BTreeMap<Path<'_>, (Stamp, usize, &str)> = BTreeMap::new();
        let mut omitted = false;
        let jsons: Vec<Bytes> = entities.iter().map(|entity| entity.json.clone()).collect();
        for (index, (entity, json)) in entities.iter().zip(&jsons).enumerate() {
            let stamp = stamp(entity);
            let Some(fields) = fields(json).filter(|_| entity.subject.is_some()) else {
                // Alone by construction: it shares its request with nothing.
                return Payload::AsStated;
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
        let mut useful = vec![false; entities.len()];
        for (path, (_, index, _)) in &newest {
            useful[*index] |= !is_identity(path);
        }
        for (entity, useful) in entities.iter_mut().zip(&useful) {
            entity.superseded = !useful;
        }
        if !useful.contains(&true) {
            return Payload::Nothing;
        }
        if entities.len() == 1 && !omitted {
            return Payload::AsStated;
        }
        let fields: Vec<Field<'_>> = newest
            .into_iter()
            .map(|(path, (_, _, value))| (path, value))
            .collect();
        let mut coalesced = Vec::new();
        write(&fields, 0, &mut coalesced);
        Payload::Coalesced(Bytes::from(coalesced))
    }

    /// Keeps the versions of what was accepted. Only that: a newer statement that is refused must
    /// not suppress an older one.
    pub fn accepted(&mut self, entities: &[Entity]) {
        for entity in entities {
            let (Some(subject), Some(fields)) = (entity.subject, fields(&entity.json)) else {
                continue;
            };
            let stated = fields.iter().filter(|(path, _)| !is_identity(path));
            self.versions.note(
                subject,
                stated.map(|(path, _)| path.digest()),
                stamp(entity),
            );
        }
    }
}

/// What goes out for one entity, unless some of its fields are to be left out: most are alone, and
/// need no sorting.
fn alone(entity: &mut Entity, known: Option<Profile<'_>>) -> Option<Payload> {
    let (json, stamp) = (entity.json.clone(), stamp(entity));
    let fields = fields(&json).filter(|_| entity.subject.is_some())?;
    let is_old =
        |path: &Path<'_>| known.and_then(|known| known.stated(path.digest())) > Some(stamp);
    let facts = fields.iter().filter(|(path, _)| !is_identity(path));
    let mut old = facts.map(|(path, _)| is_old(path));
    let first = old.next()?;
    if old.any(|other| other != first) {
        return None;
    }
    entity.superseded = first;
    Some(if first {
        Payload::Nothing
    } else {
        Payload::AsStated
    })
}

fn stamp(entity: &Entity) -> Stamp {
    (entity.record.at, entity.offset())
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
