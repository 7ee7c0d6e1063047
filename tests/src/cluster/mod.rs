//! A Fluvio cluster for a test, whichever it is: the mock, processes of a real `fluvio-run`,
//! containers, or the current profile. The same suite runs on all of them; `FLUVIO_TEST_CLUSTER`
//! chooses.

mod backend;
mod control;
mod error;
mod partition;
mod produced;
pub(crate) mod real;
mod smartmodules;
mod stream;
mod topic;

use std::path::PathBuf;
use std::time::Duration;

use fluvio::metadata::topic::{AddPartition, TopicSpec, UpdateTopicAction};
use fluvio::{Compression, Fluvio, FluvioAdmin, FluvioClusterConfig};
use fluvio_protocol::link::ErrorCode;
use tempfile::TempDir;

use crate::mock_cluster::MockCluster;

pub use backend::Backend;
pub use error::ClusterError;
pub use partition::{scripted_filter, smartmodule};
pub use produced::ProducedRecord;
pub use real::link::LinkFault;
pub use stream::{PartitionStream, ReadBatch, ReadRecord, Response, StreamRequest};
pub use topic::{Deduplication, TopicOptions};

use error::failed;
use partition::Partitions;
use real::docker::Containers;
use real::processes::Processes;

/// A running cluster; dropping it stops what was started for it.
pub struct Cluster {
    running: Running,
    config: FluvioClusterConfig,
    partitions: Partitions,
    directory: TempDir,
}

enum Running {
    Mock(Box<MockCluster>),
    Processes(Box<Processes>),
    Docker(Box<Containers>),
    /// Not ours: neither started nor stopped here.
    Profile,
}

impl Cluster {
    /// Starts the cluster `FLUVIO_TEST_CLUSTER` names, with so many SPUs (a profile's cluster keeps
    /// those it has).
    ///
    /// # Errors
    /// One line that says what is missing, or why the cluster did not come up.
    pub async fn start(spus: usize) -> Result<Cluster, ClusterError> {
        Cluster::start_on(&Backend::from_env()?, spus).await
    }

