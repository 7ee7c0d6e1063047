//! One whole set-up: a cluster with the SmartModule and a topic, a simulated Experience Platform,
//! and a configuration that joins them. What the demo shows and what the end-to-end suites judge.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use capillary_xdm::Params;
use tokio::time::{Instant, sleep, timeout};

use crate::cluster::{Backend, Cluster, ClusterError, TopicOptions};
use crate::harness::{Connector, ConnectorError, ProgramError, smartmodule_wasm};
use crate::oracle::{Evicted, Produced, Run, Verdict};
use crate::simulator::{Simulator, SimulatorConfig, StartError};
use crate::workload::RawEvent;

/// The SmartModule every scenario loads, as its `SmartModule.toml` names it.
pub const SMARTMODULE: &str = "capillary-aep/capillary-xdm@0.1.0";

/// How often an offset is asked for while waiting; the real broker tells nobody when one is stored.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// A scenario could not be played.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The cluster failed.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The simulator failed.
    #[error(transparent)]
    Simulator(#[from] StartError),
    /// A program under test is missing.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The connector failed.
    #[error(transparent)]
    Connector(#[from] ConnectorError),
    /// A wait came to nothing.
    #[error("{0}")]
    Waited(String),
    /// The parameters of the SmartModule are wrong.
    #[error(transparent)]
    Params(#[from] capillary_xdm::ParamError),
}

fn not_produced(error: impl std::fmt::Display) -> ScenarioError {
    ScenarioError::Waited(format!("cannot produce: {error}"))
}

/// What may differ between scenarios.
#[derive(Debug, Clone)]
pub struct Options {
    /// The source topic; its name is made unique.
    pub topic: TopicOptions,
    /// SPUs of a cluster the scenario starts itself.
    pub spus: usize,
    /// Whether the way to a real cluster of processes can be made to fail.
    pub linked: bool,
    /// Parameters of the SmartModule.
    pub params: Vec<(String, String)>,
    /// Lines added to `experience-platform`, indented by two spaces.
    pub platform: String,
    /// `meta.consumer.max-bytes`.
    pub max_bytes: String,
    /// `experience-platform.events.format`.
    pub events_format: String,
    /// Whether profiles are delivered.
    pub profiles: bool,
    /// `experience-platform.profiles.format`.
    pub profiles_format: String,
    /// `experience-platform.profiles.settle`. Short, or every test would take seconds longer.
    pub settle: String,
    /// The simulated platform.
    pub simulator: SimulatorConfig,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            topic: TopicOptions::new("capillary-events"),
            spus: 2,
            linked: false,
            params: vec![("primary-identity".to_owned(), "customerId".to_owned())],
            platform: String::new(),
            max_bytes: "16MiB".to_owned(),
            events_format: "xdm".to_owned(),
            profiles: true,
            profiles_format: "upsert".to_owned(),
            settle: "100ms".to_owned(),
            simulator: SimulatorConfig::default(),
        }
    }
}

/// A running set-up.
pub struct Scenario {
    /// The cluster under test; other scenarios may use it too.
    pub cluster: Arc<Cluster>,
    /// The simulated platform.
    pub simulator: Simulator,
    /// The instance's name, also its consumer id.
    pub name: String,
    /// The source topic.
    pub topic: String,
    /// Partitions of the source topic; some may be added.
    partitions: AtomicU32,
    /// When it began, milliseconds since the epoch.
    since: i64,
    profile: PathBuf,
    options: Options,
}

impl Scenario {
    /// Starts everything but the connector.
    ///
    /// # Errors
    /// When a part cannot be started.
    pub async fn start(options: Options) -> Result<Self, ScenarioError> {
        Self::start_on(&Backend::from_env()?, options).await
    }

    /// Starts everything but the connector, on a given backend: for what only the mock can be made
    /// to do.
    ///
    /// # Errors
    /// When a part cannot be started.
    pub async fn start_on(backend: &Backend, options: Options) -> Result<Self, ScenarioError> {
        let cluster = Cluster::start_linked(backend, options.spus, options.linked).await?;
        let manifest =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../smartmodule/SmartModule.toml");
        cluster
            .load_package(&smartmodule_wasm()?, &manifest)
            .await?;
        Self::on(Arc::new(cluster), options).await
    }

