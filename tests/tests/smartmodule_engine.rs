//! The SmartModule's wasm in the engine the broker runs: one faithful answer per record, in flat
//! memory, whatever comes.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something it needs is missing"
)]

use std::collections::BTreeMap;

use capillary_xdm::{Input, Mapper, Params};
use conformance::harness::smartmodule_wasm;
use conformance::samples::samples;
use fluvio_protocol::record::{Record, RecordData};
use fluvio_smartengine::{
    SmartEngine, SmartModuleChainBuilder, SmartModuleChainInstance, SmartModuleConfig,
};
use fluvio_smartmodule::dataplane::smartmodule::SmartModuleInput;

/// What `fluvio-smartengine` asks for on its own, and what the 0.18.1 broker asks for; their inputs
/// differ by two fields.
const VERSIONS: [i16; 2] = [22, 25];
const BROKER_VERSION: i16 = 25;
const BASE_OFFSET: i64 = 70_000;
const BASE_TIMESTAMP: i64 = 1_789_373_730_412;
const MIB: usize = 1 << 20;

fn chain(version: i16, params: &[(&str, &str)]) -> Result<SmartModuleChainInstance, String> {
    let params: BTreeMap<_, _> = params
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let config = SmartModuleConfig::builder()
        .smartmodule_names(vec!["capillary-xdm".to_owned()])
        .version(version)
        .params(params.into())
        .build()
        .unwrap();
    let wasm = smartmodule_wasm().unwrap_or_else(|missing| panic!("{missing}"));
    let mut builder = SmartModuleChainBuilder::default();
    builder.add_smart_module(config, wasm);
    builder.set_store_memory_limit(64 * MIB);
    builder
        .initialize(&SmartEngine::new())
        .map_err(|error| format!("{error:#}"))
}

fn input(records: Vec<Record>, version: i16) -> SmartModuleInput {
    let mut input = SmartModuleInput::try_from_records(records, version).unwrap();
    input.set_base_offset(BASE_OFFSET);
    input.set_base_timestamp(BASE_TIMESTAMP);
    input
}

/// Records as they lie in a batch; odd deltas, because compaction of a deduplicated log leaves
/// gaps.
fn batch(values: &[Vec<u8>]) -> Vec<Record> {
    let record = |(position, value): (usize, &Vec<u8>)| {
        let mut record = match position % 3 {
            0 => Record::new(value.clone()),
            _ => Record::new_key_value(format!("key {position}"), value.clone()),
        };
        record.preamble.set_offset_delta(2 * position as i64 + 1);
        record.preamble.set_timestamp_delta(5 * position as i64);
        record
    };
    values.iter().enumerate().map(record).collect()
}

fn process(
    chain: &mut SmartModuleChainInstance,
    records: Vec<Record>,
    version: i16,
) -> Vec<Record> {
    let output = chain.process(input(records, version)).unwrap();
    assert!(
        output.error.is_none(),
        "{:?}",
        output.error.map(|error| error.hint)
    );
    output.successes
}

/// What the same crate answers natively.
fn native(params: &[(&str, &str)], records: &[Record]) -> Vec<Vec<u8>> {
    let pairs = params
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut mapper = Mapper::new(Params::from_pairs(pairs).unwrap());
    let answer = |record: &Record| {
        let mut out = Vec::new();
        let input = Input {
            offset: BASE_OFFSET + record.offset_delta(),
            timestamp: Some(BASE_TIMESTAMP + record.timestamp_delta()),
            value: record.value().as_ref(),
        };
        mapper.answer(input, &mut out);
        out
    };
    records.iter().map(answer).collect()
}

fn values(records: &[Record]) -> Vec<&[u8]> {
    records
        .iter()
        .map(|record| record.value().as_ref())
        .collect()
}

#[test]
fn module_asks_for_one_host_function_and_offers_what_the_engine_calls() {
    let (imports, exports) =
        interface(&smartmodule_wasm().unwrap_or_else(|missing| panic!("{missing}")));
    assert_eq!(imports, ["env.copy_records"]);
    for name in ["memory", "alloc", "init", "map"] {
        assert!(
            exports.iter().any(|export| export == name),
            "{name} is not among {exports:?}"
        );
    }
    for other in [
        "filter",
        "filter_map",
        "array_map",
        "aggregate",
        "look_back",
    ] {
        assert!(
            !exports.iter().any(|export| export == other),
            "the engine would take it for a {other}"
        );
    }
}

