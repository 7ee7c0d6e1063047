//! What every part reports to: conditions, metrics, the log and progress. Uses none of them.

mod conditions;
pub(crate) mod log;
pub(crate) mod metrics;
pub(crate) mod progress;

pub(crate) use conditions::{ActiveCondition, Component, Condition, Conditions};
pub(crate) use metrics::{Counts, InletState, Metrics};
