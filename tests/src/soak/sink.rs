//! The connector of a soak: killed, stopped and started again, its logs kept, and what it committed
//! looked at each time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::sleep;

use super::feed::Feed;
use crate::harness::Connector;
use crate::oracle::{Produced, committed_early};
use crate::scenario::{Scenario, ScenarioError};

/// How long a connector that was told to stop may take: its shutdown timeout and something for a
/// loaded machine.
const STOPPING: Duration = Duration::from_secs(60);

pub(super) struct Sink {
    connector: Option<Connector>,
    configuration: String,
    logs: PathBuf,
    number: usize,
    /// What went wrong with the process itself.
    pub(super) findings: Vec<String>,
    /// Records committed before they were settled.
    pub(super) committed_early: Vec<String>,
    /// Up to where commits were found right, by partition.
    right: BTreeMap<u32, i64>,
}

impl Sink {
    pub(super) fn start(scenario: &Scenario, logs: &Path) -> Result<Self, ScenarioError> {
        let configuration = scenario.configuration();
        Ok(Self {
            connector: Some(scenario.connector_with(&configuration)?),
            configuration,
            logs: logs.to_owned(),
            number: 1,
            findings: Vec::new(),
            committed_early: Vec::new(),
            right: BTreeMap::new(),
        })
    }

    fn again(&mut self, scenario: &Scenario, log: &str) -> Result<(), ScenarioError> {
        self.keep(log)?;
        self.number += 1;
        self.connector = Some(scenario.connector_with(&self.configuration)?);
        Ok(())
    }

    fn keep(&self, log: &str) -> Result<(), ScenarioError> {
        let path = self.logs.join(format!("connector-{}.log", self.number));
        std::fs::write(&path, log).map_err(|error| {
            ScenarioError::Waited(format!("cannot write {}: {error}", path.display()))
        })
    }

    /// SIGKILL; while nothing runs, what is committed is judged.
    pub(super) async fn kill(
        &mut self,
        scenario: &Scenario,
        produced: &[Produced],
    ) -> Result<(), ScenarioError> {
        if let Some(connector) = self.connector.take() {
            let log = connector.kill().await?;
            self.look(scenario, produced).await?;
            self.again(scenario, &log)?;
        }
        Ok(())
    }

    /// SIGTERM: it must drain, commit and end with 0.
    pub(super) async fn terminate(
        &mut self,
        scenario: &Scenario,
        produced: &[Produced],
    ) -> Result<(), ScenarioError> {
        if let Some(log) = self.stop().await? {
            self.look(scenario, produced).await?;
            self.again(scenario, &log)?;
        }
        Ok(())
    }

    /// Stops its threads for a while: afterwards every clock it looks at has jumped.
    pub(super) async fn pause(&mut self, lasts: Duration) -> Result<(), ScenarioError> {
        if let Some(connector) = &self.connector {
            connector.signal("STOP").await?;
            sleep(lasts).await;
            connector.signal("CONT").await?;
        }
        Ok(())
    }

    async fn stop(&mut self) -> Result<Option<String>, ScenarioError> {
        let Some(connector) = self.connector.take() else {
            return Ok(None);
        };
        let exit = connector.stop(STOPPING).await?;
        if !exit.status.success() {
            self.findings.push(format!(
                "connector {} stopped with {}",
                self.number, exit.status
            ));
        }
        Ok(Some(exit.log))
    }

    /// A connector that ended on its own is a finding; it is started again, as a service manager
    /// would.
    pub(super) fn revive(&mut self, scenario: &Scenario) -> Result<(), ScenarioError> {
        let Some(connector) = &mut self.connector else {
            return Ok(());
        };
        if connector.is_running()? {
            return Ok(());
        }
        let log = connector.log();
        let tail: Vec<_> = log.lines().rev().take(3).collect();
        self.findings.push(format!(
            "connector {} ended on its own: {}",
            self.number,
            tail.join(" | ")
        ));
        self.again(scenario, &log)
    }

    async fn look(
        &mut self,
        scenario: &Scenario,
        produced: &[Produced],
    ) -> Result<(), ScenarioError> {
        let stored = scenario.committed().await?;
        // No dead-letter topic yet: no dead letters.
        let dead_letters = scenario.dead_letters().await.unwrap_or_default();
        let new = |record: &&Produced| {
            self.right
                .get(&record.partition)
                .is_none_or(|offset| record.offset > *offset)
        };
        let records: Vec<_> = produced.iter().filter(new).cloned().collect();
        let events = scenario.simulator.accepted_events();
        self.committed_early.extend(committed_early(
            scenario.params()?,
            &records,
            &events,
            &dead_letters,
            &stored,
        ));
        self.right.extend(stored);
        Ok(())
    }

    /// Waits until everything is settled and committed.
    pub(super) async fn settled(
        &mut self,
        scenario: &Scenario,
        within: Duration,
    ) -> Result<(), ScenarioError> {
        match &mut self.connector {
            Some(connector) => scenario.settled(connector, within).await,
            None => Ok(()),
        }
    }

    /// One fresh record must pass behind everything else.
    pub(super) async fn passes_a_fresh_record(
        &mut self,
        scenario: &Scenario,
        feed: &mut Feed,
        within: Duration,
    ) -> Result<(), ScenarioError> {
        feed.produce(scenario, 1).await?;
        self.settled(scenario, within).await
    }

    /// The orderly end.
    pub(super) async fn finish(&mut self) -> Result<(), ScenarioError> {
        if let Some(log) = self.stop().await? {
            self.keep(&log)?;
        }
        Ok(())
    }

    /// Keeps what the running connector said so far.
    pub(super) fn keep_log(&self) -> Result<(), ScenarioError> {
        self.connector
            .as_ref()
            .map_or(Ok(()), |connector| self.keep(&connector.log()))
    }
}
