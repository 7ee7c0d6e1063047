//! A whole run before the judge: besides what arrived, the order it arrived in and the offsets that were committed.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use capillary_xdm::{Input, Mapper, Params};

use super::{Answer, Letter, LetterSource, Produced, Verdict, judge};
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
}

impl Run<'_> {
    /// Judges it.
    #[must_use]
    pub fn judge(self) -> Verdict {
        let mut verdict = judge(
            self.params.clone(),
            self.with_profiles,
            self.topic,
            self.events,
            self.profiles,
            self.letters,
        );
        let duties = duties(self.params, self.topic);
        let buried = buried(self.letters);
        verdict.reordered = reordered(&duties, self.events, self.requests);
        verdict.committed_early = early(&duties, self.events, &buried, self.stored);
        verdict.invented.extend(unjustified(&duties, self.requests, &buried));
        verdict
    }
}

/// Records whose offset is committed although they are neither delivered nor dead-lettered nor skipped.
///
/// Sound while a run goes on, if the stored offsets were read before the arrivals and the letters. Judged by the event: a
/// profile statement has no id to find it by.
#[must_use]
pub fn committed_early(
    params: Params,
    records: &[Produced],
    events: &[Arc<Accepted>],
    letters: &[Vec<u8>],
    stored: &[(u32, i64)],
) -> Vec<String> {
    early(&duties(params, records), events, &buried(letters), stored)
}

/// What a record obliges to.
#[derive(Debug)]
struct Duty {
    source: LetterSource,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Skipped,
    Rejected,
    Event { id: String, lane: String },
}

fn duties(params: Params, topic: &[Produced]) -> Vec<Duty> {
    let mut mapper = Mapper::new(params);
    let mut answer = Vec::new();
    let duty = |record: &Produced| {
        answer.clear();
        let (offset, timestamp) = (record.offset, record.timestamp);
        let value = &record.value;
        mapper.answer(
            Input {
                offset,
                timestamp,
                value,
            },
            &mut answer,
        );
        let kind = match serde_json::from_slice::<Answer<'_>>(&answer) {
            Ok(answer) if answer.skip.is_some() => Kind::Skipped,
            Ok(Answer {
                id: Some(id),
                key,
                event: Some(_),
                ..
            }) => Kind::Event {
                id,
                lane: key.unwrap_or_default(),
            },
            _ => Kind::Rejected,
        };
        let source = LetterSource {
            partition: record.partition,
            offset: record.offset,
        };
        Duty { source, kind }
    };
    topic.iter().map(duty).collect()
}

fn buried(letters: &[Vec<u8>]) -> BTreeSet<LetterSource> {
    let letters = letters.iter().map(|letter| serde_json::from_slice::<Letter>(letter));
    // One that cannot be read buries nothing; `judge` reports it.
    letters.filter_map(Result::ok).map(|letter| letter.source).collect()
}

fn early(
    duties: &[Duty],
    events: &[Arc<Accepted>],
    buried: &BTreeSet<LetterSource>,
    stored: &[(u32, i64)],
) -> Vec<String> {
    let arrived: HashSet<&str> = events.iter().filter_map(|event| event.id.as_deref()).collect();
    let stored: BTreeMap<u32, i64> = stored.iter().copied().collect();
    let mut findings = Vec::new();
    for Duty { source, kind } in duties {
        let LetterSource { partition, offset } = *source;
        let Some(last) = stored.get(&partition).filter(|last| offset <= **last) else {
            continue;
        };
        let settled = match kind {
            Kind::Skipped => true,
            Kind::Rejected => buried.contains(source),
            Kind::Event { id, .. } => arrived.contains(id.as_str()) || buried.contains(source),
        };
        if !settled {
            findings.push(format!("{partition}:{offset} is not settled, and {last} is committed"));
        }
    }
    findings
}

/// Offset and `_id` of what arrived in a lane, by the sequence of its first arrival.
type Lane<'a> = BTreeMap<u64, (i64, &'a str)>;

