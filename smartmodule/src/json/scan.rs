//! Finds the end of what needs no attention in a string, eight bytes at a time: strings are most of every event.

use super::bytes::all_words;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// The bytes of `word` that are zero, marked by their high bit; exact up to and including the first one.
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGHS
}

/// Marks the first byte of `word` that cannot stand in a JSON string as it is; 0 when there is none.
const fn special(word: u64) -> u64 {
    let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
    control | zeros(word ^ (ONES * b'"' as u64)) | zeros(word ^ (ONES * b'\\' as u64))
}

/// Whether the text can stand in a JSON string as it is.
pub(super) fn is_plain(bytes: &[u8]) -> bool {
    all_words(bytes, |word| special(word) == 0)
}

/// How many bytes come before the first quote, backslash or control character.
pub(super) fn plain_prefix(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..at + 8).and_then(|chunk| <[u8; 8]>::try_from(chunk).ok()) {
        let word = u64::from_le_bytes(chunk);
        let special = special(word);
        if special != 0 {
            return at + special.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or(&[]);
    at + rest
        .iter()
        .position(|byte| matches!(byte, 0..0x20 | b'"' | b'\\'))
        .unwrap_or(rest.len())
}
