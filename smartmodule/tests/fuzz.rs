//! Whatever the engine hands over, the codec answers all of it or none of it.
#![allow(clippy::unwrap_used)] // Helpers of tests.

mod support;

use std::io::Cursor;

use capillary_xdm::fluvio::{BatchMapper, InitError, init};
use fluvio_smartmodule::dataplane::core::{Decoder, Encoder};
use fluvio_smartmodule::dataplane::smartmodule::{
    SmartModuleExtraParams, SmartModuleInitInput, SmartModuleInitOutput, SmartModuleInput,
    SmartModuleOutput,
};
use fluvio_smartmodule::{Record, RecordData};
use fuzzing::{Target, fuzz};
use serde_json::Value;
use support::{RECORD_TIME, params, sample};

/// The version of the protocol comes first, in one byte.
fn seed(version: i16, base_offset: i64, records: Vec<Record>) -> Vec<u8> {
    let mut input = SmartModuleInput::try_from_records(records, version).unwrap();
    input.set_base_offset(base_offset);
    input.set_base_timestamp(RECORD_TIME);
    let mut encoded = vec![u8::try_from(version).unwrap()];
    input.encode(&mut encoded, version).unwrap();
    encoded
}

fn record(key: Option<&str>, value: &[u8], offset_delta: i64) -> Record {
    let mut record = Record {
        key: key.map(RecordData::from),
        value: RecordData::from(value.to_vec()),
        ..Record::default()
    };
    record.preamble.set_offset_delta(offset_delta);
    record.preamble.set_timestamp_delta(offset_delta * 3);
    record
}

/// Whether Fluvio's own types read the records of a batch.
#[expect(
    deprecated,
    reason = "the newer call only adds the time to each record"
)]
fn is_readable(input: &[u8], version: i16) -> bool {
    let mut call = SmartModuleInput::default();
    call.decode(&mut Cursor::new(input), version).is_ok() && call.try_into_records(version).is_ok()
}

fn version(input: &[u8]) -> (i16, &[u8]) {
    match input.split_first() {
        Some((version, rest)) => (i16::from(version % 32), rest),
        None => (25, &[]),
    }
}

#[test]
fn fuzzed_batches_are_answered_record_by_record_or_not_at_all() {
    let event = sample("pointsIssued").to_string().into_bytes();
    let seeds = [16, 22, 25].map(|version| {
        let records = vec![
            record(Some("k"), b"{}", 0),
            record(None, &event, 1),
            record(Some(""), b"\xff", 300_000),
        ];
        seed(version, 5_000_000_000, records)
    });
    let target = Target {
        name: "wire",
        seeds: [seeds.to_vec(), vec![seed(25, 0, Vec::new())]].concat(),
        dictionary: &["\0\0\0\0", "\0\0\0\u{1}", "\u{7f}", "\0", "\u{1}", "\u{2}"],
        executions: 4_000,
    };
    let mut mapper = BatchMapper::new(params(&[]));
    fuzz(target, |input| {
        let (version, input) = version(input);
        let (count, encoded) = match mapper.answer(input, version) {
            Ok((count, encoded)) => (count, encoded.to_vec()),
            Err(error) => return format!("{error:?}"),
        };
        // A mapper is as good as new after every call.
        let mut fresh = BatchMapper::new(params(&[]));
        assert_eq!(fresh.answer(input, version).unwrap(), (count, &encoded[..]));
        // What Fluvio's own types would not read cannot come from a broker, and its answer need not
        // be readable either.
        if !is_readable(input, version) {
            return format!("unreadable {count}");
        }
        // Fluvio's own types read the answer, all of it.
        let mut output = SmartModuleOutput::default();
        let mut cursor = Cursor::new(&encoded);
        output.decode(&mut cursor, version).unwrap();
        assert_eq!(cursor.position(), encoded.len() as u64);
        assert!(output.error.is_none());
        assert_eq!(usize::try_from(count).unwrap(), output.successes.len());
        let base = i64::from_be_bytes(input[..8].try_into().unwrap());
        let mut reasons = String::new();
        for answer in &output.successes {
            let value: Value = serde_json::from_slice(answer.value.as_ref()).unwrap();
            assert_eq!(
                value["offset"],
                base.saturating_add(answer.preamble.offset_delta())
            );
            reasons.push_str(
                value["reject"]["reason"]
                    .as_str()
                    .or(value["skip"].as_str())
                    .unwrap_or("mapped"),
            );
        }
        reasons
    });
}

fn init_seed(pairs: &[(&str, &str)], version: i16) -> Vec<u8> {
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
fn fuzzed_parameters_are_taken_or_an_error_the_engine_can_read_names_one() {
    let target = Target {
        name: "init",
        seeds: vec![
            init_seed(&[("tenant", "acme"), ("events", "all")], 25),
            init_seed(
                &[
                    ("identities", r#"{"customerId":"C"}"#),
                    ("tiers", r#"{"1":"Gold"}"#),
                ],
                22,
            ),
            init_seed(
                &[
                    ("time-zone", "+05:30"),
                    ("omit-fields", r#"["loyalty.points"]"#),
                ],
                0,
            ),
            init_seed(&[], 25),
        ],
        dictionary: &[
            "tenant",
            "events",
            "tiers",
            "time-zone",
            "+14:00",
            "program-id",
            "\0\u{4}",
            "\0\u{1}",
        ],
        executions: 4_000,
    };
    let event = sample("pointsIssued").to_string().into_bytes();
    fuzz(target, |input| {
        let (version, input) = version(input);
        match init(input, version) {
            Ok(params) => {
                let batch = seed(25, 9, vec![record(None, &event, 0)]);
                let (count, _) = BatchMapper::new(params)
                    .answer(&batch[1..], 25)
                    .map(|(count, out)| (count, out.len()))
                    .unwrap();
                assert_eq!(count, 1);
                "ok".to_owned()
            }
            Err(InitError::Parameter(encoded)) => {
                let mut output = SmartModuleInitOutput::default();
                output.decode(&mut Cursor::new(encoded), version).unwrap();
                assert!(
                    output.error.hint.starts_with("parameter `"),
                    "{}",
                    output.error.hint
                );
                output
                    .error
                    .hint
                    .chars()
                    .filter(|letter| !letter.is_ascii_digit())
                    .take(120)
                    .collect()
            }
            Err(error) => format!("{error:?}"),
        }
    });
}
