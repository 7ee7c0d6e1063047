//! Finds what needs attention in the characters of a string.

use super::chunk::{CHUNK, Chunk, chunk_at};

/// Whether the text can stand in a JSON string as it is.
pub(super) fn is_plain(bytes: &[u8]) -> bool {
    plain_prefix(bytes) == bytes.len()
}

/// How many bytes come before the first quote, backslash or control character.
pub(super) fn plain_prefix(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(chunk) = chunk_at(bytes, at) {
        let special = chunk.special().first();
        at += special;
        if special < CHUNK {
            return at;
        }
    }
    let rest = bytes.get(at..).unwrap_or(&[]);
    at + rest
        .iter()
        .position(|byte| matches!(byte, 0..0x20 | b'"' | b'\\'))
        .unwrap_or(rest.len())
}

/// Whether all are letters, digits, or one of `-._~`: what a URI holds as it is (RFC 3986, 2.3).
pub(crate) fn is_unreserved(bytes: &[u8]) -> bool {
    let Some(last) = bytes.last_chunk().map(Chunk::new) else {
        let unreserved = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        return bytes.iter().all(unreserved);
    };
    let mut at = 0;
    while let Some(chunk) = chunk_at(bytes, at) {
        if !chunk.reserved().is_empty() {
            return false;
        }
        at += CHUNK;
    }
    last.reserved().is_empty()
}

/// Whether all bytes are ASCII, which is valid UTF-8 without a closer look.
pub(crate) fn is_ascii(bytes: &[u8]) -> bool {
    let mut at = 0;
    while let Some(chunk) = chunk_at(bytes, at) {
        if !chunk.not_ascii().is_empty() {
            return false;
        }
        at += CHUNK;
    }
    bytes.get(at..).unwrap_or(&[]).is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holds a search by chunks against one by bytes, for every byte at every place of short texts.
    fn check(found: impl Fn(&[u8]) -> bool, expected: impl Fn(u8) -> bool) {
        for length in 0..40 {
            for place in 0..length {
                for byte in 0..=255 {
                    let mut text = vec![b'a'; length];
                    text[place] = byte;
                    assert_eq!(found(&text), expected(byte), "byte {byte} at {place} of {length}");
                }
            }
        }
    }

    #[test]
    fn every_byte_is_told_wherever_it_stands() {
        check(is_plain, |byte| !matches!(byte, 0..0x20 | b'"' | b'\\'));
        check(is_ascii, |byte| byte.is_ascii());
        check(is_unreserved, |byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
        });
        let not_digit = |bytes: &[u8]| chunk_at(bytes, 0).map_or(0, |chunk| chunk.not_digits().first());
        for byte in 0..=255 {
            let text = [
                b'7', b'0', b'9', byte, 0xFF, b'3', b'0', b'0', b'0', b'0', b'0', b'0', b'0', b'0', b'0', b'x',
            ];
            assert_eq!(
                not_digit(&text),
                if byte.is_ascii_digit() { 4 } else { 3 },
                "byte {byte}"
            );
        }
    }
}
