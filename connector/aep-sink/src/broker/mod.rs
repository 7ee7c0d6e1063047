//! Everything that speaks Fluvio: reading, committing, dead letters.
//!
//! Only this module uses Fluvio's internal crates. The public consumer cannot do what is needed
//! here: it commits only "the last record yielded, in all partitions", hangs on a commit while a
//! read is pending, hides stream errors and loses records of one partition when it reconnects.

mod answer;
mod backlog;
mod backoff;
mod commit;
mod connection;
mod dead_letter;
mod directory;
mod error;
mod flow;
mod inspect;
mod intake;
mod journal;
mod letters;
mod mark;
mod native;
mod offsets;
mod partition;
mod precedence;
mod profile;
mod raw;
mod reader;
mod refusal;
mod rounds;
mod sequence;
mod session;
mod smartmodule;
mod standing;
mod start;
mod tail;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::config::{Config, DeadLetterTopic};
use crate::offset_tracker::OffsetTracker;
use crate::offset_tracker::SourceItem;
use crate::telemetry::Conditions;

pub(crate) use dead_letter::DeadLetterWriter;
pub(crate) use error::BrokerError;
pub(crate) use inspect::{Inspector, Letters, Outlook, Tail};
pub(crate) use letters::{LetterLog, LetterReader, StoredLetter};
pub(crate) use reader::Reader;
pub(crate) use standing::{PartitionStatus, PartitionStatuses};

use directory::Directory;
use flow::Flow;
use journal::Journal;
use native::NativeMapper;
use precedence::Precedence;
use reader::Shared;

/// A cluster that was found to hold what the configuration names.
pub(crate) struct Broker {
    directory: Arc<Directory>,
    config: Config,
    retention: Duration,
}

impl Broker {
    /// Connects to the cluster of the current Fluvio profile and checks that the topic, its
    /// partitions and the SmartModule are there. What is wrong with the configuration shows here
    /// and not as silence later.
    pub(crate) async fn connect(config: &Config) -> Result<Self, BrokerError> {
        NativeMapper::new(&config.transform)?;
        let directory = Directory::connect(profile::load(&config.name)?.config).await?;
        inspect::find_partitions(&directory, config).await?;
        let topic =
            directory
                .topic(&config.topic)
                .await?
                .ok_or_else(|| BrokerError::TopicMissing {
                    topic: config.topic.clone(),
                })?;
        smartmodule::find(&config.transform.uses, &directory.smartmodules().await?)?;
        Ok(Self {
            directory: Arc::new(directory),
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
    pub(crate) fn reader(
        &self,
        tracker: Arc<OffsetTracker>,
        arrivals: mpsc::Sender<SourceItem>,
        standing: Arc<PartitionStatuses>,
        conditions: Arc<Conditions>,
    ) -> Reader {
        let config = &self.config;
        let flow = Flow::new(
            Arc::clone(&tracker),
            config.platform.buffer,
            config.consumer.max_bytes,
        );
        let shared = Shared {
            directory: Arc::clone(&self.directory),
            topic: config.topic.clone(),
            consumer: config.consumer.id.clone(),
            partitions: config.consumer.partitions.clone(),
            start: config.consumer.start,
            transform: config.transform.clone(),
            on_evicted: config.platform.on_evicted,
            tracker,
            flow,
            precedence: Precedence::default(),
            journal: Journal::default(),
            mark: mark::Mark::default(),
            standing,
            conditions,
        };
        Reader::new(shared, arrivals)
    }

    /// The writer of dead letters; creates their topic if it is absent.
    pub(crate) async fn dead_letters(&self) -> Result<DeadLetterWriter, BrokerError> {
        let settings: &DeadLetterTopic = &self.config.platform.dead_letter;
        DeadLetterWriter::open(Arc::clone(&self.directory), settings).await
    }
}
