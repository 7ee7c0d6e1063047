//! A member taken in at one look: short, and without blanks, as machines write nearly all of them.
//!
//! Everything lies within a block of fixed size, so nothing is checked against the end of the text
//! again. What does not fit the mould is left to the parser's general way.

use crate::catalog::key::KEYS;
use crate::json::kind::Kind;
use crate::simd::chunk::{CHUNK, Chunk, PAIR, Pair};

/// `"name":"value"` with a name of up to 31 bytes and a value of up to 63, and the chunks they are
/// scanned in; or as much as 64 bytes and such a value. A power of two, so that a place in it is
/// one by its last bits.
pub(super) const BLOCK: usize = 8 * CHUNK;

/// A part of the text.
pub(super) type Block = [u8; BLOCK];

/// The block that begins at `at`; `None` close to the end of the text.
#[inline(always)]
pub(super) fn block_at(bytes: &[u8], at: usize) -> Option<&Block> {
    bytes.get(at..)?.first_chunk()
}

/// What a block begins with. All places are counted from its start.
#[derive(Clone, Copy)]
pub(super) struct Member {
    /// The number of the name.
    pub(super) key: u8,
    pub(super) name_end: usize,
    /// Where the value begins, and with what.
    pub(super) value: usize,
    pub(super) first: u8,
}

/// A value without anything in it.
#[derive(Clone, Copy)]
pub(super) struct Scalar {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    /// The byte behind it.
    pub(super) next: usize,
}

/// The pair of chunks at a place of the block.
#[inline(always)]
pub(super) fn pair_at(block: &Block, at: usize) -> Option<Pair> {
    block.get(at..)?.first_chunk().map(Pair::new)
}

/// The chunk at a place of the block.
#[inline(always)]
fn chunk(block: &Block, at: usize) -> Option<Chunk> {
    block.get(at..)?.first_chunk().map(Chunk::new)
}

/// The byte at a place of the block.
#[inline(always)]
#[allow(clippy::indexing_slicing)] // Never outside.
pub(super) const fn byte(block: &Block, at: usize) -> u8 {
    block[at % BLOCK]
}

impl Member {
    /// The member a block begins with, up to its value.
    #[inline(always)]
    pub(super) fn read(block: &Block) -> Option<Self> {
        if byte(block, 0) != b'"' {
            return None;
        }
        let name = pair_at(block, 1)?;
        let length = name.special();
        if length >= PAIR || byte(block, length + 1) != b'"' || byte(block, length + 2) != b':' {
            return None;
        }
        Some(Self {
            key: KEYS.find_short(name.keep(length)),
            name_end: length + 1,
            value: length + 3,
            first: byte(block, length + 3),
        })
    }

    /// Its value, if that is a short string or a whole number.
    #[inline(always)]
    pub(super) fn scalar(&self, block: &Block) -> Option<Scalar> {
        let at = self.value;
        if at >= PAIR + 3 {
            return None;
        }
        match self.first {
            b'"' => {
                let (kind, end) = string_at(block, at + 1)?;
                (byte(block, end) == b'"').then_some(Scalar {
                    kind,
                    start: at + 1,
                    end,
                    next: end + 1,
                })
            }
            first @ b'0'..=b'9' => {
                let end = digits_at(block, at, first)?;
                (!matches!(byte(block, end), b'.' | b'e' | b'E')).then_some(Scalar {
                    kind: Kind::Integer,
                    start: at,
                    end,
                    next: end,
                })
            }
            _ => None,
        }
    }
}

/// The string whose characters begin at `start`: its kind, and where it ends, if its last quote
/// stands there, which is not looked at.
#[inline(always)]
pub(super) fn string_at(block: &Block, start: usize) -> Option<(Kind, usize)> {
    let mut length = pair_at(block, start)?.special();
    if length == PAIR {
        length += pair_at(block, start + PAIR)?.special();
    }
    let end = start + length;
    if length >= 2 * PAIR {
        return None;
    }
    let (first, last) = (byte(block, start), byte(block, end.wrapping_sub(1)));
    Some((Kind::of_string(length, first, last), end))
}

/// Where the digits end that begin at `start`, with `first`; whether it is all of the number is not
/// looked at.
#[inline(always)]
pub(super) fn digits_at(block: &Block, start: usize, first: u8) -> Option<usize> {
    let length = chunk(block, start)?.not_digits().first();
    ((1..CHUNK).contains(&length) && (first != b'0' || length == 1)).then_some(start + length)
}

/// The number that begins at `start`: its kind, and where it ends, if nothing of a number follows
/// there, which is not looked at; `None` for one that is long.
#[inline(always)]
pub(super) fn number_at(block: &Block, start: usize) -> Option<(Kind, usize)> {
    let first = byte(block, start);
    if first == b'-' {
        let whole = digits_at(block, start + 1, byte(block, start + 1))?;
        return Some((Kind::Number, fraction_at(block, whole).unwrap_or(whole)));
    }
    let whole = digits_at(block, start, first)?;
    match fraction_at(block, whole) {
        Some(end) => Some((Kind::Number, end)),
        None => Some((Kind::Integer, whole)),
    }
}

/// Where a point and the digits behind it end.
#[inline(always)]
fn fraction_at(block: &Block, point: usize) -> Option<usize> {
    if byte(block, point) != b'.' {
        return None;
    }
    let length = chunk(block, point + 1)?.not_digits().first();
    (1..CHUNK).contains(&length).then_some(point + 1 + length)
}

/// `true`, `false` or `null`, and where it ends.
#[inline(always)]
pub(super) fn literal_at(block: &Block, start: usize) -> Option<(Kind, usize)> {
    match block.get(start..)?.first_chunk()? {
        b"true" => Some((Kind::True, start + 4)),
        b"null" => Some((Kind::Null, start + 4)),
        b"fals" if byte(block, start + 4) == b'e' => Some((Kind::False, start + 5)),
        _ => None,
    }
}
