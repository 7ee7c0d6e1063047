//! `capillary-xdm-events` in the engine the broker runs: the bare events of mapped records, and
//! nothing of the others.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::collections::BTreeMap;

use capillary_xdm::{Input, Mapper, Params};
use conformance::harness::events_wasm;
use conformance::samples::samples;
use fluvio_protocol::record::{Record, RecordData};
use fluvio_smartengine::{
    SmartEngine, SmartModuleChainBuilder, SmartModuleChainInstance, SmartModuleConfig,
};
use fluvio_smartmodule::dataplane::smartmodule::SmartModuleInput;
use serde_json::Value;

/// What `fluvio-smartengine` asks for on its own, and what the 0.18.1 broker asks for.
const VERSIONS: [i16; 2] = [22, 25];
const BASE_OFFSET: i64 = 70_000;
const BASE_TIMESTAMP: i64 = 1_789_373_730_412;
const MIB: usize = 1 << 20;

fn chain(version: i16, params: &[(&str, &str)]) -> Result<SmartModuleChainInstance, String> {
    let params: BTreeMap<_, _> = params
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let config = SmartModuleConfig::builder()
        .smartmodule_names(vec!["capillary-xdm-events".to_owned()])
        .version(version)
        .params(params.into())
        .build()
        .unwrap();
    let mut builder = SmartModuleChainBuilder::default();
    builder.add_smart_module(
        config,
        events_wasm().unwrap_or_else(|missing| panic!("{missing}")),
    );
    builder.set_store_memory_limit(64 * MIB);
    builder
        .initialize(&SmartEngine::new())
        .map_err(|error| format!("{error:#}"))
}

/// Every sample, and records that are no events at all between them.
fn batch() -> Vec<Record> {
    let mut values: Vec<Vec<u8>> = samples()
        .unwrap()
        .into_iter()
        .map(|sample| sample.bytes)
        .collect();
    for (index, broken) in [&b"no json"[..], b"", b"\xff\xfe", b"{}", b"null"]
        .iter()
        .enumerate()
    {
        values.insert(7 * index, broken.to_vec());
    }
    let record = |(position, value): (usize, Vec<u8>)| {
        let mut record = Record::new_key_value(format!("key {position}"), value);
        record.preamble.set_offset_delta(2 * position as i64 + 1);
        record.preamble.set_timestamp_delta(5 * position as i64);
        record
    };
    values.into_iter().enumerate().map(record).collect()
}

fn input(records: Vec<Record>, version: i16) -> SmartModuleInput {
    let mut input = SmartModuleInput::try_from_records(records, version).unwrap();
    input.set_base_offset(BASE_OFFSET);
    input.set_base_timestamp(BASE_TIMESTAMP);
    input
}

/// The events of the answers that `capillary-xdm` gives to the same records: offset delta, key and
/// event.
fn expected(params: &[(&str, &str)], records: &[Record]) -> Vec<(i64, Vec<u8>, Value)> {
    let pairs = params
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut mapper = Mapper::new(Params::from_pairs(pairs).unwrap());
    let event = |record: &Record| {
        let mut answer = Vec::new();
        let input = Input {
            offset: BASE_OFFSET + record.offset_delta(),
            timestamp: Some(BASE_TIMESTAMP + record.timestamp_delta()),
            value: record.value().as_ref(),
        };
        mapper.answer(input, &mut answer);
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let event = answer.get("event")?.clone();
        Some((
            record.offset_delta(),
            record.key()?.as_ref().to_vec(),
            event,
        ))
    };
    records.iter().filter_map(event).collect()
}

#[test]
fn mapped_records_become_bare_events_and_others_vanish() {
    let records = batch();
    for version in VERSIONS {
        for params in [
            &[][..],
            &[("events", "all"), ("tenant", "harborpine")],
            &[("events", "[\"pointsIssued\"]")],
        ] {
            let output = chain(version, params)
                .unwrap()
                .process(input(records.clone(), version))
                .unwrap();
            assert!(
                output.error.is_none(),
                "{:?}",
                output.error.map(|error| error.hint)
            );
            let found: Vec<(i64, Vec<u8>, Value)> = output
                .successes
                .iter()
                .map(|record| {
                    let key = record
                        .key()
                        .map(RecordData::as_ref)
                        .unwrap_or_default()
                        .to_vec();
                    let event = serde_json::from_slice(record.value().as_ref()).unwrap();
                    (record.offset_delta(), key, event)
                })
                .collect();
            let expected = expected(params, &records);
            assert!(!expected.is_empty() && expected.len() < records.len());
            assert_eq!(found, expected, "version {version}, {params:?}");
        }
    }
}

#[test]
fn batch_without_a_wanted_record_gives_nothing_and_no_error() {
    let mut chain = chain(25, &[("organizations", "[\"999999999\"]")]).unwrap();
    let output = chain.process(input(batch(), 25)).unwrap();
    assert!(output.error.is_none() && output.successes.is_empty());
}

#[test]
fn bad_parameter_stops_the_chain_and_is_named() {
    let message = chain(25, &[("event", "pointsIssued")])
        .map(drop)
        .unwrap_err();
    assert!(message.contains("`event`"), "{message}");
}

#[test]
fn memory_stays_flat_over_several_times_its_limit() {
    let sample = samples()
        .unwrap()
        .into_iter()
        .find(|sample| sample.name == "transactionAdded")
        .unwrap();
    let record = Record::new(sample.bytes);
    let mut chain = chain(25, &[]).unwrap();
    let input = input(vec![record; 2_000], 25);
    let mut bytes = 0;
    while bytes < 3 * 64 * MIB {
        let output = chain.process(input.clone()).unwrap();
        assert_eq!(output.successes.len(), 2_000);
        bytes += output
            .successes
            .iter()
            .map(|record| record.value().len())
            .sum::<usize>();
    }
}
