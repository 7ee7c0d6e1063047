//! Writes dead letters: batches of records, each acknowledged by the broker.

use std::sync::Arc;
use std::time::Duration;

use fluvio::metadata::topic::{CompressionAlgorithm, TopicSpec};
use fluvio::{Compression, Isolation};
use fluvio_protocol::link::ErrorCode;
use fluvio_protocol::record::{Batch, RawRecords, Record, RecordData, RecordKey, RecordSet};
use fluvio_spu_schema::produce::{
    DefaultPartitionRequest, DefaultProduceRequest, DefaultTopicRequest,
};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};
use tracing::{debug, info};

use crate::clock::Clock;
use crate::config::DeadLetterTopic;
use crate::error::Retry;

use super::tail::find;
use super::topic::{PARTITION, WHAT, connect_leader, replicas, topic_spec};
use crate::backoff::ReconnectBackoff;
use crate::broker::client::{ClusterMetadata, Connection};
use crate::broker::error::BrokerError;
use crate::broker::partition_log::fetch_bounds;

/// A created topic is online in about a second; after this long something is wrong.
const ONLINE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long the broker may wait for its followers.
const ACKNOWLEDGE_TIMEOUT: Duration = Duration::from_secs(10);
/// The broker drops the connection over a request beyond 32 MiB.
const MAX_BATCH: usize = 30 << 20;

/// Writes to the dead-letter topic.
pub(crate) struct DeadLetterWriter {
    metadata: Arc<ClusterMetadata>,
    topic: String,
    compression: Compression,
    replicas: u32,
    clock: Clock,
    link: Mutex<Link>,
}

/// The way to the leader.
struct Link {
    connection: Option<Connection>,
    /// Where the log ended when it was last seen: what was written since is not before.
    end: i64,
}

/// How an attempt to write ended.
enum Produced {
    /// Stored and replicated, from this offset on.
    At(i64),
    /// Stored from this offset on, and not replicated in time.
    Unreplicated(i64),
    /// Nothing was stored.
    Refused(BrokerError),
    /// It may be stored or not.
    Unknown(BrokerError),
}

impl DeadLetterWriter {
    /// Creates the topic if it is absent and waits until it can be written to.
    pub(crate) async fn open(
        metadata: Arc<ClusterMetadata>,
        settings: &DeadLetterTopic,
        source: &TopicSpec,
    ) -> Result<Self, BrokerError> {
        let topic = settings.topic.clone();
        let spec = match metadata.topic(&topic).await? {
            Some(spec) => spec,
            None => {
                let spec = topic_spec(settings, source);
                metadata.create_topic(&topic, spec.clone()).await?;
                info!(
                    topic,
                    replicas = replicas(&spec),
                    "created the dead-letter topic"
                );
                spec
            }
        };
        let compression = match spec.get_compression_type() {
            CompressionAlgorithm::Any | CompressionAlgorithm::None => Compression::None,
            CompressionAlgorithm::Gzip => Compression::Gzip,
            CompressionAlgorithm::Snappy => Compression::Snappy,
            CompressionAlgorithm::Lz4 => Compression::Lz4,
            CompressionAlgorithm::Zstd => Compression::Zstd,
        };
        let writer = Self {
            metadata,
            topic,
            compression,
            replicas: replicas(&spec),
            clock: Clock::System,
            link: Mutex::new(Link {
                connection: None,
                end: 0,
            }),
        };
        let (connection, end) = writer.wait_until_online().await?;
        *writer.link.lock().await = Link {
            connection: Some(connection),
            end,
        };
        Ok(writer)
    }

    async fn wait_until_online(&self) -> Result<(Connection, i64), BrokerError> {
        let mut backoff = ReconnectBackoff::new();
        let deadline = Instant::now() + ONLINE_TIMEOUT;
        loop {
            let error = match self.connect().await {
                Ok(connected) => return Ok(connected),
                Err(error) => error,
            };
            if error.retry() == Retry::Never || Instant::now() >= deadline {
                return Err(error);
            }
            debug!(%error, "the dead-letter topic is not online yet");
            sleep(backoff.pause()).await;
        }
    }

    async fn connect(&self) -> Result<(Connection, i64), BrokerError> {
        connect_leader(&self.metadata, &self.topic).await
    }

