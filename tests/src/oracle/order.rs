//! The order in which the records of one customer arrived.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::duty::{Duty, Kind};
use crate::simulator::{Accepted, InletRequest};

/// Offset and `_id` of what arrived for one ordering key, by the sequence of its first arrival.
type Arrivals<'a> = BTreeMap<u64, (i64, &'a str)>;

/// Records of one customer in one partition whose first arrival was before that of an earlier one.
///
/// The documented exception: a record told to wait inside a batch may be overtaken by those
/// accepted with it.
pub(super) fn reordered(
    duties: &[Duty],
    events: &[Arc<Accepted>],
    requests: &[InletRequest],
) -> Vec<String> {
    let mut first: HashMap<&str, &Accepted> = HashMap::new();
    for event in events {
        if let Some(id) = event.id.as_deref() {
            first.entry(id).or_insert(event);
        }
    }
    // Of each ordering key every arrival so far, by its sequence: a comparison with the neighbour
    // alone would miss who overtook two.
    let mut arrivals: HashMap<(u32, &str), Arrivals<'_>> = HashMap::new();
    let mut findings = Vec::new();
    for Duty { place, kind } in duties {
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
