//! A stage beside the main one: its own topic, connector and platform on the same cluster, for
//! faults that would spoil the main stage's account.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::harness::{Connector, Exit};
use crate::oracle::{Evicted, Verdict};
use crate::scenario::{Scenario, ScenarioError};
use crate::soak::feed::Feed;
use crate::soak::stage::first_line;
use crate::workload::Mix;

/// How long everything may take to be settled; a loaded machine is slow.
const SETTLED: Duration = Duration::from_secs(120);
/// How long a connector may take to end.
const STOPPED: Duration = Duration::from_secs(60);

/// What a stage ends with: the verdict, and what the judge cannot see.
pub(crate) type Outcome = (Verdict, Vec<String>);

/// The stage.
pub(crate) struct Side {
    pub(crate) scenario: Scenario,
    pub(crate) feed: Feed,
    pub(crate) findings: Vec<String>,
    name: String,
    logs: PathBuf,
    /// What every connector said.
    log: String,
}

impl Side {
    pub(crate) fn new(
        scenario: Scenario,
        name: String,
        logs: &Path,
        seed: u64,
    ) -> Result<Self, ScenarioError> {
        let mix = Mix {
            unwanted_every: 0,
            broken_every: 0,
        };
        Ok(Self {
            scenario,
            feed: Feed::with_mix(seed, mix)?,
            findings: Vec::new(),
            name,
            logs: logs.to_owned(),
            log: String::new(),
        })
    }

    pub(crate) fn connector(&self) -> Result<Connector, ScenarioError> {
        self.scenario.connector()
    }

    pub(crate) fn connector_with(&self, configuration: &str) -> Result<Connector, ScenarioError> {
        self.scenario.connector_with(configuration)
    }

    pub(crate) async fn produce(&mut self, count: usize) -> Result<(), ScenarioError> {
        self.feed.produce(&self.scenario, count).await
    }

    /// Each record in a batch of its own, so that the log can be cut anywhere.
    pub(crate) async fn produce_one_by_one(&mut self, count: usize) -> Result<(), ScenarioError> {
        for _ in 0..count {
            self.produce(1).await?;
        }
        Ok(())
    }

    /// Waits until everything is settled. That it is not in time is a finding, and no reason to end
    /// the soak.
    pub(crate) async fn settled(&mut self, connector: &mut Connector) {
        if let Err(error) = self.scenario.settled(connector, SETTLED).await {
            self.find(first_line(&error));
        }
    }

    /// The orderly end of a connector.
    pub(crate) async fn stop(&mut self, connector: Connector) -> Result<(), ScenarioError> {
        let exit = connector.stop(STOPPED).await?;
        self.ended(exit, 0)
    }

    /// The end of a connector on its own, which must be with this code.
    pub(crate) async fn ends_with(
        &mut self,
        code: i32,
        connector: Connector,
        within: Duration,
    ) -> Result<(), ScenarioError> {
        let exit = connector.wait(within).await?;
        self.ended(exit, code)
    }

    pub(crate) fn ended(&mut self, exit: Exit, code: i32) -> Result<(), ScenarioError> {
        if exit.status.code() != Some(code) {
            self.find(format!(
                "a connector ended with {} instead of {code}",
                exit.status
            ));
        }
        self.log.push_str(&exit.log);
        let path = self.logs.join(format!("{}.log", self.name));
        std::fs::write(&path, &self.log).map_err(|error| {
            ScenarioError::Waited(format!("cannot write {}: {error}", path.display()))
        })
    }

    pub(crate) fn find(&mut self, finding: String) {
        self.findings.push(format!("{}: {finding}", self.name));
    }

    /// Everything that was produced stands before the judge, with what the connectors told to be
    /// evicted.
    pub(crate) async fn judge(self) -> Result<Outcome, ScenarioError> {
        let told = Evicted::told(&self.log);
        let verdict = self
            .scenario
            .verdict_on(self.feed.produced(), &told)
            .await?;
        Ok((verdict, self.findings))
    }
}
