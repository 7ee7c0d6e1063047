//! The engine's first call, with the parameters.

use std::any::type_name_of_val;
use std::io::Cursor;

use capillary_xdm::fluvio::{BatchMapper, InitError, init};
use fluvio_smartmodule::dataplane::core::{Decoder as _, Encoder as _};
use fluvio_smartmodule::dataplane::smartmodule::{
    SmartModuleExtraParams, SmartModuleInitInput, SmartModuleInitOutput,
};
use fuzz_targets::{Target, text};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::records::{call, record, version};
use super::samples::{PARAMETER_NAMES, PARAMETER_VALUES, sample};

const DICTIONARY: &[&str] = &[
    "tenant",
    "events",
    "tiers",
    "time-zone",
    "+14:00",
    "program-id",
    "\0\u{4}",
    "\0\u{1}",
];

/// Well-formed calls, with parameters that are nearly right.
fn calls() -> impl Strategy<Value = Vec<u8>> {
    let pair = (select(PARAMETER_NAMES), select(PARAMETER_VALUES));
    (vec(pair, 0..4), select(vec![0, 22, 25]))
        .prop_map(|(pairs, version)| init_call(&pairs, version))
}

fn init_call(pairs: &[(&str, &str)], version: i16) -> Vec<u8> {
    let pairs = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let params = SmartModuleExtraParams::new(pairs.collect(), None);
    let mut encoded = vec![u8::try_from(version).unwrap()];
    SmartModuleInitInput { params }
        .encode(&mut encoded, version)
        .unwrap();
    encoded
}

#[test]
fn init_takes_parameters_or_names_one_in_a_readable_error() {
    let target = Target {
        name: "init",
        test: type_name_of_val(&init_takes_parameters_or_names_one_in_a_readable_error),
        cases: 4_000,
    };
    let mut seeds = vec![
        init_call(&[("tenant", "acme"), ("events", "all")], 25),
        init_call(
            &[
                ("identities", r#"{"customerId":"C"}"#),
                ("tiers", r#"{"1":"Gold"}"#),
            ],
            22,
        ),
        init_call(
            &[
                ("time-zone", "+05:30"),
                ("omit-fields", r#"["loyalty.points"]"#),
            ],
            0,
        ),
        init_call(&[], 25),
    ];
    seeds.extend(target.stored());
    let inputs = prop_oneof![calls(), text::spliced(seeds)];
    let event = sample("pointsIssued");
    target.run(text::edited(inputs, DICTIONARY), |input| {
        let (version, input) = version(input);
        match init(input, version) {
            Ok(params) => {
                let batch = call(25, 9, vec![record(None, &event, 0)]);
                let (count, _) = BatchMapper::new(params)
                    .answer(&batch[1..], 25)
                    .map(|(count, out)| (count, out.len()))
                    .unwrap();
                assert_eq!(count, 1);
            }
            Err(InitError::Parameter(encoded)) => {
                let mut output = SmartModuleInitOutput::default();
                output.decode(&mut Cursor::new(encoded), version).unwrap();
                assert!(
                    output.error.hint.starts_with("parameter `"),
                    "{}",
                    output.error.hint
                );
            }
            Err(_) => {}
        }
    });
}
