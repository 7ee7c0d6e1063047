//! What becomes of one dead letter.

use std::collections::HashSet;

use bytes::Bytes;
use capillary_xdm::{Input, Mapper, Params};
use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::answer::{self, Answer};
use crate::broker::StoredDeadLetter;
use crate::dead_letter::{ReadDeadLetter, ReadOrigin, Stage};

/// Which dead letters are asked for. What is empty or absent does not restrict.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    pub(super) reasons: Vec<String>,
    pub(super) events: Vec<String>,
    /// Dead letters written then or later, milliseconds since the epoch.
    pub(super) since: Option<i64>,
}

/// Which statements of a dead letter are wanted, and not sent by an earlier replay.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) event: bool,
    pub(super) profile: bool,
}

/// What becomes of a dead letter.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The filters do not ask for it.
    Unmatched,
    /// Sent: an answer as the SmartModule gives it, and the source record's own time.
    Send {
        answer: Bytes,
        timestamp: Option<i64>,
    },
    /// Left, and why: a word for the report.
    Left(&'static str),
}

/// Only size and hash are there; the source coordinates may still lead to the record.
pub(super) const COORDINATES: &str = "only_coordinates";
/// The mapping still rejects it.
pub(super) const REJECTED: &str = "rejected_again";
/// A profile statement, and profile statements were not asked for.
pub(super) const PROFILE: &str = "profile_statement";
/// Another dead letter of the same record says the same, and is sent.
const COPY: &str = "copy";
/// Nothing is left to send of it.
const DONE: &str = "replayed_before";
/// Not a dead letter of this connector.
const UNREADABLE: &str = "unreadable";
/// The mapping does not want it any more.
const SKIPPED: &str = "skipped_now";

/// Decides what becomes of dead letters.
pub(super) struct Planner {
    filter: Filter,
    mapper: Mapper,
    /// Whether profile statements were asked for, and can be delivered.
    profiles: bool,
    /// Hashes of what is sent, by the place of its record. A record may have been dead-lettered
    /// twice: by a run before a crash and by the one after it, for example.
    sent: HashSet<[u8; 16]>,
}

/// An answer as the SmartModule writes it.
#[derive(Serialize)]
struct Replayed<'a> {
    v: u64,
    offset: i64,
    name: &'a str,
    id: &'a str,
    key: &'a str,
    at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a RawValue>,
}

impl Planner {
    pub(super) fn new(filter: Filter, params: Params, profiles: bool) -> Self {
        Self {
            filter,
            mapper: Mapper::new(params),
            profiles,
            sent: HashSet::new(),
        }
    }

    /// Whether earlier runs did all that this one is asked for.
    pub(super) fn is_done(&self, wanted: Wanted) -> bool {
        !(wanted.event || (self.profiles && wanted.profile))
    }

    pub(super) fn plan(&mut self, stored: &StoredDeadLetter, wanted: Wanted) -> Step {
        let Some(dead_letter) = ReadDeadLetter::parse(&stored.value) else {
            return Step::Left(UNREADABLE);
        };
        let filter = &self.filter;
        let late = filter
            .since
            .is_none_or(|since| stored.written.is_some_and(|written| written >= since));
        if !late || !matches(&filter.reasons, &dead_letter.reason) {
            return Step::Unmatched;
        }
        match dead_letter.stage {
            Stage::Delivery => self.refused(stored, &dead_letter, wanted),
            Stage::Mapping => self.rejected(stored, &dead_letter, wanted),
            Stage::Landing => self.unlanded(stored, &dead_letter, wanted),
        }
    }

