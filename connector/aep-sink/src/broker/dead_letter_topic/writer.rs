//! Writes dead letters: one record at a time, each acknowledged by the broker.

use std::sync::Arc;
use std::time::Duration;

use fluvio::metadata::topic::CompressionAlgorithm;
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

use super::topic::{PARTITION, WHAT, connect_leader, topic_spec};
use crate::backoff::ReconnectBackoff;
use crate::broker::client::{ClusterMetadata, Connection};
use crate::broker::error::BrokerError;

/// A created topic is online in about a second; after this long something is wrong.
const ONLINE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long the broker may wait for its followers.
const ACKNOWLEDGE_TIMEOUT: Duration = Duration::from_secs(10);
/// The broker drops the connection over a request beyond 32 MiB.
const MAX_DEAD_LETTER: usize = 30 << 20;

/// Writes to the dead-letter topic.
pub(crate) struct DeadLetterWriter {
    metadata: Arc<ClusterMetadata>,
    topic: String,
    compression: Compression,
    clock: Clock,
    connection: Mutex<Option<Connection>>,
}

impl DeadLetterWriter {
    /// Creates the topic if it is absent and waits until it can be written to.
    pub(crate) async fn open(
        metadata: Arc<ClusterMetadata>,
        settings: &DeadLetterTopic,
    ) -> Result<Self, BrokerError> {
        let topic = settings.topic.clone();
        let spec = match metadata.topic(&topic).await? {
            Some(spec) => spec,
            None => {
                let spec = topic_spec(settings);
                metadata.create_topic(&topic, spec.clone()).await?;
                info!(topic, "created the dead-letter topic");
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
            clock: Clock::System,
            connection: Mutex::new(None),
        };
        let connection = writer.wait_until_online().await?;
        *writer.connection.lock().await = Some(connection);
        Ok(writer)
    }

    async fn wait_until_online(&self) -> Result<Connection, BrokerError> {
        let mut backoff = ReconnectBackoff::new();
        let deadline = Instant::now() + ONLINE_TIMEOUT;
        loop {
            let error = match self.connect().await {
                Ok(connection) => return Ok(connection),
                Err(error) => error,
            };
            if error.retry() == Retry::Never || Instant::now() >= deadline {
                return Err(error);
            }
            debug!(%error, "the dead-letter topic is not online yet");
            sleep(backoff.pause()).await;
        }
    }

    async fn connect(&self) -> Result<Connection, BrokerError> {
        connect_leader(&self.metadata, &self.topic).await
    }

    /// Writes a dead letter and returns once the broker has it, replicated. The error says whether
    /// to try again; one that is too large for the topic is [`BrokerError::DeadLetterTooLarge`], so
    /// that a smaller one can be tried.
    ///
    /// An error that passes may leave the dead letter written: it is then written twice.
    pub(crate) async fn write(
        &self,
        key: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> Result<(), BrokerError> {
        let size = value.len();
        if size > MAX_DEAD_LETTER {
            return Err(self.too_large(size));
        }
        let key = key.map_or(RecordKey::NULL, RecordKey::from);
        let batch = self.batch(Record::new_key_value(key, RecordData::from(value)))?;
        let mut slot = self.connection.lock().await;
        // Taken out: after an error or a cancellation it must not be used again.
        if let Some(connection) = slot.take() {
            match self.produce(&connection, batch.clone(), size).await {
                Err(error) if error.retry() != Retry::Never => {
                    // It may have been idle for days: once more on a new connection, with the
                    // leader looked up again.
                    debug!(%error, "writing a dead letter on a new connection");
                }
                done => {
                    *slot = Some(connection);
                    return done;
                }
            }
        }
        let connection = self.connect().await?;
        let done = self.produce(&connection, batch, size).await;
        if done.is_ok() {
            *slot = Some(connection);
        }
        done
    }

    fn too_large(&self, size: usize) -> BrokerError {
        BrokerError::DeadLetterTooLarge {
            topic: self.topic.clone(),
            size,
        }
    }

    fn batch(&self, record: Record) -> Result<Batch<RawRecords>, BrokerError> {
        let now = self.clock.now_ms();
        let mut batch: Batch = Batch::default();
        batch.add_record(record);
        batch.header.first_timestamp = now;
        batch.header.max_time_stamp = now;
        batch.header.set_compression(self.compression);
        Batch::<RawRecords>::try_from(batch)
            .map_err(|error| BrokerError::Task(format!("compressing a letter: {error}")))
    }

    async fn produce(
        &self,
        connection: &Connection,
        batch: Batch<RawRecords>,
        size: usize,
    ) -> Result<(), BrokerError> {
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
        let response = connection.call(WHAT, request).await?;
        let code = response
            .find_partition_response(&self.topic, PARTITION)
            .map_or(ErrorCode::UnknownServerError, |partition| {
                partition.error_code.clone()
            });
        match code {
            ErrorCode::None => Ok(()),
            ErrorCode::MessageTooLarge => Err(self.too_large(size)),
            code => Err(connection.refused(WHAT, code)),
        }
    }
}