    /// Another set-up on the same cluster: its own topic, connector name and simulated platform.
    ///
    /// # Errors
    /// When a part cannot be started.
    pub async fn beside(&self, options: Options) -> Result<Self, ScenarioError> {
        Self::on(Arc::clone(&self.cluster), options).await
    }

    async fn on(cluster: Arc<Cluster>, mut options: Options) -> Result<Self, ScenarioError> {
        // A cluster that outlives the run (a profile's) must not see two runs in one topic.
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let unique = format!("{}-{number}", std::process::id());
        options.topic.name = format!("{}-{unique}", options.topic.name);
        cluster.create_topic(options.topic.clone()).await?;
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Ok(Self {
            simulator: Simulator::start(options.simulator.clone()).await?,
            name: format!("sink-{unique}"),
            topic: options.topic.name.clone(),
            partitions: options.topic.partitions.into(),
            since: i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            profile: cluster.profile_file()?,
            cluster,
            options,
        })
    }

    /// The same set-up on another topic, which exists already.
    #[must_use]
    pub fn on_topic(self, topic: String, partitions: u32) -> Self {
        Self {
            topic,
            partitions: partitions.into(),
            ..self
        }
    }

    /// Partitions of the source topic.
    #[must_use]
    pub fn partitions(&self) -> u32 {
        self.partitions.load(Ordering::Relaxed)
    }

    /// Adds partitions to the source topic.
    ///
    /// # Errors
    /// The controller's own.
    pub async fn add_partitions(&self, count: u32) -> Result<(), ScenarioError> {
        self.cluster.add_partitions(&self.topic, count).await?;
        self.partitions.fetch_add(count, Ordering::Relaxed);
        Ok(())
    }

    /// The connector's configuration, as a user would write it.
    #[must_use]
    pub fn configuration(&self) -> String {
        let mut text = format!(
            "apiVersion: 0.1.0\nmeta:\n  version: 0.1.0\n  name: {name}\n  type: \
                capillary-aep-sink\n  topic: {topic}\n  secrets: [{{name: IMS_CLIENT_ID}}, \
                {{name: IMS_CLIENT_SECRET}}]\n  consumer: {{id: {name}, partition: all, \
                max-bytes: {max_bytes}, offset: {{start: beginning, strategy: manual}}}}\n",
            name = self.name,
            topic = self.topic,
            max_bytes = self.options.max_bytes,
        );
        text.push_str(&format!(
            "transforms:\n  - uses: {SMARTMODULE}\n    with:\n"
        ));
        for (key, value) in &self.options.params {
            text.push_str(&format!(
                "      {key}: {}\n",
                serde_json::Value::from(value.as_str())
            ));
        }
        let simulated = self.simulator.config();
        text.push_str(&format!(
            "experience-platform:\n  organization-id: {}\n  api-url: \"{}\"\n  ims: {{client-id: \
                \"${{{{ secrets.IMS_CLIENT_ID }}}}\", client-secret: \"${{{{ \
                secrets.IMS_CLIENT_SECRET }}}}\", token-url: \"{}\"}}\n",
            simulated.organization_id,
            self.simulator.base_url(),
            self.simulator.token_url(),
        ));
        if let Some(inlet) = self.simulator.events_inlet() {
            let schema = inlet
                .schema_id()
                .map(|id| format!("schema-id: \"{id}\", "))
                .unwrap_or_default();
            text.push_str(&format!(
                "  events: \
                {{inlet-url: \"{}\", format: {}, {schema}dataset-id: \"{}\", flow-id: \"{}\"}}\n",
                self.simulator.inlet_url(inlet),
                self.options.events_format,
                inlet.dataset_id.as_deref().unwrap_or_default(),
                inlet.flow_id,
            ));
        }
        if let Some(inlet) = self
            .simulator
            .profiles_inlet()
            .filter(|_| self.options.profiles)
        {
            text.push_str(&format!(
                "  profiles: \
                {{inlet-url: \"{}\", format: {}, settle: {}, dataset-id: \"{}\", flow-id: \"{}\"}}\n",
                self.simulator.inlet_url(inlet),
                self.options.profiles_format,
                self.options.settle,
                inlet.dataset_id.as_deref().unwrap_or_default(),
                inlet.flow_id,
            ));
        }
        text.push_str(&self.options.platform);
        if !self.options.platform.contains("lease:") {
            // Several tests kill the connector and start it again; the default would be waited out.
            text.push_str("  lease: 1s\n");
        }
        if !self.options.platform.contains("landed:") {
            // Most tests are about what happens up to the acknowledgement.
            text.push_str("  landed: off\n");
        }
        if !self.options.platform.contains("observability:") {
            // Several run on one host, also with what the machine runs anyway.
            text.push_str("  observability: {listen: \"127.0.0.1:0\"}\n");
        }
        text
    }

