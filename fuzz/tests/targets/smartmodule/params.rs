//! The SmartModule's parameters, one a line: `name=value`.

use std::any::type_name_of_val;

use capillary_xdm::{Mapper, Params};
use fuzz_targets::{Target, lines, text};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;
use xdm_schema::answer_violations;

use super::samples::{OFFSET, PARAMETER_NAMES, PARAMETER_VALUES, PARAMETERS, answer, samples};

const DICTIONARY: &[&str] = &[
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
];

/// One parameter a line.
fn written(pairs: &[(&str, &str)]) -> Vec<u8> {
    pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}\n"))
        .collect::<String>()
        .into_bytes()
}

#[test]
fn params_are_refused_by_name_or_make_valid_records() {
    let target = Target {
        name: "params",
        test: type_name_of_val(&params_are_refused_by_name_or_make_valid_records),
        cases: 1_000,
    };
    let mut seeds: Vec<Vec<u8>> = PARAMETERS.iter().map(|pairs| written(pairs)).collect();
    seeds.extend(target.stored());
    let pair = (select(PARAMETER_NAMES), select(PARAMETER_VALUES));
    let generated = vec(pair, 0..5).prop_map(|pairs| written(&pairs));
    let inputs = prop_oneof![generated, text::spliced(seeds)];
    let inputs = lines::edited(inputs, "=", PARAMETER_VALUES);
    let events = samples();
    target.run(text::edited(inputs, DICTIONARY), |input| {
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
            }
        }
    });
}
