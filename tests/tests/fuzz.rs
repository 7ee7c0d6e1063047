//! Whatever bytes lie on the topic, whatever the parameters: one sound answer.
#![allow(clippy::unwrap_used)] // Helpers of tests.

use capillary_xdm::{Input, Mapper, Params};
use conformance::samples::samples;
use fuzzing::{Target, fuzz};
use serde_json::Value;
use xdm_schema::answer_violations;

const OFFSET: i64 = 4_711;
const RECORDED_AT: i64 = 1_789_373_735_000;

/// What the documented events do not say themselves.
const DICTIONARY: &[&str] = &[
    "\"eventName\":\"pointsIssued\"",
    "\"eventName\":\"tierUpgraded\"",
    "\"eventName\":\"customerAdded\"",
    "\"eventName\":\"transactionAdded\"",
    "\"eventId\":",
    "\"orgId\":",
    "\"createdAt\":",
    "\"data\":",
    "\"attributes\":",
    "\"body\":",
    "\"event\":{\"body\":",
    "\"customerId\":",
    "\"email\":\"a@b.example\"",
    "\"mobile\":\"+14155550100\"",
    "\"lineItems\":",
    "\"lineItemsV2\":",
    "\"amount\":",
    "\"billType\":\"MIXED\"",
    "\"loyaltyProgramDetails\":",
    "\"customFields\":",
    "\"extendedFields\":",
    "\\ud83d\\ude00",
    "\\ud800",
    "\\u0000",
    "\u{feff}",
    "1e-7",
    "2121-01-01",
    "\\\"",
];

/// Parameter sets that together switch everything on and off; the input chooses one.
const PARAMETERS: [&[(&str, &str)]; 4] = [
    &[
        ("events", "all"),
        ("tenant", "harborpine"),
        ("time-zone", "+05:30"),
    ],
    &[],
    &[
        ("events", "all"),
        (
            "identities",
            r#"{"customerId":"CapillaryId","email":"Email","mobile":"Phone_E.164","externalId":"CRMID"}"#,
        ),
        ("primary-identity", "email"),
        (
            "omit-fields",
            r#"["loyalty.lifetimePoints","commerce.commerceScope"]"#,
        ),
    ],
    &[
        ("events", "all"),
        ("tenant", "hp7"),
        ("qualify-identity", "true"),
        ("tiers", r#"{"1":"Gold"}"#),
    ],
];

fn mapper(pairs: &[(&str, &str)]) -> Mapper {
    let pairs = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Mapper::new(Params::from_pairs(pairs).unwrap())
}

fn answer(mapper: &mut Mapper, value: &[u8]) -> Vec<u8> {
    let input = Input {
        offset: OFFSET,
        timestamp: Some(RECORDED_AT),
        value,
    };
    let mut out = b"before".to_vec();
    mapper.answer(input, &mut out);
    assert!(out.starts_with(b"before"), "an answer is appended");
    out.split_off(6)
}

/// What came out, coarsely.
fn outcome(answer: &Value) -> String {
    let mut outcome = String::new();
    for part in [
        &answer["skip"],
        &answer["reject"]["reason"],
        &answer["reject"]["pointer"],
        &answer["name"],
    ] {
        outcome.push_str(part.as_str().unwrap_or("-"));
    }
    for part in ["event", "profile"] {
        for key in answer[part]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, _)| key)
        {
            outcome.push_str(key);
        }
    }
    outcome
}

fn seeds() -> Vec<Vec<u8>> {
    samples()
        .unwrap()
        .into_iter()
        .map(|sample| sample.bytes)
        .collect()
}

#[test]
fn fuzzed_events_have_one_sound_answer_whatever_came_before() {
    let target = Target {
        name: "mapping",
        seeds: seeds(),
        dictionary: DICTIONARY,
        executions: 2_000,
    };
    let mut old = PARAMETERS.map(mapper);
    fuzz(target, |input| {
        let chosen = input.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)) as usize
            % PARAMETERS.len();
        let bytes = answer(&mut old[chosen], input);
        assert_eq!(
            bytes,
            answer(&mut mapper(PARAMETERS[chosen]), input),
            "a used mapper answers as a new one"
        );
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        let violations = answer_violations(&value, OFFSET, input);
        assert!(
            violations.is_empty(),
            "with {:?}: {violations:#?}\n{value}",
            PARAMETERS[chosen]
        );
        outcome(&value)
    });
}

#[test]
fn fuzzed_events_have_the_same_answer_in_every_wrapper() {
    let target = Target {
        name: "envelope",
        seeds: seeds(),
        dictionary: DICTIONARY,
        executions: 2_000,
    };
    let mut mapper = mapper(PARAMETERS[0]);
    fuzz(target, |input| {
        let plain = answer(&mut mapper, input);
        let value: Value = serde_json::from_slice(&plain).unwrap();
        // What is rejected keeps its own bytes and pointer; what is wrapped already may be wrapped
        // too often.
        let is_plain = serde_json::from_slice::<Value>(input)
            .is_ok_and(|event| event["eventName"].is_string());
        if value.get("reject").is_none() && is_plain {
            for (before, after) in [
                (
                    &b"{\"data\":"[..],
                    &b",\"errors\":null,\"warnings\":null}"[..],
                ),
                (b"{\"body\":", b"}"),
                (b"{\"event\":{\"body\":", b",\"method\":\"POST\"}}"),
            ] {
                let wrapped = [before, input, after].concat();
                let other = answer(&mut mapper, &wrapped);
                assert_eq!(
                    String::from_utf8_lossy(&other),
                    String::from_utf8_lossy(&plain),
                    "in {}",
                    String::from_utf8_lossy(before)
                );
            }
        }
        outcome(&value)
    });
}

/// One parameter a line, `name=value`.
#[test]
fn fuzzed_parameters_are_refused_by_name_or_make_valid_records() {
    let target = Target {
        name: "params",
        seeds: PARAMETERS
            .iter()
            .map(|pairs| {
                pairs
                    .iter()
                    .map(|(name, value)| format!("{name}={value}\n"))
                    .collect::<String>()
                    .into_bytes()
            })
            .collect(),
        dictionary: &[
            "\ntenant=",
            "\nevents=",
            "\norganizations=",
            "\nprimary-identity=",
            "\nidentities=",
            "\nprogram-id=",
            "\ntiers=",
            "\ntime-zone=",
            "\nomit-fields=",
            "\nqualify-identity=",
            "externalId",
            "mobile",
            "-12:00",
            "+14:00",
            "pointsIssued",
        ],
        executions: 1_000,
    };
    let events = seeds();
    fuzz(target, |input| {
        let text = String::from_utf8_lossy(input);
        let pairs: Vec<(String, String)> = text
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        match Params::from_pairs(pairs.clone()) {
            Err(error) => {
                assert!(
                    pairs.iter().any(|(name, _)| *name == error.name)
                        || error.name == "primary-identity",
                    "{error}"
                );
                error
                    .to_string()
                    .chars()
                    .filter(|letter| !letter.is_ascii_digit())
                    .take(80)
                    .collect()
            }
            Ok(params) => {
                let mut mapper = Mapper::new(params);
                let event = &events[input.len() % events.len()];
                let value: Value = serde_json::from_slice(&answer(&mut mapper, event)).unwrap();
                let violations = answer_violations(&value, OFFSET, event);
                assert!(
                    violations.is_empty(),
                    "with {pairs:?}: {violations:#?}\n{value}"
                );
                outcome(&value)
            }
        }
    });
}
