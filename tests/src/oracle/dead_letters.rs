//! The dead letters: whether each is there for a reason, and names the right one.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::dead_letter::{DeadLetter, Parts};
use super::expected::{Expected, Kind};
use super::record::Place;
use super::verdict::Verdict;
use crate::simulator::InletRequest;

/// How often a server error must meet a record before it may be dead-lettered for it.
const STUCK: usize = 20;
/// And for how long at least, whatever share of all requests fails.
const PATIENCE_MS: u64 = 600_000;
/// Refusals of different records in a row, with nothing accepted in between, that are the target's
/// fault and no record's.
const TARGET: usize = 20;
/// Events further ahead than this are not waited for.
const AHEAD_MS: i64 = 5 * 60 * 1000;

/// The dead letters, by the place of their record.
#[derive(Debug, Default)]
pub(super) struct DeadLetters {
    dead_letters: BTreeMap<Place, Vec<DeadLetter>>,
    /// Those of records that were acknowledged and did not land.
    unlanded: Vec<DeadLetter>,
    /// Further dead letters for the same parts of a record.
    copies: usize,
    /// Dead letters by reason, without copies.
    reasons: BTreeMap<String, usize>,
    /// Why some cannot be read.
    unreadable: Vec<String>,
}

impl DeadLetters {
    pub(super) fn read(values: &[Vec<u8>]) -> Self {
        let mut read = Self::default();
        for value in values {
            match serde_json::from_slice::<DeadLetter>(value) {
                Ok(dead_letter) if dead_letter.stage == "landing" => {
                    let reason = dead_letter.reason.clone();
                    *read.reasons.entry(reason).or_default() += 1;
                    read.unlanded.push(dead_letter);
                }
                Ok(dead_letter) => {
                    let of_record = read.dead_letters.entry(dead_letter.source).or_default();
                    if of_record
                        .iter()
                        .any(|known| known.parts() == dead_letter.parts())
                    {
                        read.copies += 1;
                    } else {
                        *read.reasons.entry(dead_letter.reason.clone()).or_default() += 1;
                    }
                    of_record.push(dead_letter);
                }
                Err(error) => read
                    .unreadable
                    .push(format!("a dead letter that cannot be read: {error}")),
            }
        }
        read
    }

    /// Dead letters of records that were acknowledged and did not land.
    pub(super) fn unlanded(&self) -> &[DeadLetter] {
        &self.unlanded
    }

    /// Whether there is a dead letter for this record.
    pub(super) fn has(&self, place: Place) -> bool {
        self.dead_letters.contains_key(&place)
    }

    /// The parts of this record that dead letters stand for.
    pub(super) fn parts(&self, place: Place) -> Parts {
        let dead_letters = self.dead_letters.get(&place).into_iter().flatten();
        dead_letters
            .map(DeadLetter::parts)
            .fold(Parts::default(), Parts::or)
    }
}

/// Judges all dead letters: a dead letter without any reason is invented, one with another than it names
/// has the wrong reason.
pub(super) fn judge(
    verdict: &mut Verdict,
    dead_letters: &DeadLetters,
    expected: &[Expected],
    requests: &[InletRequest],
    since: i64,
) {
    verdict
        .changed
        .extend(dead_letters.unreadable.iter().cloned());
    verdict.duplicates += dead_letters.copies;
    for (reason, count) in &dead_letters.reasons {
        *verdict.reasons.entry(reason.clone()).or_default() += count;
    }
    let refusals = Refusals::read(requests);
    let dead_letters = expected.iter().flat_map(|expected| {
        let dead_letters = dead_letters
            .dead_letters
            .get(&expected.place)
            .into_iter()
            .flatten();
        dead_letters.map(move |dead_letter| (expected, dead_letter))
    });
    for (Expected { place, kind }, dead_letter) in dead_letters {
        if dead_letter.is_odd() {
            verdict.wrong_reasons.push(format!(
                "{place}: the letter does not keep what was refused, and only that"
            ));
        }
        match kind {
            // `account::judge` has told of it.
            Kind::Skipped => {}
            Kind::Rejected { reason } => {
                if dead_letter.stage != "mapping" || dead_letter.reason != *reason {
                    verdict.wrong_reasons.push(format!(
                        "{place}: {}/{}, though the mapping rejects it as {reason}",
                        dead_letter.stage, dead_letter.reason
                    ));
                }
            }
            Kind::Event { id, at, .. } => {
                let reasons = refusals.reasons(id, *at, since, dead_letter);
                if reasons.is_empty() {
                    verdict.invented.push(format!(
                        "{place}: dead-lettered though it was never refused for a fault of its own"
                    ));
                } else if dead_letter.stage != "delivery"
                    || !reasons.contains(&dead_letter.reason.as_str())
                {
                    verdict.wrong_reasons.push(format!(
                        "{place}: {}/{}, though it must be one of {reasons:?}",
                        dead_letter.stage, dead_letter.reason
                    ));
                }
            }
        }
    }
}

