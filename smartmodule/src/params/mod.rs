//! The parameters of the mapping.

pub(crate) mod identity;
pub(crate) mod model;
pub(crate) mod omit;
mod parse;
pub(crate) mod tenant;

pub use model::{MAX_EVENT_BYTES, ParamError, Params};
