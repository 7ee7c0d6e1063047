//! The records of a batch, under every compression.

use bytes::{Buf, Bytes};
use fluvio_protocol::Decoder;
use fluvio_protocol::record::{Batch, RawRecords, Record};

use super::unpack::{MAX_UNPACKED, unpack};

/// A record as it was produced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogRecord {
    pub(crate) offset: i64,
    /// Milliseconds since the epoch.
    pub(crate) timestamp: Option<i64>,
    pub(crate) value: Bytes,
    pub(crate) key: Option<Bytes>,
}

/// The records of a batch with their own offsets: the base plus each record's own delta. Their
/// position does not count, because logs written under deduplication have gaps.
///
/// The client's own decoder takes truncated records for the end of the batch; here that is an
/// error, because offsets that seem to be missing would be given up as absent.
pub(crate) fn decode_batch(batch: &Batch<RawRecords>) -> Result<Vec<LogRecord>, String> {
    let raw = &batch.records().0;
    let compression = batch.get_compression().map_err(|error| error.to_string())?;
    let mut content = unpack(compression, raw, MAX_UNPACKED)?;
    let mut count = 0_i32;
    count
        .decode(&mut content, 0)
        .map_err(|error| error.to_string())?;
    let base_timestamp = Some(batch.get_base_timestamp()).filter(|timestamp| *timestamp >= 0);
    let mut records = Vec::new();
    for _ in 0..count {
        if !content.has_remaining() {
            return Err("it has fewer records than it says".to_owned());
        }
        let mut record: Record = Record::default();
        record
            .decode(&mut content, 0)
            .map_err(|error| error.to_string())?;
        records.push(LogRecord {
            offset: batch.base_offset + record.offset_delta(),
            timestamp: base_timestamp.map(|base| base + record.timestamp_delta()),
            value: Bytes::clone(&record.value),
            key: record.key.as_deref().cloned(),
        });
    }
    Ok(records)
}

// === tests ===

#[cfg(test)]
pub(super) mod tests {
    use fluvio::Compression;

    use super::*;

    pub(in crate::broker::partition_log) fn batch(
        base: i64,
        values: &[&str],
        compression: Compression,
    ) -> Batch<RawRecords> {
        let records: Vec<Record> = values.iter().map(|value| Record::new(*value)).collect();
        let mut batch: Batch = Batch::from(records);
        batch.base_offset = base;
        batch.header.first_timestamp = 1_000;
        batch.header.set_compression(compression);
        batch.try_into().unwrap()
    }

    #[test]
    fn records_are_read_under_every_compression() {
        for compression in [
            Compression::None,
            Compression::Gzip,
            Compression::Zstd,
            Compression::Lz4,
            Compression::Snappy,
        ] {
            let records = decode_batch(&batch(40, &["a", "b"], compression)).unwrap();
            let found: Vec<_> = records
                .iter()
                .map(|record| (record.offset, record.timestamp, &record.value[..]))
                .collect();
            assert_eq!(
                found,
                [(40, Some(1_000), &b"a"[..]), (41, Some(1_000), &b"b"[..])],
                "{compression}"
            );
        }
    }

    #[test]
    fn record_offset_comes_from_its_own_delta() {
        let mut gappy: Batch = Batch::from(vec![Record::new("a"), Record::new("b")]);
        gappy.base_offset = 10;
        gappy.mut_records()[1].preamble.set_offset_delta(5);
        let records = decode_batch(&gappy.try_into().unwrap()).unwrap();
        assert_eq!(
            records
                .iter()
                .map(|record| record.offset)
                .collect::<Vec<_>>(),
            [10, 15]
        );
        assert_eq!(
            records[0].timestamp, None,
            "a batch without a time has records without one"
        );
    }

    #[test]
    fn truncated_records_are_an_error_and_not_the_end_of_the_batch() {
        let whole = batch(0, &["a", "b"], Compression::None);
        let records = whole.records().0.clone();
        for length in 0..records.len() - 1 {
            let mut cut = whole.clone();
            *cut.mut_records() = RawRecords(records.slice(..length));
            assert!(
                !cut.validate_decoding() || decode_batch(&cut).is_err(),
                "cut to {length} bytes"
            );
        }
    }
}
