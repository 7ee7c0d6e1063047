//! What the cluster holds: topics, partitions and their leaders, loaded SmartModules.
//!
//! Objects are asked for whenever they are needed; the client's own metadata cache ends with the
//! connection to the controller and then gives stale answers. Leaders are remembered: nothing that
//! only needs an SPU waits for the controller.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fluvio::FluvioClusterConfig;
use fluvio::metadata::objects::{
    CommonCreateRequest, CreateRequest, ListRequest, Metadata, ObjectApiCreateRequest,
    ObjectApiListRequest,
};
use fluvio::metadata::partition::PartitionSpec;
use fluvio::metadata::smartmodule::SmartModuleSpec;
use fluvio::metadata::spu::SpuSpec;
use fluvio::metadata::topic::TopicSpec;
use fluvio_protocol::link::ErrorCode;
use fluvio_protocol::{Decoder, Encoder};
use fluvio_sc_schema::{AdminSpec, TryEncodableFrom};
use fluvio_socket::ClientConfig;
use futures_util::future::{BoxFuture, FutureExt, Shared};

use super::connection::Connection;
use super::connection_slot::ConnectionSlot;
use super::replica_map::{Replica, ReplicaMap, SpuAddress, join};
use super::tls;
use crate::broker::error::BrokerError;

const CLUSTER: &str = "the Fluvio cluster";
const LIST: &str = "a metadata request";

/// A list that is older is asked for again when somebody connects to a leader: whoever does so has
/// lost one, or begins.
const LEADERS_AGE: Duration = Duration::from_secs(1);

/// What a connection to an SPU is for. An SPU answers the requests of a connection one after the
/// other, so what may take long has one of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Purpose {
    /// Streams and short requests.
    Reading,
    /// Parts of the log as it was produced: up to 32 MiB each.
    LogParts,
    /// Stored offsets: the SPU waits for the one that keeps them.
    Offsets,
    /// Dead letters: the SPU waits until they are replicated.
    Writing,
}

type LookUp = Shared<BoxFuture<'static, Result<(), BrokerError>>>;

/// Looks things up at the streaming controller, and connects to the SPUs it names.
#[derive(Clone)]
pub(crate) struct ClusterMetadata(Arc<Inner>);

struct Inner {
    cluster: FluvioClusterConfig,
    controller: ConnectionSlot,
    replicas: ReplicaMap,
    /// The look-up of leaders that is under way.
    look_up: Mutex<Option<LookUp>>,
    /// By SPU.
    spus: Mutex<HashMap<(i32, Purpose), Arc<ConnectionSlot>>>,
}

impl ClusterMetadata {
    /// Connects once, so that a wrong address is known at start.
    pub(crate) async fn connect(cluster: FluvioClusterConfig) -> Result<Self, BrokerError> {
        let connection = Connection::open(client_config(&cluster)?, CLUSTER).await?;
        connection.version::<ObjectApiListRequest>(LIST)?;
        Ok(Self(Arc::new(Inner {
            cluster,
            controller: ConnectionSlot::holding(connection),
            replicas: ReplicaMap::default(),
            look_up: Mutex::default(),
            spus: Mutex::default(),
        })))
    }

    fn client_config(&self) -> Result<ClientConfig, BrokerError> {
        client_config(&self.0.cluster)
    }

    async fn controller(&self) -> Result<Connection, BrokerError> {
        let config = self.client_config()?;
        let address = config.addr().to_owned();
        let connect = || Connection::open(config, CLUSTER);
        self.0.controller.get(&address, connect).await
    }

    /// All objects of a kind, without bulky content. System objects are listed only when asked for,
    /// and then alone.
    async fn list<S>(&self, system: bool) -> Result<Vec<Metadata<S>>, BrokerError>
    where
        S: AdminSpec + Send + Sync,
        S::Status: Encoder + Decoder + Debug,
    {
        let connection = self.controller().await?;
        match self.list_at::<S>(&connection, system).await {
            // The controller may have been restarted since the last look-up: once more on a new
            // connection.
            Err(BrokerError::Request { .. }) if !connection.is_usable() => {
                self.list_at::<S>(&self.controller().await?, system).await
            }
            done => done,
        }
    }

    async fn list_at<S>(
        &self,
        connection: &Connection,
        system: bool,
    ) -> Result<Vec<Metadata<S>>, BrokerError>
    where
        S: AdminSpec + Send + Sync,
        S::Status: Encoder + Decoder + Debug,
    {
        let unusable = |reason: String| connection.unusable(LIST, reason);
        let version = connection.version::<ObjectApiListRequest>(LIST)?;
        let request: ListRequest<S> = ListRequest::new(Vec::new(), true).system(system);
        let request = ObjectApiListRequest::try_encode_from(request, version)
            .map_err(|error| unusable(format!("{error:#}")))?;
        let response = connection.call(LIST, request).await?;
        let list: Option<fluvio::metadata::objects::ListResponse<S>> = response
            .downcast()
            .map_err(|error| unusable(format!("{error:#}")))?;
        list.map(|list| list.inner())
            .ok_or_else(|| unusable("it lists another kind of object".to_owned()))
    }

