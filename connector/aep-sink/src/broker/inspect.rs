//! Looks at a cluster and changes nothing: what `check` asks before the connector is started.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fluvio::Isolation;
use fluvio::metadata::topic::TopicSpec;
use fluvio_protocol::link::ErrorCode;
use fluvio_spu_schema::server::fetch_offset::FetchOffsetsRequest;
use fluvio_spu_schema::server::stream_fetch::DefaultStreamFetchRequest;
use futures_util::StreamExt;
use tokio::time::{Instant, sleep, timeout};

use crate::config::{Config, Partitions};

use super::answer::{AnswerError, KNOWN_VERSION, offset_of};
use super::backoff::Backoff;
use super::connection::Connection;
use super::dead_letter;
use super::directory::Directory;
use super::error::BrokerError;
use super::native::NativeMapper;
use super::offsets::StoredOffsets;
use super::profile::{self, Cluster};
use super::raw::{self, RawReader, RawRecord};
use super::refusal::Refusal;
use super::smartmodule;
use super::start::{Beginning, Log};

const READ: &str = "reading records through the SmartModule";
/// The broker loads and compiles the module when a stream is opened, which takes a loaded machine
/// seconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// A module reaches the SPUs within seconds after it was loaded.
const MODULE_TIMEOUT: Duration = Duration::from_secs(20);

/// A cluster being looked at.
pub(crate) struct Inspector {
    directory: Arc<Directory>,
    cluster: Cluster,
    config: Config,
}

/// Where the next start would begin to read one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outlook {
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
pub(crate) struct Tail {
    pub(crate) partition: u32,
    records: Vec<RawRecord>,
}

/// What the broker's SmartModule made of records, beside what this binary makes of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// Answers that were compared.
    pub(crate) compared: usize,
    /// How many of them differ.
    pub(crate) different: usize,
}

/// What is known of the dead-letter topic.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Letters {
    /// It is there, and its leader serves it.
    Served { address: String },
    /// It is not there, and the controller would create it.
    Creatable,
}

impl Tail {
    /// How many records it holds.
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }
}

