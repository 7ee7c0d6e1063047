//! The SmartModule's answers, and the dead letters made of them.

use std::any::type_name_of_val;

use bytes::Bytes;
use capillary_aep_sink::answer::Answer;
use capillary_aep_sink::dead_letter::{Attempts, DeadLetter, Origin};
use capillary_aep_sink::offset_tracker::Position;
use fuzz_targets::{Target, json, text};
use serde::de::IgnoredAny;
use serde_json::Value;

const KEYS: &[&str] = &[
    "v",
    "offset",
    "ts",
    "skip",
    "name",
    "id",
    "key",
    "at",
    "event",
    "profile",
    "reject",
    "reason",
    "pointer",
    "message",
    "raw",
    "rawBase64",
    "size",
    "sha256",
];

const DICTIONARY: &[&str] = &[
    "{\"v\":1,\"offset\":7,",
    "\"v\":1",
    "\"v\":2",
    "\"skip\":",
    "\"name\":",
    "\"id\":",
    "\"key\":",
    "\"at\":",
    "\"event\":",
    "\"profile\":",
    "\"reject\":{\"reason\":\"bad_time\"}",
    "\"raw\":",
    "\"rawBase64\":",
    "\\u0000",
    "\\ud800",
];

/// The letter as JSON, which must say where the record came from and why. `None` when the record is
/// nested so deeply that with the letter around it this reader gives up, which no mapped event is.
fn letter(letter: &DeadLetter) -> Option<Value> {
    let json = letter.to_json().unwrap();
    serde_json::from_slice::<IgnoredAny>(&json).unwrap();
    let value: Value = serde_json::from_slice(&json).ok()?;
    assert_eq!(value["source"]["offset"], 7);
    assert!(
        value["reason"].is_string() && value["record"].is_object(),
        "{value}"
    );
    Some(value)
}

#[test]
fn answer_is_read_whole_or_refused_unquoted_and_its_letter_keeps_it() {
    let target = Target {
        name: "answer",
        test: type_name_of_val(&answer_is_read_whole_or_refused_unquoted_and_its_letter_keeps_it),
        cases: 4_000,
    };
    let stored = target.stored();
    let inputs = json::edited(text::spliced(stored.clone()), &stored, KEYS);
    target.run(text::edited(inputs, DICTIONARY), |input| {
        let bytes = Bytes::copy_from_slice(input);
        let value = serde_json::from_slice::<Value>(input).ok();
        let is_json = serde_json::from_slice::<IgnoredAny>(input).is_ok();
        let source = || {
            Origin::new(
                "events",
                Position {
                    partition: 0,
                    offset: 7,
                },
                None,
            )
        };
        let answer = Answer::read(&bytes);
        if answer.is_ok() && value.is_none() {
            // A number that no machine holds, or text that is not UTF-8, in a member nobody reads.
            assert!(is_json);
            return;
        }
        match answer {
            Ok(Answer::Skipped(reason)) => {
                assert_eq!(
                    value.map(|value| value["skip"].clone()),
                    Some(Value::String(reason))
                );
            }
            Ok(Answer::Rejected(rejected)) => {
                let value = value.unwrap();
                let letter = letter(&DeadLetter::rejected(source(), &rejected).unwrap());
                let Some(record) = letter else { return };
                assert_eq!(record["reason"], value["reject"]["reason"]);
                for name in ["raw", "rawBase64", "size", "sha256"] {
                    assert_eq!(record["record"].get(name), value.get(name), "{name}");
                }
            }
            Ok(Answer::Mapped(mapped)) => {
                let value = value.unwrap();
                assert_eq!(value["id"], *mapped.id);
                assert_eq!(value["key"], *mapped.key);
                assert_eq!(value["at"], mapped.at);
                let parts: Vec<_> = [("event", &mapped.event), ("profile", &mapped.profile)]
                    .into_iter()
                    .filter_map(|(name, part)| Some((name, part.as_ref()?)))
                    .collect();
                for name in ["event", "profile"] {
                    let part = parts.iter().find(|(part, _)| *part == name);
                    assert_eq!(
                        part.map(|(_, part)| serde_json::from_slice::<Value>(part).unwrap()),
                        value.get(name).filter(|part| !part.is_null()).cloned(),
                        "{name}"
                    );
                }
                let trial = Attempts {
                    inlet: "events",
                    reason: "refused",
                    pointer: None,
                    status: Some(400),
                    message: String::new(),
                    attempts: 1,
                    first: None,
                    last: None,
                };
                let names = (&*mapped.key, &*mapped.name, &*mapped.id, mapped.at);
                let letter =
                    letter(&DeadLetter::undeliverable(source(), names, &parts, trial).unwrap());
                let Some(record) = letter else { return };
                for (name, _) in &parts {
                    assert_eq!(record["record"][name], value[name]);
                }
            }
            Err(error) => {
                let shown = error.to_string();
                assert!(
                    shown.len() < 200 && !shown.contains(['{', '"', '\\']),
                    "{shown}"
                );
            }
        }
    });
}
