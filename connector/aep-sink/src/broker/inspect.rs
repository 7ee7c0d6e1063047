//! Looks at a cluster and changes nothing: what `check` asks before the connector is started.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fluvio::Isolation;
use fluvio::metadata::topic::TopicSpec;
use fluvio_protocol::link::ErrorCode;
use tokio::time::{Instant, sleep, timeout};

use crate::config::{Config, Partitions, Start};

use super::dead_letter_topic;
use crate::answer;
use crate::backoff::ReconnectBackoff;
use crate::broker::client::{
    Cluster, ClusterMetadata, Fetch, load_profile, smartmodule, stream_error,
};
use crate::broker::consumer::{FallbackMapper, StartPosition};
use crate::broker::error::BrokerError;
use crate::broker::offsets::StoredOffsets;
use crate::broker::partition_log::{
    BOUNDS, LogBounds, LogReader, LogRecord, decode_batch, fetch_bounds,
};

const READ: &str = "reading records through the SmartModule";
/// The broker loads and compiles the module when a stream is opened, which takes a loaded machine
/// seconds; so long is its first response waited for.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// A module reaches the SPUs within seconds after it was loaded.
const MODULE_TIMEOUT: Duration = Duration::from_secs(20);

/// A cluster being looked at.
pub(crate) struct Inspector {
    metadata: Arc<ClusterMetadata>,
    cluster: Cluster,
    config: Config,
}

/// Where the next start would begin to read one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConsumerLag {
    pub(crate) partition: u32,
    /// The offset stored last; none before the first commit.
    pub(crate) stored: Option<i64>,
    /// Records between there and the end of the log.
    pub(crate) behind: i64,
    /// Records that retention removed before they were read.
    pub(crate) evicted: i64,
}

/// The end of a partition's log, as it was produced.
#[derive(Debug)]
pub(crate) struct LogTail {
    pub(crate) partition: u32,
    records: Vec<LogRecord>,
}

/// What the broker's SmartModule made of records, beside what this binary makes of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// Answers that were compared.
    pub(crate) compared: usize,
    /// How many of them differ.
    pub(crate) different: usize,
}

/// How the dead-letter topic is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum DeadLetterTopicState {
    /// It is there, and its leader serves it.
    Served {
        address: String,
        /// How many copies the cluster keeps of a dead letter, and of a record of the source topic.
        replicas: u32,
        source: u32,
    },
    /// It is not there, and the controller would create it.
    Creatable,
}

impl LogTail {
    /// How many records it holds.
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }
}

impl Inspector {
    /// Reads the profile and connects to the controller.
    pub(crate) async fn connect(config: &Config) -> Result<Self, BrokerError> {
        let cluster = load_profile(&config.name)?;
        let metadata = ClusterMetadata::connect(cluster.config.clone()).await?;
        Ok(Self {
            metadata: Arc::new(metadata),
            cluster,
            config: config.clone(),
        })
    }

    /// The cluster, for a person: its profile, the profile's file and the address.
    pub(crate) fn cluster(&self) -> String {
        let Cluster {
            config,
            profile,
            path,
        } = &self.cluster;
        format!("{} (profile {profile} of {path})", config.endpoint)
    }

    /// All partitions of the topic, and among them those this instance is to read.
    pub(crate) async fn partitions(&self) -> Result<(Vec<u32>, Vec<u32>), BrokerError> {
        let all = find_partitions(&self.metadata, &self.config).await?;
        let include = |partition: &u32| self.config.consumer.partitions.include(*partition);
        let wanted = all.iter().copied().filter(include).collect();
        Ok((all, wanted))
    }

    /// The version of the package that `uses` names; none when the module was loaded without
    /// package data.
    pub(crate) async fn smartmodule(&self) -> Result<Option<String>, BrokerError> {
        smartmodule::find(
            &self.config.transform.uses,
            &self.metadata.smartmodules().await?,
        )
    }

