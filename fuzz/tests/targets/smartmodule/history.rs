//! What came before changes no answer: the shapes a mapper remembers of earlier records only save
//! time.

use std::any::type_name_of_val;

use capillary_xdm::Mapper;
use fuzz_targets::{Target, json, text};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::samples::{KEYS, answer, mapper, samples};

const DICTIONARY: &[&str] = &[
    "\"", "\\", "null", "-1", ".5", "e3", "{}", "[]", ",", "\u{e9}",
];

const PARAMETERS: [&[(&str, &str)]; 2] = [
    &[
        ("events", "all"),
        ("tenant", "acme"),
        ("time-zone", "+05:30"),
    ],
    &[
        ("events", "all"),
        ("tenant", "acme"),
        (
            "omit-fields",
            "_acme.capillary.points,_acme.capillary.store,commerce.order,loyalty.tier",
        ),
        ("qualify-identity", "true"),
    ],
];

/// The event with its name in front, so that the mapper knows the kind before it reads on.
fn name_first(event: &[u8]) -> Option<Vec<u8>> {
    let event: Value = serde_json::from_slice(event).ok()?;
    let mut members: Vec<_> = event.as_object()?.iter().collect();
    members.sort_by_key(|(key, _)| *key != "eventName");
    let member = |(key, value): &(&String, &Value)| format!("{}:{value}", json!(key));
    let members: Vec<String> = members.iter().map(member).collect();
    Some(format!("{{{}}}", members.join(",")).into_bytes())
}

#[test]
fn record_is_answered_as_if_it_were_the_first() {
    let target = Target {
        name: "history",
        test: type_name_of_val(&record_is_answered_as_if_it_were_the_first),
        cases: 3_000,
    };
    let seeds: Vec<Vec<u8>> = samples()
        .iter()
        .filter_map(|event| name_first(event))
        .collect();
    let ordered = json::edited(select(seeds.clone()), &seeds, KEYS)
        .prop_map(|event| name_first(&event).unwrap_or(event));
    let inputs = text::edited(prop_oneof![ordered, text::spliced(seeds)], DICTIONARY);
    let mut used: [Mapper; 2] = PARAMETERS.map(mapper);
    target.run(inputs, |input| {
        for (used, parameters) in used.iter_mut().zip(PARAMETERS) {
            let expected = answer(&mut mapper(parameters), input);
            // Twice: the second time, its shape is known.
            for _ in 0..2 {
                let answer = answer(used, input);
                assert_eq!(
                    String::from_utf8_lossy(&answer),
                    String::from_utf8_lossy(&expected)
                );
            }
        }
    });
}
