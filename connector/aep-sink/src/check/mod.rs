//! Subcommand `check`: tries everything a run needs, in the order a run needs it, and says what to
//! do about what fails.
//!
//! It reads and asks; it commits nothing, creates nothing and sends no record, unless
//! `--send-samples` asks for that.

mod cluster;
mod customer_partitions;
mod inlet;
mod inlet_ids;
mod offline;
mod pace;
mod platform;
mod report;
mod samples;

use std::path::Path;

pub use report::Report;

use cluster::SampledAnswers;

/// What is to be checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Only what needs neither the cluster nor the platform.
    pub offline: bool,
    /// Sends one record of each kind found in the topic, to be validated. What passes is ingested.
    pub send_samples: bool,
}

/// Checks a configuration and what it names.
pub async fn run(config: &Path, secrets: Option<&Path>, options: Options) -> Report {
    let mut report = Report::default();
    let Some(config) = offline::steps(config, secrets, &mut report) else {
        return report;
    };
    if options.offline {
        return report;
    }
    let sampled = cluster::steps(&config, &mut report).await;
    platform::steps(&config, options.send_samples, &sampled, &mut report).await;
    report
}
