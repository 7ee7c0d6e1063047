//! Why a measurement came to nothing.

use std::time::Duration;

use conformance::scenario::ScenarioError;
use conformance::workload::WorkloadError;

/// A measurement came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The set-up failed.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// A sample of the repository cannot be read.
    #[error(transparent)]
    Sample(#[from] WorkloadError),
    /// The file that describes the workload is wrong.
    #[error("{path}: {reason}")]
    Description {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The system does not say what a process used. Only Linux does, under `/proc`.
    #[error("cannot read what process {process} used: {source}")]
    Usage {
        /// Its id.
        process: u32,
        /// Why not.
        source: std::io::Error,
    },
    /// A client that the connector is compared with failed.
    #[error("{0} failed: {1}")]
    Client(&'static str, String),
    /// Something did not happen in time.
    #[error("waited {0:?} for {1}")]
    Late(Duration, String),
    /// A file could not be written or read.
    #[error("cannot {0}: {1}")]
    File(&'static str, std::io::Error),
}
