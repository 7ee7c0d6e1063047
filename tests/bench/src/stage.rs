//! The set-up of a measurement: cluster, platform and topic, and the connector in a process of its
//! own.

use std::future::Future;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use tokio::time::{Instant, timeout};

use super::clients::bare::client;
use super::error::BenchError;
use super::usage::Usage;
use super::workload::description::Description;
use conformance::cluster::TopicOptions;
use conformance::harness::Connector;
use conformance::scenario::{Options, Scenario, ScenarioError};
use conformance::simulator::{Credential, Keeping, SimulatorConfig, Tally};

/// Longest wait for anything; a machine may be busy, a measurement must end.
const PATIENCE: Duration = Duration::from_secs(1_200);
/// How long a connector that was told to stop may take.
const STOPPING: Duration = Duration::from_secs(60);

/// The simulated credential's; needs no escapes in a form.
const SECRET: &str = "bench-secret";

/// What is delivered, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivered {
    /// Events and no profile statements.
    Events,
    /// Both; waiting statements about one profile are merged.
    Merged,
    /// Both; every statement is sent as it is.
    Unmerged,
}

/// A set-up without a connector.
pub(super) struct Stage {
    pub(super) scenario: Scenario,
}

impl Stage {
    pub(super) async fn start(
        description: &Description,
        delivered: Delivered,
    ) -> Result<Self, BenchError> {
        let simulator = SimulatorConfig::default();
        let options = Options {
            topic: TopicOptions::new("bench").partitions(description.partitions),
            profiles: delivered != Delivered::Events,
            // A raw flow states what it is given: nothing is known of its mapping, so nothing is
            // merged.
            profiles_format: if delivered == Delivered::Unmerged {
                "raw"
            } else {
                "upsert"
            }
            .to_owned(),
            simulator: SimulatorConfig {
                credential: Credential {
                    client_secret: SECRET.to_owned(),
                    ..simulator.credential.clone()
                },
                keeping: Keeping::Counts {
                    answer_time: description.answer_time,
                },
                ..simulator
            },
            max_bytes: "2MiB".to_owned(),
            // Delivery itself is measured, and not how long statements are held back.
            settle: "0s".to_owned(),
            ..Options::default()
        };
        Ok(Self {
            scenario: Scenario::start(options).await?,
        })
    }

    pub(super) fn tally(&self) -> &Tally {
        self.scenario.simulator.tally()
    }

    /// An access token for a client that has no way to get one.
    pub(super) async fn token(&self) -> Result<String, BenchError> {
        #[derive(serde::Deserialize)]
        struct Issued {
            access_token: String,
        }
        let failed = |error: &dyn std::error::Error| {
            BenchError::Client("the token server", error.to_string())
        };
        let simulator = &self.scenario.simulator;
        let client_id = &simulator.config().credential.client_id;
        let form = format!(
            "grant_type=client_credentials&client_id={client_id}&client_secret={SECRET}&scope=openid"
        );
        let answer = client(1)?
            .post(simulator.token_url())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await
            .map_err(|error| failed(&error))?;
        let body = answer.bytes().await.map_err(|error| failed(&error))?;
        let issued: Issued = serde_json::from_slice(&body).map_err(|error| failed(&error))?;
        Ok(issued.access_token)
    }

    /// Starts a connector that logs as it does in production.
    pub(super) fn connector(&self) -> Result<Running, BenchError> {
        let started = Instant::now();
        let connector = self.scenario.connector_logging("info")?;
        let process = connector
            .id()
            .ok_or_else(|| ScenarioError::Waited("the connector ended at once".to_owned()))?;
        Ok(Running {
            connector,
            process,
            started,
        })
    }

    /// Lets a connector deliver a backlog of so many records.
    pub(super) async fn drain(&self, records: u64) -> Result<Drained, BenchError> {
        let mut running = self.connector()?;
        self.acknowledged(1).await?;
        let first = Instant::now().into_std();
        self.acknowledged(records).await?;
        // Statements that were merged tell nobody how many they will be: all are acknowledged when
        // all is settled.
        running.settled(self).await?;
        let usage = running.usage()?;
        running.stop().await?;
        let last = self.tally().last().unwrap_or(first);
        Ok(Drained {
            usage,
            seconds: last.saturating_duration_since(first),
        })
    }

    /// Waits until so many events are acknowledged.
    pub(super) async fn acknowledged(&self, events: u64) -> Result<(), BenchError> {
        let what = format!("{events} acknowledged events");
        within(
            &what,
            self.tally().wait_until(|counts| counts.events >= events),
        )
        .await
    }
}

/// What a backlog took.
pub(super) struct Drained {
    pub(super) usage: Usage,
    /// From the first to the last acknowledgement.
    pub(super) seconds: Duration,
}

/// A connector under measurement.
pub(super) struct Running {
    connector: Connector,
    process: u32,
    pub(super) started: Instant,
}

impl Running {
    pub(super) fn usage(&self) -> Result<Usage, BenchError> {
        Usage::of(self.process)
    }

    /// Waits until everything is settled and committed.
    pub(super) async fn settled(&mut self, stage: &Stage) -> Result<(), BenchError> {
        Ok(stage
            .scenario
            .settled(&mut self.connector, PATIENCE)
            .await?)
    }

    pub(super) async fn stop(self) -> Result<(), BenchError> {
        let exit = self
            .connector
            .stop(STOPPING)
            .await
            .map_err(ScenarioError::from)?;
        if exit.status.success() {
            Ok(())
        } else {
            let message = format!(
                "the connector ended with {}; its log:\n{}",
                exit.status, exit.log
            );
            Err(ScenarioError::Waited(message).into())
        }
    }
}

/// Waits for something, but not for ever.
pub(super) async fn within<T>(
    what: &str,
    future: impl Future<Output = T>,
) -> Result<T, BenchError> {
    timeout(PATIENCE, future)
        .await
        .map_err(|_| BenchError::Late(PATIENCE, what.to_owned()))
}
