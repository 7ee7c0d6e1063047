use bytes::Bytes;
use serde_json::{Value, json};

use super::*;

fn record() -> Value {
    json!({
        "_id": "pointsIssued-0f8fad5b-d9cb-469f-a165-70867728950e",
        "timestamp": "2026-11-29T08:00:00Z",
        "person": {"name": {"firstName": "Mara", "lastName": "Long"},
        "birthDate": "1991-05-17"},
        "personalEmail": {"address": "mara.long@example.com"},
        "mobilePhone": {"number": "+919812345678"},
        "loyalty": {"program": "Acme Rewards", "tier": "gold", "points": 312.5,
            "pointsGained": [{"value": "many"}]},
        "identityMap": {"CapillaryId": [{"id": "700100201", "primary": true}]},
        "_demo": {"note": "Gift card of the month, not valid in store 17"},
    })
}

fn sent(record: &Value) -> SentValues {
    SentValues::of(&[Bytes::from(serde_json::to_vec(record).unwrap())])
}

fn shown(text: &str) -> String {
    without_values(&redact(text), &sent(&record()))
}

#[test]
fn message_is_redacted_of_what_may_be_personal_and_cut() {
    let scrubbed = redact(
        "value [asha@example.com] of X@AdobeOrg, phone +919812345678, token eyJhbGciOi.J9.x, \
            code 400",
    );
    assert_eq!(
        scrubbed,
        "value […] of X@AdobeOrg, phone …, token …, code 400"
    );
    assert!(redact(&"wörd ".repeat(1000)).chars().count() <= MESSAGE + 1);
    assert!(redact(&"abcdef ".repeat(100)).ends_with("abcdef …"));
    assert_eq!(redact("a\r\nb"), "a b");
    for id in [
        "0A71234567DB9D3360A495FD3@AdobeOrg",
        "65f12345678d4e5f70819aa3",
    ] {
        assert_eq!(redact(id), id);
    }
}

/// Texts of public reports. The rule, the place and the names are the diagnosis.
#[test]
fn refusals_of_the_platform_are_shown_with_code_rule_place_and_names() {
    for text in [
        "DCVS-1106-400: The message cannot be validated: [#: required key [_acme] not found]",
        "DCVS-1104-400: The message can't be validated: [#/loyalty/pointsGained/0/value: \
            expected type: Number, found: String]",
        "The message cannot be validated: #/loyalty: extraneous key [lifetimePoints] is not \
            permitted",
        "Payload header is missing Source Name",
        "No active flow exists for the given inlet",
        "UPLIB-101003-400: the service is over its capacity for this sandbox, try again later",
        "The message can't be validated: the message schema does not match the dataset schema \
            reference",
        "inletId: [e7e7e7] imsOrgId: [0A7D42FC5DB9D3360A495FD3@AdobeOrg] Message has an \
            absent or wrong ims org in the header",
        "dataset 65f1a2b3c4d5e6f70819aa3b does not exist",
        "unknown schema https://ns.adobe.com/acme/schemas/0a1b",
        "The 'header' field is mandatory. Provide a valid 'header' value and try again.",
        "Access to the dataset is denied by access label C8",
        "#: 2 schema violations found",
    ] {
        assert_eq!(shown(text), text);
    }
}

#[test]
fn values_of_the_record_are_not_shown_wherever_they_stand() {
    for (said, expected) in [
        (
            "DCVS-1105-400: The message cannot be validated: [#/timestamp: [2026-11-29 08:00] \
                is not a valid date-time]",
            "DCVS-1105-400: The message cannot be validated: [#/timestamp: […] is not a valid \
                date-time]",
        ),
        (
            "expected type: Integer, found: String [Mara]",
            "expected type: Integer, found: String […]",
        ),
        (
            "#/person/name: Mara Long is not a valid enum value",
            "#/person/name: … is not a valid enum value",
        ),
        (
            "expected type: Number, found: Long",
            "expected type: Number, found: …",
        ),
        (
            "string \"MARA\" does not match pattern ^[0-9]+$",
            "string \"…\" does not match pattern ^[…]+$",
        ),
        (
            "The customer's tier 'gold' is wrong",
            "The customer's tier '…' is wrong",
        ),
        (
            "extraneous key [Mara Long] is not permitted",
            "extraneous key […] is not permitted",
        ),
        (
            "extraneous key [mara] is not permitted",
            "extraneous key […] is not permitted",
        ),
        ("dataset Mara does not exist", "dataset … does not exist"),
        ("born 17/05/1991 or May 17, 1991", "born … or May 17, …"),
        ("tel 98123 45678 of 700100201", "tel … of …"),
        (
            "note [card of the month] is too large",
            "note […] is too large",
        ),
        ("xMaray and Mar… are it", "… and … are it"),
        ("points 312.5 or 312 in store 17", "points … or … in … 17"),
        ("profile [Jane Roe] exists", "profile […] exists"),
        (
            "#/identityMap/CapillaryId/0/id: Mara",
            "#/identityMap/CapillaryId/0/id: …",
        ),
        ("#/person/Mara/x", "#/person/…/x"),
        ("prénom Mára", "…"),
    ] {
        assert_eq!(shown(said), expected, "{said}");
    }
}

