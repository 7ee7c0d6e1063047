//! A whole run before the judge: besides what arrived, the order it arrived in, the offsets that
//! were committed, and the reasons of the dead letters.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use capillary_xdm::Params;

use super::duty::{Duty, Kind, duties};
use super::letters::{self, Letters};
use super::{Evicted, Produced, Verdict, evicted, judge};
use crate::simulator::{Accepted, InletRequest};

/// What is known of a run.
#[derive(Debug)]
pub struct Run<'a> {
    /// Parameters of the SmartModule.
    pub params: Params,
    /// Whether profiles are delivered.
    pub with_profiles: bool,
    /// What stands in the topic.
    pub topic: &'a [Produced],
    /// Events accepted, in the order of acceptance.
    pub events: &'a [Arc<Accepted>],
    /// Profile statements accepted.
    pub profiles: &'a [Arc<Accepted>],
    /// The dead letters.
    pub letters: &'a [Vec<u8>],
    /// Requests to the inlets, in the order of arrival.
    pub requests: &'a [InletRequest],
    /// Stored offset of every partition that has one: the last record that counts as processed.
    pub stored: &'a [(u32, i64)],
    /// What the connector told to be evicted.
    pub evicted: &'a [Evicted],
    /// Where the log of every partition begins.
    pub log_starts: &'a [(u32, i64)],
    /// Milliseconds since the epoch: nothing was read before.
    pub since: i64,
}

impl Run<'_> {
    /// Judges it.
    #[must_use]
    pub fn judge(self) -> Verdict {
        let letters = Letters::read(self.letters);
        let mut verdict = judge(&self, &letters);
        let duties = duties(self.params, self.topic);
        verdict.reordered = reordered(&duties, self.events, self.requests);
        verdict.committed_early = early(&duties, self.events, &letters, self.evicted, self.stored);
        letters::judge(&mut verdict, &letters, &duties, self.requests, self.since);
        evicted::judge(&mut verdict, self.evicted, self.log_starts);
        verdict
    }
}

/// Records whose offset is committed although they are neither delivered nor dead-lettered nor
/// skipped.
///
/// Sound while a run goes on, if the stored offsets were read before the arrivals and the letters.
/// Judged by the event: a profile statement has no id to find it by.
#[must_use]
pub fn committed_early(
    params: Params,
    records: &[Produced],
    events: &[Arc<Accepted>],
    letters: &[Vec<u8>],
    stored: &[(u32, i64)],
) -> Vec<String> {
    early(
        &duties(params, records),
        events,
        &Letters::read(letters),
        &[],
        stored,
    )
}

fn early(
    duties: &[Duty],
    events: &[Arc<Accepted>],
    letters: &Letters,
    evicted: &[Evicted],
    stored: &[(u32, i64)],
) -> Vec<String> {
    let arrived: HashSet<&str> = events
        .iter()
        .filter_map(|event| event.id.as_deref())
        .collect();
    let stored: BTreeMap<u32, i64> = stored.iter().copied().collect();
    let mut findings = Vec::new();
    for Duty { place, kind } in duties {
        let Some(last) = stored
            .get(&place.partition)
            .filter(|last| place.offset <= **last)
        else {
            continue;
        };
        let settled = match kind {
            _ if letters.parts(*place).event || evicted::covers(evicted, *place) => true,
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

/// Offset and `_id` of what arrived in a lane, by the sequence of its first arrival.
type Lane<'a> = BTreeMap<u64, (i64, &'a str)>;

/// Records of one customer in one partition whose first arrival was before that of an earlier one.
///
/// The documented exception: a record told to wait inside a batch may be overtaken by those
/// accepted with it.
fn reordered(duties: &[Duty], events: &[Arc<Accepted>], requests: &[InletRequest]) -> Vec<String> {
    let mut first: HashMap<&str, &Accepted> = HashMap::new();
    for event in events {
        if let Some(id) = event.id.as_deref() {
            first.entry(id).or_insert(event);
        }
    }
    // Of each lane every arrival so far, by its sequence: a comparison with the neighbour alone
    // would miss who overtook two.
    let mut lanes: HashMap<(u32, &str), Lane<'_>> = HashMap::new();
    let mut findings = Vec::new();
    for Duty { place, kind } in duties {
        let Kind::Event { id, lane, .. } = kind else {
            continue;
        };
        let Some(arrival) = first.get(id.as_str()) else {
            continue;
        };
        let before = lanes.entry((place.partition, lane)).or_default();
        for (offset, overtaken) in before
            .range(arrival.sequence + 1..)
            .map(|(_, earlier)| earlier)
        {
            if !waited_inside(requests, arrival.request, overtaken) {
                findings.push(format!("{place} arrived before {offset} of its customer"));
            }
        }
        before.insert(arrival.sequence, (place.offset, id));
    }
    findings
}

/// Whether a request was a batch that told this record to wait.
fn waited_inside(requests: &[InletRequest], number: u64, id: &str) -> bool {
    let found = requests.binary_search_by_key(&number, |request| request.number);
    found.is_ok_and(|index| {
        let request = &requests[index];
        let told = |status: u16| status == 429 || status >= 500;
        request.batch
            && request.messages.iter().any(|message| {
                message.id.as_deref() == Some(id) && !message.accepted && told(message.status)
            })
    })
}