    /// The secrets file.
    #[must_use]
    pub fn secrets(&self) -> String {
        let credential = &self.simulator.config().credential;
        format!(
            "IMS_CLIENT_ID={}\nIMS_CLIENT_SECRET={}\n",
            credential.client_id, credential.client_secret
        )
    }

    /// Starts the connector.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn connector(&self) -> Result<Connector, ScenarioError> {
        self.connector_with(&self.configuration())
    }

    /// Starts the connector with another configuration.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn connector_with(&self, configuration: &str) -> Result<Connector, ScenarioError> {
        self.connector_with_secrets(configuration, &self.secrets())
    }

    /// Starts the connector with another configuration and other secrets.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn connector_with_secrets(
        &self,
        configuration: &str,
        secrets: &str,
    ) -> Result<Connector, ScenarioError> {
        Ok(Connector::start(configuration, secrets, &self.profile)?)
    }

    /// Starts the connector with another log filter than the suites' own.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn connector_logging(&self, filter: &str) -> Result<Connector, ScenarioError> {
        let environment = [("RUST_LOG", filter.into())];
        Ok(Connector::start_with(
            &self.configuration(),
            &self.secrets(),
            &self.profile,
            &environment,
        )?)
    }

    /// Produces events with Fluvio's own producer, each keyed by its customer.
    ///
    /// # Errors
    /// When the cluster refuses one.
    pub async fn produce(&self, events: &[RawEvent]) -> Result<(), ScenarioError> {
        let producer = self
            .cluster
            .fluvio()
            .await?
            .topic_producer(&self.topic)
            .await
            .map_err(not_produced)?;
        for event in events {
            producer
                .send(event.key.as_str(), event.value.clone())
                .await
                .map_err(not_produced)?;
        }
        producer.flush().await.map_err(not_produced)
    }

    /// The dead-letter topic, by its default name.
    #[must_use]
    pub fn dead_letter_topic(&self) -> String {
        format!("{}-dead-letter", self.name)
    }

    /// The stored offset of every partition: of the last record that is done, so that the
    /// beginning, which is stored as −1, counts as none.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub async fn stored(&self) -> Result<Vec<Option<i64>>, ScenarioError> {
        let mut stored = Vec::new();
        for partition in 0..self.partitions() {
            stored.push(
                self.cluster
                    .stored_offset(&self.name, &self.topic, partition)
                    .await?
                    .filter(|offset| *offset >= 0),
            );
        }
        Ok(stored)
    }

    /// What the stored offsets are when there is no lag: high watermark − 1; `None` for an empty
    /// partition.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub async fn without_lag(&self) -> Result<Vec<Option<i64>>, ScenarioError> {
        let mut ends = Vec::new();
        for partition in 0..self.partitions() {
            let end = self.cluster.high_watermark(&self.topic, partition).await?;
            ends.push((end > 0).then_some(end - 1));
        }
        Ok(ends)
    }

    /// Waits until every record of the topic is settled and committed.
    ///
    /// # Errors
    /// When the connector ends, or this does not happen in time; the message has the connector's
    /// log.
    pub async fn settled(
        &self,
        connector: &mut Connector,
        within: Duration,
    ) -> Result<(), ScenarioError> {
        let deadline = Instant::now() + within;
        loop {
            let (stored, wanted) = (self.stored().await?, self.without_lag().await?);
            if stored == wanted {
                return Ok(());
            }
            let state = if !connector.is_running()? {
                "the connector ended"
            } else if Instant::now() > deadline {
                "not in time"
            } else {
                sleep(ASK_EVERY).await;
                continue;
            };
            return Err(ScenarioError::Waited(format!(
                "{state}: stored offsets {stored:?}, wanted {wanted:?}; the connector's log:\n{}",
                connector.log()
            )));
        }
    }

    /// Waits for something the simulator sees.
    ///
    /// # Errors
    /// When it is not seen in time.
    pub async fn seen(
        &self,
        what: &str,
        within: Duration,
        predicate: impl FnMut(&crate::simulator::Seen) -> bool,
    ) -> Result<(), ScenarioError> {
        timeout(within, self.simulator.wait_until(predicate))
            .await
            .map_err(|_| ScenarioError::Waited(format!("waited {within:?} for {what}")))
    }

    /// Every record of the source topic.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub async fn source(&self) -> Result<Vec<Produced>, ScenarioError> {
        let records = self.cluster.records(&self.topic).await?;
        Ok(records
            .into_iter()
            .map(|record| Produced {
                partition: record.partition,
                offset: record.offset,
                // Only an event without a creation time needs it, and no workload makes one.
                timestamp: None,
                value: record.value,
            })
            .collect())
    }

    /// Every dead letter.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub async fn dead_letters(&self) -> Result<Vec<Vec<u8>>, ScenarioError> {
        let records = self.cluster.records(&self.dead_letter_topic()).await?;
        Ok(records
            .into_iter()
            // What a replay keeps of its progress is no dead letter.
            .filter(|record| record.key.as_deref() != Some(b"replay-progress"))
            .map(|record| record.value)
            .collect())
    }

    /// Waits for so many dead letters.
    ///
    /// # Errors
    /// When they are not there in time.
    pub async fn named(&self, count: usize, within: Duration) -> Result<(), ScenarioError> {
        let deadline = Instant::now() + within;
        loop {
            let dead_letters = self.dead_letters().await?.len();
            if dead_letters >= count {
                return Ok(());
            }
            if Instant::now() > deadline {
                let waited =
                    format!("{dead_letters} of {count} records that did not land are named");
                return Err(ScenarioError::Waited(waited));
            }
            sleep(ASK_EVERY).await;
        }
    }

    /// Judges what happened so far.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub async fn verdict(&self) -> Result<Verdict, ScenarioError> {
        self.verdict_on(&self.source().await?, &[]).await
    }

    /// Judges what became of these records: all that were produced, those included that retention
    /// removed and the connector told to be evicted.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub async fn verdict_on(
        &self,
        topic: &[Produced],
        evicted: &[Evicted],
    ) -> Result<Verdict, ScenarioError> {
        // First: what is committed must have been settled before the rest is looked at.
        let stored = self.committed().await?;
        let mut log_starts = Vec::new();
        for partition in 0..self.partitions() {
            log_starts.push((
                partition,
                self.cluster.log_start(&self.topic, partition).await?,
            ));
        }
        let run = Run {
            params: self.params()?,
            with_profiles: self.options.profiles,
            topic,
            events: &self.simulator.accepted_events(),
            profiles: &self.simulator.accepted_profiles(),
            dead_letters: &self.dead_letters().await?,
            requests: &self.simulator.requests(),
            stored: &stored,
            evicted,
            log_starts: &log_starts,
            since: self.since,
        };
        Ok(run.judge())
    }

    /// The parameters of the SmartModule.
    ///
    /// # Errors
    /// When they are wrong.
    pub fn params(&self) -> Result<Params, ScenarioError> {
        Ok(Params::from_pairs(self.options.params.iter().cloned())?)
    }

    /// The stored offset of every partition that has one.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub async fn committed(&self) -> Result<Vec<(u32, i64)>, ScenarioError> {
        let stored = self.stored().await?;
        let stored = (0..self.partitions()).zip(stored);
        Ok(stored
            .filter_map(|(partition, offset)| Some((partition, offset?)))
            .collect())
    }
}
