//! JSON read without copying and written without a tree.
//!
//! One pass turns the text into a flat list of tokens that point into it ([`Tape`]); nothing is
//! allocated per field. The grammar is RFC 8259 to the letter, with three decisions of our own: of
//! a repeated key the last value counts (what JavaScript and Java do), half a surrogate pair reads
//! as U+FFFD (a cut-off emoji must not cost the event), and depth and size are bounded because the
//! broker's memory is.

mod canonical;
mod kind;
mod members;
mod number;
mod parse;
mod rewrite;
#[cfg(test)]
mod tests;
mod token;
mod unescape;
mod value;
mod write;

pub(crate) use canonical::write_canonical;
pub(crate) use kind::Kind;
pub(crate) use members::{Members, Slots};
pub(crate) use number::{Number, write_number};
pub(crate) use parse::{Fault, MAX_SHAPED_BYTES, Tape};
pub(crate) use token::Document;
pub(crate) use value::Value;
pub(crate) use write::{write_escaped, write_integer, write_text};