    /// How far this consumer is in each partition.
    pub(crate) async fn lags(&self, partitions: &[u32]) -> Result<Vec<ConsumerLag>, BrokerError> {
        let consumer = &self.config.consumer;
        let offsets = StoredOffsets::new(
            Arc::clone(&self.metadata),
            self.config.topic.clone(),
            consumer.id.clone(),
        );
        let stored: HashMap<u32, i64> = offsets.read().await?;
        // `start` is about the first start of all.
        let start = if stored.is_empty() {
            consumer.start
        } else {
            Start::Beginning
        };
        let mut lags = Vec::new();
        for partition in partitions {
            let log = self.log(*partition).await?;
            let stored = stored.get(partition).copied();
            let (next, evicted) = match StartPosition::choose(log, stored, start) {
                StartPosition::At(next) => (next, 0),
                StartPosition::Evicted { wanted, available } => (available, available - wanted),
                StartPosition::BeyondEnd { wanted } => {
                    return Err(BrokerError::BeyondEnd {
                        replica: self.replica(*partition),
                        consumer: consumer.id.clone(),
                        next: wanted,
                        end: log.end,
                    });
                }
            };
            lags.push(ConsumerLag {
                partition: *partition,
                stored,
                behind: log.end - next,
                evicted,
            });
        }
        Ok(lags)
    }

    /// The last records of a partition, at most `count`.
    pub(crate) async fn tail(&self, partition: u32, count: i64) -> Result<LogTail, BrokerError> {
        let log = self.log(partition).await?;
        let from = log.start.max(log.end - count);
        let mut records = Vec::new();
        if from < log.end {
            let mut reader = LogReader::open(
                &self.metadata,
                &self.config.topic,
                partition,
                from,
                Isolation::ReadCommitted,
            )
            .await?;
            let mut next = from;
            while next < log.end {
                for batch in reader.next().await? {
                    let decoded =
                        decode_batch(&batch).map_err(|reason| BrokerError::BadResponse {
                            what: "reading records",
                            address: self.replica(partition),
                            reason: format!("batch at {}: {reason}", batch.base_offset),
                        })?;
                    let wanted = |record: &LogRecord| (from..log.end).contains(&record.offset);
                    records.extend(decoded.into_iter().filter(wanted));
                    next = next.max(batch.get_last_offset() + 1);
                }
            }
        }
        Ok(LogTail { partition, records })
    }

    /// What this binary makes of the records of a tail: the answers the SmartModule would give.
    pub(crate) fn answers(&self, tail: &LogTail) -> Result<Vec<Bytes>, BrokerError> {
        let mut mapper = FallbackMapper::new(&self.config.transform)?;
        Ok(tail
            .records
            .iter()
            .map(|record| mapper.answer(record).value)
            .collect())
    }

    /// Has the broker answer the first records of a tail, and compares that with this binary's own
    /// answers. `None`: the broker gives no answers there (they exceed `max-bytes`; the connector
    /// then maps such records itself).
    pub(crate) async fn compare(&self, tail: &LogTail) -> Result<Option<Comparison>, BrokerError> {
        let Some(first) = tail.records.first() else {
            return Ok(Some(Comparison::default()));
        };
        let theirs = self
            .answers_once_loaded(tail.partition, first.offset)
            .await?;
        let Some(theirs) = theirs else {
            return Ok(None);
        };
        let mut mapper = FallbackMapper::new(&self.config.transform)?;
        let mut comparison = Comparison::default();
        for record in &tail.records {
            if let Some(answer) = theirs.get(&record.offset) {
                comparison.compared += 1;
                if *answer != mapper.answer(record).value {
                    comparison.different += 1;
                }
            }
        }
        // A read can start in a later batch, when the answers of an earlier one were too long.
        Ok((comparison.compared > 0).then_some(comparison))
    }

