//! Records that cannot be delivered, with everything needed to understand and to replay them.

mod letter;
mod write;

pub(crate) use letter::{DeadLetter, Origin, Summary, Trial};
pub(crate) use write::{DeadLetters, LetterError, write};
