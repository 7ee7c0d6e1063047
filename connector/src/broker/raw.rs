//! Reads a range of the log as it was produced, without the SmartModule, to fill a hole.

use std::time::Duration;

use bytes::{Buf, Bytes};
use fluvio::Isolation;
use fluvio_protocol::Decoder;
use fluvio_protocol::link::ErrorCode;
use fluvio_protocol::record::{Batch, RawRecords, Record};
use fluvio_spu_schema::server::stream_fetch::DefaultStreamFetchRequest;
use fluvio_spu_schema::server::update_offset::{OffsetUpdate, UpdateOffsetsRequest};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::connection::{Connection, Responses};
use super::directory::Directory;
use super::error::BrokerError;

/// The broker accepts requests of up to 32 MiB, so no batch is larger.
const MAX_BYTES: i32 = 32 << 20;
/// A response without a SmartModule is a copy from a file; longer than this is an outage.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);
const WHAT: &str = "reading records again";

/// A record as it was produced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RawRecord {
    pub(super) offset: i64,
    /// Milliseconds since the epoch.
    pub(super) timestamp: Option<i64>,
    pub(super) value: Bytes,
    pub(super) key: Option<Bytes>,
}

/// A raw read under way. It has a connection of its own: a stream cannot be closed without its connection, and each
/// one left behind would occupy the broker.
pub(super) struct RawReader {
    connection: Connection,
    responses: Responses,
    credit: Option<OffsetUpdate>,
}

impl RawReader {
    pub(super) async fn open(
        directory: &Directory,
        topic: &str,
        partition: u32,
        from: i64,
    ) -> Result<Self, BrokerError> {
        let connection = directory.connect_leader(topic, partition).await?;
        let request = DefaultStreamFetchRequest::builder()
            .topic(topic.to_owned())
            .partition(partition)
            .fetch_offset(from)
            .isolation(Isolation::ReadCommitted)
            .max_bytes(MAX_BYTES)
            .build()
            .map_err(|error| unusable(&connection, error.to_string()))?;
        let responses = connection.stream(request).await?;
        Ok(Self {
            connection,
            responses,
            credit: None,
        })
    }

    /// The next part of the log: at least one whole batch.
    pub(super) async fn next(&mut self) -> Result<Vec<Batch<RawRecords>>, BrokerError> {
        if let Some(credit) = self.credit.take() {
            let request = UpdateOffsetsRequest { offsets: vec![credit] };
            self.connection.call(WHAT, request).await?;
        }
        let response = match timeout(RESPONSE_TIMEOUT, self.responses.next()).await {
            Ok(Some(response)) => response.map_err(|error| self.connection.failed(WHAT, &error))?,
            Ok(None) => return Err(self.connection.closed(WHAT)),
            Err(_elapsed) => return Err(unusable(&self.connection, "it does not come".to_owned())),
        };
        let partition = response.partition;
        if partition.error_code != ErrorCode::None {
            return Err(BrokerError::Refused {
                what: WHAT,
                address: self.connection.address().to_owned(),
                code: partition.error_code,
            });
        }
        let mut batches = partition.records.batches;
        // The limit cuts the file anywhere; a batch that is not whole comes again with the next response.
        let whole = batches.iter().take_while(|batch| batch.validate_decoding()).count();
        batches.truncate(whole);
        let last = batches
            .last()
            .ok_or_else(|| unusable(&self.connection, "it holds no whole batch".to_owned()))?;
        self.credit = Some(OffsetUpdate {
            offset: last.get_last_offset() + 1,
            session_id: response.stream_id,
        });
        Ok(batches)
    }
}

fn unusable(connection: &Connection, reason: String) -> BrokerError {
    BrokerError::BadResponse {
        what: WHAT,
        address: connection.address().to_owned(),
        reason,
    }
}

/// The records of a batch with their own offsets: the base plus each record's own delta. Their position says nothing,
/// because logs written under deduplication have gaps.
///
/// The client's own decoder takes truncated records for the end of the batch; here that is an error, because offsets
/// that seem to be missing would be given up as absent.
pub(super) fn decode(batch: &Batch<RawRecords>) -> Result<Vec<RawRecord>, String> {
    let raw = &batch.records().0;
    let compression = batch.get_compression().map_err(|error| error.to_string())?;
    let mut content = match compression.uncompress(raw).map_err(|error| error.to_string())? {
        Some(content) => Bytes::from(content),
        None => raw.clone(),
    };
    let mut count = 0_i32;
    count.decode(&mut content, 0).map_err(|error| error.to_string())?;
    let base_timestamp = Some(batch.get_base_timestamp()).filter(|timestamp| *timestamp >= 0);
    let mut records = Vec::new();
    for _ in 0..count {
        if !content.has_remaining() {
            return Err("it has fewer records than it says".to_owned());
        }
        let mut record: Record = Record::default();
        record.decode(&mut content, 0).map_err(|error| error.to_string())?;
        records.push(RawRecord {
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
mod tests {
    use fluvio::Compression;

    use super::*;

    fn batch(base: i64, values: &[&str], compression: Compression) -> Batch<RawRecords> {
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
            let records = decode(&batch(40, &["a", "b"], compression)).unwrap();
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
    fn a_record_counts_by_its_own_delta_not_by_its_position() {
        let mut gappy: Batch = Batch::from(vec![Record::new("a"), Record::new("b")]);
        gappy.base_offset = 10;
        gappy.mut_records()[1].preamble.set_offset_delta(5);
        let records = decode(&gappy.try_into().unwrap()).unwrap();
        assert_eq!(records.iter().map(|record| record.offset).collect::<Vec<_>>(), [10, 15]);
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
                !cut.validate_decoding() || decode(&cut).is_err(),
                "cut to {length} bytes"
            );
        }
    }
}