    /// Asks again for a while when the SPU does not know the module: `smartmodule create` answers
    /// before the SPUs have it.
    async fn answers_once_loaded(
        &self,
        partition: u32,
        from: i64,
    ) -> Result<Option<HashMap<i64, Bytes>>, BrokerError> {
        let mut backoff = ReconnectBackoff::new();
        let deadline = Instant::now() + MODULE_TIMEOUT;
        loop {
            match self.first_answers(partition, from).await {
                Err(BrokerError::SmartModuleUnknown { .. }) if Instant::now() < deadline => {
                    sleep(backoff.pause()).await;
                }
                done => return done,
            }
        }
    }

    /// The first response of the SmartModule from an offset on, by offset.
    async fn first_answers(
        &self,
        partition: u32,
        from: i64,
    ) -> Result<Option<HashMap<i64, Bytes>>, BrokerError> {
        let connection = self
            .metadata
            .connect_leader(&self.config.topic, partition)
            .await?;
        // Without the consumer's id: nothing of this may look like the connector itself.
        let max_bytes = i32::try_from(self.config.consumer.max_bytes.get()).unwrap_or(i32::MAX);
        let fetch = Fetch {
            transform: Some(&self.config.transform),
            ..Fetch::unmapped(&self.config.topic, partition, from, max_bytes)
        };
        let mut responses = fetch.open(&connection, READ).await?;
        let Ok(response) = timeout(ANSWER_TIMEOUT, connection.next(READ, &mut responses)).await
        else {
            return Ok(None);
        };
        let response = response?.partition;
        let uses = &self.config.transform.uses;
        if response.error_code != ErrorCode::None {
            let replica = self.replica(partition);
            return Err(stream_error(
                &connection,
                READ,
                response.error_code,
                uses,
                replica,
            ));
        }
        let mut answers = HashMap::new();
        for batch in &response.records.batches {
            let records =
                decode_batch(batch).map_err(|reason| connection.unusable(READ, reason))?;
            for record in records {
                let head = answer::head(&record.value).map_err(|error| {
                    BrokerError::unusable_answer(uses, format!("{partition}:{from}"), error)
                })?;
                answers.insert(head.offset, record.value);
            }
        }
        Ok(Some(answers))
    }

    /// Whether dead letters could be written, as far as that shows without writing one.
    pub(crate) async fn dead_letters(&self) -> Result<DeadLetterTopicState, BrokerError> {
        let settings = &self.config.platform.dead_letter;
        let source = self.metadata.topic(&self.config.topic).await?;
        let source = source.unwrap_or_else(|| TopicSpec::new_computed(1, 1, None));
        let Some(found) = self.metadata.topic(&settings.topic).await? else {
            let spec: TopicSpec = dead_letter_topic::topic_spec(settings, &source);
            self.metadata
                .could_create_topic(&settings.topic, spec)
                .await?;
            return Ok(DeadLetterTopicState::Creatable);
        };
        let (connection, _end) =
            dead_letter_topic::connect_leader(&self.metadata, &settings.topic).await?;
        Ok(DeadLetterTopicState::Served {
            address: connection.address().to_owned(),
            replicas: dead_letter_topic::replicas(&found),
            source: dead_letter_topic::replicas(&source),
        })
    }

    fn replica(&self, partition: u32) -> String {
        format!("{}-{partition}", self.config.topic)
    }

    async fn log(&self, partition: u32) -> Result<LogBounds, BrokerError> {
        let topic = &self.config.topic;
        let connection = self.metadata.connect_leader(topic, partition).await?;
        fetch_bounds(&connection, BOUNDS, topic, partition).await
    }
}

/// The partitions of the topic; those the configuration names must be among them.
pub(super) async fn find_partitions(
    metadata: &ClusterMetadata,
    config: &Config,
) -> Result<Vec<u32>, BrokerError> {
    let there = metadata.partitions(&config.topic).await?;
    if there.is_empty() {
        return Err(BrokerError::TopicMissing {
            topic: config.topic.clone(),
        });
    }
    if let Partitions::Only(wanted) = &config.consumer.partitions
        && let Some(missing) = wanted.iter().find(|partition| !there.contains(partition))
    {
        return Err(BrokerError::PartitionMissing {
            topic: config.topic.clone(),
            partition: *missing,
        });
    }
    Ok(there)
}
