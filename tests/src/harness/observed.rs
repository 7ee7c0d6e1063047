//! What a running connector shows of itself: readiness, state, metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use reqwest::Client;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::connector::{Connector, ConnectorError};

/// How often is asked while waiting. Nobody tells when an answer changes.
const ASK_EVERY: Duration = Duration::from_millis(50);
/// What the log line says that names the address.
const SERVED: &str = "metrics, readiness and the status page are served";

/// Talks to the listener of a connector.
#[derive(Debug, Clone)]
pub struct Observed {
    address: SocketAddr,
    client: Client,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub text: String,
}

/// What `/metrics` shows.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    /// Every metric that is declared, with or without samples, by its type.
    pub declared: BTreeMap<String, String>,
    /// Every sample, by its name and labels as written.
    pub samples: BTreeMap<String, f64>,
    /// Names of samples that belong to no declared metric.
    pub undeclared: BTreeSet<String>,
}

impl Connector {
    /// Finds the listener by the log.
    ///
    /// # Errors
    /// When the connector ends, or does not say in time where it listens.
    pub async fn observed(&mut self, within: Duration) -> Result<Observed, ConnectorError> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(address) = address(&self.log()) {
                let client = Client::new();
                return Ok(Observed { address, client });
            }
            if !self.is_running()? || Instant::now() > deadline {
                return Err(ConnectorError::NotObserved(self.log()));
            }
            sleep(ASK_EVERY).await;
        }
    }
}

/// The address in the line of the log, whichever form the log has.
fn address(log: &str) -> Option<SocketAddr> {
    let line = log.lines().find(|line| line.contains(SERVED))?;
    let words = line.split(|dead_letter: char| {
        dead_letter == '=' || dead_letter == '"' || dead_letter.is_whitespace()
    });
    words.filter_map(|word| word.parse().ok()).next()
}

impl Observed {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks for a path.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn get(&self, path: &str) -> Result<Shown, reqwest::Error> {
        let response = self
            .client
            .get(format!("http://{}{path}", self.address))
            .send()
            .await?;
        Ok(Shown {
            status: response.status().as_u16(),
            text: response.text().await?,
        })
    }

    /// Asks for `/status`.
    ///
    /// # Errors
    /// When there is no answer, or none in JSON.
    pub async fn status(&self) -> Result<Value, reqwest::Error> {
        let url = format!("http://{}/status", self.address);
        let text = self.client.get(url).send().await?.text().await?;
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// Asks for `/metrics`.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn metrics(&self) -> Result<Metrics, reqwest::Error> {
        Ok(Metrics::parse(&self.get("/metrics").await?.text))
    }

    /// Waits until `/ready` answers what is wanted; gives the last answer when it does not in time.
    ///
    /// # Errors
    /// The last answer that was not the wanted one.
    pub async fn ready(
        &self,
        within: Duration,
        wanted: impl Fn(&Shown) -> bool,
    ) -> Result<Shown, String> {
        let deadline = Instant::now() + within;
        loop {
            let shown = self
                .get("/ready")
                .await
                .map_err(|error| error.to_string())?;
            if wanted(&shown) {
                return Ok(shown);
            }
            if Instant::now() > deadline {
                return Err(format!(
                    "/ready still answers {}: {}",
                    shown.status, shown.text
                ));
            }
            sleep(ASK_EVERY).await;
        }
    }
}

impl Metrics {
    /// Reads the text format.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut metrics = Self::default();
        for line in text.lines() {
            if let Some(declaration) = line.strip_prefix("# TYPE ") {
                if let Some((name, kind)) = declaration.split_once(' ') {
                    metrics.declared.insert(name.to_owned(), kind.to_owned());
                }
            } else if let Some((sample, value)) =
                line.rsplit_once(' ').filter(|_| !line.starts_with('#'))
            {
                let name = sample.split('{').next().unwrap_or_default();
                let base = ["_bucket", "_sum", "_count"]
                    .iter()
                    .find_map(|suffix| name.strip_suffix(suffix))
                    .filter(|base| {
                        metrics
                            .declared
                            .get(*base)
                            .is_some_and(|kind| kind == "histogram")
                    });
                if !metrics.declared.contains_key(base.unwrap_or(name)) {
                    metrics.undeclared.insert(name.to_owned());
                }
                metrics
                    .samples
                    .insert(sample.to_owned(), value.parse().unwrap_or(f64::NAN));
            }
        }
        metrics
    }

    /// One sample, by its name and labels as written.
    #[must_use]
    pub fn value(&self, sample: &str) -> Option<f64> {
        self.samples.get(sample).copied()
    }

    /// The sum of a metric over all its labels that contain a text.
    #[must_use]
    pub fn sum(&self, name: &str, labels: &str) -> f64 {
        let samples = self.samples.iter();
        samples
            .filter(|(sample, _)| sample.split('{').next() == Some(name) && sample.contains(labels))
            .map(|(_, value)| value)
            .sum()
    }
}
