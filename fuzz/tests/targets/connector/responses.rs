//! Responses of Experience Platform.

use std::any::type_name_of_val;

use capillary_aep_sink::aep::{HttpResponse, InletResponse, Kind, RecordStatus, Refusal, read};
use fuzz_targets::{Target, json, text};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

const KEYS: &[&str] = &[
    "responses",
    "xactionId",
    "0f8fad5b-d9cb-469f-a165-70867728950e-0",
    "0f8fad5b-d9cb-469f-a165-70867728950e-1",
    "0f8fad5b-d9cb-469f-a165-70867728950e-2",
    "1565638336649:1750:244:3",
    "status",
    "statusCode",
    "message",
    "inletId",
    "report",
    "_streamingValidation",
    "causingExceptions",
    "pointerToViolation",
    "#/_id",
    "asha@example.com",
    "+919812345678",
    "eyJhbGciOi.J9",
    "dataset not found",
];

const DICTIONARY: &[&str] = &[
    "{\"responses\":[",
    "\"xactionId\":",
    "\"xactionId\":\"0f8fad5b-d9cb-469f-a165-70867728950e-0\"",
    "\"xactionId\":\"0f8fad5b-d9cb-469f-a165-70867728950e-2\"",
    "\"xactionId\":\"1565638336649:1750:244:3\"",
    "\"status\":",
    "\"statusCode\":",
    "\"message\":",
    "\"inletId\":",
    "\"inletID\":",
    "\"report\":",
    "\"cause\":",
    "\"_streamingValidation\":",
    "\"causingExceptions\":",
    "\"pointerToViolation\":\"#/_id\"",
    "asha@example.com",
    "+919812345678",
    "eyJhbGciOi.J9",
    "207\n",
    "200\n",
    "400\n",
    "429\n",
    "503\n",
    "3\n",
    "Wed, 21 Oct 2015 07:28:00 GMT",
    "dataset not found",
    "NaN",
];

/// What one item may be taken for, stated apart from the reader: a success needs a status of
/// success and none of failure, or an id and no status at all.
fn may_be_accepted(item: &Value) -> bool {
    let redacted_message: Vec<&Value> = ["status", "statusCode"]
        .iter()
        .filter_map(|name| item.get(name))
        .filter(|redacted_message| !redacted_message.is_null())
        .collect();
    let is_success = |redacted_message: &&Value| match redacted_message {
        Value::Number(number) => number
            .as_u64()
            .is_some_and(|code| (200..300).contains(&code)),
        Value::String(text) => text
            .trim()
            .trim_start_matches('+')
            .parse::<u64>()
            .is_ok_and(|code| (200..300).contains(&code)),
        _ => false,
    };
    if redacted_message.is_empty() {
        item["xactionId"].is_string()
    } else {
        redacted_message.iter().all(is_success)
    }
}

/// Whether the item's id is a UUID followed by `-` and this index.
fn named(item: &Value, index: usize) -> bool {
    let groups: Vec<&str> = item["xactionId"]
        .as_str()
        .unwrap_or_default()
        .split('-')
        .collect();
    let hexadecimal = |text: &str, length| {
        text.len() == length && u64::from_str_radix(text, 16).is_ok() && !text.starts_with('+')
    };
    match groups.as_slice() {
        [a, b, c, d, e, number] => {
            hexadecimal(a, 8)
                && [b, c, d].into_iter().all(|group| hexadecimal(group, 4))
                && hexadecimal(e, 12)
                && !number.starts_with('+')
                && number.parse() == Ok(index)
        }
        _ => false,
    }
}

/// Whether an answer of success may count as the acknowledgement of the record at `index` of
/// `count`.
fn may_acknowledge(body: &Value, index: usize, count: usize) -> bool {
    let Some(items) = body["responses"].as_array() else {
        return false;
    };
    if items.len() == count {
        may_be_accepted(&items[index])
            && !items
                .iter()
                .any(|item| named(item, index) && !may_be_accepted(item) && is_only(items, index))
    } else {
        items
            .iter()
            .any(|item| named(item, index) && may_be_accepted(item))
            && is_only(items, index)
    }
}

fn is_only(items: &[Value], index: usize) -> bool {
    items.iter().filter(|item| named(item, index)).count() == 1
}

