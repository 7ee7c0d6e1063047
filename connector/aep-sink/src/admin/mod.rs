//! How others see what the process does: metrics, readiness, state, a page, and the summary line of
//! the log.
//!
//! All of them show one [snapshot], taken when somebody asks. Nothing here slows delivery down:
//! what is counted per record are atomics, and a snapshot holds each lock as long as it takes to
//! copy some numbers. Nothing shows a record, a customer, a token or a secret; a dead letter is
//! shown by its place in the topic.

mod listener;
mod metrics;
mod page;
mod readiness;
mod respond;
mod snapshot;
mod status;
mod summary;
#[cfg(test)]
mod tests;

pub(crate) use listener::{ListenError, Listener};
pub(crate) use snapshot::{Instance, Observer};
pub(crate) use summary::log as log_summary;
