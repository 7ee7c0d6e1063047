//! Of a repeated key the last value counts, wherever it is read.
#![allow(clippy::unwrap_used)] // Helpers of tests.

mod support;

use serde_json::{Value, json};
use support::{answer, mapper, samples};

/// The document with every member twice: first with another value, then with its own.
fn with_every_key_twice(value: &Value, random: &mut fastrand::Rng, out: &mut String) {
    match value {
        Value::Object(members) => {
            out.push('{');
            let mut before = "";
            for name in members.keys() {
                let other = random
                    .choice([
                        json!(7),
                        json!("tierUpgraded"),
                        json!(null),
                        json!({"id": 1, "currentLabel": "Deleted", "customerId": 5}),
                        json!([{"key": "a", "value": "b"}]),
                        json!(true),
                    ])
                    .unwrap();
                out.push_str(&format!("{before}{}:{other}", json!(name)));
                before = ",";
            }
            for (name, value) in members {
                out.push_str(&format!("{before}{}:", json!(name)));
                with_every_key_twice(value, random, out);
                before = ",";
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                with_every_key_twice(item, random, out);
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

#[test]
fn last_value_of_a_repeated_key_counts_everywhere() {
    let mut random = fastrand::Rng::with_seed(14);
    let mut mapper = mapper(&[
        ("events", "all"),
        ("tenant", "acme"),
        ("time-zone", "+05:30"),
    ]);
    for (name, raw) in samples() {
        let event: Value = serde_json::from_slice(&raw).unwrap();
        let expected = answer(&mut mapper, event.to_string().as_bytes());
        for _ in 0..4 {
            let mut text = String::new();
            with_every_key_twice(&event, &mut random, &mut text);
            let mut found = answer(&mut mapper, text.as_bytes());
            if let Some(raw) = found.get_mut("raw") {
                *raw = expected["raw"].clone();
            }
            assert_eq!(found, expected, "{name}: {text}");
        }
    }
}

#[test]
fn details_hold_the_last_value_of_a_repeated_key() {
    let raw = support::sample("manualPointsAdjustment").to_string();
    let raw = raw.replacen(
        "\"data\":{",
        "\"data\":{\"reason\":\"a\",\"re\\u0061son\":\"b\",\"gone\":1,\"gone\":null,",
        1,
    );
    let pairs = [("events", "all"), ("tenant", "acme")];
    let answer = answer(&mut mapper(&pairs), raw.as_bytes());
    let details = answer["event"]["_acme"]["capillary"]["details"]
        .as_array()
        .unwrap();
    let of = |key: &str| {
        let pairs = details.iter().filter(|pair| pair["key"] == key);
        pairs.map(|pair| pair["value"].clone()).collect::<Vec<_>>()
    };
    let expected = support::sample("manualPointsAdjustment")["data"]
        .get("reason")
        .cloned()
        .unwrap_or(json!("b"));
    assert_eq!((of("reason"), of("gone")), (vec![expected], vec![]));
}