    /// Writes records in one batch and returns once the broker has them, replicated: the offset of
    /// the first. The error says whether to try again; a batch that is too large for the topic is
    /// [`BrokerError::DeadLetterTooLarge`], so that a smaller one can be tried.
    ///
    /// `doubt` is kept by the caller from one attempt at the same records to the next. It is set
    /// when an attempt ended without saying whether they are stored (the broker stores first and
    /// waits for its followers then): they are looked for from there on before they are written
    /// once more.
    pub(crate) async fn write(
        &self,
        records: &[(String, Vec<u8>)],
        doubt: &mut Option<i64>,
    ) -> Result<i64, BrokerError> {
        let size = records.iter().map(|(_, value)| value.len()).sum();
        if size > MAX_BATCH {
            return Err(self.too_large(size));
        }
        let batch = self.batch(records)?;
        let mut link = self.link.lock().await;
        loop {
            if let Some(from) = *doubt {
                if let Some(first) = find(&self.metadata, &self.topic, from, records).await? {
                    *doubt = Some(first);
                    self.see_replicated(first, records.len()).await?;
                    *doubt = None;
                    return Ok(first);
                }
                *doubt = None;
            }
            // Taken out: after an error or a cancellation it must not be used again.
            let (connection, is_fresh) = match link.connection.take() {
                Some(connection) => (connection, false),
                None => {
                    let (connection, end) = self.connect().await?;
                    link.end = end;
                    (connection, true)
                }
            };
            let error = match self.produce(&connection, batch.clone(), size).await {
                Produced::At(first) => {
                    link.connection = Some(connection);
                    link.end = end(first, records.len());
                    return Ok(first);
                }
                Produced::Unreplicated(first) => {
                    *doubt = Some(first);
                    return Err(self.unreplicated());
                }
                Produced::Refused(error) if error.retry() == Retry::Never => {
                    link.connection = Some(connection);
                    return Err(error);
                }
                Produced::Refused(error) => error,
                Produced::Unknown(error) => {
                    *doubt = Some(link.end);
                    error
                }
            };
            if is_fresh {
                return Err(error);
            }
            // It may have been idle for days: once more on a new connection, with the leader looked
            // up again.
            debug!(%error, "writing dead letters on a new connection");
        }
    }

    /// Makes sure that the broker keeps what it has stored.
    async fn see_replicated(&self, first: i64, count: usize) -> Result<(), BrokerError> {
        // Without other copies there is nothing to wait for, and after a crash the high watermark
        // stays behind until something else is written.
        if self.replicas <= 1 {
            return Ok(());
        }
        let connection = self.metadata.connect_leader(&self.topic, PARTITION).await?;
        let log = fetch_bounds(&connection, WHAT, &self.topic, PARTITION).await?;
        if log.end >= end(first, count) {
            Ok(())
        } else {
            Err(self.unreplicated())
        }
    }

    fn unreplicated(&self) -> BrokerError {
        BrokerError::DeadLettersNotReplicated {
            topic: self.topic.clone(),
        }
    }

    fn too_large(&self, size: usize) -> BrokerError {
        BrokerError::DeadLetterTooLarge {
            topic: self.topic.clone(),
            size,
        }
    }

    fn batch(&self, records: &[(String, Vec<u8>)]) -> Result<Batch<RawRecords>, BrokerError> {
        let now = self.clock.now_ms();
        let mut batch: Batch = Batch::default();
        for (key, value) in records {
            let key = RecordKey::from(key.as_bytes().to_vec());
            batch.add_record(Record::new_key_value(key, RecordData::from(value.clone())));
        }
        batch.header.first_timestamp = now;
        batch.header.max_time_stamp = now;
        batch.header.set_compression(self.compression);
        Batch::<RawRecords>::try_from(batch)
            .map_err(|error| BrokerError::Task(format!("compressing dead letters: {error}")))
    }

    async fn produce(
        &self,
        connection: &Connection,
        batch: Batch<RawRecords>,
        size: usize,
    ) -> Produced {
        let partition = DefaultPartitionRequest {
            partition_index: PARTITION,
            records: RecordSet {
                batches: vec![batch],
            },
        };
        let topic = DefaultTopicRequest {
            name: self.topic.clone(),
            partitions: vec![partition],
            ..DefaultTopicRequest::default()
        };
        let request = DefaultProduceRequest {
            // A dead letter is the last copy of a record in this stream, so it has to be
            // replicated.
            isolation: Isolation::ReadCommitted,
            timeout: ACKNOWLEDGE_TIMEOUT,
            topics: vec![topic],
            ..DefaultProduceRequest::default()
        };
        let response = match connection.call(WHAT, request).await {
            Ok(response) => response,
            Err(error) => return Produced::Unknown(error),
        };
        let (code, first) = response
            .find_partition_response(&self.topic, PARTITION)
            .map_or((ErrorCode::UnknownServerError, 0), |partition| {
                (partition.error_code.clone(), partition.base_offset)
            });
        match code {
            ErrorCode::None => Produced::At(first),
            // Only the wait for the followers times out: the records are in the log.
            ErrorCode::RequestTimedOut { .. } => Produced::Unreplicated(first),
            ErrorCode::MessageTooLarge => Produced::Refused(self.too_large(size)),
            // Also the answer of a leader that was deposed while it waited.
            code @ ErrorCode::NotLeaderForPartition => {
                Produced::Unknown(connection.refused(WHAT, code))
            }
            code => Produced::Refused(connection.refused(WHAT, code)),
        }
    }
}

/// The offset after the last of `count` records.
fn end(first: i64, count: usize) -> i64 {
    first.saturating_add(i64::try_from(count).unwrap_or(i64::MAX))
}
