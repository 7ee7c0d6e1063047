//! Records that cannot be delivered, with everything needed to understand and to replay them.

mod format;
mod letter;
mod read;
mod write;

pub(crate) use format::Stage;
pub(crate) use letter::{Attempts, DeadLetter, DeadLetterSummary, Origin};
pub(crate) use read::ReadDeadLetter;
pub(crate) use write::{DeadLetterError, DeadLetters, WriteObserver, write};
