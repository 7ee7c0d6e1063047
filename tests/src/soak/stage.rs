//! What a soak is asked to do, and what it does it on.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::sync::Mutex;

use super::feed::Feed;
use super::script::REQUEST_TIMEOUT_MS;
use crate::scenario::{Scenario, ScenarioError};

/// What is asked of a soak.
#[derive(Debug, Clone)]
pub struct Soak {
    /// For how long faults are played; a few kills there are in any case, and a long soak goes on
    /// until each kind was played.
    pub lasts: Duration,
    /// Decides what happens.
    pub seed: u64,
    /// SPUs of the cluster. On three, the stored offsets, the dead letters and the source topic lie
    /// on different ones.
    pub spus: usize,
    /// Records produced four times a second.
    pub portion: usize,
    /// Where the connectors' logs go; made if absent.
    pub logs: PathBuf,
}

/// The cluster, the platform and the records of a soak.
pub(super) struct Stage {
    pub(super) scenario: Scenario,
    pub(super) feed: Mutex<Feed>,
    pub(super) over: AtomicBool,
}

/// Short times, so that many faults fit into little time; the rest as users have it.
pub(super) fn platform() -> String {
    format!(
        "  batch: {{max-records: 50, linger: 50ms}}\n  http: \
        {{connect-timeout: 2s, request-timeout: {REQUEST_TIMEOUT_MS}ms}}\n  retry: \
        {{initial: 100ms, max: 2s}}\n  shutdown-timeout: 10s\n"
    )
}

/// What is long in an error is a connector's log, and that is kept elsewhere.
pub(super) fn first_line(error: &ScenarioError) -> String {
    error
        .to_string()
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}
