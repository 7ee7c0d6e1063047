//! The batch codec against Fluvio's own types, in every version the engine may speak.
#![allow(clippy::unwrap_used)] // Helpers of tests.

mod support;

use std::collections::BTreeMap;
use std::io::Cursor;

use capillary_xdm::fluvio::{BatchMapper, InitError, WireError, init};
use fluvio_smartmodule::dataplane::core::{Decoder, Encoder};
use fluvio_smartmodule::dataplane::smartmodule::{
    SmartModuleExtraParams, SmartModuleInitInput, SmartModuleInitOutput, SmartModuleInput,
    SmartModuleOutput,
};
use fluvio_smartmodule::{Record, RecordData};
use serde_json::Value;
use support::{RECORD_TIME, params, sample};

fn record(key: Option<&str>, value: Vec<u8>, offset_delta: i64, timestamp_delta: i64) -> Record {
    let mut record = Record {
        key: key.map(RecordData::from),
        value: RecordData::from(value),
        ..Record::default()
    };
    record.preamble.set_offset_delta(offset_delta);
    record.preamble.set_timestamp_delta(timestamp_delta);
    record
}

fn input(records: Vec<Record>, base_offset: i64, base_timestamp: i64, version: i16) -> Vec<u8> {
    let mut input = SmartModuleInput::try_from_records(records, version).unwrap();
    input.set_base_offset(base_offset);
    input.set_base_timestamp(base_timestamp);
    let mut encoded = Vec::new();
    input.encode(&mut encoded, version).unwrap();
    encoded
}

fn run(mapper: &mut BatchMapper, input: &[u8], version: i16) -> Vec<Record> {
    let (count, encoded) = mapper.answer(input, version).unwrap();
    let mut output = SmartModuleOutput::default();
    let mut cursor = Cursor::new(encoded);
    output.decode(&mut cursor, version).unwrap();
    assert_eq!(
        cursor.position(),
        encoded.len() as u64,
        "nothing is left over"
    );
    assert!(output.error.is_none());
    assert_eq!(usize::try_from(count).unwrap(), output.successes.len());
    output.successes
}

#[test]
fn batch_keeps_offsets_keys_and_deltas_in_every_version() {
    let mut event = sample("pointsIssued");
    event.as_object_mut().unwrap().remove("createdAt");
    let event = event.to_string().into_bytes();
    let mut mapper = BatchMapper::new(params(&[]));
    for version in 15..=25 {
        let records = vec![
            record(Some("700100201"), event.clone(), 0, 0),
            record(None, b"\xff".to_vec(), 1, -5),
            record(Some(""), Vec::new(), 40, 70_000),
            record(Some(&"k".repeat(300)), event.clone(), 300_000, 12_345),
        ];
        let answers = run(
            &mut mapper,
            &input(records.clone(), 5_000_000_000, RECORD_TIME, version),
            version,
        );
        assert_eq!(answers.len(), records.len());
        for (before, after) in records.iter().zip(&answers) {
            assert_eq!(before.key, after.key);
            assert_eq!(
                before.preamble.offset_delta(),
                after.preamble.offset_delta()
            );
            assert_eq!(before.timestamp_delta(), after.timestamp_delta());
            let answer: Value = serde_json::from_slice(after.value.as_ref()).unwrap();
            assert_eq!(
                answer["offset"],
                5_000_000_000 + before.preamble.offset_delta(),
                "version {version}"
            );
        }
        let last: Value = serde_json::from_slice(answers[3].value.as_ref()).unwrap();
        // Before version 22 the engine did not tell the time.
        match version {
            22.. => assert_eq!(last["at"], RECORD_TIME + 12_345),
            _ => assert_eq!(last["reject"]["reason"], "bad_time"),
        }
    }
}

#[test]
fn batch_without_a_timestamp_has_none() {
    let mut event = sample("pointsIssued");
    event.as_object_mut().unwrap().remove("createdAt");
    for base in [-1, 0] {
        let records = vec![record(None, event.to_string().into_bytes(), 0, 0)];
        let answers = run(
            &mut BatchMapper::new(params(&[])),
            &input(records, 0, base, 25),
            25,
        );
        let answer: Value = serde_json::from_slice(answers[0].value.as_ref()).unwrap();
        assert_eq!(answer["reject"]["reason"], "bad_time");
    }
}

#[test]
fn batch_without_records_has_no_answers() {
    assert!(
        run(
            &mut BatchMapper::new(params(&[])),
            &input(Vec::new(), 0, 0, 25),
            25
        )
        .is_empty()
    );
}

#[test]
fn input_cut_off_or_garbled_is_an_error_and_never_a_panic() {
    let good = input(
        vec![
            record(Some("k"), b"{}".to_vec(), 0, 0),
            record(None, b"[]".to_vec(), 1, 1),
        ],
        9,
        RECORD_TIME,
        25,
    );
    let mut mapper = BatchMapper::new(params(&[]));
    for end in 0..good.len() {
        assert!(mapper.answer(&good[..end], 25).is_err(), "{end}");
    }
    assert_eq!(mapper.answer(&[], 25).unwrap_err(), WireError::Input);
    let mut random = fastrand::Rng::with_seed(3);
    for _ in 0..20_000 {
        let mut bytes = good.clone();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(0..bytes.len());
            bytes[at] = random.u8(..);
        }
        let _ = mapper.answer(&bytes, *random.choice(&[16, 22, 25]).unwrap());
    }
}

fn init_input(pairs: &[(&str, &str)], version: i16) -> Vec<u8> {
    let pairs: BTreeMap<String, String> = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let mut encoded = Vec::new();
    SmartModuleInitInput {
        params: SmartModuleExtraParams::new(pairs, None),
    }
    .encode(&mut encoded, version)
    .unwrap();
    encoded
}

#[test]
fn init_reads_all_parameters_and_its_error_names_the_wrong_one() {
    for version in [0, 22, 25] {
        let params = init(
            &init_input(&[("tenant", "acme"), ("events", "all")], version),
            version,
        )
        .unwrap();
        let mut mapper = BatchMapper::new(params);
        let records = vec![record(
            None,
            sample("CouponIssue").to_string().into_bytes(),
            0,
            0,
        )];
        let answers = run(&mut mapper, &input(records, 0, 0, 25), 25);
        assert!(answers[0].value.as_str().unwrap().contains("\"_acme\""));
        init(&init_input(&[], version), version).unwrap();

        let Err(InitError::Parameter(encoded)) =
            init(&init_input(&[("tennant", "acme")], version), version)
        else {
            panic!("an unknown parameter must be refused")
        };
        let mut output = SmartModuleInitOutput::default();
        output.decode(&mut Cursor::new(encoded), version).unwrap();
        assert!(
            output
                .error
                .hint
                .starts_with("parameter `tennant`: unknown"),
            "{}",
            output.error.hint
        );
    }
    assert_eq!(init(&[1], 25).unwrap_err(), InitError::Input);
}
