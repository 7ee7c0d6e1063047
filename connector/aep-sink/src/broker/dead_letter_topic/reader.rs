//! The dead-letter topic, read as it was written, and what replays keep in it.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use fluvio::Isolation;

use super::tail::record_at;
use super::topic::PARTITION;
use super::writer::DeadLetterWriter;
use crate::broker::client::{ClusterMetadata, load_profile};
use crate::broker::error::BrokerError;
use crate::broker::offsets::{OffsetSession, StoredOffsets};
use crate::broker::partition_log::{BOUNDS, LogReader, decode_batch, fetch_bounds};
use crate::config::{Config, DeadLetterTopic};

/// One record of the dead-letter topic.
#[derive(Debug, Clone)]
pub(crate) struct StoredDeadLetter {
    pub(crate) offset: i64,
    /// When it was written, milliseconds since the epoch.
    pub(crate) written: Option<i64>,
    pub(crate) key: Option<Bytes>,
    pub(crate) value: Bytes,
}

/// The dead-letter topic.
pub(crate) struct DeadLetterLog {
    metadata: Arc<ClusterMetadata>,
    topic: String,
    settings: DeadLetterTopic,
}

/// A part of one partition that is being read: from an offset to the end seen at the start.
pub(crate) struct DeadLetterReader {
    log_reader: Option<LogReader>,
    next: i64,
    end: i64,
    buffered: VecDeque<StoredDeadLetter>,
}

impl DeadLetterLog {
    /// Connects to the cluster of the current Fluvio profile.
    pub(crate) async fn connect(config: &Config) -> Result<Self, BrokerError> {
        let metadata = ClusterMetadata::connect(load_profile(&config.name)?.config).await?;
        Ok(Self::new(Arc::new(metadata), &config.platform.dead_letter))
    }

    /// On a cluster that is connected to.
    pub(in crate::broker) fn new(
        metadata: Arc<ClusterMetadata>,
        settings: &DeadLetterTopic,
    ) -> Self {
        Self {
            metadata,
            topic: settings.topic.clone(),
            settings: settings.clone(),
        }
    }

    /// Its partitions; none when nothing was ever dead-lettered.
    pub(crate) async fn partitions(&self) -> Result<Vec<u32>, BrokerError> {
        self.metadata.partitions(&self.topic).await
    }

    /// What a partition holds now: its first offset, and the one after its last.
    pub(crate) async fn bounds(&self, partition: u32) -> Result<(i64, i64), BrokerError> {
        let connection = self.metadata.connect_leader(&self.topic, partition).await?;
        let log = fetch_bounds(&connection, BOUNDS, &self.topic, partition).await?;
        Ok((log.start, log.end))
    }

    /// The number stored for a consumer of the topic: of its first partition, which is there.
    pub(crate) async fn stored(&self, consumer: &str) -> Result<Option<i64>, BrokerError> {
        let offsets = StoredOffsets::new(
            Arc::clone(&self.metadata),
            self.topic.clone(),
            consumer.to_owned(),
        );
        Ok(offsets.read().await?.get(&PARTITION).copied())
    }

    /// Stores a number for a consumer.
    pub(crate) async fn store(&self, consumer: &str, number: i64) -> Result<(), BrokerError> {
        let mut session =
            OffsetSession::open(&self.metadata, &self.topic, PARTITION, &[consumer]).await?;
        session.store(0, number).await
    }

    /// The record that [`append`](Self::append) wrote at an offset; `None` when retention has
    /// removed it. Also one that is not replicated: a high watermark that is behind, as after a
    /// crash of the broker, hides nothing.
    pub(crate) async fn record(&self, offset: i64) -> Result<Option<Bytes>, BrokerError> {
        if offset < self.bounds(PARTITION).await?.0 {
            return Ok(None);
        }
        let found = record_at(&self.metadata, &self.topic, offset).await?;
        found
            .map(|record| Some(record.value))
            .ok_or_else(|| self.progress_lost(offset))
    }

    /// What is at the stored place is not what was written there.
    pub(crate) fn progress_lost(&self, offset: i64) -> BrokerError {
        BrokerError::ProgressLost {
            topic: self.topic.clone(),
            offset,
        }
    }

    /// Appends a record that is no dead letter; gives its offset.
    pub(crate) async fn append(&self, key: &str, value: Vec<u8>) -> Result<i64, BrokerError> {
        let spec = self.metadata.topic(&self.topic).await?;
        let spec = spec.ok_or_else(|| BrokerError::TopicMissing {
            topic: self.topic.clone(),
        })?;
        let metadata = Arc::clone(&self.metadata);
        let writer = DeadLetterWriter::open(metadata, &self.settings, &spec).await?;
        writer.write(&[(key.to_owned(), value)], &mut None).await
    }

    /// Reads dead letters from `next` up to, but not including, `end`.
    pub(crate) async fn read(
        &self,
        partition: u32,
        next: i64,
        end: i64,
    ) -> Result<DeadLetterReader, BrokerError> {
        let log_reader = if next < end {
            Some(
                LogReader::open(
                    &self.metadata,
                    &self.topic,
                    partition,
                    next,
                    Isolation::ReadCommitted,
                )
                .await?,
            )
        } else {
            None
        };
        Ok(DeadLetterReader {
            log_reader,
            next,
            end,
            buffered: VecDeque::new(),
        })
    }
}

impl DeadLetterReader {
    /// The next dead letter; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<StoredDeadLetter>, BrokerError> {
        loop {
            if let Some(dead_letter) = self.buffered.pop_front() {
                return Ok(Some(dead_letter));
            }
            let Some(log_reader) = self.log_reader.as_mut().filter(|_| self.next < self.end) else {
                return Ok(None);
            };
            for batch in log_reader.next().await? {
                let records = decode_batch(&batch)
                    .map_err(|reason| BrokerError::Task(format!("a batch of letters: {reason}")))?;
                let (from, end) = (self.next, self.end);
                let wanted = records
                    .into_iter()
                    .filter(|record| record.offset >= from && record.offset < end);
                self.buffered.extend(wanted.map(|record| StoredDeadLetter {
                    offset: record.offset,
                    written: record.timestamp,
                    key: record.key,
                    value: record.value,
                }));
                self.next = self.next.max(batch.get_last_offset() + 1);
            }
        }
    }
}
