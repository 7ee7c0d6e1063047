//! Why a dead letter was not written.

/// A dead letter could not be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DeadLetterError {
    /// The topic does not take values of this size.
    #[error("the letter is larger than the dead-letter topic allows")]
    TooLarge,
    /// Anything else. When it does not heal by itself, somebody has to repair the topic or its
    /// rights.
    #[error("{message}")]
    Failed { message: String, heals: bool },
}

impl DeadLetterError {
    pub(super) fn heals(&self) -> bool {
        matches!(self, Self::Failed { heals: true, .. })
    }
}