    /// The stored statements are sent as they are.
    fn refused(
        &mut self,
        stored: &StoredDeadLetter,
        dead_letter: &ReadDeadLetter<'_>,
        wanted: Wanted,
    ) -> Step {
        let Some(event) = &dead_letter.event else {
            return Step::Left(UNREADABLE);
        };
        if !matches(&self.filter.events, &event.name) {
            return Step::Unmatched;
        }
        let Some(key) = stored
            .key
            .as_deref()
            .and_then(|key| std::str::from_utf8(key).ok())
        else {
            return Step::Left(UNREADABLE);
        };
        if dead_letter.record.event.is_none() && dead_letter.record.profile.is_none() {
            return Step::Left(COORDINATES);
        }
        // Profile statements are merged by the event's time. Dead letters of older connectors do
        // not state it.
        let at = event
            .at
            .or_else(|| dead_letter.record.event.and_then(time))
            .or(dead_letter.source.timestamp)
            .or(stored.written);
        let replayed = Replayed {
            v: answer::VERSION,
            offset: dead_letter.source.offset,
            name: &event.name,
            id: &event.id,
            key,
            at: at.unwrap_or_default(),
            event: dead_letter.record.event,
            profile: dead_letter.record.profile,
        };
        self.send(replayed, &dead_letter.source, wanted)
    }

    /// Only what did not land is sent: the record's other half landed, or has a dead letter of its
    /// own. It is mapped again, since the mapping may be what was mended.
    fn unlanded(
        &mut self,
        stored: &StoredDeadLetter,
        dead_letter: &ReadDeadLetter<'_>,
        wanted: Wanted,
    ) -> Step {
        let inlet = dead_letter
            .target
            .as_ref()
            .map(|target| target.inlet.as_str());
        let wanted = Wanted {
            event: wanted.event && inlet == Some("events"),
            profile: wanted.profile && inlet == Some("profiles"),
        };
        if dead_letter.record.original().is_some() {
            self.rejected(stored, dead_letter, wanted)
        } else {
            self.refused(stored, dead_letter, wanted)
        }
    }

    /// The original is mapped with today's mapping and parameters.
    fn rejected(
        &mut self,
        stored: &StoredDeadLetter,
        dead_letter: &ReadDeadLetter<'_>,
        wanted: Wanted,
    ) -> Step {
        let Some(original) = dead_letter.record.original() else {
            // Its kind is not known, so a filter by kinds does not ask for it.
            return if self.filter.events.is_empty() {
                Step::Left(COORDINATES)
            } else {
                Step::Unmatched
            };
        };
        let mut bytes = Vec::new();
        let input = Input {
            offset: dead_letter.source.offset,
            timestamp: dead_letter.source.timestamp,
            value: &original,
        };
        self.mapper.answer(input, &mut bytes);
        let filtered = !self.filter.events.is_empty();
        match Answer::read(&Bytes::from(bytes)) {
            Ok(Answer::Mapped(mapped)) => {
                if !matches(&self.filter.events, &mapped.name) {
                    return Step::Unmatched;
                }
                let replayed = Replayed {
                    v: answer::VERSION,
                    offset: stored.offset,
                    name: &mapped.name,
                    id: &mapped.id,
                    key: &mapped.key,
                    at: mapped.at,
                    event: part(mapped.event.as_ref()),
                    profile: part(mapped.profile.as_ref()),
                };
                self.send(replayed, &dead_letter.source, wanted)
            }
            _ if filtered => Step::Unmatched,
            Ok(Answer::Skipped(_)) => Step::Left(SKIPPED),
            Ok(Answer::Rejected(_)) => Step::Left(REJECTED),
            Err(_) => Step::Left(UNREADABLE),
        }
    }

