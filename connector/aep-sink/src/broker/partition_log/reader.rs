//! Reads the log as it was produced: to fill gaps in the answers, to inspect it, and to replay dead
//! letters.

use std::sync::Arc;
use std::time::Duration;

use fluvio::Isolation;
use fluvio_protocol::link::ErrorCode;
use fluvio_protocol::record::{BATCH_PREAMBLE_SIZE, Batch, RawRecords};
use fluvio_spu_schema::server::update_offset::{OffsetUpdate, UpdateOffsetsRequest};
use tokio::time::timeout;
use tracing::debug;

use crate::broker::client::{ClusterMetadata, Connection, Fetch, Responses};
use crate::broker::error::BrokerError;

/// How much is asked for at once: little enough for a slow line. A batch that is larger (the
/// broker's default allows 32 MiB) is asked for by its own size.
const MAX_BYTES: i32 = 512 << 10;
/// A response without a SmartModule is a copy from a file; longer than this is an outage, beside
/// the time it takes on the slowest line that is taken for one that works.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes per second.
const SLOWEST_LINE: u64 = 64 << 10;
const WHAT: &str = "reading records again";
const COMMITTED: Isolation = Isolation::ReadCommitted;
const UNCOMMITTED: Isolation = Isolation::ReadUncommitted;

/// A read under way. It has a connection of its own: a stream cannot be closed without its
/// connection, and each one left behind would occupy the broker.
pub(crate) struct LogReader {
    metadata: Arc<ClusterMetadata>,
    topic: String,
    partition: u32,
    isolation: Isolation,
    /// Where the next response begins.
    next: i64,
    /// The most bytes of a response.
    max_bytes: i32,
    connection: Connection,
    responses: Responses,
    credit: Option<OffsetUpdate>,
}

impl LogReader {
    pub(crate) async fn open(
        metadata: &Arc<ClusterMetadata>,
        topic: &str,
        partition: u32,
        from: i64,
    ) -> Result<Self, BrokerError> {
        Self::open_with(metadata, topic, partition, from, MAX_BYTES, COMMITTED).await
    }

    /// As [`open`](Self::open), also for records that are not replicated.
    pub(crate) async fn open_uncommitted(
        metadata: &Arc<ClusterMetadata>,
        topic: &str,
        partition: u32,
        from: i64,
    ) -> Result<Self, BrokerError> {
        Self::open_with(metadata, topic, partition, from, MAX_BYTES, UNCOMMITTED).await
    }

    async fn open_with(
        metadata: &Arc<ClusterMetadata>,
        topic: &str,
        partition: u32,
        from: i64,
        max_bytes: i32,
        isolation: Isolation,
    ) -> Result<Self, BrokerError> {
        let connection = metadata.connect_leader(topic, partition).await?;
        let fetch = Fetch {
            isolation,
            ..Fetch::unmapped(topic, partition, from, max_bytes)
        };
        let responses = fetch.open(&connection, WHAT).await?;
        Ok(Self {
            metadata: Arc::clone(metadata),
            topic: topic.to_owned(),
            partition,
            isolation,
            next: from,
            max_bytes,
            connection,
            responses,
            credit: None,
        })
    }

    /// The next part of the log: at least one whole batch.
    pub(crate) async fn next(&mut self) -> Result<Vec<Batch<RawRecords>>, BrokerError> {
        let mut batches = self.response().await?;
        if let Some(needed) = whole(&mut batches, self.max_bytes) {
            debug!(
                partition = self.partition,
                offset = self.next,
                needed,
                "asking for a batch by its own size"
            );
            *self = Self::open_with(
                &self.metadata,
                &self.topic,
                self.partition,
                self.next,
                needed,
                self.isolation,
            )
            .await?;
            batches = self.response().await?;
            whole(&mut batches, self.max_bytes);
        }
        let last = batches.last().ok_or_else(|| {
            self.connection.unusable(
                WHAT,
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
        let response = self.connection.next(WHAT, &mut self.responses);
        let response = timeout(response_timeout(self.max_bytes), response)
            .await
            .unwrap_or_else(|_elapsed| {
                Err(self
                    .connection
                    .unusable(WHAT, "it does not come".to_owned()))
            })?;
        let partition = response.partition;
        if partition.error_code != ErrorCode::None {
            return Err(self.connection.refused(WHAT, partition.error_code));
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

/// How long a response of at most `max_bytes` may take.
fn response_timeout(max_bytes: i32) -> Duration {
    RESPONSE_TIMEOUT
        + Duration::from_secs(u64::try_from(max_bytes).unwrap_or_default() / SLOWEST_LINE)
}

// === tests ===

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use fluvio::Compression;
    use fluvio_protocol::record::RecordSet;
    use fluvio_protocol::{Decoder, Encoder};

    use super::super::record::tests::batch;
    use super::*;

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
    fn batch_cut_by_the_limit_is_left_for_the_next_response() {
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
    fn first_batch_over_the_limit_says_how_much_it_needs() {
        let mut large = batch(0, &["a"], Compression::None);
        large.batch_len = 40 << 20;
        for (asked, needs) in [(MAX_BYTES, Some((40 << 20) + 12)), (64 << 20, None)] {
            let mut batches = vec![large.clone()];
            assert_eq!(whole(&mut batches, asked), needs, "{asked} were asked for");
            assert!(batches.is_empty());
        }
    }

    #[test]
    fn response_timeout_allows_a_line_of_one_megabit() {
        for bytes in [MAX_BYTES, 32 << 20] {
            let takes = Duration::from_secs(u64::try_from(bytes).unwrap() * 8 / 1_000_000);
            assert!(
                takes < response_timeout(bytes),
                "{bytes} bytes take {takes:?}"
            );
        }
    }
}