    /// Starts a cluster on a given backend.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub async fn start_on(backend: &Backend, spus: usize) -> Result<Cluster, ClusterError> {
        Cluster::start_linked(backend, spus, false).await
    }

    /// Starts a cluster on a given backend. `linked`: clients of a real cluster of processes reach
    /// it through links that can fail.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub async fn start_linked(
        backend: &Backend,
        spus: usize,
        linked: bool,
    ) -> Result<Cluster, ClusterError> {
        let directory =
            TempDir::with_prefix("fluvio-test-").map_err(failed("a temporary directory"))?;
        let (running, config) = match backend {
            Backend::Mock => {
                let mock = MockCluster::start(spus)
                    .await
                    .map_err(failed("starting the mock cluster"))?;
                let config = mock.config();
                (Running::Mock(Box::new(mock)), config)
            }
            Backend::Binary(path) => {
                let processes = Processes::start(path, directory.path(), spus, linked).await?;
                let config = FluvioClusterConfig::new(processes.endpoint());
                (Running::Processes(Box::new(processes)), config)
            }
            Backend::Docker(image) => {
                let containers = Containers::start(image, spus).await?;
                let config = FluvioClusterConfig::new(containers.endpoint());
                (Running::Docker(Box::new(containers)), config)
            }
            Backend::Profile => {
                let config = FluvioClusterConfig::load();
                let missing =
                    |error| ClusterError::Missing(format!("no usable Fluvio profile: {error}"));
                (Running::Profile, config.map_err(missing)?)
            }
        };
        Ok(Cluster {
            running,
            partitions: Partitions::new(config.clone()),
            config,
            directory,
        })
    }

    /// Address of the controller.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.config.endpoint
    }

    /// Configuration for the client crates.
    #[must_use]
    pub fn config(&self) -> &FluvioClusterConfig {
        &self.config
    }

    /// Writes a Fluvio profile for this cluster and gives its path, for `FLV_PROFILE_PATH`.
    ///
    /// # Errors
    /// When the file cannot be written, or the profile backend has none.
    pub fn profile_file(&self) -> Result<PathBuf, ClusterError> {
        if matches!(self.running, Running::Profile) {
            // The real one may hold TLS files; a copy of its endpoint alone would not connect.
            if let Some(path) = std::env::var_os("FLV_PROFILE_PATH") {
                return Ok(path.into());
            }
            let home = std::env::home_dir()
                .ok_or_else(|| ClusterError::Missing("no home directory".to_owned()))?;
            return Ok(home.join(".fluvio").join("config"));
        }
        let path = self.directory.path().join("profile.toml");
        let endpoint = self.endpoint();
        let text = format!(
            "version = \"2.0\"\ncurrent_profile = \"test\"\n\n[profile.test]\ncluster = \
            \"test\"\n\n[cluster.test]\nendpoint = \"{endpoint}\"\nuse_spu_local_address = \
            false\n\n[cluster.test.tls]\ntls_policy = \"disabled\"\n"
        );
        std::fs::write(&path, text).map_err(failed("writing the profile"))?;
        Ok(path)
    }

    /// A new client connection.
    ///
    /// # Errors
    /// The client's own.
    pub async fn fluvio(&self) -> Result<Fluvio, ClusterError> {
        Fluvio::connect_with_config(&self.config)
            .await
            .map_err(failed("connecting"))
    }

    /// A new administration connection.
    ///
    /// # Errors
    /// The client's own.
    pub async fn admin(&self) -> Result<FluvioAdmin, ClusterError> {
        FluvioAdmin::connect_with_config(&self.config)
            .await
            .map_err(failed("connecting for administration"))
    }

    /// Creates a topic and waits until its partitions are online (the controller answers only
    /// then).
    ///
    /// # Errors
    /// The controller's own.
    pub async fn create_topic(&self, options: TopicOptions) -> Result<(), ClusterError> {
        let (name, spec) = options.into_spec();
        self.admin()
            .await?
            .create(name.clone(), false, spec)
            .await
            .map_err(failed(&format!("creating topic {name}")))
    }

    /// Deletes a topic.
    ///
    /// # Errors
    /// The controller's own.
    pub async fn delete_topic(&self, name: &str) -> Result<(), ClusterError> {
        self.partitions.forget().await;
        let deleted = self.admin().await?.delete::<TopicSpec>(name).await;
        deleted.map_err(failed(&format!("deleting topic {name}")))
    }

    /// Adds partitions to a topic.
    ///
    /// # Errors
    /// The controller's own.
    pub async fn add_partitions(&self, name: &str, count: u32) -> Result<(), ClusterError> {
        let action = UpdateTopicAction::AddPartition(AddPartition { count });
        let updated = self.admin().await?.update::<TopicSpec>(name, action).await;
        updated.map_err(failed(&format!("adding partitions to {name}")))
    }

    /// Produces one record and gives its partition and offset. Without a partition each key has one
    /// (not the one the client's own partitioner would choose); without a key partition 0.
    ///
    /// # Errors
    /// When there is no such partition, or it stays without a leader.
    pub async fn produce(
        &self,
        topic: &str,
        partition: Option<u32>,
        key: Option<&str>,
        value: impl Into<Vec<u8>>,
    ) -> Result<(u32, i64), ClusterError> {
        let partition = match (partition, key) {
            (Some(partition), _) => partition,
            (None, Some(key)) => self.partitions.of_key(topic, key).await?,
            (None, None) => 0,
        };
        let record = ProducedRecord {
            key: key.map(|key| key.as_bytes().to_vec()),
            value: value.into(),
        };
        let offset = self
            .produce_batch(topic, partition, vec![record], Compression::None)
            .await?;
        Ok((partition, offset))
    }

    /// Produces records in one batch and gives the offset of the first.
    ///
    /// # Errors
    /// As [`Cluster::produce`].
    pub async fn produce_batch(
        &self,
        topic: &str,
        partition: u32,
        records: Vec<ProducedRecord>,
        compression: Compression,
    ) -> Result<i64, ClusterError> {
        let batch = produced::batch(records, compression)?;
        self.partitions.produce(topic, partition, batch).await
    }

    /// The offset a consumer stored, the last one it processed.
    ///
    /// # Errors
    /// When the leader of the stored offsets cannot be reached.
    pub async fn stored_offset(
        &self,
        consumer: &str,
        topic: &str,
        partition: u32,
    ) -> Result<Option<i64>, ClusterError> {
        let offsets = self
            .fluvio()
            .await?
            .consumer_offsets()
            .await
            .map_err(failed("reading stored offsets"))?;
        let found = offsets.into_iter().find(|stored| {
            stored.consumer_id == consumer && stored.topic == topic && stored.partition == partition
        });
        Ok(found.map(|stored| stored.offset))
    }

    /// Stores an offset for a consumer, as another process with its id does.
    ///
    /// # Errors
    /// When the partition is empty (a session needs a response), or the SPU refuses.
    pub async fn store_offset(
        &self,
        consumer: &str,
        topic: &str,
        partition: u32,
        offset: i64,
    ) -> Result<(), ClusterError> {
        let what = format!("storing an offset for {consumer}");
        let request = StreamRequest {
            consumer: Some(consumer.to_owned()),
            ..StreamRequest::new(topic, partition)
        };
        let mut stream = self.stream(request).await?;
        // The first response names the session.
        let first = stream.next(Duration::from_secs(30)).await?;
        first.ok_or_else(|| failed(&what)("no response opened a session"))?;
        match stream.commit(offset).await? {
            ErrorCode::None => Ok(()),
            code => Err(failed(&what)(code)),
        }
    }

    /// Deletes the offset a consumer stored, as `fluvio consumer delete` does.
    ///
    /// # Errors
    /// The client's own.
    pub async fn delete_offset(
        &self,
        consumer: &str,
        topic: &str,
        partition: u32,
    ) -> Result<(), ClusterError> {
        let deleted = self
            .fluvio()
            .await?
            .delete_consumer_offset(consumer, (topic, partition))
            .await;
        deleted.map_err(failed(&format!("deleting the offset of {consumer}")))
    }

    /// The first offset that is not readable yet.
    ///
    /// # Errors
    /// When there is no such partition, or it stays without a leader.
    pub async fn high_watermark(&self, topic: &str, partition: u32) -> Result<i64, ClusterError> {
        Ok(self.partitions.range(topic, partition).await?.1)
    }

    /// The oldest offset retention has left.
    ///
    /// # Errors
    /// As [`Cluster::high_watermark`].
    pub async fn log_start(&self, topic: &str, partition: u32) -> Result<i64, ClusterError> {
        Ok(self.partitions.range(topic, partition).await?.0)
    }

    /// How many partitions a topic has.
    ///
    /// # Errors
    /// When the controller cannot be reached.
    pub async fn partition_count(&self, topic: &str) -> Result<u32, ClusterError> {
        self.partitions.count(topic).await
    }

    /// Every record of a topic, partition by partition, each in the order of its offsets.
    ///
    /// # Errors
    /// When a partition cannot be read.
    pub async fn records(&self, topic: &str) -> Result<Vec<ReadRecord>, ClusterError> {
        let mut records = Vec::new();
        for partition in 0..self.partition_count(topic).await? {
            records.extend(self.partitions.read(topic, partition).await?);
        }
        Ok(records)
    }

    /// Opens a partition stream as a connector does, and nothing in between: for tests of the
    /// broker's own behaviour.
    ///
    /// # Errors
    /// When the leader cannot be reached.
    pub async fn stream(&self, request: StreamRequest) -> Result<PartitionStream, ClusterError> {
        self.partitions.stream(request).await
    }
}