#[test]
fn refusal_of_the_request_loses_only_what_it_quotes() {
    assert_eq!(
        shown("Client 'acme-loyalty' lacks the permission ingest in sandbox prod"),
        "Client '…' lacks the permission ingest in sandbox prod"
    );
}

#[test]
fn rule_words_are_sorted_and_lower_case() {
    assert!(RULE_WORDS.is_sorted());
    assert!(RULE_WORDS.iter().all(|word| *word == word.to_lowercase()));
}

// === property ===

const TEMPLATES: [&str; 12] = [
    "DCVS-1106-400: The message cannot be validated: [#: required key [@] not found]",
    "[#/loyalty/points/0: expected type: Number, found: String (@)]",
    "#/person/name: @ is not a valid enum value",
    "@ is refused",
    "it ends in @",
    "the value '@' of \"@\" is `@`",
    "extraneous key [@, x] is not permitted, {\"name\": \"@\"}",
    "[@: too long] and [#/timestamp: [@] is not a valid date-time]",
    "x-@-y, _@_, (@), <@>, =@; a/@.b",
    "#/@/0: unknown",
    "https://ns.adobe.com/@/schemas/@ is unknown",
    "inletId: [@] imsOrgId: [@] Message is invalid @ @",
];

fn value(random: &mut fastrand::Rng) -> Value {
    let letters = |random: &mut fastrand::Rng, least: usize| -> String {
        let length = random.usize(least..9);
        (0..length)
            .map(|_| char::from(*random.choice(b"bcdfghjkqvwxzBCDWZ").unwrap()))
            .collect()
    };
    match random.usize(..10) {
        0 => letters(random, 3).into(),
        1 => format!("{} {}", letters(random, 1), letters(random, 3)).into(),
        2 => format!(
            "{}.{}@{}.example",
            letters(random, 2),
            letters(random, 1),
            letters(random, 3)
        )
        .into(),
        3 => format!("+{}", random.u64(100_000_000..9_999_999_999)).into(),
        4 => format!(
            "19{:02}-{:02}-{:02}",
            random.u8(10..99),
            random.u8(1..12),
            random.u8(1..28)
        )
        .into(),
        5 => random.u32(4_000..5_000_000).into(),
        6 => (f64::from(random.u32(40_000..500_000)) / 100.0).into(),
        7 => format!("{}-{}", letters(random, 3), random.u32(10..99_999)).into(),
        8 => format!("é{}मारा [{}]", letters(random, 1), letters(random, 2)).into(),
        _ => format!("{} of the {}", letters(random, 3), letters(random, 2)).into(),
    }
}

#[test]
fn message_of_any_punctuation_is_read_to_its_end() {
    let letters: Vec<char> = "[]\"'`#/.,:;…aé1@-_ {}(".chars().collect();
    let mut random = fastrand::Rng::with_seed(14);
    for _ in 0..10_000 {
        let length = random.usize(..40);
        let said: String = (0..length)
            .map(|_| *random.choice(&letters).unwrap())
            .collect();
        assert!(!without_values(&said, &sent(&json!({"x": "a"}))).contains('é'));
        let said = format!("https://ns.adobe.com{said}");
        assert!(!without_values(&redact(&said), &SentValues::default()).contains('é'));
    }
}

#[test]
fn no_value_of_a_record_is_shown_in_any_message_about_it() {
    let mut random = fastrand::Rng::with_seed(14);
    for _ in 0..6_000 {
        let values: Vec<Value> = (0..6).map(|_| value(&mut random)).collect();
        let record = json!({"_id": values[0], "person": {"name": values[1]}, "list": [values[2],
            {"value": values[3]}], "loyalty": {"points": values[4]}, "x": values[5]});
        let sent = sent(&record);
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let mut said = String::new();
        for part in random.choice(TEMPLATES).unwrap().split_inclusive('@') {
            said.push_str(part.trim_end_matches('@'));
            if part.ends_with('@') {
                let value = text(random.choice(&values).unwrap());
                said.push_str(&match random.usize(..5) {
                    0 => value.to_uppercase(),
                    1 => format!(" {value} "),
                    2 if !value.contains(' ') => format!("zq{value}qz"),
                    _ => value,
                });
            }
        }
        let shown = without_values(&redact(&said), &sent).to_lowercase();
        for value in &values {
            let value = text(value).to_lowercase();
            assert!(
                !shown.contains(&value),
                "{value} of {record}\n{said}\n{shown}"
            );
        }
    }
}
