//! Why a test cluster could not do something.

/// An error of a test cluster. Each fits in one line, because it is all a person sees of a suite
/// that cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// Something the chosen backend needs is not there.
    #[error("{0}")]
    Missing(String),
    /// The cluster was started and did not come up.
    #[error("the cluster did not come up: {0}")]
    NotUp(String),
    /// The cluster belongs to somebody else.
    #[error(
        "the profile's cluster was not started by this test, so it is not stopped by it either"
    )]
    NotOurs,
    /// An operation failed.
    #[error("{what}: {reason}")]
    Failed {
        /// What was tried.
        what: String,
        /// What came back.
        reason: String,
    },
}

/// Says what was tried when an operation fails.
pub(super) fn failed<E: std::fmt::Display>(
    what: &str,
) -> impl FnOnce(E) -> ClusterError + use<'_, E> {
    move |error| ClusterError::Failed {
        what: what.to_owned(),
        reason: one_line(&error),
    }
}

/// The text of an error without line breaks.
pub(super) fn one_line(error: &impl std::fmt::Display) -> String {
    let text = format!("{error:#}");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