    fn send(&mut self, mut replayed: Replayed<'_>, source: &ReadOrigin, wanted: Wanted) -> Step {
        let withheld = replayed.profile.is_some() && !self.profiles;
        replayed.event = replayed.event.filter(|_| wanted.event);
        replayed.profile = replayed.profile.filter(|_| wanted.profile && self.profiles);
        if replayed.event.is_none() && replayed.profile.is_none() {
            return Step::Left(if withheld { PROFILE } else { DONE });
        }
        let mut hash = Sha256::new();
        hash.update(source.partition.to_be_bytes());
        hash.update(source.offset.to_be_bytes());
        for part in [replayed.event, replayed.profile] {
            let text = part.map_or("", RawValue::get);
            hash.update(text.len().to_be_bytes());
            hash.update(text);
        }
        let mut key = [0; 16];
        for (to, from) in key.iter_mut().zip(hash.finalize()) {
            *to = from;
        }
        if !self.sent.insert(key) {
            return Step::Left(COPY);
        }
        match serde_json::to_vec(&replayed) {
            Ok(bytes) => Step::Send {
                answer: Bytes::from(bytes),
                timestamp: source.timestamp,
            },
            Err(_) => Step::Left(UNREADABLE),
        }
    }
}

fn matches(wanted: &[String], found: &str) -> bool {
    wanted.is_empty() || wanted.iter().any(|wanted| wanted == found)
}

fn part(entity: Option<&Bytes>) -> Option<&RawValue> {
    serde_json::from_slice(entity?).ok()
}

