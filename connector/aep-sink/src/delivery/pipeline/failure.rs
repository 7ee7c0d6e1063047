//! Failures of whole requests.

use std::time::Duration;

/// The cause of a failure for want of an access token.
pub(super) const NO_TOKEN: &str = "token";

/// The remedy for what heals by itself.
pub(super) const WAIT: &str =
    "nothing: it is asked again; if it lasts, look at the status page of Adobe and at the network";

/// A failure of a whole request; it is tried again.
pub(super) struct Failure {
    /// For the metrics.
    pub(super) cause: &'static str,
    /// For a person.
    pub(super) detail: String,
    pub(super) retry_after: Option<Duration>,
    /// Whether the records themselves may be what makes it fail.
    pub(super) may_be_the_record: bool,
    /// Otherwise it lasts until somebody changes something.
    pub(super) heals: bool,
    /// What a person can do.
    pub(super) remedy: &'static str,
}

/// The label of a status that heals, for the metrics.
pub(super) fn cause(status: u16) -> &'static str {
    match status {
        429 => "429",
        500.. => "5xx",
        _ => "4xx",
    }
}
