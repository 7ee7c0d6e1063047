//! What became of each record.

use std::collections::{BTreeMap, HashMap};

use capillary_xdm::{Input, Mapper};
use serde_json::Value;

use super::dead_letters::DeadLetters;
use super::evicted;
use super::record::Answer;
use super::run::Run;
use super::statements::{self, Statement};
use super::verdict::Verdict;
use crate::simulator::{Accepted, Operation};

/// First arrival and copies of one thing.
#[derive(Debug, Default)]
struct Arrivals<'a> {
    first: Option<&'a Accepted>,
    copies: usize,
}

/// Judges what became of each record; [`Run::judge`] judges order, commits and dead letters too.
///
/// Records are matched by `_id`; a workload whose records share an `_id` on purpose cannot be
/// judged here.
pub(super) fn judge(run: &Run<'_>, dead_letters: &DeadLetters) -> Verdict {
    let &Run {
        with_profiles,
        topic,
        events,
        profiles,
        ..
    } = run;
    let mut verdict = Verdict {
        produced: topic.len(),
        ..Verdict::default()
    };
    let mut arrived: HashMap<&str, Arrivals<'_>> = HashMap::new();
    for event in events {
        match event.id.as_deref() {
            Some(id) => {
                let arrivals = arrived.entry(id).or_default();
                arrivals.first.get_or_insert(event);
                arrivals.copies += 1;
            }
            None => verdict.invented.push(format!(
                "an event without an _id, request {}",
                event.request
            )),
        }
    }
    let mut mapper = Mapper::new(run.params.clone());
    let mut stated = Vec::new();
    for record in topic {
        let place = record.place();
        let mut answer = Vec::new();
        mapper.answer(
            Input {
                offset: record.offset,
                timestamp: record.timestamp,
                value: &record.value,
            },
            &mut answer,
        );
        let Ok(answer) = serde_json::from_slice::<Answer<'_>>(&answer) else {
            verdict
                .changed
                .push(format!("{place}: the mapping's answer is not an answer"));
            continue;
        };
        let dead_letter = dead_letters.has(place);
        if evicted::covers(run.evicted, place) {
            verdict.evicted += 1;
            let arrived = answer.id.as_deref().and_then(|id| arrived.remove(id));
            if dead_letter || arrived.is_some() {
                let finding = format!("{place} is told to be evicted, yet it was dealt with");
                verdict.misreported.push(finding);
            }
            continue;
        }
        if answer.skip.is_some() {
            verdict.skipped += 1;
            if dead_letter {
                verdict
                    .invented
                    .push(format!("{place}: skipped, yet dead-lettered"));
            }
            continue;
        }
        if dead_letter {
            verdict.dead_lettered += 1;
        }
        let dead_lettered = dead_letters.parts(place);
        let (Some(id), Some(event)) = (&answer.id, answer.event) else {
            if !dead_lettered.event {
                verdict.lost.push(format!(
                    "{place}: rejected by the mapping, and no dead letter"
                ));
            }
            continue;
        };
        let arrivals = arrived.remove(id.as_str()).unwrap_or_default();
        verdict.duplicates += arrivals.copies.saturating_sub(1);
        match arrivals.first {
            Some(first) => {
                verdict.events_delivered += 1;
                if canonical(&first.entity) != canonical(event.get().as_bytes()) {
                    verdict
                        .changed
                        .push(format!("{place}: event {id} differs from its mapping"));
                }
            }
            None if !dead_lettered.event => verdict.lost.push(format!("{place}: event {id}")),
            None => {}
        }
        if let (true, Some(profile)) = (with_profiles, answer.profile) {
            stated.push(Statement {
                partition: record.partition,
                offset: record.offset,
                at: answer.at.unwrap_or_default(),
                dead_lettered: dead_lettered.profile,
                entity: serde_json::from_str(profile.get()).unwrap_or_default(),
            });
        }
    }
    for id in arrived.keys() {
        verdict.invented.push(format!("event {id}"));
    }
    if profiles
        .iter()
        .all(|profile| profile.operation == Operation::Merge)
    {
        statements::judge(&mut verdict, &stated, profiles);
    } else {
        judge_statements(&mut verdict, profiles, &stated);
    }
    verdict
}

/// Statements that replace each other are never merged, and have no id: each must have arrived, as
/// often as it was stated.
fn judge_statements(
    verdict: &mut Verdict,
    profiles: &[std::sync::Arc<Accepted>],
    stated: &[Statement],
) {
    let mut arrived: BTreeMap<String, usize> = BTreeMap::new();
    for profile in profiles {
        *arrived.entry(canonical(&profile.entity)).or_default() += 1;
    }
    let mut wanted: BTreeMap<String, usize> = BTreeMap::new();
    for statement in stated.iter().filter(|statement| !statement.dead_lettered) {
        *wanted.entry(statement.entity.to_string()).or_default() += 1;
    }
    for (statement, times) in wanted {
        let came = arrived.remove(&statement).unwrap_or_default();
        verdict.profiles_delivered += came.min(times);
        verdict.duplicates += came.saturating_sub(times);
        if came < times {
            verdict.lost.push(format!(
                "{} of {times} profile statements: {}",
                times - came,
                digest(&statement)
            ));
        }
    }
    for statement in arrived.into_keys() {
        verdict
            .invented
            .push(format!("profile statement {}", digest(&statement)));
    }
}

/// The same JSON whatever the order of its keys.
fn canonical(json: &[u8]) -> String {
    // serde_json's map is sorted by key.
    serde_json::from_slice::<Value>(json).map_or_else(
        |error| format!("not JSON: {error}"),
        |value| value.to_string(),
    )
}

fn digest(statement: &str) -> String {
    statement.chars().take(120).collect()
}
