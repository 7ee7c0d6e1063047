//! Reading and writing single partitions on the wire crates, as a connector that owns its partition
//! streams does. The public consumer would hide what these tests are about: errors, offsets of
//! single batches, and answers that never come.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use fluvio::metadata::objects::ListRequest;
use fluvio::metadata::partition::PartitionSpec;
use fluvio::metadata::spu::SpuSpec;
use fluvio::metadata::topic::TopicSpec;
use fluvio::{FluvioAdmin, FluvioClusterConfig, Isolation};
use fluvio_protocol::link::ErrorCode;
use fluvio_protocol::record::{Batch, RawRecords, RecordSet};
use fluvio_socket::{ClientConfig, MultiplexerSocket, StreamSocket, VersionedSerialSocket};
use fluvio_spu_schema::produce::{
    DefaultPartitionRequest, DefaultProduceRequest, DefaultTopicRequest,
};
use fluvio_spu_schema::server::fetch_offset::FetchOffsetsRequest;
use fluvio_spu_schema::server::smartmodule::SmartModuleInvocation;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use super::error::{ClusterError, failed};
use super::stream::{PartitionStream, ReadRecord, StreamRequest};
use crate::mock_cluster::CONSUMER_OFFSETS;

/// How long a partition may be without a reachable leader: an SPU that restarts needs some seconds.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two attempts to find the leader.
const PAUSE: Duration = Duration::from_millis(200);
/// Reads that want everything; the SPU's own limit of a batch.
const WHOLE: i32 = 33_554_432;

/// What the controller knows of a partition.
pub(super) struct Described {
    /// Id of the SPU that leads it.
    pub(super) leader: i32,
    /// Where each follower's log ends, as far as it has told.
    pub(super) followers: Vec<i64>,
}

/// Connections to the leaders of partitions.
pub(super) struct Partitions {
    config: FluvioClusterConfig,
    leaders: Mutex<HashMap<(String, u32), Arc<VersionedSerialSocket>>>,
}

impl Partitions {
    pub(super) fn new(config: FluvioClusterConfig) -> Partitions {
        Partitions {
            config,
            leaders: Mutex::default(),
        }
    }

    /// Drops every connection: after a restart or a deleted topic they lead nowhere.
    pub(super) async fn forget(&self) {
        self.leaders.lock().await.clear();
    }

    pub(super) async fn count(&self, topic: &str) -> Result<u32, ClusterError> {
        let admin = self.admin().await?;
        let topics = admin
            .list::<TopicSpec, String>(vec![topic.to_owned()])
            .await
            .map_err(failed("listing topics"))?;
        let found = topics.into_iter().find(|found| found.name == topic);
        found
            .map(|found| found.spec.partitions())
            .ok_or_else(|| ClusterError::Missing(format!("no topic {topic}")))
    }

    /// The partition this helper keeps a key's records in.
    pub(super) async fn of_key(&self, topic: &str, key: &str) -> Result<u32, ClusterError> {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let count = u64::from(self.count(topic).await?.max(1));
        Ok(u32::try_from(hasher.finish() % count).unwrap_or_default())
    }

