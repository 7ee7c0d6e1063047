//! JSON read without copying and written without a tree.
//!
//! One pass turns the text into a flat list of tokens that point into it ([`Tape`]); nothing is
//! allocated per field. The grammar is RFC 8259 to the letter, with three decisions of our own: of
//! a repeated key the last value counts (what JavaScript and Java do), half a surrogate pair reads
//! as U+FFFD (a cut-off emoji must not cost the event), and depth and size are bounded because the
//! broker's memory is.

mod block;
mod canonical;
mod chunk;
mod lexicon;
mod members;
mod number;
mod parse;
mod scalar;
mod scan;
mod shape;
#[cfg(test)]
mod tests;
mod value;
mod write;

pub(crate) use canonical::write_canonical;
pub(crate) use chunk::copy_chunks;
pub(crate) use lexicon::Lexicon;
pub(crate) use members::{Members, Slots};
pub(crate) use number::{Number, write_number};
pub(crate) use parse::{Fault, Tape};
pub(crate) use scan::{
    is_plain_address, is_plain_number, is_unreserved, may_name, plain_prefix, utf8,
};
pub(crate) use shape::MAX_SHAPED_BYTES;
pub(crate) use value::{Document, Kind, Value};
pub(crate) use write::{divided, eight_digits, write_escaped, write_integer, write_text};
