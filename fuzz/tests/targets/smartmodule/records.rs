//! Calls of the engine, as they lie on the wire. The version of the protocol comes first, in one
//! byte.

use fluvio_smartmodule::dataplane::core::Encoder as _;
use fluvio_smartmodule::dataplane::smartmodule::SmartModuleInput;
use fluvio_smartmodule::{Record, RecordData};

/// The Fluvio timestamp of the records: 2026-11-23T00:00:00Z.
const RECORD_TIME: i64 = 1_795_392_000_000;

/// The call for a batch of records.
pub(super) fn call(version: i16, base_offset: i64, records: Vec<Record>) -> Vec<u8> {
    let mut input = SmartModuleInput::try_from_records(records, version).unwrap();
    input.set_base_offset(base_offset);
    input.set_base_timestamp(RECORD_TIME);
    let mut encoded = vec![u8::try_from(version).unwrap()];
    input.encode(&mut encoded, version).unwrap();
    encoded
}

/// A record at a distance from the first of its batch.
pub(super) fn record(key: Option<&str>, value: &[u8], offset_delta: i64) -> Record {
    let mut record = Record {
        key: key.map(RecordData::from),
        value: RecordData::from(value.to_vec()),
        ..Record::default()
    };
    record.preamble.set_offset_delta(offset_delta);
    record.preamble.set_timestamp_delta(offset_delta * 3);
    record
}

/// Version and rest; version 25 of nothing where there is nothing.
pub(super) fn version(input: &[u8]) -> (i16, &[u8]) {
    match input.split_first() {
        Some((version, rest)) => (i16::from(version % 32), rest),
        None => (25, &[]),
    }
}
