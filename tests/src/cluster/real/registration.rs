//! Making SPUs known to a controller and waiting until the cluster can be used.

use std::time::Duration;

use fluvio::metadata::customspu::CustomSpuSpec;
use fluvio::metadata::objects::ListRequest;
use fluvio::metadata::partition::PartitionSpec;
use fluvio::metadata::spu::SpuSpec;
use fluvio::{FluvioAdmin, FluvioClusterConfig};
use fluvio_controlplane_metadata::spu::{Endpoint, IngressPort};
use fluvio_protocol::link::ErrorCode;
use fluvio_socket::{ClientConfig, MultiplexerSocket, VersionedSerialSocket};
use fluvio_spu_schema::server::fetch_offset::FetchOffsetsRequest;
use tokio::time::{Instant, sleep};

use crate::cluster::error::{ClusterError, failed, one_line};
use crate::mock_cluster::CONSUMER_OFFSETS;

/// A cold start takes about a second; a machine that compiles at the same time takes much longer.
const PATIENCE: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_millis(100);

/// Where an SPU is reached.
pub(crate) struct Addresses {
    pub(crate) id: i32,
    /// By clients.
    pub(crate) public: (String, u16),
    /// By the controller and other SPUs.
    pub(crate) private: (String, u16),
}

/// Connects to a controller that may still be starting.
pub(crate) async fn connect(endpoint: &str) -> Result<FluvioAdmin, ClusterError> {
    let deadline = Instant::now() + PATIENCE;
    let config = FluvioClusterConfig::new(endpoint);
    loop {
        match FluvioAdmin::connect_with_config(&config).await {
            Ok(admin) => return Ok(admin),
            Err(error) if Instant::now() >= deadline => {
                return Err(ClusterError::NotUp(format!(
                    "no controller at {endpoint}: {}",
                    one_line(&error)
                )));
            }
            Err(_) => sleep(PAUSE).await,
        }
    }
}

/// Registers an SPU.
pub(crate) async fn register(
    admin: &FluvioAdmin,
    addresses: &Addresses,
) -> Result<(), ClusterError> {
    let id = addresses.id;
    let (public, private) = (addresses.public.clone(), addresses.private.clone());
    let spec = CustomSpuSpec {
        id,
        public_endpoint: IngressPort::from_port_host(public.1, public.0),
        private_endpoint: Endpoint::from_port_host(private.1, private.0),
        rack: None,
        public_endpoint_local: None,
    };
    let registered = admin.create(format!("custom-spu-{id}"), false, spec).await;
    registered.map_err(failed(&format!("registering SPU {id}")))
}

/// Waits until so many SPUs are online and consumer offsets can be stored.
pub(crate) async fn ready(endpoint: &str, spus: usize) -> Result<(), ClusterError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        // A new connection each time: an old one does not survive the restart of the controller.
        let missing = match missing(endpoint, spus).await {
            Ok(None) => return Ok(()),
            Ok(Some(missing)) => missing,
            Err(error) => error.to_string(),
        };
        if Instant::now() >= deadline {
            return Err(ClusterError::NotUp(missing));
        }
        sleep(PAUSE).await;
    }
}

async fn missing(endpoint: &str, spus: usize) -> Result<Option<String>, ClusterError> {
    let what = "waiting for the cluster";
    let admin = connect(endpoint).await?;
    let known = admin.all::<SpuSpec>().await.map_err(failed(what))?;
    let online = known.iter().filter(|spu| spu.status.is_online()).count();
    if online < spus {
        return Ok(Some(format!("{online} of {spus} SPUs are online")));
    }
    let system = ListRequest::<PartitionSpec>::new(Vec::new(), false).system(true);
    let partitions = admin
        .list_with_config::<PartitionSpec, String>(system)
        .await
        .map_err(failed(what))?;
    let name = format!("{CONSUMER_OFFSETS}-0");
    if !partitions
        .iter()
        .any(|partition| partition.name == name && partition.status.is_online())
    {
        return Ok(Some(format!("partition {name} is not online")));
    }
    let ours = admin.all::<PartitionSpec>().await.map_err(failed(what))?;
    for partition in partitions.into_iter().chain(ours) {
        let name = partition.name;
        let leader = known
            .iter()
            .find(|spu| spu.spec.id == partition.spec.leader);
        if !partition.status.is_online() {
            return Ok(Some(format!("partition {name} is not online")));
        }
        if let (Some(leader), Some((topic, index))) = (leader, name.rsplit_once('-')) {
            let index = index.parse().map_err(failed(what))?;
            if let Err(reason) = answers(leader.spec.public_endpoint.addr(), topic, index).await {
                return Ok(Some(format!(
                    "the leader of partition {name} does not answer: {reason}"
                )));
            }
        }
    }
    Ok(None)
}

/// Asks an SPU for a partition. A controller that has just started still believes the states it
/// wrote down before it was killed, and an SPU that has just started does not know its partitions:
/// until then it answers that a consumer has stored nothing.
async fn answers(address: String, topic: &str, partition: u32) -> Result<(), String> {
    let socket = ClientConfig::with_addr(address)
        .connect()
        .await
        .map_err(|error| error.to_string())?;
    let (socket, config, versions) = socket.split();
    let socket = VersionedSerialSocket::new(MultiplexerSocket::shared(socket), config, versions);
    let response = socket
        .send_receive(FetchOffsetsRequest::new(topic.to_owned(), partition))
        .await;
    let response = response.map_err(|error| error.to_string())?;
    match response
        .find_partition(&(topic.to_owned(), partition).into())
        .map(|found| found.error_code)
    {
        Some(ErrorCode::None) => Ok(()),
        other => Err(format!("{other:?}")),
    }
}
