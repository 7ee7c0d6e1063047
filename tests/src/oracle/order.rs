//! The order in which the records of one customer arrived.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::expected::{Expected, Kind};
use crate::simulator::{Accepted, InletRequest};

/// From this failure alone on, later records may pass one that fails while others are accepted.
const PASSED: usize = 5;

/// Offset and `_id` of what arrived for one ordering key, by the sequence of its first arrival.
type Arrivals<'a> = BTreeMap<u64, (i64, &'a str)>;

/// Records of one customer in one partition whose first arrival was before that of an earlier one:
/// from all processes together, and from each of them. A partition that changes its owner is read
/// again from the last commit on, so what a later owner sends is in order by itself, copies
/// included.
///
/// The documented exceptions: a record told to wait inside a batch may be overtaken by those
/// accepted with it, and one that keeps failing alone by later ones.
pub(super) fn reordered(
    expected: &[Expected],
    events: &[Arc<Accepted>],
    requests: &[InletRequest],
) -> Vec<String> {
    let mut requests = Requests::new(requests);
    let mut first: HashMap<&str, &Accepted> = HashMap::new();
    let mut of_processes: BTreeMap<usize, HashMap<&str, &Accepted>> = BTreeMap::new();
    for event in events {
        let Some(id) = event.id.as_deref() else {
            continue;
        };
        first.entry(id).or_insert(event);
        if let Some(token) = requests.token(event.request) {
            let of_process = of_processes.entry(token).or_default();
            of_process.entry(id).or_insert(event);
        }
    }
    let all = judge(expected, &first, &mut requests);
    let mut findings: BTreeSet<String> = all.into_iter().collect();
    for of_process in of_processes.values() {
        findings.extend(judge(expected, of_process, &mut requests));
    }
    findings.into_iter().collect()
}

/// Judges the first arrivals.
fn judge<'a>(
    expected: &'a [Expected],
    first: &HashMap<&str, &Accepted>,
    requests: &mut Requests<'_>,
) -> Vec<String> {
    // Of each ordering key every arrival so far, by its sequence: a comparison with the neighbour
    // alone would miss who overtook two.
    let mut arrivals: HashMap<(u32, &str), Arrivals<'a>> = HashMap::new();
    let mut findings = Vec::new();
    for Expected { place, kind } in expected {
        let Kind::Event {
            id, ordering_key, ..
        } = kind
        else {
            continue;
        };
        let Some(arrival) = first.get(id.as_str()) else {
            continue;
        };
        let before = arrivals.entry((place.partition, ordering_key)).or_default();
        for (offset, overtaken) in before
            .range(arrival.sequence + 1..)
            .map(|(_, earlier)| earlier)
        {
            let is_allowed = requests.waited_inside(arrival.request, overtaken)
                || requests.keeps_failing(overtaken);
            if !is_allowed {
                findings.push(format!("{place} arrived before {offset} of its customer"));
            }
        }
        before.insert(arrival.sequence, (place.offset, id));
    }
    findings
}

/// The requests, and what they say of single records.
struct Requests<'a> {
    requests: &'a [InletRequest],
    /// How often each record failed alone; counted when it is asked for.
    alone: Option<HashMap<&'a str, usize>>,
}

impl<'a> Requests<'a> {
    fn new(requests: &'a [InletRequest]) -> Self {
        Self {
            requests,
            alone: None,
        }
    }

    fn find(&self, number: u64) -> Option<&'a InletRequest> {
        let found = self
            .requests
            .binary_search_by_key(&number, |request| request.number);
        self.requests.get(found.ok()?)
    }

    /// Which token a request came with.
    fn token(&self, number: u64) -> Option<usize> {
        self.find(number)?.token
    }

    /// Whether a request was a batch that told this record to wait.
    fn waited_inside(&self, number: u64, id: &str) -> bool {
        let told = |status: u16| status == 429 || status >= 500;
        self.find(number).is_some_and(|request| {
            request.batch
                && request.messages.iter().any(|message| {
                    message.id.as_deref() == Some(id) && !message.accepted && told(message.status)
                })
        })
    }

    /// Whether a record failed so often alone that later ones may pass it.
    fn keeps_failing(&mut self, id: &str) -> bool {
        let requests = self.requests;
        let alone = self.alone.get_or_insert_with(|| {
            let mut alone = HashMap::new();
            for request in requests {
                if let [message] = request.messages.as_slice()
                    && let Some(id) = message.id.as_deref().filter(|_| !message.accepted)
                {
                    *alone.entry(id).or_default() += 1;
                }
            }
            alone
        });
        alone.get(id).is_some_and(|failures| *failures >= PASSED)
    }
}
