//! Any bytes whatever give exactly one valid JSON object, and never a panic.
#![allow(clippy::unwrap_used)] // Helpers of tests.

mod support;

use capillary_xdm::{Input, MAX_EVENT_BYTES, MAX_RAW_BYTES, Mapper};
use serde_json::{Value, json};
use support::{answer, answer_text, map_json, mapper, sample, samples};

fn all() -> Mapper {
    mapper(&[
        ("events", "all"),
        ("tenant", "acme"),
        ("time-zone", "+05:30"),
    ])
}

/// Checks what holds for every answer.
fn check(mapper: &mut Mapper, raw: &[u8]) {
    let text = answer_text(mapper, raw);
    let answer: Value =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let answer = answer.as_object().unwrap();
    assert_eq!(answer["offset"], 7);
    let kinds = ["skip", "reject", "event"]
        .iter()
        .filter(|key| answer.contains_key(**key))
        .count();
    assert_eq!(kinds, 1, "{text}");
    assert_eq!(
        answer.get("v").is_some(),
        !answer.contains_key("skip"),
        "{text}"
    );
    if let Some(event) = answer.get("event") {
        assert!(event.to_string().len() <= MAX_EVENT_BYTES + 200);
        assert_eq!(event["_id"], answer["id"]);
        assert!(answer["key"].as_str().unwrap().contains(':'));
    }
}

#[test]
fn random_bytes_give_one_answer() {
    let mut random = fastrand::Rng::with_seed(1);
    let mut mapper = all();
    for _ in 0..20_000 {
        let length = random.usize(0..200);
        let bytes: Vec<u8> = match random.u8(0..2) {
            0 => (0..length).map(|_| random.u8(..)).collect(),
            _ => (0..length)
                .map(|_| {
                    *random
                        .choice(b"{}[]\",:\\u0019-+.eE nulltruefalsd\xc3\xa9\n\0")
                        .unwrap()
                })
                .collect(),
        };
        check(&mut mapper, &bytes);
    }
}

#[test]
fn mutated_samples_give_one_answer() {
    let mut random = fastrand::Rng::with_seed(2);
    let mut mapper = all();
    for (_, raw) in samples() {
        for _ in 0..150 {
            let mut bytes = raw.clone();
            for _ in 0..random.usize(1..4) {
                let at = random.usize(0..bytes.len());
                match random.u8(0..5) {
                    0 => bytes[at] = random.u8(..),
                    1 => drop(bytes.remove(at)),
                    2 => bytes.insert(at, *random.choice(b"{}[]\",:0-\\").unwrap()),
                    3 => bytes.truncate(at.max(10)),
                    _ => {
                        let from = random.usize(0..bytes.len());
                        let padded = bytes[from..(from + 30).min(bytes.len())].to_vec();
                        bytes.splice(at..at, padded);
                    }
                }
            }
            check(&mut mapper, &bytes);
        }
    }
}

#[test]
fn samples_with_any_value_in_any_place_give_one_answer() {
    let odd = [
        json!(null),
        json!(""),
        json!(" "),
        json!({}),
        json!([]),
        json!([[]]),
        json!({"a": {"b": []}}),
        json!(true),
        json!(0),
        json!(-0.0),
        json!(-1),
        json!(1e300),
        json!(0.1),
        json!(u64::MAX),
        json!(i64::MIN),
        json!("\u{0}\"\\\u{2028}😀"),
        json!("NaN"),
        json!("1e999"),
        json!("-"),
        json!("2027-09-14"),
        json!("9999-99-99"),
        json!("2027-09-14T25:00:00Z"),
        json!("x".repeat(3000)),
        json!([{}, null, 1, "a", [1]]),
        json!(1_789_373_730_412_i64),
    ];
    let mut random = fastrand::Rng::with_seed(4);
    let mut mapper = all();
    for (_, raw) in samples() {
        let event: Value = serde_json::from_slice(&raw).unwrap();
        for pointer in pointers(&event, String::new()) {
            // Another few at every place: all of them would take minutes.
            for value in (0..5).filter_map(|_| random.choice(&odd)) {
                let mut event = event.clone();
                *event.pointer_mut(&pointer).unwrap() = value.clone();
                check(&mut mapper, event.to_string().as_bytes());
            }
        }
    }
}

fn pointers(value: &Value, at: String) -> Vec<String> {
    let mut found: Vec<String> = match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(key, value)| pointers(value, format!("{at}/{key}")))
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(index, value)| pointers(value, format!("{at}/{index}")))
            .collect(),
        _ => Vec::new(),
    };
    if !at.is_empty() {
        found.push(at);
    }
    found
}

#[test]
fn hostile_documents_are_rejected_with_the_reason() {
    let mut mapper = all();
    for (raw, reason) in [
        ("[".repeat(1_000_000), "too_complex"),
        (
            format!("{}1{}", "{\"data\":".repeat(100_000), "}".repeat(100_000)),
            "too_complex",
        ),
        (
            format!("{{\"data\":[{}0]}}", "0,".repeat(400_000)),
            "too_complex",
        ),
        ("\0\0\0".to_owned(), "not_json"),
        ("NaN".to_owned(), "not_json"),
        ("12345678901234567890".to_owned(), "not_an_object"),
    ] {
        let answer = answer(&mut mapper, raw.as_bytes());
        assert_eq!(answer["reject"]["reason"], reason);
    }
}

#[test]
fn byte_order_mark_is_ignored() {
    let raw = format!("\u{feff}{}", sample("pointsIssued"));
    assert_eq!(answer(&mut all(), raw.as_bytes())["name"], "pointsIssued");
}