fn fit_for_a_log(refusal: &Refusal) {
    let message = &refusal.message;
    assert!(message.chars().count() <= 241, "{message}");
    assert!(!message.contains(char::is_control), "{message:?}");
    let words = message.split(|c: char| c.is_whitespace() || "[](){}<>\"',;".contains(c));
    for word in words {
        assert!(
            !word.contains('@') || word.contains("@AdobeOrg"),
            "an address in {message}"
        );
        assert!(!word.starts_with("eyJ"), "a token in {message}");
    }
}

/// Lines: status, Retry-After, number of messages (0: not a batch); then the body.
fn inputs(stored: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let bodies: Vec<Vec<u8>> = stored
        .iter()
        .filter_map(|input| input.splitn(4, |byte| *byte == b'\n').nth(3))
        .map(<[u8]>::to_vec)
        .collect();
    let status = prop_oneof![
        4 => select(vec![200, 207]),
        2 => select(vec![400, 401, 403, 413, 429, 501, 503]),
        1 => 100..1_000_u16,
    ];
    let pause = select(vec!["", "3", "-1", "Wed, 21 Oct 2015 07:28:00 GMT", "soon"]);
    let body = json::edited(select(bodies.clone()), &bodies, KEYS);
    let written = (status, pause, 0..6_usize, body).prop_map(|(status, pause, count, body)| {
        [format!("{status}\n{pause}\n{count}\n").into_bytes(), body].concat()
    });
    let inputs = prop_oneof![3 => written, 1 => text::spliced(stored)];
    text::edited(inputs, DICTIONARY)
}

#[test]
fn response_never_acknowledges_a_record_it_does_not_name() {
    let target = Target {
        name: "responses",
        test: type_name_of_val(&response_never_acknowledges_a_record_it_does_not_name),
        cases: 4_000,
    };
    target.run(inputs(target.stored()), |input| {
        let mut parts = input.splitn(4, |byte| *byte == b'\n');
        let mut line = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
        let status = line().parse().unwrap_or(207);
        let retry_after = Some(line()).filter(|text| !text.is_empty());
        let count = line().parse::<usize>().unwrap_or(2).min(600);
        let body = parts.next().unwrap_or_default().to_vec();
        let value: Value = serde_json::from_slice(&body).unwrap_or_default();
        let answer = HttpResponse {
            status,
            retry_after,
            request_id: None,
            body: body.into(),
        };
        let kind = if count == 0 {
            Kind::Single
        } else {
            Kind::Batch(count)
        };
        let reading = read(&answer, kind, &[], 1_445_412_000_000);
        match &reading {
            InletResponse::Records(fates) => {
                assert!((200..300).contains(&status));
                assert_eq!(fates.len(), count.max(1));
                for (index, fate) in fates
                    .iter()
                    .enumerate()
                    .filter(|(_, fate)| **fate == RecordStatus::Accepted)
                {
                    let clear = match kind {
                        Kind::Batch(count) => may_acknowledge(&value, index, count),
                        Kind::Single => match &value["responses"] {
                            Value::Array(items) => items.len() == 1 && may_be_accepted(&items[0]),
                            _ => {
                                let known =
                                    ["inletId", "inletID", "xactionId"].iter().any(|member| {
                                        value[member].as_str().is_some_and(|id| !id.is_empty())
                                    });
                                may_be_accepted(&value) || (known && status_less(&value))
                            }
                        },
                    };
                    assert!(clear, "{fate:?} at {index} of {count}: {value}");
                }
                for fate in fates {
                    if let RecordStatus::Refused(refusal) = fate {
                        fit_for_a_log(refusal);
                    }
                }
            }
            InletResponse::Refused(refusal)
            | InletResponse::TooLarge(refusal)
            | InletResponse::Unauthorized(refusal)
            | InletResponse::Target(refusal) => {
                assert!(!(200..300).contains(&status));
                fit_for_a_log(refusal);
            }
            InletResponse::Busy {
                status: reported, ..
            } => {
                assert_eq!(*reported, status);
                assert!(matches!(status, 408 | 425 | 429 | 500..), "{status}");
            }
        }
    });
}

fn status_less(value: &Value) -> bool {
    value["status"].is_null() && value["statusCode"].is_null()
}
