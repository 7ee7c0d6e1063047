//! Profile statements under `merge`: several may arrive as one, and one that newer ones say all of
//! need not arrive.
//!
//! So what is judged is the profile: every value that arrived was stated of that profile, and after
//! the last arrival each field has the value of its newest statement, by event time and offset
//! within a partition.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::verdict::Verdict;
use crate::simulator::Accepted;

/// Whose profile is not a fact about it: it goes with every statement, late ones too.
const IDENTITY: &str = "/identityMap";

/// A statement as the mapping makes it from a record.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) partition: u32,
    pub(super) offset: i64,
    /// The event's time.
    pub(super) at: i64,
    /// Whether a dead letter stands for it: then it may have arrived, or not.
    pub(super) dead_lettered: bool,
    pub(super) entity: Value,
}

/// Primary identity and path.
type Field = (String, String);

pub(super) fn judge(verdict: &mut Verdict, stated: &[Statement], arrived: &[Arc<Accepted>]) {
    let mut said: BTreeMap<Field, Vec<(&Statement, String)>> = BTreeMap::new();
    for statement in stated {
        for (field, value) in fields(&statement.entity) {
            said.entry(field).or_default().push((statement, value));
        }
    }
    let mut wrong = BTreeSet::new();
    let mut profile: BTreeMap<Field, String> = BTreeMap::new();
    for statement in arrived {
        for (field, value) in fields(&statement.entity()) {
            let known = said
                .get(&field)
                .is_some_and(|said| said.iter().any(|(_, stated)| *stated == value));
            if !known {
                verdict
                    .invented
                    .push(format!("{} of profile {}: {value}", field.1, field.0));
                wrong.insert(field.0.clone());
            }
            profile.insert(field, value);
        }
    }
    for (field, said) in &said {
        let Some(allowed) = last_values(said).filter(|_| !field.1.starts_with(IDENTITY)) else {
            continue;
        };
        let found = profile.get(field);
        if !found.is_some_and(|value| allowed.contains(value.as_str())) {
            let (subject, path) = field;
            verdict.lost.push(format!(
                "{path} of profile {subject} is {found:?}, stated last: {allowed:?}"
            ));
            wrong.insert(subject.clone());
        }
    }
    verdict.profiles_delivered += stated
        .iter()
        .filter(|statement| {
            !statement.dead_lettered && !wrong.contains(&subject(&statement.entity))
        })
        .count();
}

/// The values a field may have at the end; `None` when nothing has to arrive. Nothing orders two
/// partitions, so each has its own; a dead-lettered statement newer than the rest may have arrived.
fn last_values<'a>(said: &'a [(&Statement, String)]) -> Option<BTreeSet<&'a str>> {
    let mut newest: BTreeMap<u32, (i64, i64)> = BTreeMap::new();
    for (statement, _) in said
        .iter()
        .filter(|(statement, _)| !statement.dead_lettered)
    {
        let stamp = newest
            .entry(statement.partition)
            .or_insert((i64::MIN, i64::MIN));
        *stamp = (*stamp).max((statement.at, statement.offset));
    }
    let is_last = |statement: &Statement| {
        let stamp = (statement.at, statement.offset);
        match newest.get(&statement.partition) {
            Some(newest) => stamp == *newest || (statement.dead_lettered && stamp > *newest),
            None => true,
        }
    };
    let values = said.iter().filter(|(statement, _)| is_last(statement));
    (!newest.is_empty()).then(|| values.map(|(_, value)| value.as_str()).collect())
}

fn fields(entity: &Value) -> Vec<(Field, String)> {
    let mut found = Vec::new();
    walk(entity, String::new(), &mut found);
    let subject = subject(entity);
    found
        .into_iter()
        .map(|(path, value)| ((subject.clone(), path), value))
        .collect()
}

fn walk(value: &Value, path: String, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                walk(value, format!("{path}/{name}"), found);
            }
        }
        value => found.push((path, value.to_string())),
    }
}

/// The primary identity.
fn subject(entity: &Value) -> String {
    let namespaces = entity.get("identityMap").and_then(Value::as_object);
    namespaces
        .into_iter()
        .flatten()
        .flat_map(|(namespace, identities)| {
            identities
                .as_array()
                .into_iter()
                .flatten()
                .map(move |id| (namespace, id))
        })
        .filter(|(_, identity)| identity.get("primary") == Some(&Value::Bool(true)))
        .map(|(namespace, identity)| format!("{namespace}:{}", identity["id"]))
        .collect()
}

#[cfg(test)]
mod tests;
