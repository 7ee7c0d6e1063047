//! What was acknowledged and did not land: each such record is named by a dead letter, and no
//! other.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use capillary_xdm::{Input, Mapper};
use serde_json::Value;

use super::dead_letter::DeadLetter;
use super::dead_letters::DeadLetters;
use super::expected::{Expected, Kind};
use super::record::{Answer, Place};
use super::run::Run;
use super::verdict::Verdict;
use crate::simulator::{Accepted, Ingestion, Violation};

pub(super) fn judge(
    verdict: &mut Verdict,
    run: &Run<'_>,
    dead_letters: &DeadLetters,
    expected: &[Expected],
) {
    let mut named: BTreeMap<Place, Vec<&DeadLetter>> = BTreeMap::new();
    for dead_letter in dead_letters.unlanded() {
        named
            .entry(dead_letter.source)
            .or_default()
            .push(dead_letter);
    }
    verdict.named = named.len();
    events(verdict, run, &named, expected);
    statements(verdict, run, &named);
}

fn events(
    verdict: &mut Verdict,
    run: &Run<'_>,
    named: &BTreeMap<Place, Vec<&DeadLetter>>,
    expected: &[Expected],
) {
    let failed: HashMap<&str, &Accepted> = invalid(run.events)
        .filter_map(|event| Some((event.id.as_deref()?, event)))
        .collect();
    for Expected { place, kind } in expected {
        let dead_letters = named.get(place).into_iter().flatten();
        let dead_letter = dead_letters
            .copied()
            .find(|dead_letter| !dead_letter.is_statement());
        let failed = match kind {
            Kind::Event { id, .. } => failed.get(id.as_str()),
            Kind::Skipped | Kind::Rejected { .. } => None,
        };
        let finding = match (failed, dead_letter) {
            (None, None) => continue,
            (Some(_), None) => "did not land, and nothing names it".to_owned(),
            (None, Some(_)) => "is named, although it landed".to_owned(),
            (Some(event), Some(dead_letter)) => {
                let field = event.violations.first().map(field);
                if dead_letter.pointer == field {
                    continue;
                }
                format!(
                    "failed for {field:?}, and {:?} is named",
                    dead_letter.pointer
                )
            }
        };
        verdict.unlanded.push(format!("{place}: event {finding}"));
    }
}

/// A statement has no id: it is known by whose it is.
fn statements(verdict: &mut Verdict, run: &Run<'_>, named: &BTreeMap<Place, Vec<&DeadLetter>>) {
    let mut failed: HashSet<String> = invalid(run.profiles)
        .filter_map(|statement| Some(statement.primary_identity()?.id.clone()))
        .collect();
    let mut told = HashSet::new();
    let mut mapper = Mapper::new(run.params.clone());
    for record in run.topic {
        let place = record.place();
        let dead_letters = named.get(&place).into_iter().flatten();
        if !dead_letters.copied().any(DeadLetter::is_statement) {
            continue;
        }
        let mut answer = Vec::new();
        let input = Input {
            offset: record.offset,
            timestamp: record.timestamp,
            value: &record.value,
        };
        mapper.answer(input, &mut answer);
        let answer = serde_json::from_slice::<Answer<'_>>(&answer).ok();
        let profile = answer.and_then(|answer| answer.profile);
        let profile: Option<Value> =
            profile.and_then(|profile| serde_json::from_str(profile.get()).ok());
        match profile.as_ref().and_then(primary) {
            Some(identity) if failed.contains(&identity) => drop(told.insert(identity)),
            _ => verdict
                .unlanded
                .push(format!("{place}: a statement is named, although it landed")),
        }
    }
    failed.retain(|identity| !told.contains(identity));
    if !failed.is_empty() {
        verdict.unlanded.push(format!(
            "statements of {} customers did not land, and nothing names them",
            failed.len()
        ));
    }
}

fn invalid(accepted: &[Arc<Accepted>]) -> impl Iterator<Item = &Accepted> {
    let accepted = accepted.iter().map(AsRef::as_ref);
    accepted.filter(|record| record.ingestion == Ingestion::Invalid)
}

fn primary(entity: &Value) -> Option<String> {
    let namespaces = entity["identityMap"].as_object()?.values();
    let mut identities = namespaces.filter_map(Value::as_array).flatten();
    let primary = identities.find(|identity| identity["primary"] == true)?;
    primary["id"].as_str().map(str::to_owned)
}

/// The field a violation is about: of a key that is missing or too many, the key itself.
fn field(violation: &Violation) -> String {
    let place = violation.pointer_to_violation.trim_start_matches('#');
    let of_key = ["required", "additionalProperties"].contains(&violation.keyword.as_str());
    let key = violation.message.split(['[', ']']).nth(1);
    match key.filter(|_| of_key) {
        Some(key) => format!("{place}/{key}"),
        None => place.to_owned(),
    }
}
