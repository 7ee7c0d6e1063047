//! Text to tokens.

mod block;
mod fault;
mod scalar;
mod shape;
mod tape;

pub(crate) use fault::Fault;
pub(crate) use shape::MAX_SHAPED_BYTES;
pub(crate) use tape::Tape;
