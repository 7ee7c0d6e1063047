//! What every part reports to: conditions, metrics, the log and progress.

mod conditions;
pub(crate) mod histogram;
pub(crate) mod log;
mod log_json;
pub(crate) mod progress;

pub(crate) use conditions::{ActiveCondition, Component, Condition, Conditions};
pub(crate) use histogram::Histogram;