/// The time an event states, milliseconds since the epoch.
fn time(event: &RawValue) -> Option<i64> {
    #[derive(serde::Deserialize)]
    struct Timed {
        timestamp: String,
    }
    let timed: Timed = serde_json::from_str(event.get()).ok()?;
    let time = humantime::parse_rfc3339(&timed.timestamp).ok()?;
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok()
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Wanted = Wanted {
        event: true,
        profile: true,
    };

    fn dead_letter(reason: &str, record: &str) -> StoredDeadLetter {
        let value = format!(
            r#"{{"v":1,"stage":"delivery","reason":"{reason}","message":"m","source":{{"topic":"t","partition":2,"offset":40}},"event":{{"name":"pointsIssued","id":"e-1"}},"target":{{"inlet":"events","message":"m"}},"record":{record}}}"#
        );
        StoredDeadLetter {
            offset: 3,
            written: Some(1_000),
            key: Some(Bytes::from_static(b"100:5")),
            value: Bytes::from(value),
        }
    }

    fn planner(filter: Filter, profiles: bool) -> Planner {
        Planner::new(filter, Params::default(), profiles)
    }

    const BOTH: &str =
        r#"{"event":{"_id":"e-1","timestamp":"2026-01-02T03:04:05.678Z"},"profile":{"p": 1}}"#;

    fn sent(step: Step) -> crate::answer::Mapped {
        let Step::Send { answer, .. } = step else {
            panic!("not sent: {step:?}")
        };
        match Answer::read(&answer).unwrap() {
            Answer::Mapped(mapped) => mapped,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn stored_event_is_sent_unchanged_its_profile_only_on_request() {
        let mapped =
            sent(planner(Filter::default(), false).plan(&dead_letter("refused", BOTH), ALL));
        assert_eq!(
            mapped.event.as_deref(),
            Some(&br#"{"_id":"e-1","timestamp":"2026-01-02T03:04:05.678Z"}"#[..])
        );
        assert_eq!((&*mapped.key, mapped.at), ("100:5", 1_767_323_045_678));
        assert_eq!(mapped.profile, None);
        let mapped =
            sent(planner(Filter::default(), true).plan(&dead_letter("refused", BOTH), ALL));
        assert_eq!(mapped.profile.as_deref(), Some(&br#"{"p": 1}"#[..]));
        let later = Wanted {
            event: false,
            profile: true,
        };
        let mapped =
            sent(planner(Filter::default(), true).plan(&dead_letter("refused", BOTH), later));
        assert!(mapped.event.is_none() && mapped.profile.is_some());
    }

    #[test]
    fn profile_statement_waits_until_it_is_asked_for() {
        let dead_letter = dead_letter("refused", r#"{"profile":{"p":1}}"#);
        assert_eq!(
            planner(Filter::default(), false).plan(&dead_letter, ALL),
            Step::Left(PROFILE)
        );
        assert!(
            sent(planner(Filter::default(), true).plan(&dead_letter, ALL))
                .event
                .is_none()
        );
    }

    #[test]
    fn copy_of_a_letter_is_left_and_another_half_of_its_record_is_not() {
        let mut planner = planner(Filter::default(), true);
        let event = dead_letter("refused", r#"{"event":{"_id":"e-1"}}"#);
        let profile = dead_letter("refused", r#"{"profile":{"p":1}}"#);
        assert!(matches!(planner.plan(&event, ALL), Step::Send { .. }));
        assert_eq!(planner.plan(&event, ALL), Step::Left(COPY));
        assert!(matches!(planner.plan(&profile, ALL), Step::Send { .. }));
    }

    #[test]
    fn profile_statement_is_dated_by_its_event_and_not_by_its_letter() {
        let mut stored = dead_letter("refused", r#"{"profile":{"p":1}}"#);
        let at =
            |stored: &StoredDeadLetter| sent(planner(Filter::default(), true).plan(stored, ALL)).at;
        assert_eq!(
            at(&stored),
            1_000,
            "an older connector's: nothing better is known"
        );
        let text = String::from_utf8(stored.value.to_vec()).unwrap();
        stored.value = Bytes::from(text.replace(r#""id":"e-1""#, r#""id":"e-1","at":700"#));
        assert_eq!(at(&stored), 700);
    }

    #[test]
    fn original_without_a_time_is_mapped_by_that_of_its_record() {
        let mut event: serde_json::Value = serde_json::from_str(include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/fixtures/capillary/pointsIssued.json"
        )))
        .unwrap();
        event.as_object_mut().unwrap().remove("createdAt");
        let time = 1_795_392_000_000_i64;
        let plan = |source: serde_json::Value| {
            let value = serde_json::json!({
                "v": 1, "stage": "mapping", "reason": "bad_time", "message": "m",
                "source": source, "record": {"raw": event.to_string()},
            });
            let stored = StoredDeadLetter {
                offset: 3,
                written: Some(1_000),
                key: None,
                value: Bytes::from(value.to_string()),
            };
            planner(Filter::default(), false).plan(&stored, ALL)
        };
        let source = serde_json::json!({"topic": "t", "partition": 2, "offset": 40});
        assert_eq!(plan(source.clone()), Step::Left(REJECTED));
        let mut timed = source;
        timed["timestamp"] = time.into();
        let step = plan(timed);
        assert!(matches!(&step, Step::Send { timestamp, .. } if *timestamp == Some(time)));
        assert_eq!(sent(step).at, time);
    }

    #[test]
    fn filters_pass_over_what_they_do_not_ask_for() {
        let plan = |filter| planner(filter, false).plan(&dead_letter("refused", BOTH), ALL);
        let reason = |reason: &str| Filter {
            reasons: vec![reason.to_owned()],
            ..Filter::default()
        };
        let event = |event: &str| Filter {
            events: vec![event.to_owned()],
            ..Filter::default()
        };
        let since = |since| Filter {
            since: Some(since),
            ..Filter::default()
        };
        for unmatched in [reason("too_large"), event("customerAdded"), since(1_001)] {
            assert_eq!(plan(unmatched), Step::Unmatched);
        }
        for matched in [reason("refused"), event("pointsIssued"), since(1_000)] {
            assert!(matches!(plan(matched), Step::Send { .. }));
        }
    }

    #[test]
    fn letters_with_only_coordinates_and_foreign_ones_are_left() {
        let mut planner = planner(Filter::default(), true);
        let hashed = dead_letter("refused", r#"{"size":5,"sha256":"00"}"#);
        assert_eq!(planner.plan(&hashed, ALL), Step::Left(COORDINATES));
        let stranger = StoredDeadLetter {
            value: Bytes::from_static(b"hello"),
            ..hashed
        };
        assert_eq!(planner.plan(&stranger, ALL), Step::Left(UNREADABLE));
    }
}
