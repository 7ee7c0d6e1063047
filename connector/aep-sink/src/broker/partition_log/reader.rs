//! Reads the log as it was produced: to fill gaps in the answers, to inspect it, and to replay dead
//! letters.

use fluvio::Isolation;
use fluvio_protocol::record::{BATCH_PREAMBLE_SIZE, Batch, RawRecords};
use tracing::debug;

use crate::broker::client::{ClusterMetadata, Connection, Fetch, LogPart, Purpose};
use crate::broker::error::BrokerError;

/// How much is asked for at once: little enough for a slow line. A batch that is larger (the
/// broker's default allows 32 MiB) is asked for by its own size.
const MAX_BYTES: i32 = 512 << 10;
const WHAT: &str = "reading records again";

/// A read under way.
pub(crate) struct LogReader {
    connection: Connection,
    topic: String,
    partition: u32,
    isolation: Isolation,
    /// Where the next part begins.
    next: i64,
}

impl LogReader {
    pub(crate) async fn open(
        metadata: &ClusterMetadata,
        topic: &str,
        partition: u32,
        from: i64,
        isolation: Isolation,
    ) -> Result<Self, BrokerError> {
        let connection = metadata
            .connect_leader_for(Purpose::LogParts, topic, partition)
            .await?;
        Ok(Self {
            connection,
            topic: topic.to_owned(),
            partition,
            isolation,
            next: from,
        })
    }

    /// The next part of the log: at least one whole batch.
    pub(crate) async fn next(&mut self) -> Result<Vec<Batch<RawRecords>>, BrokerError> {
        let mut batches = self.part(MAX_BYTES).await?;
        if let Some(needed) = whole(&mut batches, MAX_BYTES) {
            debug!(
                partition = self.partition,
                offset = self.next,
                needed,
                "asking for a batch by its own size"
            );
            batches = self.part(needed).await?;
            whole(&mut batches, needed);
        }
        let last = batches.last().ok_or_else(|| {
            self.connection.unusable(
                WHAT,
                format!("it holds no whole batch at offset {}", self.next),
            )
        })?;
        self.next = last.get_last_offset() + 1;
        Ok(batches)
    }

    /// The batches of the next part; the last one may be cut.
    async fn part(&self, max_bytes: i32) -> Result<Vec<Batch<RawRecords>>, BrokerError> {
        let fetch = Fetch {
            isolation: self.isolation,
            ..Fetch::unmapped(&self.topic, self.partition, self.next, max_bytes)
        };
        match fetch.once(&self.connection, WHAT).await? {
            LogPart::Batches(batches) => Ok(batches),
            LogPart::Refused(code) => Err(self.connection.refused(WHAT, code)),
        }
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
}