    /// The partitions of a topic; none when there is no such topic.
    pub(crate) async fn partitions(&self, topic: &str) -> Result<Vec<u32>, BrokerError> {
        let all = self.list::<PartitionSpec>(false).await?;
        let mut found: Vec<u32> = all
            .iter()
            .filter(|partition| !partition.status.is_being_deleted)
            .filter_map(|partition| {
                partition
                    .name
                    .strip_prefix(topic)?
                    .strip_prefix('-')?
                    .parse()
                    .ok()
            })
            .collect();
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// A topic by its exact name.
    pub(crate) async fn topic(&self, name: &str) -> Result<Option<TopicSpec>, BrokerError> {
        let all = self.list::<TopicSpec>(false).await?;
        Ok(all
            .into_iter()
            .find(|topic| topic.name == name)
            .map(|topic| topic.spec))
    }

    /// The loaded SmartModules, without their code.
    pub(crate) async fn smartmodules(&self) -> Result<Vec<Metadata<SmartModuleSpec>>, BrokerError> {
        self.list::<SmartModuleSpec>(false).await
    }

    /// Creates a topic. One that is there already is fine: another instance may have been faster.
    pub(crate) async fn create_topic(
        &self,
        name: &str,
        spec: TopicSpec,
    ) -> Result<(), BrokerError> {
        self.create(name, spec, false).await
    }

    /// Asks whether a topic could be created, and creates none.
    pub(crate) async fn could_create_topic(
        &self,
        name: &str,
        spec: TopicSpec,
    ) -> Result<(), BrokerError> {
        self.create(name, spec, true).await
    }

    async fn create(&self, name: &str, spec: TopicSpec, dry_run: bool) -> Result<(), BrokerError> {
        const WHAT: &str = "creating a topic";
        let connection = self.controller().await?;
        let version = connection.version::<ObjectApiCreateRequest>(WHAT)?;
        let common = CommonCreateRequest {
            name: name.to_owned(),
            dry_run,
            ..CommonCreateRequest::default()
        };
        let request =
            ObjectApiCreateRequest::try_encode_from(CreateRequest::new(common, spec), version);
        let request = request.map_err(|error| connection.unusable(WHAT, format!("{error:#}")))?;
        let status = connection.call(WHAT, request).await?;
        match status.error_code {
            ErrorCode::None | ErrorCode::TopicAlreadyExists => Ok(()),
            code => Err(connection.refused(WHAT, code)),
        }
    }

    /// A connection for reading at the leader of a partition, which all partitions of that SPU
    /// share. A leader that is none any more refuses; the next attempt knows better.
    pub(crate) async fn connect_leader(
        &self,
        topic: &str,
        partition: u32,
    ) -> Result<Connection, BrokerError> {
        self.connect_leader_for(Purpose::Reading, topic, partition)
            .await
    }

    /// The same for another purpose.
    pub(crate) async fn connect_leader_for(
        &self,
        purpose: Purpose,
        topic: &str,
        partition: u32,
    ) -> Result<Connection, BrokerError> {
        let leader = self.leader(format!("{topic}-{partition}")).await?;
        let slot = {
            let mut spus = self.0.spus.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(spus.entry((leader.id, purpose)).or_default())
        };
        // One TLS front may serve several SPUs; it tells them apart by the server name.
        let mut config = self.client_config()?.with_prefix_sni_domain(&leader.name);
        config.set_addr(leader.address.clone());
        let who = format!("SPU {}", leader.id);
        slot.get(&leader.address, || Connection::open(config, &who))
            .await
    }

    /// The leader of a partition: the one that is known, while it is looked up again beside; only
    /// where none is known, the look-up is waited for.
    async fn leader(&self, replica: String) -> Result<SpuAddress, BrokerError> {
        if let Some(Replica {
            leader: Some(leader),
            ..
        }) = self.0.replicas.get(&replica)
        {
            if self.0.replicas.is_older_than(LEADERS_AGE) {
                // Its task goes on by itself.
                drop(self.look_up());
            }
            return Ok(leader);
        }
        // One that was under way may have begun before the partition was there.
        self.look_up().await?;
        if self.0.replicas.get(&replica).is_none() {
            self.look_up().await?;
        }
        match self.0.replicas.get(&replica) {
            None => Err(BrokerError::NotListed { replica }),
            Some(found) => found.leader.ok_or(BrokerError::NoLeader { replica }),
        }
    }

    /// The partitions of a topic as they are listed now, by number.
    pub(crate) async fn replicas(&self, topic: &str) -> Result<HashMap<u32, Replica>, BrokerError> {
        self.look_up().await?;
        let all = self.0.replicas.all();
        let of_topic = all.iter().filter_map(|(name, replica)| {
            let partition = name.strip_prefix(topic)?.strip_prefix('-')?.parse().ok()?;
            Some((partition, replica.clone()))
        });
        Ok(of_topic.collect())
    }

    /// Lists where all partitions are. One look-up at a time, in a task of its own: it goes on also
    /// when nobody waits for it, and whoever asks meanwhile joins it.
    fn look_up(&self) -> LookUp {
        let mut under_way = self
            .0
            .look_up
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(look_up) = under_way.as_ref().filter(|one| one.peek().is_none()) {
            return look_up.clone();
        }
        let metadata = self.clone();
        let task = tokio::spawn(async move { metadata.list_replicas().await });
        let look_up = task
            .map(|ended| ended.unwrap_or_else(|error| Err(BrokerError::Task(error.to_string()))))
            .boxed()
            .shared();
        *under_way = Some(look_up.clone());
        look_up
    }

    async fn list_replicas(&self) -> Result<(), BrokerError> {
        // Fluvio's own topics are listed apart.
        let (partitions, system, spus) = tokio::try_join!(
            self.list::<PartitionSpec>(false),
            self.list::<PartitionSpec>(true),
            self.list::<SpuSpec>(false),
        )?;
        let local = self.client_config()?.use_spu_local_address();
        let partitions = partitions.into_iter().chain(system).collect();
        self.0.replicas.replace(join(partitions, &spus, local));
        Ok(())
    }
}

fn client_config(cluster: &FluvioClusterConfig) -> Result<ClientConfig, BrokerError> {
    let mut config = tls::client_config(cluster)?;
    if let Some(id) = &cluster.client_id {
        config.set_client_id(id);
    }
    Ok(config)
}
