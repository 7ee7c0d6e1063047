//! What a value is.

/// What a value is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    #[default]
    Null,
    True,
    False,
    /// Digits alone, as many as survive the way through a double.
    Integer,
    /// Any other number.
    Number,
    /// A string without escapes that says something, an id perhaps, with nothing to trim: its bytes
    /// in the text are its characters.
    Word,
    /// Any other string without escapes: perhaps blank, `null` or `-1`.
    Plain,
    /// A string with escapes.
    Escaped,
    Array,
    Object,
}

impl Kind {
    /// What a string without escapes is, of this length, first and last byte; of an empty one,
    /// those are its quotes.
    #[inline(always)]
    pub(super) const fn of_string(length: usize, first: u8, last: u8) -> Self {
        if FIRST[first as usize] | LAST[last as usize] {
            Self::of_odd_string(length, first, last)
        } else {
            Self::Word
        }
    }

    #[inline(never)]
    const fn of_odd_string(length: usize, first: u8, last: u8) -> Self {
        // It may be `null`, or `-1`, which is no id.
        let is_something =
            length > 0 && !(first == b'n' && length == 4 || first == b'-' && length == 2);
        if is_something && is_visible(first) && is_visible(last) {
            Self::Word
        } else {
            Self::Plain
        }
    }
}

const fn is_visible(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~')
}

/// The first bytes of strings that deserve a closer look: a quote is the last one of an empty
/// string.
static FIRST: [bool; 256] = {
    let mut bytes = LAST;
    (
        bytes[b'"' as usize],
        bytes[b'n' as usize],
        bytes[b'-' as usize],
    ) = (true, true, true);
    bytes
};

/// The last bytes of such strings.
static LAST: [bool; 256] = {
    let (mut bytes, mut byte) = ([false; 256], 0);
    while byte < bytes.len() {
        bytes[byte] = !is_visible(byte as u8);
        byte += 1;
    }
    bytes
};
