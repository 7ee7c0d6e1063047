//! Everything that speaks Fluvio: reading, committing, dead letters.
//!
//! Only this module uses Fluvio's internal crates. The public consumer cannot do what is needed
//! here: it commits only "the last record yielded, in all partitions", hangs on a commit while a
//! read is pending, hides stream errors and loses records of one partition when it reconnects.

mod client;
mod consumer;
mod dead_letter_topic;
mod error;
mod inspect;
mod offsets;
mod partition_log;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::config::{Config, DeadLetterTopic};
use crate::offset_tracker::OffsetTracker;
use crate::offset_tracker::SourceItem;
use crate::telemetry::Conditions;

use client::{ClusterMetadata, load_profile, smartmodule};
#[cfg(test)]
pub(crate) use consumer::FetchBudget as ReadingBudget;
use consumer::{ConsumerContext, FallbackMapper, FetchBudget, StartupOrder};
pub(crate) use consumer::{PartitionStatus, PartitionStatuses, Supervisor};
pub(crate) use dead_letter_topic::{
    DeadLetterLog, DeadLetterReader, DeadLetterWriter, StoredDeadLetter,
};
pub(crate) use error::BrokerError;
pub(crate) use inspect::{ConsumerLag, DeadLetterTopicState, Inspector, LogTail};
use offsets::{CommitHistory, WriterLease};

/// A cluster that was found to hold what the configuration names.
pub(crate) struct Broker {
    metadata: Arc<ClusterMetadata>,
    config: Config,
    retention: Duration,
}

impl Broker {
    /// Connects to the cluster of the current Fluvio profile and checks that the topic, its
    /// partitions and the SmartModule are there. What is wrong with the configuration shows here
    /// and not as silence later.
    pub(crate) async fn connect(config: &Config) -> Result<Self, BrokerError> {
        FallbackMapper::new(&config.transform)?;
        let metadata = ClusterMetadata::connect(load_profile(&config.name)?.config).await?;
        inspect::find_partitions(&metadata, config).await?;
        let topic =
            metadata
                .topic(&config.topic)
                .await?
                .ok_or_else(|| BrokerError::TopicMissing {
                    topic: config.topic.clone(),
                })?;
        smartmodule::find(&config.transform.uses, &metadata.smartmodules().await?)?;
        Ok(Self {
            metadata: Arc::new(metadata),
            config: config.clone(),
            retention: Duration::from_secs(topic.retention_secs().into()),
        })
    }

    /// How long the source topic keeps its records.
    pub(crate) fn retention(&self) -> Duration {
        self.retention
    }

    /// The reading side. SourceItems of a partition come in offset order; the channel closes when
    /// reading has ended.
    pub(crate) fn supervisor(
        &self,
        tracker: Arc<OffsetTracker>,
        items: mpsc::Sender<SourceItem>,
        statuses: Arc<PartitionStatuses>,
        conditions: Arc<Conditions>,
    ) -> Supervisor {
        let config = &self.config;
        let fetch_budget = FetchBudget::new(
            Arc::clone(&tracker),
            Arc::clone(&conditions),
            config.platform.buffer,
            config.consumer.max_bytes,
        );
        let context = ConsumerContext {
            metadata: Arc::clone(&self.metadata),
            topic: config.topic.clone(),
            consumer: config.consumer.id.clone(),
            partitions: config.consumer.partitions.clone(),
            start: config.consumer.start,
            transform: config.transform.clone(),
            on_evicted: config.platform.on_evicted,
            tracker,
            fetch_budget,
            startup_order: StartupOrder::default(),
            commit_history: CommitHistory::default(),
            writer_lease: WriterLease::default(),
            statuses,
            conditions,
        };
        Supervisor::new(context, items)
    }

    /// The writer of dead letters; creates their topic if it is absent.
    pub(crate) async fn dead_letters(&self) -> Result<DeadLetterWriter, BrokerError> {
        let settings: &DeadLetterTopic = &self.config.platform.dead_letter;
        DeadLetterWriter::open(Arc::clone(&self.metadata), settings).await
    }
}
