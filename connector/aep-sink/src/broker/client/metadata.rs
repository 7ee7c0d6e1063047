//! What the cluster holds: topics, partitions and their leaders, loaded SmartModules.
//!
//! Asked for whenever it is needed. The client's own metadata cache ends with the connection to
//! the controller and then gives stale answers.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{MutexGuard, PoisonError};

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
use tokio::sync::Mutex;

use super::connection::Connection;
use super::tls;
use crate::broker::error::BrokerError;

const CLUSTER: &str = "the Fluvio cluster";
const LIST: &str = "a metadata request";

/// Looks things up at the streaming controller.
pub(crate) struct ClusterMetadata {
    cluster: FluvioClusterConfig,
    /// Kept between look-ups, dropped when one fails.
    controller: Mutex<Option<Connection>>,
    /// Where the leaders were last. SPUs go on serving while the controller is down.
    known: std::sync::Mutex<HashMap<String, Leader>>,
}

/// The SPU that leads a partition.
#[derive(Debug, Clone)]
struct Leader {
    spu: i32,
    name: String,
    address: String,
}

impl ClusterMetadata {
    /// Connects once, so that a wrong address is known at start.
    pub(crate) async fn connect(cluster: FluvioClusterConfig) -> Result<Self, BrokerError> {
        let metadata = Self {
            cluster,
            controller: Mutex::new(None),
            known: std::sync::Mutex::default(),
        };
        let connection = Connection::open(metadata.client_config()?, CLUSTER).await?;
        connection.version::<ObjectApiListRequest>(LIST)?;
        *metadata.controller.lock().await = Some(connection);
        Ok(metadata)
    }

    fn client_config(&self) -> Result<ClientConfig, BrokerError> {
        let mut config = tls::client_config(&self.cluster)?;
        if let Some(id) = &self.cluster.client_id {
            config.set_client_id(id);
        }
        Ok(config)
    }

    /// All objects of a kind, without bulky content. System objects are listed only when asked for,
    /// and then alone.
    async fn list<S>(&self, system: bool) -> Result<Vec<Metadata<S>>, BrokerError>
    where
        S: AdminSpec + Send + Sync,
        S::Status: Encoder + Decoder + Debug,
    {
        let mut slot = self.controller.lock().await;
        // Taken out for the time of the request: after an error or a cancellation it must not be
        // used again.
        let connection = match slot.take() {
            Some(connection) => match self.list_at::<S>(&connection, system).await {
                Ok(found) => {
                    *slot = Some(connection);
                    return Ok(found);
                }
                // The controller may have been restarted since the last look-up: once more on a new
                // connection.
                Err(_stale) => Connection::open(self.client_config()?, CLUSTER).await?,
            },
            None => Connection::open(self.client_config()?, CLUSTER).await?,
        };
        let found = self.list_at::<S>(&connection, system).await?;
        *slot = Some(connection);
        Ok(found)
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
        let connection = Connection::open(self.client_config()?, CLUSTER).await?;
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

    /// Connects to the leader of a partition; while the controller cannot be asked, to the one that
    /// was it last. A leader that is none any more refuses.
    pub(crate) async fn connect_leader(
        &self,
        topic: &str,
        partition: u32,
    ) -> Result<Connection, BrokerError> {
        let replica = format!("{topic}-{partition}");
        let leader = match self.leader(&replica).await {
            Ok(leader) => {
                self.known().insert(replica, leader.clone());
                leader
            }
            Err(error @ (BrokerError::Connect { .. } | BrokerError::Request { .. })) => {
                // Taken first: the lock must not be held any longer than that.
                let known = self.known().get(&replica).cloned();
                known.ok_or(error)?
            }
            Err(error) => return Err(error),
        };
        // One TLS front may serve several SPUs; it tells them apart by the server name.
        let mut config = self.client_config()?.with_prefix_sni_domain(&leader.name);
        config.set_addr(leader.address);
        Connection::open(config, &format!("SPU {}", leader.spu)).await
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Leader>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the controller for the leader of a partition.
    async fn leader(&self, replica: &str) -> Result<Leader, BrokerError> {
        let mut found = self.find_partition(replica, false).await?;
        if found.is_none() {
            // Fluvio's own topics are listed apart.
            found = self.find_partition(replica, true).await?;
        }
        let found = found.ok_or_else(|| BrokerError::NotListed {
            replica: replica.to_owned(),
        })?;
        let spus = self.list::<SpuSpec>(false).await?;
        let spu = spus
            .into_iter()
            .find(|spu| spu.spec.id == found.spec.leader)
            .ok_or_else(|| BrokerError::NoLeader {
                replica: replica.to_owned(),
            })?;
        let config = self.client_config()?;
        let address = match &spu.spec.public_endpoint_local {
            Some(local) if config.use_spu_local_address() => {
                format!("{}:{}", local.host, local.port)
            }
            _ => spu.spec.public_endpoint.addr(),
        };
        Ok(Leader {
            spu: spu.spec.id,
            name: spu.name,
            address,
        })
    }

    async fn find_partition(
        &self,
        replica: &str,
        system: bool,
    ) -> Result<Option<Metadata<PartitionSpec>>, BrokerError> {
        let all = self.list::<PartitionSpec>(system).await?;
        Ok(all.into_iter().find(|partition| partition.name == replica))
    }
}