#[test]
fn native_and_wasm_answer_the_same_bytes_for_every_sample() {
    let bytes: Vec<_> = samples()
        .unwrap()
        .into_iter()
        .map(|sample| sample.bytes)
        .collect();
    assert!(bytes.len() >= 82, "{} samples", bytes.len());
    let records = batch(&bytes);
    for version in VERSIONS {
        for params in [
            &[][..],
            &[
                ("events", "all"),
                ("tenant", "harborpine"),
                ("time-zone", "+05:30"),
            ],
        ] {
            let answers = process(
                &mut chain(version, params).unwrap(),
                records.clone(),
                version,
            );
            let expected = native(params, &records);
            for (sample, (wasm, native)) in samples()
                .unwrap()
                .iter()
                .zip(values(&answers).into_iter().zip(&expected))
            {
                let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
                assert_eq!(
                    text(wasm),
                    text(native),
                    "{} at version {version}",
                    sample.name
                );
            }
            assert_eq!(answers.len(), expected.len());
        }
    }
}

#[test]
fn answer_keeps_its_record_s_key_and_place_and_names_the_true_offset() {
    let bytes: Vec<_> = samples()
        .unwrap()
        .into_iter()
        .map(|sample| sample.bytes)
        .collect();
    let records = batch(&bytes);
    for version in VERSIONS {
        let answers = process(&mut chain(version, &[]).unwrap(), records.clone(), version);
        assert_eq!(answers.len(), records.len());
        for (record, answer) in records.iter().zip(&answers) {
            assert_eq!(
                answer.key().map(RecordData::as_ref),
                record.key().map(RecordData::as_ref)
            );
            assert_eq!(answer.offset_delta(), record.offset_delta());
            assert_eq!(answer.timestamp_delta(), record.timestamp_delta());
            let json: serde_json::Value = serde_json::from_slice(answer.value().as_ref()).unwrap();
            assert_eq!(json["offset"], BASE_OFFSET + record.offset_delta());
        }
    }
}

#[test]
fn event_without_times_is_dated_by_its_record() {
    let mut event: serde_json::Value =
        serde_json::from_slice(&samples_named("pointsIssued")).unwrap();
    event.as_object_mut().unwrap().remove("createdAt").unwrap();
    let records = batch(&[Vec::new(), event.to_string().into_bytes()]);
    for version in VERSIONS {
        let answers = process(&mut chain(version, &[]).unwrap(), records.clone(), version);
        let json: serde_json::Value = serde_json::from_slice(answers[1].value().as_ref()).unwrap();
        assert_eq!(json["at"], BASE_TIMESTAMP + 5, "{json}");
    }
}

#[test]
fn bad_parameter_stops_the_chain_and_is_named() {
    // The engine compiles the module for each of these, so the mapping's own tests have the other
    // cases.
    for (name, value) in [
        ("event", "pointsIssued"),
        ("time-zone", "Mars/Olympus"),
        ("omit-fields", "loyalty.pints"),
    ] {
        let refused = chain(BROKER_VERSION, &[(name, value)]).map(drop);
        let message = refused.expect_err(&format!("{name}: {value} was accepted"));
        assert!(
            message.contains(&format!("`{name}`")),
            "{name}: {value} gives {message}"
        );
    }
}

#[test]
fn chain_fails_for_no_input_whatever() {
    let mut random = fastrand::Rng::with_seed(0x0C0FFEE);
    let sample = samples_named("transactionAdded");
    let mut odd: Vec<Vec<u8>> = vec![
        Vec::new(),
        b" ".to_vec(),
        b"null".to_vec(),
        b"{}".to_vec(),
        b"\xEF\xBB\xBF{}".to_vec(),
        b"\xFF\xFE\x00".to_vec(),
        br#"{"eventName":"pointsIssued","data":"\ud800"}"#.to_vec(),
        br#"{"eventName":"pointsIssued","createdAt":1e999,"data":{}}"#.to_vec(),
        "[".repeat(200_000).into_bytes(),
        r#"{"data":"#.repeat(100_000).into_bytes(),
        format!(
            r#"{{"eventName":"pointsIssued","data":{}{}}}"#,
            "[".repeat(120),
            "]".repeat(120)
        )
        .into_bytes(),
        vec![b'"'; 300_000],
        vec![0; 3 * MIB],
    ];
    odd.extend((0..400).map(|_| (0..random.usize(..300)).map(|_| random.u8(..)).collect()));
    for _ in 0..1_600 {
        let mut bytes = sample.clone();
        for _ in 0..random.usize(1..6) {
            let place = random.usize(..bytes.len());
            match random.u8(..3) {
                0 => bytes[place] = random.u8(..),
                1 => bytes.truncate(place + 1),
                _ => bytes.insert(place, random.choice(*b"{}[]\",:0e-\\u\0").unwrap()),
            }
        }
        odd.push(bytes);
    }
    let records = batch(&odd);
    let expected = native(&[], &records);
    let mut chain = chain(BROKER_VERSION, &[]).unwrap();
    // In pieces of the size a broker reads, so that the memory limit is not what is tested here.
    for (piece, (records, expected)) in records.chunks(100).zip(expected.chunks(100)).enumerate() {
        let answers = process(&mut chain, records.to_vec(), BROKER_VERSION);
        assert_eq!(answers.len(), records.len());
        for (place, (wasm, native)) in values(&answers).into_iter().zip(expected).enumerate() {
            assert!(
                wasm == native,
                "{} for record {}: {}",
                excerpt(wasm),
                100 * piece + place,
                excerpt(native)
            );
        }
    }
}

