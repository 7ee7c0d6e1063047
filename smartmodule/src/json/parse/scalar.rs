//! Strings, numbers and words, by the grammar of RFC 8259.

use super::fault::Fault;
use crate::json::kind::Kind;
use crate::json::number::PLAIN;
use crate::simd::chunk::{CHUNK, chunk_at};
use crate::simd::scan::plain_prefix;

/// The scalar at `start`, a string from behind its first quote: its kind and its range.
pub(super) fn scalar(bytes: &[u8], start: usize, is_string: bool) -> Option<(Kind, usize, usize)> {
    if is_string {
        let string = string(bytes, start).ok()?;
        return Some((string.kind(bytes, start), start, string.end));
    }
    let (kind, end) = match byte(bytes, start) {
        b'-' | b'0'..=b'9' => number(bytes, start).ok()?,
        first => word(bytes, first, start).ok()?,
    };
    Some((kind, start, end))
}

/// The byte at `at`; where the text ends, one that JSON has nowhere.
#[inline(always)]
pub(super) fn byte(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

/// The first byte from `at` on that is no blank, and where it stands.
#[inline(always)]
pub(super) fn visible(bytes: &[u8], at: usize) -> (u8, usize) {
    match byte(bytes, at) {
        next @ b'!'.. => (next, at),
        _ => behind_blanks(bytes, at),
    }
}

#[inline(never)]
fn behind_blanks(bytes: &[u8], mut at: usize) -> (u8, usize) {
    while let b' ' | b'\n' | b'\r' | b'\t' = byte(bytes, at) {
        at += 1;
    }
    (byte(bytes, at), at)
}

/// `true`, `false` or `null`.
#[inline(never)]
pub(super) fn word(bytes: &[u8], first: u8, at: usize) -> Result<(Kind, usize), Fault> {
    let (word, kind) = match first {
        b't' => (&b"true"[..], Kind::True),
        b'f' => (&b"false"[..], Kind::False),
        b'n' => (&b"null"[..], Kind::Null),
        _ => return Err(Fault::Syntax(at)),
    };
    if bytes.get(at..).is_some_and(|rest| rest.starts_with(word)) {
        Ok((kind, at + word.len()))
    } else {
        Err(Fault::Syntax(at))
    }
}

/// Where a string ends, and whether it has escapes.
pub(super) struct StringEnd {
    pub(super) end: usize,
    pub(super) escaped: bool,
}

impl StringEnd {
    /// What kind of value it is.
    #[inline(always)]
    pub(super) fn kind(&self, bytes: &[u8], start: usize) -> Kind {
        if self.escaped {
            return Kind::Escaped;
        }
        Kind::of_string(
            self.end - start,
            byte(bytes, start),
            byte(bytes, self.end.wrapping_sub(1)),
        )
    }
}

/// Reads a string from behind its first quote.
#[inline(always)]
pub(super) fn string(bytes: &[u8], start: usize) -> Result<StringEnd, Fault> {
    let mut at = start;
    while let Some(chunk) = chunk_at(bytes, at) {
        let special = chunk.special().first();
        at += special;
        if special < CHUNK {
            if byte(bytes, at) == b'"' {
                return Ok(StringEnd {
                    end: at,
                    escaped: false,
                });
            }
            break;
        }
    }
    string_with_escapes(bytes, at)
}

/// The rest of a string that has escapes, or stands at the end of the text.
#[cold]
#[inline(never)]
fn string_with_escapes(bytes: &[u8], mut at: usize) -> Result<StringEnd, Fault> {
    let mut escaped = false;
    loop {
        at += plain_prefix(bytes.get(at..).unwrap_or_default());
        match byte(bytes, at) {
            b'"' => return Ok(StringEnd { end: at, escaped }),
            b'\\' => {
                escaped = true;
                at = escape(bytes, at + 1)?;
            }
            // The text is UTF-8 already; only control characters are not allowed as they are.
            _ => return Err(Fault::Syntax(at)),
        }
    }
}

/// Reads an escape from behind its backslash.
fn escape(bytes: &[u8], at: usize) -> Result<usize, Fault> {
    match byte(bytes, at) {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(at + 1),
        b'u' => match bytes.get(at + 1..at + 5) {
            Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => Ok(at + 5),
            _ => Err(Fault::Syntax(at)),
        },
        _ => Err(Fault::Syntax(at)),
    }
}

/// The first byte from `at` on that is no digit.
#[inline(always)]
fn digits(bytes: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = chunk_at(bytes, at) {
        let count = chunk.not_digits().first();
        at += count;
        if count < CHUNK {
            return at;
        }
    }
    while byte(bytes, at).is_ascii_digit() {
        at += 1;
    }
    at
}

/// Reads a number, up to the byte behind it.
#[inline(always)]
pub(super) fn number(bytes: &[u8], start: usize) -> Result<(Kind, usize), Fault> {
    let at = digits(bytes, start);
    let (length, next) = (at - start, byte(bytes, at));
    if (1..=PLAIN).contains(&length)
        && (byte(bytes, start) != b'0' || length == 1)
        && !matches!(next, b'.' | b'e' | b'E')
    {
        return Ok((Kind::Integer, at));
    }
    Ok((Kind::Number, signed_or_fraction(bytes, start)?))
}

fn signed_or_fraction(bytes: &[u8], mut at: usize) -> Result<usize, Fault> {
    let some = |at: usize| match digits(bytes, at) {
        end if end == at => Err(Fault::Syntax(at)),
        end => Ok(end),
    };
    if byte(bytes, at) == b'-' {
        at += 1;
    }
    at = if byte(bytes, at) == b'0' {
        at + 1
    } else {
        some(at)?
    };
    if byte(bytes, at) == b'.' {
        at = some(at + 1)?;
    }
    if let b'e' | b'E' = byte(bytes, at) {
        at += 1;
        if let b'+' | b'-' = byte(bytes, at) {
            at += 1;
        }
        at = some(at)?;
    }
    Ok(at)
}