    /// Appends a batch and gives the offset of its first record.
    pub(super) async fn produce(
        &self,
        topic: &str,
        partition: u32,
        batch: Batch<RawRecords>,
    ) -> Result<i64, ClusterError> {
        let what = format!("producing to {topic}-{partition}");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let request = DefaultProduceRequest {
                isolation: Isolation::ReadCommitted,
                // For a follower that has just come back.
                timeout: PATIENCE,
                topics: vec![DefaultTopicRequest {
                    name: topic.to_owned(),
                    partitions: vec![DefaultPartitionRequest {
                        partition_index: partition,
                        records: RecordSet {
                            batches: vec![batch.clone()],
                        },
                    }],
                    ..DefaultTopicRequest::default()
                }],
                ..DefaultProduceRequest::default()
            };
            let leader = self.leader(topic, partition, deadline).await?;
            let reason = match leader.send_receive(request).await {
                Ok(response) => match response.find_partition_response(topic, partition) {
                    Some(answer) if answer.error_code == ErrorCode::None => {
                        return Ok(answer.base_offset);
                    }
                    Some(answer) if answer.error_code != ErrorCode::NotLeaderForPartition => {
                        return Err(failed(&what)(answer.error_code.clone()));
                    }
                    Some(_) | None => "its leader moved".to_owned(),
                },
                Err(error) => error.to_string(),
            };
            self.leaders
                .lock()
                .await
                .remove(&(topic.to_owned(), partition));
            if Instant::now() >= deadline {
                return Err(failed(&what)(reason));
            }
            sleep(PAUSE).await;
        }
    }

    /// Log start and high watermark.
    pub(super) async fn range(
        &self,
        topic: &str,
        partition: u32,
    ) -> Result<(i64, i64), ClusterError> {
        let what = format!("asking for the range of {topic}-{partition}");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let leader = self.leader(topic, partition, deadline).await?;
            let reason = match leader
                .send_receive(FetchOffsetsRequest::new(topic.to_owned(), partition))
                .await
            {
                Ok(response) => {
                    match response.find_partition(&(topic.to_owned(), partition).into()) {
                        Some(range) if range.error_code == ErrorCode::None => {
                            return Ok((range.start_offset, range.last_stable_offset));
                        }
                        Some(range) => range.error_code.to_string(),
                        None => "the answer does not mention it".to_owned(),
                    }
                }
                Err(error) => error.to_string(),
            };
            self.leaders
                .lock()
                .await
                .remove(&(topic.to_owned(), partition));
            if Instant::now() >= deadline {
                return Err(failed(&what)(reason));
            }
            sleep(PAUSE).await;
        }
    }

    /// Every record of a partition.
    pub(super) async fn read(
        &self,
        topic: &str,
        partition: u32,
    ) -> Result<Vec<ReadRecord>, ClusterError> {
        let (start, end) = self.range(topic, partition).await?;
        let mut records = Vec::new();
        if start >= end {
            return Ok(records);
        }
        let request = StreamRequest {
            start,
            max_bytes: WHOLE,
            ..StreamRequest::new(topic, partition)
        };
        let mut stream = self.stream(request).await?;
        loop {
            let what = || format!("reading {topic}-{partition}");
            let response = stream.next(PATIENCE).await?;
            let response = response.ok_or_else(|| failed(&what())("nothing came"))?;
            if response.error != ErrorCode::None {
                return Err(failed(&what())(response.error));
            }
            // The last batch may have been cut; it comes again, at the head of the next response.
            let whole = response.batches.iter().take_while(|batch| batch.whole);
            let next = whole.map(|batch| batch.last + 1).last();
            let next =
                next.ok_or_else(|| failed(&what())("a batch is larger than any response"))?;
            records.extend(response.into_records());
            if next >= end {
                return Ok(records);
            }
            stream.acknowledge(next).await?;
        }
    }

    /// Opens a partition stream on a connection of its own.
    pub(super) async fn stream(
        &self,
        request: StreamRequest,
    ) -> Result<PartitionStream, ClusterError> {
        let (topic, partition) = (request.topic.clone(), request.partition);
        let socket = self.connect(&topic, partition).await?;
        PartitionStream::open(socket, request).await
    }

    /// A partition as the controller describes it; system topics as well.
    pub(super) async fn described(
        &self,
        topic: &str,
        partition: u32,
    ) -> Result<Described, ClusterError> {
        let what = format!("asking for partition {topic}-{partition}");
        let admin = self.admin().await?;
        let system =
            ListRequest::<PartitionSpec>::new(Vec::new(), false).system(topic == CONSUMER_OFFSETS);
        let partitions = admin
            .list_with_config::<PartitionSpec, String>(system)
            .await
            .map_err(failed(&what))?;
        let name = format!("{topic}-{partition}");
        let found = partitions.into_iter().find(|found| found.name == name);
        let found = found.ok_or_else(|| failed(&what)("there is no such partition"))?;
        Ok(Described {
            leader: found.spec.leader,
            followers: found
                .status
                .replicas
                .iter()
                .map(|replica| replica.leo)
                .collect(),
        })
    }

    async fn leader(
        &self,
        topic: &str,
        partition: u32,
        deadline: Instant,
    ) -> Result<Arc<VersionedSerialSocket>, ClusterError> {
        let key = (topic.to_owned(), partition);
        if let Some(leader) = self.leaders.lock().await.get(&key)
            && !leader.is_stale()
        {
            return Ok(Arc::clone(leader));
        }
        loop {
            match self.connect(topic, partition).await {
                Ok(mut socket) => {
                    let leader = Arc::new(socket.create_serial_socket().await);
                    self.leaders.lock().await.insert(key, Arc::clone(&leader));
                    return Ok(leader);
                }
                Err(error) if Instant::now() >= deadline => return Err(error),
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    async fn connect(&self, topic: &str, partition: u32) -> Result<StreamSocket, ClusterError> {
        let what = format!("connecting to the leader of {topic}-{partition}");
        let admin = self.admin().await?;
        let name = format!("{topic}-{partition}");
        let partitions = admin.all::<PartitionSpec>().await.map_err(failed(&what))?;
        let found = partitions.into_iter().find(|found| found.name == name);
        let leader = found
            .ok_or_else(|| failed(&what)("there is no such partition"))?
            .spec
            .leader;
        let spus = admin.all::<SpuSpec>().await.map_err(failed(&what))?;
        let spu = spus.into_iter().find(|spu| spu.spec.id == leader);
        let spu = spu.ok_or_else(|| failed(&what)("the controller does not know the leader"))?;
        let config = ClientConfig::try_from(self.config.clone()).map_err(failed(&what))?;
        // Behind TLS the SPUs are told apart by name.
        let mut config = config.with_prefix_sni_domain(&spu.name);
        config.set_addr(spu.spec.public_endpoint.addr());
        let (socket, config, versions) = config.connect().await.map_err(failed(&what))?.split();
        Ok(StreamSocket::new(
            config,
            MultiplexerSocket::shared(socket),
            versions,
        ))
    }

    async fn admin(&self) -> Result<FluvioAdmin, ClusterError> {
        FluvioAdmin::connect_with_config(&self.config)
            .await
            .map_err(failed("connecting for administration"))
    }
}

/// A SmartModule of the cluster by its name, without parameters, as `transforms` calls it.
#[must_use]
pub fn smartmodule(name: &str) -> SmartModuleInvocation {
    use fluvio_spu_schema::server::smartmodule::{
        SmartModuleContextData, SmartModuleInvocationWasm, SmartModuleKind,
    };
    SmartModuleInvocation {
        wasm: SmartModuleInvocationWasm::Predefined(name.to_owned()),
        kind: SmartModuleKind::Generic(SmartModuleContextData::None),
        ..SmartModuleInvocation::default()
    }
}

/// A filter for tests of the broker: a record whose value begins with `-` is dropped, `!` is an
/// error, `*` a trap; others pass unchanged. Also good as a topic's deduplication filter.
#[must_use]
pub fn scripted_filter() -> &'static [u8] {
    include_bytes!("scripted.wat")
}
