//! A text the mapping passes on.

use std::borrow::Cow;
use std::ops::Deref;

use crate::json::write_escaped;
use crate::output::buffer::OutBuf;

/// A text of an event, a parameter, or made of either.
#[derive(Debug, Clone)]
pub(crate) enum Text<'a> {
    /// Nothing in it needs an escape in JSON.
    Plain(&'a str),
    /// Anything else.
    Any(Cow<'a, str>),
}

impl<'a> Text<'a> {
    /// A text that was made.
    pub(crate) fn made(text: String) -> Self {
        Self::Any(Cow::Owned(text))
    }

    /// The same text, borrowed.
    pub(crate) fn shared(&self) -> Text<'_> {
        match self {
            Self::Plain(text) => Text::Plain(text),
            Self::Any(text) => Text::Any(Cow::Borrowed(text)),
        }
    }

    /// Another text in its place, unless it is the same.
    pub(crate) fn map(self, change: impl FnOnce(&str) -> Option<String>) -> Text<'a> {
        match change(&self) {
            Some(changed) => Text::made(changed),
            None => self,
        }
    }

    /// In upper case: `LOYALTY` and `loyalty` are the same word.
    pub(crate) fn upper(self) -> Self {
        self.map(|text| {
            text.bytes()
                .any(|byte| byte.is_ascii_lowercase())
                .then(|| text.to_ascii_uppercase())
        })
    }
}

/// Appends the characters of a text, escaped where they must be.
#[inline(always)]
pub(crate) fn write_characters(out: &mut OutBuf, text: &Text<'_>) {
    match text {
        Text::Plain(text) => out.put_inline(text.as_bytes()),
        Text::Any(text) => write_escaped(out, text),
    }
}

impl Deref for Text<'_> {
    type Target = str;

    #[inline(always)]
    fn deref(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Any(text) => text,
        }
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Text<'_> {}
