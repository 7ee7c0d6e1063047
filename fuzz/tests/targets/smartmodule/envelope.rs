//! What wraps an event changes nothing.

use std::any::type_name_of_val;

use fuzz_targets::{Target, json, text};
use serde_json::Value;

use super::samples::{DICTIONARY, KEYS, PARAMETERS, answer, mapper, samples};

#[test]
fn event_has_the_same_answer_in_every_wrapper() {
    let target = Target {
        name: "envelope",
        test: type_name_of_val(&event_has_the_same_answer_in_every_wrapper),
        cases: 2_000,
    };
    let seeds = [samples(), target.stored()].concat();
    let inputs = json::edited(text::spliced(seeds), &samples(), KEYS);
    let mut mapper = mapper(PARAMETERS[0]);
    target.run(text::edited(inputs, DICTIONARY), |input| {
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
    });
}
