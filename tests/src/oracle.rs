//! The conservation oracle: after the faults it judges whether anything was lost, invented, changed or reordered.
//!
//! Producing a record is an obligation: it must end delivered or dead-lettered, or be one the mapping skips. What must become
//! of it is worked out here from the record itself, by the same mapping run natively; the connector's own counts are not
//! asked.

mod statements;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use capillary_xdm::{Input, Mapper, Params};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use self::statements::Statement;
use crate::simulator::{Accepted, Operation};

/// A record as it stands in the topic.
#[derive(Debug, Clone)]
pub struct Produced {
    /// Its partition.
    pub partition: u32,
    /// Its log offset.
    pub offset: i64,
    /// Its Fluvio timestamp, milliseconds since the epoch.
    pub timestamp: Option<i64>,
    /// Its value.
    pub value: Vec<u8>,
}

/// What the mapping says of a record.
#[derive(Debug, Deserialize)]
struct Answer<'a> {
    id: Option<String>,
    key: Option<String>,
    at: Option<i64>,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    #[serde(borrow)]
    profile: Option<&'a RawValue>,
    skip: Option<String>,
}

/// Where a dead letter says its record came from, and why it is there.
#[derive(Debug, Clone, Deserialize)]
struct Letter {
    source: LetterSource,
    reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct LetterSource {
    partition: u32,
    offset: i64,
}

/// What the judge found. Everything but the counts at the top must be empty.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// Records in the topic.
    pub produced: usize,
    /// Records whose event arrived at least once.
    pub events_delivered: usize,
    /// Profile statements that arrived, alone or merged with newer ones of their profile.
    pub profiles_delivered: usize,
    /// Records the mapping skips.
    pub skipped: usize,
    /// Records with a dead letter.
    pub dead_lettered: usize,
    /// Copies beyond the first, of events and of profile statements.
    pub duplicates: usize,
    /// Dead letters by reason.
    pub reasons: BTreeMap<String, usize>,
    /// Obligations not met: the record, and what is missing.
    pub lost: Vec<String>,
    /// What arrived though nobody produced it, or arrived and is a dead letter too.
    pub invented: Vec<String>,
    /// What arrived different from its mapping.
    pub changed: Vec<String>,
    /// Records of one customer in one partition whose first arrival was out of offset order.
    pub reordered: Vec<String>,
}

impl Verdict {
    /// Whether nothing was lost, invented, changed or reordered.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.lost.is_empty() && self.invented.is_empty() && self.changed.is_empty() && self.reordered.is_empty()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "produced {}, events {}, profiles {}, skipped {}, dead-lettered {} {:?}, duplicates {}",
            self.produced,
            self.events_delivered,
            self.profiles_delivered,
            self.skipped,
            self.dead_lettered,
            self.reasons,
            self.duplicates
        )?;
        for (name, findings) in [
            ("lost", &self.lost),
            ("invented", &self.invented),
            ("changed", &self.changed),
            ("reordered", &self.reordered),
        ] {
            writeln!(f, "{name}: {}", findings.len())?;
            for finding in findings.iter().take(10) {
                writeln!(f, "  {finding}")?;
            }
        }
        Ok(())
    }
}

/// First arrival and copies of one thing.
#[derive(Debug, Default)]
struct Arrivals<'a> {
    first: Option<&'a Accepted>,
    copies: usize,
}

/// Judges a run: what stood in the topic, what Experience Platform accepted, and the dead letters.
///
/// Records are matched by `_id`; a workload whose records share an `_id` on purpose cannot be judged here.
#[must_use]
pub fn judge(
    params: Params,
    with_profiles: bool,
    topic: &[Produced],
    events: &[std::sync::Arc<Accepted>],
    profiles: &[std::sync::Arc<Accepted>],
    letters: &[Vec<u8>],
) -> Verdict {
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
            None => verdict
                .invented
                .push(format!("an event without an _id, request {}", event.request)),
        }
    }
    let buried = read_letters(letters, &mut verdict);
    let mut mapper = Mapper::new(params);
    let mut last_of: HashMap<(u32, String), (i64, u64)> = HashMap::new();
    let mut stated = Vec::new();
    for record in topic {
        let place = format!("{}:{}", record.partition, record.offset);
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
        let letter = buried.contains(&LetterSource {
            partition: record.partition,
            offset: record.offset,
        });
        if answer.skip.is_some() {
            verdict.skipped += 1;
            if letter {
                verdict.invented.push(format!("{place}: skipped, yet dead-lettered"));
            }
            continue;
        }
        if letter {
            verdict.dead_lettered += 1;
        }
        let (Some(id), Some(event)) = (&answer.id, answer.event) else {
            if !letter {
                verdict
                    .lost
                    .push(format!("{place}: rejected by the mapping, and no dead letter"));
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
                let lane = (record.partition, answer.key.clone().unwrap_or_default());
                if let Some((offset, sequence)) = last_of.insert(lane, (record.offset, first.sequence))
                    && first.sequence < sequence
                {
                    verdict
                        .reordered
                        .push(format!("{place} arrived before {offset} of its customer"));
                }
            }
            None if !letter => verdict.lost.push(format!("{place}: event {id}")),
            None => {}
        }
        if let (true, Some(profile)) = (with_profiles, answer.profile) {
            stated.push(Statement {
                partition: record.partition,
                offset: record.offset,
                at: answer.at.unwrap_or_default(),
                buried: letter,
                entity: serde_json::from_str(profile.get()).unwrap_or_default(),
            });
        }
    }
    for id in arrived.keys() {
        verdict.invented.push(format!("event {id}"));
    }
    if profiles.iter().all(|profile| profile.operation == Operation::Merge) {
        statements::judge(&mut verdict, &stated, profiles);
    } else {
        judge_statements(&mut verdict, profiles, &stated);
    }
    verdict
}

fn read_letters(letters: &[Vec<u8>], verdict: &mut Verdict) -> BTreeSet<LetterSource> {
    let mut buried = BTreeSet::new();
    for letter in letters {
        match serde_json::from_slice::<Letter>(letter) {
            Ok(letter) => {
                if buried.insert(letter.source) {
                    *verdict.reasons.entry(letter.reason).or_default() += 1;
                } else {
                    verdict.duplicates += 1;
                }
            }
            Err(error) => verdict
                .changed
                .push(format!("a dead letter that cannot be read: {error}")),
        }
    }
    buried
}

/// Statements that replace each other are never merged, and have no id: each must have arrived, as often as it was stated.
fn judge_statements(verdict: &mut Verdict, profiles: &[std::sync::Arc<Accepted>], stated: &[Statement]) {
    let mut arrived: BTreeMap<String, usize> = BTreeMap::new();
    for profile in profiles {
        *arrived.entry(canonical(&profile.entity)).or_default() += 1;
    }
    let mut wanted: BTreeMap<String, usize> = BTreeMap::new();
    for statement in stated.iter().filter(|statement| !statement.buried) {
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
    serde_json::from_slice::<Value>(json).map_or_else(|error| format!("not JSON: {error}"), |value| value.to_string())
}

fn digest(statement: &str) -> String {
    statement.chars().take(120).collect()
}
