//! Strings and integers out.

use crate::output::buffer::OutBuf;
use crate::output::digits::eight_digits;
use crate::simd::scan::{is_plain, plain_prefix};

/// Appends `text` as a JSON string.
pub(crate) fn write_text(out: &mut OutBuf, text: &str) {
    out.push(b'"');
    write_escaped(out, text);
    out.push(b'"');
}

/// Appends the characters of `text`, escaped as RFC 8785 wants it: only what must be.
pub(crate) fn write_escaped(out: &mut OutBuf, text: &str) {
    if is_plain(text.as_bytes()) {
        return out.put(text.as_bytes());
    }
    write_special(out, text);
}

#[inline(never)]
fn write_special(out: &mut OutBuf, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut rest = text.as_bytes();
    loop {
        let (plain, special) = rest
            .split_at_checked(plain_prefix(rest))
            .unwrap_or((rest, &[]));
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
pub(crate) fn write_integer(out: &mut OutBuf, number: i64) {
    if number < 0 {
        out.push(b'-');
    }
    // Eight digits at a time: a division of 64 bits costs as much as all of theirs.
    const EIGHT: u64 = 100_000_000;
    let number = number.unsigned_abs();
    if number < EIGHT {
        return write_leading(out, number as u32);
    }
    let (high, low) = (number / EIGHT, (number % EIGHT) as u32);
    if high < EIGHT {
        write_leading(out, high as u32);
    } else {
        write_leading(out, (high / EIGHT) as u32);
        out.put(&eight_digits((high % EIGHT) as u32));
    }
    out.put_prefix8(eight_digits(low), 8);
}

/// Appends the digits of a number below 100 000 000, from the first that is not 0.
#[inline(always)]
fn write_leading(out: &mut OutBuf, number: u32) {
    let digits = u64::from_le_bytes(eight_digits(number));
    // The last digit stays, whatever it is.
    let not_zero = digits ^ u64::from_le_bytes(*b"00000000") | 1 << 56;
    let zeros = not_zero.trailing_zeros() / 8;
    out.put_prefix8((digits >> (8 * zeros)).to_le_bytes(), 8 - zeros as usize);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_written_as_the_standard_library_writes_them() {
        let powers = (0..19).flat_map(|power| [-1, 0, 1].map(|off| 10_i64.pow(power) + off));
        for number in powers.chain([0, -7, i64::MAX, i64::MIN]) {
            let mut out = OutBuf::default();
            write_integer(&mut out, number);
            assert_eq!(out.written(), number.to_string().as_bytes());
        }
    }
}
