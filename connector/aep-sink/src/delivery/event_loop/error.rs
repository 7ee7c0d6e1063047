//! Why delivery cannot go on.

use crate::answer::AnswerError;
use crate::error::Fault;
use crate::offset_tracker::{OffsetTrackerError, Position};

/// Delivery cannot go on. None of these heals by itself, and nothing that was not acknowledged is
/// settled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeliveryError {
    /// The user's fault: the SmartModule and the connector do not fit together.
    #[error("record {position}: {source}")]
    Answer {
        position: Position,
        source: AnswerError,
    },
    /// A defect of this program.
    #[error("the ledger was told something impossible")]
    OffsetTracker(#[from] OffsetTrackerError),
    /// A defect of this program.
    #[error("a dead letter cannot be written as JSON")]
    DeadLetter(#[from] serde_json::Error),
}

impl DeliveryError {
    pub(crate) fn fault(&self) -> Fault {
        match self {
            Self::Answer { .. } => Fault::User,
            Self::OffsetTracker(_) | Self::DeadLetter(_) => Fault::Internal,
        }
    }
}
