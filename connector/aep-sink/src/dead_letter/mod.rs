//! Records that cannot be delivered, with everything needed to understand and to replay them.

mod letter;
mod write;

pub(crate) use letter::Summary;
pub use letter::{DeadLetter, Origin, Trial};
pub(crate) use write::{DeadLetters, LetterError, write};
