//! Text that is a part of something received, without a copy of its own.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use bytes::Bytes;

/// Behaves like the `str` it holds. Keeps what it is a part of in memory.
#[derive(Clone, PartialEq, Eq)]
pub struct SharedStr(Bytes);

impl SharedStr {
    /// Text that was found in `whole`; what had to be unescaped is kept as it
    /// is.
    pub fn part_of(whole: &Bytes, text: Cow<'_, str>) -> Self {
        match text {
            Cow::Borrowed(part) => Self(whole.slice_ref(part.as_bytes())),
            Cow::Owned(text) => Self(text.into()),
        }
    }
}

impl Deref for SharedStr {
    type Target = str;

    fn deref(&self) -> &str {
        // Made of text, so this is never empty for another reason than being empty.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl Hash for SharedStr {
    fn hash<H: Hasher>(&self, state: &mut H) {
        str::hash(self, state);
    }
}

impl fmt::Debug for SharedStr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(test)]
impl From<&str> for SharedStr {
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_is_not_copied_and_what_is_new_is_kept() {
        let whole = Bytes::from_static("über 5".as_bytes());
        let part = SharedStr::part_of(
            &whole,
            Cow::Borrowed(std::str::from_utf8(&whole[..5]).unwrap()),
        );
        assert_eq!((&*part, part.as_ptr()), ("über", whole.as_ptr()));
        assert_eq!(
            &*SharedStr::part_of(&whole, Cow::Owned("neu".to_owned())),
            "neu"
        );
    }
}
