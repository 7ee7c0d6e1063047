//! Records that cannot be delivered, with everything needed to understand and to replay them.

mod error;
mod failures;
mod letter;
mod recent;
mod write;

pub(crate) use error::LetterError;
pub(crate) use failures::WriteFailures;
pub(crate) use letter::{DeadLetter, Origin, Summary, Trial};
pub(crate) use recent::RecentDeadLetters;
pub(crate) use write::{DeadLetters, write};
