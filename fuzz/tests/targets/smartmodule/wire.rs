//! Whatever the engine hands over, the codec answers all of it or none of it.

use std::any::type_name_of_val;
use std::io::Cursor;

use capillary_xdm::Params;
use capillary_xdm::fluvio::BatchMapper;
use fluvio_smartmodule::dataplane::core::Decoder as _;
use fluvio_smartmodule::dataplane::smartmodule::{SmartModuleInput, SmartModuleOutput};
use fuzz_targets::{Target, json, text};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use super::records::{call, record, version};
use super::samples::{KEYS, sample, samples};

const DICTIONARY: &[&str] = &["\0\0\0\0", "\0\0\0\u{1}", "\u{7f}", "\0", "\u{1}", "\u{2}"];

/// Well-formed calls, with events that are nearly the documented ones.
fn calls() -> impl Strategy<Value = Vec<u8>> {
    let event = json::edited(select(samples()), &samples(), KEYS);
    let key = proptest::option::of(select(vec!["", "k"]));
    let records = vec((key, event, 0..3_i64), 0..4).prop_map(|records| {
        let mut delta = 0;
        let record = |(key, event, gap): (Option<&str>, Vec<u8>, i64)| {
            delta += gap;
            record(key, &event, delta)
        };
        records.into_iter().map(record).collect()
    });
    let base = prop_oneof![0..1_000_i64, Just(i64::MAX)];
    (select(vec![16, 22, 25]), base, records)
        .prop_map(|(version, base, records)| call(version, base, records))
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

#[test]
fn batch_is_answered_record_by_record_or_not_at_all() {
    let event = sample("pointsIssued");
    let mut seeds = [16, 22, 25]
        .map(|version| {
            let records = vec![
                record(Some("k"), b"{}", 0),
                record(None, &event, 1),
                record(Some(""), b"\xff", 300_000),
            ];
            call(version, 5_000_000_000, records)
        })
        .to_vec();
    seeds.push(call(25, 0, Vec::new()));
    let target = Target {
        name: "wire",
        test: type_name_of_val(&batch_is_answered_record_by_record_or_not_at_all),
        cases: 4_000,
    };
    seeds.extend(target.stored());
    let inputs = prop_oneof![calls(), text::spliced(seeds)];
    let mut machine = BatchMapper::new(Params::default());
    target.run(text::edited(inputs, DICTIONARY), |input| {
        let (version, input) = version(input);
        let (count, encoded) = match machine.answer(input, version) {
            Ok((count, encoded)) => (count, encoded.to_vec()),
            Err(_) => return,
        };
        // A machine is as good as new after every call.
        let mut fresh = BatchMapper::new(Params::default());
        assert_eq!(fresh.answer(input, version).unwrap(), (count, &encoded[..]));
        // What Fluvio's own types would not read cannot come from a broker, and its answer need not
        // be readable either.
        if !is_readable(input, version) {
            return;
        }
        // Fluvio's own types read the answer, all of it.
        let mut output = SmartModuleOutput::default();
        let mut cursor = Cursor::new(&encoded);
        output.decode(&mut cursor, version).unwrap();
        assert_eq!(cursor.position(), encoded.len() as u64);
        assert!(output.error.is_none());
        assert_eq!(usize::try_from(count).unwrap(), output.successes.len());
        let base = i64::from_be_bytes(input[..8].try_into().unwrap());
        for answer in &output.successes {
            let value: Value = serde_json::from_slice(answer.value.as_ref()).unwrap();
            assert_eq!(
                value["offset"],
                base.saturating_add(answer.preamble.offset_delta())
            );
        }
    });
}
