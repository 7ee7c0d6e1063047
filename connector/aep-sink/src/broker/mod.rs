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

use fluvio::Isolation;
use fluvio::metadata::topic::TopicSpec;
use tokio::sync::mpsc;

use crate::config::{self, Config, DeadLetterTopic};
use crate::offset_tracker::SourceItem;
use crate::offset_tracker::{OffsetTracker, Revoker};
use crate::telemetry::Conditions;

use client::{ClusterMetadata, load_profile, smartmodule};
#[cfg(test)]
pub(crate) use consumer::FetchBudget as ReadingBudget;
use consumer::{ConsumerContext, FallbackMapper, FetchBudget, StartupOrder};
pub(crate) use consumer::{Ownership, PartitionStatus, PartitionStatuses, Supervisor};
pub(crate) use dead_letter_topic::{
    DeadLetterLog, DeadLetterReader, DeadLetterWriter, StoredDeadLetter,
};
pub(crate) use error::BrokerError;
pub(crate) use inspect::{ANSWER_TIMEOUT, ConsumerLag, DeadLetterTopicState, Inspector, LogTail};
use offsets::HeldUntil;
pub(crate) use offsets::{Leases, Mark};

/// A cluster that was found to hold what the configuration names.
pub(crate) struct Broker {
    metadata: Arc<ClusterMetadata>,
    config: Config,
    /// The source topic.
    topic: TopicSpec,
    isolation: Isolation,
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
            isolation: isolation(&topic, config),
            topic,
        })
    }

    /// How long the source topic keeps its records.
    pub(crate) fn retention(&self) -> Duration {
        Duration::from_secs(self.topic.retention_secs().into())
    }

    /// The reading side. SourceItems of a partition come in offset order; the channel closes when
    /// reading has ended.
    pub(crate) fn supervisor(
        &self,
        tracker: Arc<OffsetTracker>,
        items: mpsc::Sender<SourceItem>,
        statuses: Arc<PartitionStatuses>,
        conditions: Arc<Conditions>,
        revoker: Revoker,
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
            skip_offsets: config.platform.skip_offsets.clone(),
            isolation: self.isolation,
            tracker,
            fetch_budget,
            startup_order: StartupOrder::default(),
            lease: config.platform.lease,
            held: HeldUntil::default(),
            revoker,
            statuses,
            conditions,
        };
        Supervisor::new(context, items)
    }

    /// A writer to a topic beside the source, which is created if it is absent.
    pub(crate) async fn writer(
        &self,
        settings: &DeadLetterTopic,
    ) -> Result<DeadLetterWriter, BrokerError> {
        DeadLetterWriter::open(Arc::clone(&self.metadata), settings, &self.topic).await
    }

    /// A topic, to be read as it was written.
    pub(crate) fn log(&self, settings: &DeadLetterTopic) -> DeadLetterLog {
        DeadLetterLog::new(Arc::clone(&self.metadata), settings)
    }

    /// The writer of dead letters; creates their topic if it is absent.
    pub(crate) async fn dead_letters(&self) -> Result<DeadLetterWriter, BrokerError> {
        self.writer(&self.config.platform.dead_letter).await
    }
}

/// What of the log is read. With one replica there is nothing to wait for: the log of the leader is
/// the log. Its high watermark says no more; after a crash it is behind until the next write.
fn isolation(topic: &TopicSpec, config: &Config) -> Isolation {
    let replicas = topic.replicas().replication_factor();
    match config.consumer.isolation {
        config::Isolation::Uncommitted => Isolation::ReadUncommitted,
        config::Isolation::Committed if replicas == Some(1) => Isolation::ReadUncommitted,
        config::Isolation::Committed => Isolation::ReadCommitted,
    }
}
