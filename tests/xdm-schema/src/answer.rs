//! The SmartModule's answers, as the connector relies on them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use capillary_xdm::{ANSWER_VERSION, MAX_RAW_BYTES};
use serde_json::Value;

use super::{event_violations, profile_violations};

/// What is wrong with the answer to the record with this offset and value; empty means it is one of
/// the three kinds of answer, and sound: a mapped one holds valid entities, a rejected one the
/// original.
pub fn answer_violations(answer: &Value, offset: i64, value: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let mut expect = |holds: bool, what: &str| {
        if !holds {
            found.push(what.to_owned());
        }
    };
    let keys: Vec<_> = answer
        .as_object()
        .map(|map| map.keys().map(String::as_str).collect())
        .unwrap_or_default();
    expect(answer["offset"] == offset, "the offset is not the record's");
    if let Some(reason) = answer.get("skip") {
        expect(
            keys == ["offset", "skip"],
            "a skipped answer says more than it must",
        );
        expect(is_snake_case(reason), "the reason is not snake_case");
        return found;
    }
    expect(
        answer["v"] == ANSWER_VERSION,
        "the version is not the current one",
    );
    if let Some(reject) = answer.get("reject") {
        expect(
            is_snake_case(&reject["reason"]),
            "the reason is not snake_case",
        );
        expect(
            reject["message"]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "no message",
        );
        let pointer = reject.get("pointer").map(|pointer| pointer.as_str());
        expect(
            pointer.is_none_or(|text| text.is_some_and(is_pointer)),
            "the pointer is no JSON pointer",
        );
        let original = match (answer["raw"].as_str(), answer["rawBase64"].as_str()) {
            (Some(text), None) => text.as_bytes() == value,
            (None, Some(text)) => BASE64.decode(text).is_ok_and(|bytes| bytes == value),
            (None, None) => value.len() > MAX_RAW_BYTES && answer.to_string().len() < 2_000,
            _ => false,
        };
        expect(original, "the original bytes are not carried");
        return found;
    }
    let event = &answer["event"];
    let known = [
        "at", "event", "id", "key", "name", "notes", "offset", "profile", "ts", "v",
    ];
    expect(
        keys.iter().all(|key| known.contains(key)),
        "unknown members",
    );
    expect(answer["id"] == event["_id"], "the id is not the event's");
    expect(
        answer["name"].as_str().is_some_and(|name| !name.is_empty()),
        "no name",
    );
    expect(
        answer["key"].as_str().is_some_and(|key| key.contains(':')),
        "the lane key is not `org:customer`",
    );
    expect(
        answer["at"].is_i64() || answer["at"].is_u64(),
        "no creation time in milliseconds",
    );
    found.extend(
        event_violations(event)
            .into_iter()
            .map(|violation| format!("event{violation}")),
    );
    if let Some(profile) = answer.get("profile") {
        found.extend(
            profile_violations(profile)
                .into_iter()
                .map(|violation| format!("profile{violation}")),
        );
        if profile["identityMap"] != event["identityMap"] {
            found.push("event and profile disagree about who it is".to_owned());
        }
    }
    found
}

fn is_snake_case(reason: &Value) -> bool {
    let snake = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    reason
        .as_str()
        .is_some_and(|text| !text.is_empty() && snake(text))
}

fn is_pointer(text: &str) -> bool {
    text.is_empty() || text.starts_with('/')
}
