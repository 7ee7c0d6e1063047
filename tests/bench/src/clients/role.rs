//! The clients the connector is compared with: the same program, started again in another role.

use std::process::Stdio;

use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::error::BenchError;

/// What a process of this program is started for besides measuring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Posts ready-made bodies and does nothing else.
    Bare,
    /// Reads the topic with Fluvio's own consumer and sends one request per record.
    OneByOne,
}

/// What a client did.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Processor time of the sending alone, in seconds.
    pub(crate) processor: f64,
    /// Wall time of the sending alone, in seconds.
    pub(crate) seconds: f64,
}

impl Role {
    /// The word for it on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare-client",
            Self::OneByOne => "one-by-one-sink",
        }
    }

    /// The role with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Bare, Self::OneByOne]
            .into_iter()
            .find(|role| role.name() == name)
    }

    /// Starts this program in the role, tells it its errand on the standard input, and waits for
    /// what it did.
    pub(crate) async fn send(self, errand: &impl Serialize) -> Result<Outcome, BenchError> {
        let failed = |reason: String| BenchError::Client(self.name(), reason);
        let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
        let mut child = Command::new(program)
            .arg(self.name())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let errand = serde_json::to_vec(errand).map_err(|error| failed(error.to_string()))?;
        if let Some(mut input) = child.stdin.take() {
            input
                .write_all(&errand)
                .await
                .map_err(|error| failed(error.to_string()))?;
        }
        let output = child
            .wait_with_output()
            .await
            .map_err(|error| failed(error.to_string()))?;
        if !output.status.success() {
            return Err(failed(output.status.to_string()));
        }
        serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string()))
    }
}