#[test]
fn reject_carries_the_record_or_when_large_its_size_and_hash() {
    let mut mapper = all();
    let answer_to = |mapper: &mut Mapper, raw: &[u8]| answer(mapper, raw);
    assert_eq!(
        answer_to(&mut mapper, b"{\"a\":\"\\u0000\x7f\n")["raw"],
        "{\"a\":\"\\u0000\u{7f}\n"
    );
    assert_eq!(answer_to(&mut mapper, b"\xff\x00")["rawBase64"], "/wA=");
    let edge = answer_to(&mut mapper, &vec![b'x'; MAX_RAW_BYTES]);
    assert_eq!(edge["raw"].as_str().unwrap().len(), MAX_RAW_BYTES);
    let large = answer_to(&mut mapper, &vec![b'x'; MAX_RAW_BYTES + 1]);
    assert_eq!(
        (large.get("raw"), &large["rawBytes"]),
        (None, &json!(MAX_RAW_BYTES + 1))
    );
    assert_eq!(
        large["rawSha256"],
        "9408817bc040328d1c403ff97e94cea3dfd3a361b2fb7ecc7af75ff3a5157139"
    );
}

#[test]
fn skip_is_short_and_does_not_carry_the_payload() {
    let text = answer_text(
        &mut mapper(&[]),
        sample("streakStart").to_string().as_bytes(),
    );
    assert_eq!(text, r#"{"offset":7,"skip":"unwanted_kind"}"#);
}

#[test]
fn mapper_gives_the_same_answers_reused_as_fresh() {
    let mut shared = all();
    for (name, raw) in samples().into_iter().chain(samples()) {
        assert_eq!(
            answer_text(&mut shared, &raw),
            answer_text(&mut all(), &raw),
            "{name}"
        );
    }
}

#[test]
fn offset_is_repeated_in_the_answer() {
    for offset in [0, i64::MAX, i64::MIN] {
        let mut out = Vec::new();
        all().answer(
            Input {
                offset,
                timestamp: None,
                value: b"",
            },
            &mut out,
        );
        assert_eq!(
            serde_json::from_slice::<Value>(&out).unwrap()["offset"],
            offset
        );
    }
}

#[test]
fn event_over_the_limit_is_trimmed_in_order_then_rejected() {
    let pairs = [("tenant", "acme")];
    let size = |answer: &Value| answer["event"].to_string().len();
    // Custom fields go first.
    let mut event = sample("transactionAdded");
    event["data"]["customFields"] = (0..500)
        .map(|n| json!({"key": format!("field{n}"), "value": "some value"}))
        .collect();
    let answer = map_json(&pairs, &event);
    let own = &answer["event"]["_acme"]["capillary"];
    assert!(size(&answer) <= MAX_EVENT_BYTES);
    assert_eq!(
        (
            &answer["notes"],
            own.get("customFields"),
            own.get("extendedFields")
        ),
        (&json!(["trimmed"]), None, None)
    );
    assert_eq!(own["transaction"]["billType"], "REGULAR");
    // Then long texts, then lists, then the tenant's part, then the lines.
    let mut event = sample("tierUpgraded");
    event["data"]["notes"] = json!("n".repeat(20_000));
    let own = &map_json(&pairs, &event)["event"]["_acme"]["capillary"];
    assert_eq!(
        (own["tier"].get("notes"), &own["tier"]["name"]),
        (None, &json!("Tide"))
    );
    let mut event = sample("pointsIssued");
    event["data"]["regularPointsBreakup"] = (0..400)
        .map(|_| json!({"points": 1.5, "expiryAt": "2027-09-30"}))
        .collect();
    let own = &map_json(&pairs, &event)["event"]["_acme"]["capillary"];
    assert_eq!(
        (own["points"].get("regular"), &own["points"]["issued"]),
        (None, &json!(73.6))
    );
    let mut event = sample("transactionAdded");
    event["data"]["deliveryStatus"] = json!("s".repeat(20_000));
    event["data"]["lineItems"] = json!([{"itemCode": "A", "qty": 1}]);
    let answer = map_json(&pairs, &event);
    assert!(answer["event"].get("_acme").is_none());
    assert_eq!(answer["event"]["productListItems"][0]["SKU"], "A");
    event["data"]["lineItems"] = (0..400)
        .map(|n| json!({"itemCode": format!("SKU-{n}"), "qty": 1, "amount": 1}))
        .collect();
    let answer = map_json(&pairs, &event);
    assert!(answer["event"].get("_acme").is_none());
    assert!(size(&answer) <= MAX_EVENT_BYTES);
    assert_eq!(answer["event"]["commerce"]["order"]["priceTotal"], 48.6);
    // And when even that is too large, the record says so.
    event["data"]["billNumber"] = json!("b".repeat(20_000));
    assert_eq!(
        map_json(&pairs, &event)["reject"]["reason"],
        "event_too_large"
    );
}

#[test]
fn profile_over_the_limit_loses_its_tenant_part_then_is_rejected() {
    let mut event = sample("customerAdded");
    event["data"]["customFields"] = (0..3000)
        .map(|n| json!({"key": format!("field{n}"), "value": "some value"}))
        .collect();
    let answer = map_json(&[("tenant", "acme")], &event);
    assert!(answer["profile"].get("_acme").is_none());
    assert_eq!(
        (
            &answer["notes"],
            &answer["profile"]["person"]["name"]["firstName"]
        ),
        (&json!(["trimmed"]), &json!("Mara"))
    );
    event["data"]["firstName"] = json!("M".repeat(200_000));
    assert_eq!(
        map_json(&[("tenant", "acme")], &event)["reject"]["reason"],
        "profile_too_large"
    );
}