/// Records of one customer in one partition whose first arrival was before that of an earlier one.
///
/// The documented exception: a record told to wait inside a batch may be overtaken by those accepted with it.
fn reordered(duties: &[Duty], events: &[Arc<Accepted>], requests: &[InletRequest]) -> Vec<String> {
    let mut first: HashMap<&str, &Accepted> = HashMap::new();
    for event in events {
        if let Some(id) = event.id.as_deref() {
            first.entry(id).or_insert(event);
        }
    }
    // Of each lane every arrival so far, by its sequence: a comparison with the neighbour alone would miss who overtook two.
    let mut lanes: HashMap<(u32, &str), Lane<'_>> = HashMap::new();
    let mut findings = Vec::new();
    for Duty { source, kind } in duties {
        let Kind::Event { id, lane } = kind else { continue };
        let Some(arrival) = first.get(id.as_str()) else {
            continue;
        };
        let before = lanes.entry((source.partition, lane)).or_default();
        for (offset, overtaken) in before.range(arrival.sequence + 1..).map(|(_, earlier)| earlier) {
            if !waited_inside(requests, arrival.request, overtaken) {
                let LetterSource { partition, offset: own } = source;
                findings.push(format!("{partition}:{own} arrived before {offset} of its customer"));
            }
        }
        before.insert(arrival.sequence, (source.offset, id));
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
            && request
                .messages
                .iter()
                .any(|message| message.id.as_deref() == Some(id) && !message.accepted && told(message.status))
    })
}

/// How often a server error must meet a record before it may be dead-lettered for it.
const STUCK: usize = 20;
/// Refusals of different records in a row, with nothing accepted in between, that are the target's fault and no record's.
const TARGET: usize = 20;

/// Dead letters of events that Experience Platform never refused for a fault of their own.
fn unjustified(duties: &[Duty], requests: &[InletRequest], buried: &BTreeSet<LetterSource>) -> Vec<String> {
    let mut guilty: HashSet<&str> = HashSet::new();
    let mut failures: HashMap<&str, usize> = HashMap::new();
    let mut streaks: HashMap<&str, HashSet<&str>> = HashMap::new();
    for request in requests {
        let streak = streaks.entry(request.inlet.as_str()).or_default();
        let alone = request.messages.len() == 1 || request.status == Some(207);
        for message in &request.messages {
            if message.accepted {
                release(streak, &mut guilty);
            }
            let Some(id) = message.id.as_deref().filter(|_| !message.accepted) else {
                continue;
            };
            match message.status {
                401 | 403 | 404 | 408 | 429 => {}
                400..500 if alone => drop(streak.insert(id)),
                500.. => *failures.entry(id).or_default() += 1,
                _ => {}
            }
        }
    }
    for mut streak in streaks.into_values() {
        release(&mut streak, &mut guilty);
    }
    // A profile statement refused for good takes its record along; it has no id, so any such refusal must do.
    let statement_refused = requests.iter().any(|request| {
        let refused = |status: u16| (400..500).contains(&status) && ![401, 403, 404, 408, 429].contains(&status);
        request
            .messages
            .iter()
            .any(|message| message.id.is_none() && refused(message.status))
    });
    let letters = duties.iter().filter(|duty| buried.contains(&duty.source));
    let unjustified = letters.filter_map(|Duty { source, kind }| match kind {
        Kind::Event { id, .. }
            if !guilty.contains(id.as_str())
                && failures.get(id.as_str()).is_none_or(|count| *count < STUCK)
                && !statement_refused =>
        {
            let LetterSource { partition, offset } = source;
            Some(format!(
                "{partition}:{offset}: dead-lettered though it was never refused for a fault of its own"
            ))
        }
        _ => None,
    });
    unjustified.collect()
}

/// The end of a streak of refusals: a short one tells of its records, a long one of the target.
fn release<'a>(streak: &mut HashSet<&'a str>, guilty: &mut HashSet<&'a str>) {
    let ended = std::mem::take(streak);
    if ended.len() < TARGET {
        guilty.extend(ended);
    }
}
