//! Reads a range of the log as it was produced, without the SmartModule, to fill a hole.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use fluvio::Isolation;
use fluvio_protocol::Decoder;
use fluvio_protocol::link::ErrorCode;
use fluvio_protocol::record::{BATCH_PREAMBLE_SIZE, Batch, RawRecords, Record};
use fluvio_spu_schema::server::stream_fetch::DefaultStreamFetchRequest;
use fluvio_spu_schema::server::update_offset::{OffsetUpdate, UpdateOffsetsRequest};
use futures_util::StreamExt;
use tokio::time::timeout;
use tracing::debug;

use super::connection::{Connection, Responses};
use super::directory::Directory;
use super::error::BrokerError;

/// How much is asked for at once: little enough for a slow line. A batch that is larger (the
/// broker's default allows 32 MiB) is asked for by its own size.
const MAX_BYTES: i32 = 512 << 10;
/// A response without a SmartModule is a copy from a file; longer than this is an outage, beside
/// the time it takes on the slowest line that is taken for one that works.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes per second.
const SLOWEST: u64 = 64 << 10;
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

/// A raw read under way. It has a connection of its own: a stream cannot be closed without its
/// connection, and each one left behind would occupy the broker.
pub(super) struct RawReader {
    directory: Arc<Directory>,
    topic: String,
    partition: u32,
    /// Where the next response begins.
    next: i64,
    /// The most bytes of a response.
    max_bytes: i32,
    connection: Connection,
    responses: Responses,
    credit: Option<OffsetUpdate>,
}

impl RawReader {
    pub(super) async fn open(
        directory: &Arc<Directory>,
        topic: &str,
        partition: u32,
        from: i64,
    ) -> Result<Self, BrokerError> {
        Self::open_with(directory, topic, partition, from, MAX_BYTES).await
    }

    async fn open_with(
        directory: &Arc<Directory>,
        topic: &str,
        partition: u32,
        from: i64,
        max_bytes: i32,
    ) -> Result<Self, BrokerError> {
        let connection = directory.connect_leader(topic, partition).await?;
        let request = DefaultStreamFetchRequest::builder()
            .topic(topic.to_owned())
            .partition(partition)
            .fetch_offset(from)
            .isolation(Isolation::ReadCommitted)
            .max_bytes(max_bytes)
            .build()
            .map_err(|error| unusable(&connection, error.to_string()))?;
        let responses = connection.stream(request).await?;
        Ok(Self {
            directory: Arc::clone(directory),
            topic: topic.to_owned(),
            partition,
            next: from,
            max_bytes,
            connection,
            responses,
            credit: None,
        })
    }

    /// The next part of the log: at least one whole batch.
    pub(super) async fn next(&mut self) -> Result<Vec<Batch<RawRecords>>, BrokerError> {
        let mut batches = self.response().await?;
        if let Some(needed) = whole(&mut batches, self.max_bytes) {
            debug!(
                partition = self.partition,
                offset = self.next,
                needed,
                "asking for a batch by its own size"
            );
            *self = Self::open_with(
                &self.directory,
                &self.topic,
                self.partition,
                self.next,
                needed,
            )
            .await?;
            batches = self.response().await?;
            whole(&mut batches, self.max_bytes);
        }
        let last = batches.last().ok_or_else(|| {
            unusable(
                &self.connection,
                format!("it holds no whole batch at offset {}", self.next),
            )
        })?;
        self.next = last.get_last_offset() + 1;
        if let Some(credit) = &mut self.credit {
            credit.offset = self.next;
        }
        Ok(batches)
    }

