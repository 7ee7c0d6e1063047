//! Bytes compared and copied a word at a time: in wasm `memcmp` goes byte by byte, and every `memory.copy` is a call into
//! the host, which costs more than copying a field's name.

/// From this length on the host's copy is the faster one.
const LONG: usize = 128;

/// The bytes of a text shorter than a word, as one that is equal for equal texts of one length. No byte is added to those
/// of the text but blanks.
const fn short(bytes: &[u8]) -> u64 {
    match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (Some(first), Some(last)) => u32::from_le_bytes(*first) as u64 | (u32::from_le_bytes(*last) as u64) << 32,
        _ => {
            let [a, b, c] = match bytes {
                [a] => [*a, b' ', b' '],
                [a, b] => [*a, *b, b' '],
                [a, b, c] => [*a, *b, *c],
                _ => [b' '; 3],
            };
            u64::from_le_bytes([a, b, c, b' ', b' ', b' ', b' ', b' '])
        }
    }
}

/// Calls `test` with words that together cover the text; ends with the first for which it fails.
#[inline(always)]
pub(super) fn all_words(bytes: &[u8], test: impl Fn(u64) -> bool) -> bool {
    let Some(last) = bytes.last_chunk::<8>() else {
        return test(short(bytes));
    };
    let mut rest = bytes;
    while let Some((word, after)) = rest.split_first_chunk::<8>() {
        if !test(u64::from_le_bytes(*word)) {
            return false;
        }
        rest = after;
    }
    test(u64::from_le_bytes(*last))
}

/// Whether both are the same.
pub(super) fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let (Some(last), Some(other_last)) = (one.last_chunk::<8>(), other.last_chunk::<8>()) else {
        return short(one) == short(other);
    };
    let (mut one, mut other) = (one, other);
    while let (Some((a, after)), Some((b, other_after))) =
        (one.split_first_chunk::<8>(), other.split_first_chunk::<8>())
    {
        if u64::from_le_bytes(*a) != u64::from_le_bytes(*b) {
            return false;
        }
        (one, other) = (after, other_after);
    }
    u64::from_le_bytes(*last) == u64::from_le_bytes(*other_last)
}

/// A number that differs for nearly all keys of an object: of their length and both ends.
pub(super) const fn key_hash(key: &[u8]) -> u16 {
    let word = match (key.first_chunk::<8>(), key.last_chunk::<8>()) {
        (Some(first), Some(last)) => u64::from_le_bytes(*first) ^ u64::from_le_bytes(*last).rotate_left(29),
        _ => short(key),
    };
    ((word ^ key.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48) as u16
}

/// Appends `bytes`.
pub(crate) fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() >= LONG {
        out.extend_from_slice(bytes);
        return;
    }
    let mut rest = bytes;
    while let Some((word, after)) = rest.split_first_chunk::<8>() {
        out.extend_from_slice(word);
        rest = after;
    }
    if let Some((word, after)) = rest.split_first_chunk::<4>() {
        out.extend_from_slice(word);
        rest = after;
    }
    if let Some((word, after)) = rest.split_first_chunk::<2>() {
        out.extend_from_slice(word);
        rest = after;
    }
    if let [byte] = rest {
        out.push(*byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_copied_and_compared_whole() {
        let text: Vec<u8> = (0..200).map(|n| b'a' + n % 26).collect();
        for length in 0..text.len() {
            let part = &text[..length];
            let mut copy = b"before ".to_vec();
            put(&mut copy, part);
            assert_eq!(&copy[7..], part);
            assert!(same(part, &copy[7..]));
            assert_eq!(key_hash(part), key_hash(&copy[7..]));
            assert!(!same(part, &text[..length + 1]));
            for changed in 0..length {
                let mut other = part.to_vec();
                other[changed] ^= 1;
                assert!(!same(part, &other), "byte {changed} of {length}");
                other[changed] = b'!';
                assert!(
                    !all_words(&other, |word| !word.to_le_bytes().contains(&b'!')),
                    "byte {changed} of {length}"
                );
            }
        }
    }
}
