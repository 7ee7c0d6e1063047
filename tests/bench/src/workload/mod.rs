//! The records: their number, kinds and customers as a file describes them.

mod customers;
pub(crate) mod description;
pub(crate) mod stream;
mod template;

pub use description::Description;
