//! Records that cannot be delivered, with everything needed to understand and to replay them.

mod compose;
mod error;
mod failures;
mod format;
mod queue;
mod read;
mod recent;
mod report;
mod write;

pub use compose::{Attempts, DeadLetter, Origin};
pub(crate) use compose::{DeadLetterSummary, Unlanded};
pub(crate) use error::DeadLetterError;
pub(crate) use failures::WriteFailures;
pub(crate) use format::Stage;
pub(crate) use queue::{PendingDeadLetter, WriteQueue};
pub(crate) use read::{ReadDeadLetter, ReadOrigin};
pub(crate) use recent::RecentDeadLetters;
pub(crate) use report::WriteReport;
pub(crate) use write::{DeadLetterBatch, DeadLetters, write};
