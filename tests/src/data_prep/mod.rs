//! Data Prep as far as the mapping sets of `docs/` use it: what a dataflow makes of a raw record.
//!
//! Written from Adobe's function reference, data handling, upserts and troubleshooting pages, which
//! `docs/data-prep.md` links. What they leave open is a switch of [`Behaviour`]. What is not here
//! (another function, an operator, a wildcard) is refused when the mapping set is read, rather
//! than guessed.

mod behaviour;
mod expression;
mod function;
mod mapped;
mod mapping_set;
mod parse;
mod path;
mod scanner;

pub use behaviour::{Attributes, Behaviour, Maps, Nulls};
pub use mapped::{Intent, LineError, Mapped};
pub use mapping_set::{Line, MappingSet, Unreadable};

#[cfg(test)]
mod tests;
