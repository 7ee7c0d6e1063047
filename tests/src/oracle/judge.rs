//! Judges a run: besides what arrived, the order it arrived in, the offsets that were committed,
//! and the reasons of the dead letters.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use capillary_xdm::Params;

use super::account;
use super::dead_letters::{self, DeadLetters};
use super::evicted::{self, Evicted};
use super::expected::{Expected, Kind, expected_of};
use super::landed;
use super::order::reordered;
use super::record::Produced;
use super::run::Run;
use super::verdict::Verdict;
use crate::simulator::Accepted;

impl Run<'_> {
    /// Judges it.
    #[must_use]
    pub fn judge(self) -> Verdict {
        let dead_letters = DeadLetters::read(self.dead_letters);
        let mut verdict = account::judge(&self, &dead_letters);
        let expected = expected_of(self.params.clone(), self.topic);
        verdict.reordered = reordered(&expected, self.events, self.requests);
        verdict.committed_early = early(
            &expected,
            self.events,
            &dead_letters,
            self.evicted,
            self.stored,
        );
        dead_letters::judge(
            &mut verdict,
            &dead_letters,
            &expected,
            self.requests,
            self.since,
        );
        evicted::judge(&mut verdict, self.evicted, self.log_starts);
        landed::judge(&mut verdict, &self, &dead_letters, &expected);
        verdict
    }
}

/// Records whose offset is committed although they are neither delivered nor dead-lettered nor
/// skipped.
///
/// Sound while a run goes on, if the stored offsets were read before the arrivals and the dead
/// dead letters. Judged by the event: a profile statement has no id to find it by.
#[must_use]
pub fn committed_early(
    params: Params,
    records: &[Produced],
    events: &[Arc<Accepted>],
    dead_letters: &[Vec<u8>],
    stored: &[(u32, i64)],
) -> Vec<String> {
    early(
        &expected_of(params, records),
        events,
        &DeadLetters::read(dead_letters),
        &[],
        stored,
    )
}

fn early(
    expected: &[Expected],
    events: &[Arc<Accepted>],
    dead_letters: &DeadLetters,
    evicted: &[Evicted],
    stored: &[(u32, i64)],
) -> Vec<String> {
    let arrived: HashSet<&str> = events
        .iter()
        .filter_map(|event| event.id.as_deref())
        .collect();
    let stored: BTreeMap<u32, i64> = stored.iter().copied().collect();
    let mut findings = Vec::new();
    for Expected { place, kind } in expected {
        let Some(last) = stored
            .get(&place.partition)
            .filter(|last| place.offset <= **last)
        else {
            continue;
        };
        let settled = match kind {
            _ if dead_letters.parts(*place).event || evicted::covers(evicted, *place) => true,
            Kind::Skipped => true,
            Kind::Rejected { .. } => false,
            Kind::Event { id, .. } => arrived.contains(id.as_str()),
        };
        if !settled {
            findings.push(format!("{place} is not settled, and {last} is committed"));
        }
    }
    findings
}