/// A refusal: its status and its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Refused<'a> {
    status: u16,
    text: Option<&'a str>,
}

impl Refused<'_> {
    /// The reason a dead letter must name for it.
    fn reason(self) -> &'static str {
        match (self.status, self.text) {
            (413, _) => "too_large",
            // The documents' own text for a message that is not what the inlet expects.
            (_, Some(text)) if text.contains("unknown xdm format") => "unknown_schema",
            _ => "refused",
        }
    }
}

/// What Experience Platform refused, as its simulator saw it.
#[derive(Debug, Default)]
struct Refusals<'a> {
    /// Refused for good, and not because of the configuration.
    guilty: HashMap<&'a str, HashSet<Refused<'a>>>,
    /// Failures that may as well be the platform's.
    failures: HashMap<&'a str, Failures>,
    /// Profile statements refused for good; they have no id, so any may have been any record's.
    statements: HashSet<Refused<'a>>,
    /// The same of profile statements.
    statement_failures: Failures,
}

/// How often something failed, and for how long.
#[derive(Debug, Clone, Copy, Default)]
struct Failures {
    count: usize,
    first_ms: Option<u64>,
    last_ms: u64,
}

impl Failures {
    fn add(&mut self, at_ms: u64) {
        self.count += 1;
        self.first_ms.get_or_insert(at_ms);
        self.last_ms = at_ms;
    }

    /// Whether it may be given up for them.
    fn suffice(self) -> bool {
        let lasted = self.last_ms - self.first_ms.unwrap_or(self.last_ms);
        self.count >= STUCK && lasted >= PATIENCE_MS
    }
}

/// Whether a status may as well be the platform's fault: a server error, none at all, one that does
/// not say what became of the record, or "too large".
fn may_be_the_platform(status: u16) -> bool {
    !(300..500).contains(&status) || status == 413
}

impl<'a> Refusals<'a> {
    fn read(requests: &'a [InletRequest]) -> Self {
        let mut refusals = Self::default();
        let mut streaks: HashMap<&str, HashMap<&'a str, Refused<'a>>> = HashMap::new();
        for request in requests {
            let streak = streaks.entry(request.inlet.as_str()).or_default();
            let alone = request.messages.len() == 1 || request.status == Some(207);
            for message in &request.messages {
                if message.accepted {
                    refusals.release(streak);
                    continue;
                }
                let for_good = (400..500).contains(&message.status)
                    && ![401, 403, 404, 408, 429].contains(&message.status);
                let refused = Refused {
                    status: message.status,
                    text: message.text.as_deref(),
                };
                match message.id.as_deref() {
                    Some(id) if for_good && alone => drop(streak.insert(id, refused)),
                    None if for_good => drop(refusals.statements.insert(refused)),
                    _ => {}
                }
                if may_be_the_platform(message.status) {
                    let failures = match message.id.as_deref() {
                        Some(id) => refusals.failures.entry(id).or_default(),
                        None => &mut refusals.statement_failures,
                    };
                    failures.add(request.at_ms);
                }
            }
        }
        for mut streak in streaks.into_values() {
            refusals.release(&mut streak);
        }
        refusals
    }

    /// The end of a streak of refusals: a short one tells of its records, a long one of the target.
    fn release(&mut self, streak: &mut HashMap<&'a str, Refused<'a>>) {
        let ended = std::mem::take(streak);
        if ended.len() < TARGET {
            for (id, refused) in ended {
                self.guilty.entry(id).or_default().insert(refused);
            }
        }
    }

    /// The reasons an event may be dead-lettered for, as far as the dead letter's own account of the
    /// refusal is true.
    fn reasons(
        &self,
        id: &str,
        at: i64,
        since: i64,
        dead_letter: &DeadLetter,
    ) -> Vec<&'static str> {
        let mut reasons = Vec::new();
        let statement = dead_letter.is_statement();
        let found = if statement {
            Some(&self.statements)
        } else {
            self.guilty.get(id)
        };
        let told = dead_letter.target.as_ref().and_then(|target| target.status);
        for refused in found.into_iter().flatten() {
            // A dead letter that names another status than the platform's has no reason of its own
            // right.
            let same = told == Some(refused.status);
            reasons.push(if same {
                refused.reason()
            } else {
                "one with the platform's status"
            });
        }
        let failures = match statement {
            true => self.statement_failures,
            false => self.failures.get(id).copied().unwrap_or_default(),
        };
        if failures.suffice() {
            reasons.push("target_keeps_failing");
        }
        if at - since > AHEAD_MS {
            reasons.push("future_time");
        }
        reasons
    }
}
