//! A whole run before the judge.

use std::sync::Arc;

use capillary_xdm::Params;

use super::evicted::Evicted;
use super::record::Produced;
use crate::simulator::{Accepted, InletRequest};

/// What is known of a run.
#[derive(Debug)]
pub struct Run<'a> {
    /// Parameters of the SmartModule.
    pub params: Params,
    /// Whether profiles are delivered.
    pub with_profiles: bool,
    /// What stands in the topic.
    pub topic: &'a [Produced],
    /// Events accepted, in the order of acceptance.
    pub events: &'a [Arc<Accepted>],
    /// Profile statements accepted.
    pub profiles: &'a [Arc<Accepted>],
    /// The dead letters.
    pub dead_letters: &'a [Vec<u8>],
    /// Requests to the inlets, in the order of arrival.
    pub requests: &'a [InletRequest],
    /// Stored offset of every partition that has one: the last record that counts as processed.
    pub stored: &'a [(u32, i64)],
    /// What the connector told to be evicted.
    pub evicted: &'a [Evicted],
    /// Where the log of every partition begins.
    pub log_starts: &'a [(u32, i64)],
    /// Milliseconds since the epoch: nothing was read before.
    pub since: i64,
}