    /// The batches of the next response; the last one may be cut.
    async fn response(&mut self) -> Result<Vec<Batch<RawRecords>>, BrokerError> {
        if let Some(credit) = self.credit.take() {
            let request = UpdateOffsetsRequest {
                offsets: vec![credit],
            };
            self.connection.call(WHAT, request).await?;
        }
        let response = match timeout(patience(self.max_bytes), self.responses.next()).await {
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
        self.credit = Some(OffsetUpdate {
            offset: self.next,
            session_id: response.stream_id,
        });
        Ok(partition.records.batches)
    }
}

/// Leaves only whole batches: the limit cuts the file anywhere, and the client decodes a cut batch
/// without an error. A batch that is left out comes again with the next response. When not even the
/// first one is whole, gives the bytes it needs, if its head says that these are more than were
/// asked for.
fn whole(batches: &mut Vec<Batch<RawRecords>>, asked: i32) -> Option<i32> {
    let whole = batches
        .iter()
        .take_while(|batch| batch.validate_decoding())
        .count();
    let cut = batches.first().filter(|_| whole == 0).map(Batch::batch_len);
    batches.truncate(whole);
    let preamble = i32::try_from(BATCH_PREAMBLE_SIZE).ok()?;
    cut?.checked_add(preamble).filter(|needed| *needed > asked)
}

/// How long a response of at most so many bytes may take.
fn patience(max_bytes: i32) -> Duration {
    RESPONSE_TIMEOUT + Duration::from_secs(u64::try_from(max_bytes).unwrap_or_default() / SLOWEST)
}

fn unusable(connection: &Connection, reason: String) -> BrokerError {
    BrokerError::BadResponse {
        what: WHAT,
        address: connection.address().to_owned(),
        reason,
    }
}

/// The records of a batch with their own offsets: the base plus each record's own delta. Their
/// position says nothing, because logs written under deduplication have gaps.
///
/// The client's own decoder takes truncated records for the end of the batch; here that is an
/// error, because offsets that seem to be missing would be given up as absent.
pub(super) fn decode(batch: &Batch<RawRecords>) -> Result<Vec<RawRecord>, String> {
    let raw = &batch.records().0;
    let compression = batch.get_compression().map_err(|error| error.to_string())?;
    let mut content = match compression
        .uncompress(raw)
        .map_err(|error| error.to_string())?
    {
        Some(content) => Bytes::from(content),
        None => raw.clone(),
    };
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
    use fluvio_protocol::Encoder;
    use fluvio_protocol::record::RecordSet;

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

    /// Batches as they come out of a response that ends after `length` bytes.
    fn received(batches: &[Batch<RawRecords>], length: usize) -> Vec<Batch<RawRecords>> {
        let mut file = Vec::new();
        for batch in batches {
            batch.encode(&mut file, 0).unwrap();
        }
        file.truncate(length);
        let mut response = Vec::new();
        i32::try_from(file.len())
            .unwrap()
            .encode(&mut response, 0)
            .unwrap();
        response.extend(file);
        let mut set: RecordSet<RawRecords> = RecordSet::default();
        set.decode(&mut Bytes::from(response), 0).unwrap();
        set.batches
    }

    #[test]
    fn a_batch_cut_by_the_limit_is_left_for_the_next_response() {
        let both = [
            batch(0, &["a", "b"], Compression::None),
            batch(2, &["c"], Compression::None),
        ];
        let (first, all) = (
            both[0].write_size(0),
            both[0].write_size(0) + both[1].write_size(0),
        );
        for length in first..=all {
            let mut batches = received(&both, length);
            assert_eq!(whole(&mut batches, MAX_BYTES), None);
            let offsets: Vec<_> = batches.iter().map(Batch::get_last_offset).collect();
            let expected: &[i64] = if length == all { &[1, 2] } else { &[1] };
            assert_eq!(offsets, expected, "cut to {length} of {all} bytes");
        }
    }

    #[test]
    fn a_first_batch_over_the_limit_says_how_much_it_needs() {
        let mut large = batch(0, &["a"], Compression::None);
        large.batch_len = 40 << 20;
        for (asked, needs) in [(MAX_BYTES, Some((40 << 20) + 12)), (64 << 20, None)] {
            let mut batches = vec![large.clone()];
            assert_eq!(whole(&mut batches, asked), needs, "{asked} were asked for");
            assert!(batches.is_empty());
        }
    }

    #[test]
    fn a_line_of_one_megabit_per_second_brings_any_response_in_time() {
        for bytes in [MAX_BYTES, 32 << 20] {
            let takes = Duration::from_secs(u64::try_from(bytes).unwrap() * 8 / 1_000_000);
            assert!(takes < patience(bytes), "{bytes} bytes take {takes:?}");
        }
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
