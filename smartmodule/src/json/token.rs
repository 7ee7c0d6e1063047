//! The tokens of a parsed text.

use super::kind::Kind;

/// One value of the document.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::json) struct Token {
    /// Byte range of the value in the text; of a string, what stands between the quotes. Of a
    /// container only the start, and that of one read earlier, if the document has its shape.
    pub(in crate::json) start: u32,
    pub(in crate::json) end: u32,
    /// Index of the token that follows this value and everything in it. While it is open: that of
    /// its container.
    pub(in crate::json) next: u32,
    /// How many bytes before the value the member's name begins, and its length between the quotes;
    /// 0 for what is no member.
    pub(in crate::json) name_before: u32,
    pub(in crate::json) name_length: u32,
    pub(in crate::json) kind: Kind,
    /// The number of the member's name among the [known keys](crate::catalog::key::Key).
    pub(in crate::json) key: u8,
}

/// A parsed text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Document<'a> {
    pub(in crate::json) text: &'a str,
    /// The text that the places of containers are of: another one of the same shape, perhaps.
    pub(in crate::json) learnt: &'a str,
    pub(in crate::json) tokens: &'a [Token],
    /// The same for documents whose tokens are the same but for their places in the text, and their
    /// kinds of scalar.
    pub(in crate::json) shape: u64,
}
