//! Scans texts for bytes of a class.

use super::chunk::{CHUNK, Chunk, Marks, PAIR, Pair, chunk_at};

/// Whether the text can stand in a JSON string as it is.
pub(crate) fn is_plain(bytes: &[u8]) -> bool {
    plain_prefix(bytes) == bytes.len()
}

/// How many bytes come before the first quote, backslash or control character.
pub(crate) fn plain_prefix(bytes: &[u8]) -> usize {
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

/// Whether a key `eventName` may stand in the text, however it is written: whether there is a `v`
/// four places before an `N`, or a backslash.
pub(crate) fn may_name(bytes: &[u8]) -> bool {
    const APART: usize = 4;
    let mut at = 0;
    // Four chunks a round.
    while let Some(block) = bytes
        .get(at..)
        .and_then(|rest| rest.first_chunk::<{ 4 * CHUNK + APART }>())
    {
        let mut found = Marks::NONE;
        for start in [0, CHUNK, 2 * CHUNK, 3 * CHUNK] {
            let (Some(chunk), Some(later)) =
                (chunk_at(block, start), chunk_at(block, start + APART))
            else {
                return true;
            };
            found = found
                .or(chunk.equal(b'v').and(later.equal(b'N')))
                .or(chunk.equal(b'\\'));
        }
        if !found.is_empty() {
            return true;
        }
        at += 4 * CHUNK;
    }
    let rest = bytes.get(at..).unwrap_or(&[]);
    rest.contains(&b'\\')
        || rest
            .windows(APART + 1)
            .any(|window| matches!(window, [b'v', .., b'N']))
}

/// The pair of chunks at `start`, and the bits of the bytes up to `end`; `None` for more than there
/// is room for.
#[inline(always)]
fn pair_of(text: &[u8], start: usize, end: usize) -> Option<(Pair, u32)> {
    let length = end.wrapping_sub(start);
    let pair = text.get(start..)?.first_chunk().map(Pair::new)?;
    (1..=PAIR)
        .contains(&length)
        .then(|| (pair, u32::MAX >> (PAIR - length)))
}

/// Whether what stands there is an e-mail address for certain, in lower case: letters and digits
/// around one `@`, with single dots, dashes and the like between them. Nearly all are; of another
/// it says nothing.
#[inline(always)]
pub(crate) fn is_plain_address(text: &[u8], start: usize, end: usize) -> bool {
    let Some((pair, all)) = pair_of(text, start, end) else {
        return false;
    };
    let special = all & !pair.bits(Chunk::lower_or_digit);
    let at = all & pair.bits(|chunk| chunk.equal(b'@'));
    let anywhere = all & pair.bits(|chunk| chunk.equal(b'.').or(chunk.equal(b'-')));
    let before_at = all & pair.bits(|chunk| chunk.equal(b'_').or(chunk.equal(b'+')));
    let ends = 1 | all ^ (all >> 1);
    special == at | anywhere | before_at
        && at.is_power_of_two()
        && before_at < at
        && special & (special << 1 | ends) == 0
}

/// Whether five to fifteen digits stand there.
#[inline(always)]
pub(crate) fn is_plain_number(text: &[u8], start: usize, end: usize) -> bool {
    let is_digits = |(pair, all): (Pair, u32)| all & pair.bits(Chunk::not_digits) == 0;
    (5..=15).contains(&end.wrapping_sub(start)) && pair_of(text, start, end).is_some_and(is_digits)
}

/// The bytes as text; `None` when they are no UTF-8.
#[allow(unsafe_code)] // The standard library looks at every byte twice where none needs it: 3 % of a record's cost.
pub(crate) fn utf8(bytes: &[u8]) -> Option<&str> {
    let (blocks, rest) = bytes.as_chunks::<{ 4 * CHUNK }>();
    let mut all = Chunk::ZERO;
    for block in blocks {
        for chunk in block.as_chunks().0 {
            all = all.or(Chunk::new(chunk));
        }
    }
    let (chunks, last) = rest.as_chunks();
    for chunk in chunks.iter().chain(bytes.last_chunk()) {
        all = all.or(Chunk::new(chunk));
    }
    if all.beyond_ascii().is_empty() && (bytes.len() >= CHUNK || last.is_ascii()) {
        // SAFETY: every byte is below 0x80, as all chunks together said, the last one of which may
        // overlap the one before; of a shorter text every byte was asked. ASCII is UTF-8.
        Some(unsafe { str::from_utf8_unchecked(bytes) })
    } else {
        str::from_utf8(bytes).ok()
    }
}

/// Whether all are letters, digits, or one of `-._~`: what a URI holds as it is (RFC 3986, 2.3).
pub(crate) fn is_unreserved(bytes: &[u8]) -> bool {
    let Some(last) = bytes.last_chunk().map(Chunk::new) else {
        let unreserved =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
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
                    assert_eq!(
                        found(&text),
                        expected(byte),
                        "byte {byte} at {place} of {length}"
                    );
                }
            }
        }
    }

    #[test]
    fn scans_classify_every_byte_at_every_place() {
        check(is_plain, |byte| !matches!(byte, 0..0x20 | b'"' | b'\\'));
        check(may_name, |byte| byte == b'\\');
        check(|bytes| utf8(bytes).is_some(), |byte| byte.is_ascii());
        for text in ["é", "日本", "😀"] {
            for place in 0..150 {
                let whole = format!("{}{text}{}", "a".repeat(place), "b".repeat(70));
                assert_eq!(utf8(whole.as_bytes()), Some(&*whole));
                let cut = &whole.as_bytes()[..place + text.len() - 1];
                assert_eq!(utf8(cut), None);
            }
        }
        check(is_unreserved, |byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
        });
        for length in 9..200 {
            for place in 0..length - 9 {
                let mut text = vec![b'v'; length];
                text[place..place + 9].copy_from_slice(b"eventName");
                assert!(may_name(&text), "at {place} of {length}");
                text[place + 5] = b'n';
                assert!(!may_name(&text), "at {place} of {length}");
            }
        }
        let not_digit =
            |bytes: &[u8]| chunk_at(bytes, 0).map_or(0, |chunk| chunk.not_digits().first());
        for byte in 0..=255 {
            let text = [
                b'7', b'0', b'9', byte, 0xFF, b'3', b'0', b'0', b'0', b'0', b'0', b'0', b'0', b'0',
                b'0', b'x',
            ];
            assert_eq!(
                not_digit(&text),
                if byte.is_ascii_digit() { 4 } else { 3 },
                "byte {byte}"
            );
        }
    }
}
