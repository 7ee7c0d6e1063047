//! A large basket keeps as many lines as fit.
#![allow(clippy::unwrap_used)] // Helpers of tests.

use crate::support::{map_json, sample};
use serde_json::{Value, json};

fn basket(lines: impl Iterator<Item = Value>) -> Value {
    let mut event = sample("transactionAdded");
    event["data"]["lineItemsV2"] = Value::Array(lines.collect());
    event
}

fn line(number: usize) -> Value {
    json!({
        "itemCode": format!("SKU-{number:05}"), "description": format!("Ordinary line {number}"),
        "qty": 1, "amount": 2.5, "discount": 0.25
    })
}

fn lines(answer: &Value) -> &Vec<Value> {
    answer["event"]["productListItems"].as_array().unwrap()
}

fn size(answer: &Value) -> usize {
    answer["event"].to_string().len()
}

#[test]
fn basket_over_the_limit_keeps_the_lines_that_fit() {
    for pairs in [&[][..], &[("tenant", "acme")]] {
        for count in [90, 130, 500] {
            let answer = map_json(pairs, &basket((0..count).map(line)));
            let kept = lines(&answer).len();
            assert_eq!(answer["notes"], json!(["trimmed"]), "{count}");
            assert!(size(&answer) <= 10_000, "{}", size(&answer));
            let longest = lines(&answer)
                .iter()
                .map(|line| line.to_string().len() + 1)
                .max();
            assert!(
                size(&answer) + longest.unwrap() > 10_000,
                "another one would fit: {kept} lines, {} bytes",
                size(&answer)
            );
            assert_eq!(
                lines(&answer)[kept - 1]["SKU"],
                format!("SKU-{:05}", kept - 1)
            );
            assert_eq!(answer["event"]["commerce"]["purchases"]["value"], 1);
        }
    }
}

#[test]
fn line_that_never_fits_takes_no_other_along() {
    let long = json!({"itemCode": "LONG", "description": "x".repeat(9_900), "amount": 1});
    let answer = map_json(
        &[],
        &basket((0..3).map(line).chain([long]).chain((3..6).map(line))),
    );
    let kept: Vec<_> = lines(&answer).iter().map(|line| &line["SKU"]).collect();
    assert_eq!(
        kept,
        [
            "SKU-00000",
            "SKU-00001",
            "SKU-00002",
            "SKU-00003",
            "SKU-00004",
            "SKU-00005"
        ]
    );
}

#[test]
fn limit_is_a_parameter_for_those_who_send_to_the_lake_only() {
    let event = basket((0..500).map(line));
    let answer = map_json(&[("max-event-bytes", "200000"), ("tenant", "acme")], &event);
    assert_eq!(lines(&answer).len(), 500);
    assert!(answer.get("notes").is_none());
    assert!(answer["event"].get("_acme").is_some());
    let answer = map_json(&[("max-event-bytes", "20000")], &event);
    assert!((100..500).contains(&lines(&answer).len()));
    assert!((19_800..=20_000).contains(&size(&answer)));
}