impl Inspector {
    /// Reads the profile and connects to the controller.
    pub(crate) async fn connect(config: &Config) -> Result<Self, BrokerError> {
        let cluster = profile::load(&config.name)?;
        let directory = Directory::connect(cluster.config.clone()).await?;
        Ok(Self {
            directory: Arc::new(directory),
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
        let all = find_partitions(&self.directory, &self.config).await?;
        let wanted = match &self.config.consumer.partitions {
            Partitions::All => all.clone(),
            Partitions::Only(wanted) => wanted.clone(),
        };
        Ok((all, wanted))
    }

    /// The version of the package that `uses` names; none when the module was loaded without
    /// package data.
    pub(crate) async fn smartmodule(&self) -> Result<Option<String>, BrokerError> {
        smartmodule::find(
            &self.config.transform.uses,
            &self.directory.smartmodules().await?,
        )
    }

    /// How far this consumer is in each partition.
    pub(crate) async fn outlooks(&self, partitions: &[u32]) -> Result<Vec<Outlook>, BrokerError> {
        let consumer = &self.config.consumer;
        let offsets = StoredOffsets::new(
            Arc::clone(&self.directory),
            self.config.topic.clone(),
            consumer.id.clone(),
        );
        let stored: HashMap<u32, i64> = offsets.read().await?;
        let mut outlooks = Vec::new();
        for partition in partitions {
            let log = self.log(*partition).await?;
            let stored = stored.get(partition).copied();
            let (next, evicted) = match log.beginning(stored, consumer.start) {
                Beginning::At(next) => (next, 0),
                Beginning::Evicted { wanted, available } => (available, available - wanted),
                Beginning::BeyondEnd { wanted } => {
                    return Err(BrokerError::BeyondEnd {
                        replica: self.replica(*partition),
                        consumer: consumer.id.clone(),
                        next: wanted,
                        end: log.end,
                    });
                }
            };
            outlooks.push(Outlook {
                partition: *partition,
                stored,
                behind: log.end - next,
                evicted,
            });
        }
        Ok(outlooks)
    }

    /// The last records of a partition, at most `count`.
    pub(crate) async fn tail(&self, partition: u32, count: i64) -> Result<Tail, BrokerError> {
        let log = self.log(partition).await?;
        let from = log.start.max(log.end - count);
        let mut records = Vec::new();
        if from < log.end {
            let mut raw =
                RawReader::open(&self.directory, &self.config.topic, partition, from).await?;
            let mut next = from;
            while next < log.end {
                for batch in raw.next().await? {
                    let decoded =
                        raw::decode(&batch).map_err(|reason| BrokerError::BadResponse {
                            what: "reading records",
                            address: self.replica(partition),
                            reason: format!("batch at {}: {reason}", batch.base_offset),
                        })?;
                    let wanted = |record: &RawRecord| (from..log.end).contains(&record.offset);
                    records.extend(decoded.into_iter().filter(wanted));
                    next = next.max(batch.get_last_offset() + 1);
                }
            }
        }
        Ok(Tail { partition, records })
    }

    /// What this binary makes of the records of a tail: the answers the SmartModule would give.
    pub(crate) fn answers(&self, tail: &Tail) -> Result<Vec<Bytes>, BrokerError> {
        let mut mapper = NativeMapper::new(&self.config.transform)?;
        Ok(tail
            .records
            .iter()
            .map(|record| mapper.answer(record).value)
            .collect())
    }

    /// Has the broker answer the first records of a tail, and compares that with this binary's own
    /// answers. `None`: the broker gives no answers there (they exceed `max-bytes`; the connector
    /// then maps such records itself).
    pub(crate) async fn compare(&self, tail: &Tail) -> Result<Option<Comparison>, BrokerError> {
        let Some(first) = tail.records.first() else {
            return Ok(Some(Comparison::default()));
        };
        let theirs = self.patient_answers(tail.partition, first.offset).await?;
        let Some(theirs) = theirs else {
            return Ok(None);
        };
        let mut mapper = NativeMapper::new(&self.config.transform)?;
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
    async fn patient_answers(
        &self,
        partition: u32,
        from: i64,
    ) -> Result<Option<HashMap<i64, Bytes>>, BrokerError> {
        let mut backoff = Backoff::new(fastrand::Rng::new());
        let deadline = Instant::now() + MODULE_TIMEOUT;
        loop {
            match self.broker_answers(partition, from).await {
                Err(BrokerError::SmartModuleUnknown { .. }) if Instant::now() < deadline => {
                    sleep(backoff.pause()).await;
                }
                done => return done,
            }
        }
    }

    /// The first response of the SmartModule from an offset on, by offset.
    async fn broker_answers(
        &self,
        partition: u32,
        from: i64,
    ) -> Result<Option<HashMap<i64, Bytes>>, BrokerError> {
        let connection = self
            .directory
            .connect_leader(&self.config.topic, partition)
            .await?;
        let bad = |reason: String| BrokerError::BadResponse {
            what: READ,
            address: connection.address().to_owned(),
            reason,
        };
        // Without the consumer's id: nothing of this may look like the connector itself.
        let request = DefaultStreamFetchRequest::builder()
            .topic(self.config.topic.clone())
            .partition(partition)
            .fetch_offset(from)
            .isolation(Isolation::ReadCommitted)
            .max_bytes(i32::try_from(self.config.consumer.max_bytes.get()).unwrap_or(i32::MAX))
            .smartmodules(vec![smartmodule::invocation(&self.config.transform)])
            .build()
            .map_err(|error| bad(error.to_string()))?;
        let mut responses = connection.stream(request).await?;
        let response = match timeout(ANSWER_TIMEOUT, responses.next()).await {
            Ok(Some(response)) => response.map_err(|error| connection.failed(READ, &error))?,
            Ok(None) => return Err(connection.closed(READ)),
            Err(_elapsed) => return Ok(None),
        };
        if response.partition.error_code != ErrorCode::None {
            return Err(self.refused(&connection, partition, response.partition.error_code));
        }
        let mut answers = HashMap::new();
        for batch in &response.partition.records.batches {
            for record in raw::decode(batch).map_err(bad)? {
                answers.insert(
                    self.offset_of(partition, from, &record.value)?,
                    record.value,
                );
            }
        }
        Ok(Some(answers))
    }

    fn offset_of(&self, partition: u32, from: i64, answer: &[u8]) -> Result<i64, BrokerError> {
        let uses = self.config.transform.uses.clone();
        offset_of(answer).map_err(|error| match error {
            AnswerError::Foreign(reason) => BrokerError::NotAnAnswer {
                uses,
                place: format!("{partition}:{from}"),
                reason,
            },
            AnswerError::Version(found) => BrokerError::AnswerVersion {
                uses,
                found,
                known: KNOWN_VERSION,
            },
        })
    }

    fn refused(&self, connection: &Connection, partition: u32, code: ErrorCode) -> BrokerError {
        let uses = self.config.transform.uses.clone();
        match Refusal::of(&code) {
            Refusal::ModuleUnknown => BrokerError::SmartModuleUnknown { uses },
            Refusal::ModuleRejected { reason } => BrokerError::SmartModuleRejected { uses, reason },
            Refusal::ModuleFailed { reason } => BrokerError::SmartModuleFailed {
                uses,
                place: self.replica(partition),
                reason,
            },
            Refusal::Evicted { .. } | Refusal::TopicGone | Refusal::Passing => {
                BrokerError::Refused {
                    what: READ,
                    address: connection.address().to_owned(),
                    code,
                }
            }
        }
    }

    /// Whether dead letters could be written, as far as that shows without writing one.
    pub(crate) async fn dead_letters(&self) -> Result<Letters, BrokerError> {
        let settings = &self.config.platform.dead_letter;
        if self.directory.topic(&settings.topic).await?.is_none() {
            let spec: TopicSpec = dead_letter::specification(settings);
            self.directory
                .could_create_topic(&settings.topic, spec)
                .await?;
            return Ok(Letters::Creatable);
        }
        let connection = dead_letter::connect(&self.directory, &settings.topic).await?;
        Ok(Letters::Served {
            address: connection.address().to_owned(),
        })
    }

    fn replica(&self, partition: u32) -> String {
        format!("{}-{partition}", self.config.topic)
    }

    async fn log(&self, partition: u32) -> Result<Log, BrokerError> {
        const WHAT: &str = "reading the bounds of the log";
        let topic = &self.config.topic;
        let connection = self.directory.connect_leader(topic, partition).await?;
        let response = connection
            .call(WHAT, FetchOffsetsRequest::new(topic.clone(), partition))
            .await?;
        let code = match response.find_partition(&(topic.clone(), partition).into()) {
            Some(found) if found.error_code == ErrorCode::None => {
                return Ok(Log {
                    start: found.start_offset,
                    end: found.last_stable_offset,
                });
            }
            Some(found) => found.error_code,
            None => ErrorCode::NotLeaderForPartition,
        };
        Err(BrokerError::Refused {
            what: WHAT,
            address: connection.address().to_owned(),
            code,
        })
    }
}

/// The partitions of the topic; those the configuration names must be among them.
pub(super) async fn find_partitions(
    directory: &Directory,
    config: &Config,
) -> Result<Vec<u32>, BrokerError> {
    let there = directory.partitions(&config.topic).await?;
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