#[test]
fn memory_stays_flat_over_three_gigabytes_of_answers() {
    let mut chain = chain(BROKER_VERSION, &[]).unwrap();
    // Refused records of nearly the greatest size that is carried whole, of control characters,
    // each of which becomes six in JSON: the engine reads its input byte by byte, so the test takes
    // seconds only when answers outgrow their records.
    let refused = input(batch(&vec![vec![1; 250_000]; 8]), BROKER_VERSION);
    let mut bytes = 0_usize;
    while bytes < 3_000_000_000 {
        let answers = chain.process(refused.clone()).unwrap().successes;
        let produced: usize = answers.iter().map(|answer| answer.value().len()).sum();
        assert!(
            produced > 8 * 6 * 250_000,
            "{produced} bytes in answer to 8 records of 250 000 control characters"
        );
        bytes += produced;
    }
    // And mapped events, whose way through the mapping is another one: twice the memory limit.
    let mapped = input(
        batch(&vec![samples_named("transactionAdded"); 2_000]),
        BROKER_VERSION,
    );
    let mut mapped_bytes = 0_usize;
    while mapped_bytes < 2 * 64 * MIB {
        let answers = chain.process(mapped.clone()).unwrap().successes;
        assert_eq!(answers.len(), 2_000);
        mapped_bytes += answers
            .iter()
            .map(|answer| answer.value().len())
            .sum::<usize>();
    }
    assert!(bytes >= 3_000_000_000 && mapped_bytes >= 2 * 64 * MIB);
}

/// So much of an answer as a person wants to read.
fn excerpt(answer: &[u8]) -> String {
    String::from_utf8_lossy(&answer[..answer.len().min(200)]).into_owned()
}

fn samples_named(name: &str) -> Vec<u8> {
    samples()
        .unwrap()
        .into_iter()
        .find(|sample| sample.name == name)
        .unwrap()
        .bytes
}

/// `module.field` of every import, and the name of every export, of a wasm file.
fn interface(wasm: &[u8]) -> (Vec<String>, Vec<String>) {
    const IMPORTS: u8 = 2;
    const EXPORTS: u8 = 7;
    assert_eq!(&wasm[..8], b"\0asm\x01\0\0\0");
    let mut rest = &wasm[8..];
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    while let Some((&section, after)) = rest.split_first() {
        rest = after;
        let size = number(&mut rest);
        let (mut body, after) = rest.split_at(size);
        rest = after;
        match section {
            IMPORTS => {
                for _ in 0..number(&mut body) {
                    imports.push(format!("{}.{}", name(&mut body), name(&mut body)));
                    assert_eq!(body[0], 0, "an import that is not a function");
                    body = &body[1..];
                    number(&mut body);
                }
            }
            EXPORTS => {
                for _ in 0..number(&mut body) {
                    exports.push(name(&mut body));
                    body = &body[1..];
                    number(&mut body);
                }
            }
            _ => {}
        }
    }
    (imports, exports)
}

/// An unsigned LEB128 number.
fn number(bytes: &mut &[u8]) -> usize {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let (&byte, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        value |= usize::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}

fn name(bytes: &mut &[u8]) -> String {
    let length = number(bytes);
    let (text, rest) = bytes.split_at(length);
    *bytes = rest;
    String::from_utf8(text.to_vec()).unwrap()
}
