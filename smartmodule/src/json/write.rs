//! Strings and integers out.

use super::scan::{is_plain, plain_prefix};
use crate::sink::Sink;

/// Appends `text` as a JSON string.
pub(crate) fn write_text(out: &mut Sink, text: &str) {
    out.push(b'"');
    write_escaped(out, text);
    out.push(b'"');
}

/// Appends the characters of `text`, escaped as RFC 8785 wants it: only what must be.
pub(crate) fn write_escaped(out: &mut Sink, text: &str) {
    if is_plain(text.as_bytes()) {
        return out.put(text.as_bytes());
    }
    write_special(out, text);
}

#[inline(never)]
fn write_special(out: &mut Sink, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut rest = text.as_bytes();
    loop {
        let (plain, special) = rest.split_at_checked(plain_prefix(rest)).unwrap_or((rest, &[]));
        out.put(plain);
        let Some((&byte, after)) = special.split_first() else {
            return;
        };
        rest = after;
        let short = match byte {
            b'"' => b'"',
            b'\\' => b'\\',
            0x08 => b'b',
            0x09 => b't',
            0x0a => b'n',
            0x0c => b'f',
            0x0d => b'r',
            _ => {
                let low = HEX.get(usize::from(byte & 0xf)).copied().unwrap_or(b'0');
                out.put(&[b'\\', b'u', b'0', b'0', b'0' + (byte >> 4), low]);
                continue;
            }
        };
        out.put(&[b'\\', short]);
    }
}

/// Appends an integer.
pub(crate) fn write_integer(out: &mut Sink, number: i64) {
    if number < 0 {
        out.push(b'-');
    }
    // Eight digits at a time: a division of 64 bits costs as much as all of theirs.
    const EIGHT: u64 = 100_000_000;
    let number = number.unsigned_abs();
    let (high, low) = (number / EIGHT, (number % EIGHT) as u32);
    if high == 0 {
        return write_leading(out, low);
    }
    match (high / EIGHT, (high % EIGHT) as u32) {
        (0, middle) => write_leading(out, middle),
        (high, middle) => {
            write_leading(out, high as u32);
            out.put(&eight_digits(middle));
        }
    }
    out.put(&eight_digits(low));
}

/// Appends the digits of a number below 100 000 000, from the first that is not 0.
fn write_leading(out: &mut Sink, number: u32) {
    let digits = eight_digits(number);
    // The last digit stays, whatever it is.
    let not_zero = u64::from_le_bytes(digits) ^ u64::from_le_bytes(*b"00000000") | 1 << 56;
    let zeros = not_zero.trailing_zeros() as usize / 8;
    out.put(digits.get(zeros..).unwrap_or_default());
}

/// The digits of a number below 100 000 000.
fn eight_digits(number: u32) -> [u8; 8] {
    let pair = |number: u32| two_digits(number % 100);
    let ([a, b], [c, d]) = (pair(number / 1_000_000), pair(number / 10_000));
    let ([e, f], [g, h]) = (pair(number / 100), pair(number));
    [a, b, c, d, e, f, g, h]
}

/// The digits of a number below 100.
pub(crate) fn two_digits(number: u32) -> [u8; 2] {
    [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]
}
