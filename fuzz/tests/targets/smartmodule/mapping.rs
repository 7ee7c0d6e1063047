//! Whatever bytes lie on the topic, whatever the parameters: one sound answer.

use std::any::type_name_of_val;

use fuzz_targets::{Target, json, text};
use serde_json::Value;
use xdm_schema::answer_violations;

use super::samples::{DICTIONARY, KEYS, OFFSET, PARAMETERS, answer, mapper, samples};

#[test]
fn event_has_one_sound_answer_whatever_came_before() {
    let target = Target {
        name: "mapping",
        test: type_name_of_val(&event_has_one_sound_answer_whatever_came_before),
        cases: 2_000,
    };
    let seeds = [samples(), target.stored()].concat();
    let inputs = json::edited(text::spliced(seeds), &samples(), KEYS);
    let mut old = PARAMETERS.map(mapper);
    target.run(text::edited(inputs, DICTIONARY), |input| {
        let chosen = input.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)) as usize
            % PARAMETERS.len();
        let bytes = answer(&mut old[chosen], input);
        assert_eq!(
            bytes,
            answer(&mut mapper(PARAMETERS[chosen]), input),
            "a used mapper answers as a new one"
        );
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        let violations = answer_violations(&value, OFFSET, input);
        assert!(
            violations.is_empty(),
            "with {:?}: {violations:#?}\n{value}",
            PARAMETERS[chosen]
        );
    });
}
