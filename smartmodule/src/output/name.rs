//! Names of XDM fields, padded at compile time.

use crate::output::buffer::OutBuf;
use crate::output::padded::Padded32;

/// The name of a field, as it is written: `,"name":"`.
#[derive(Debug)]
pub(crate) struct Name(Padded32);

/// What is written around a name.
pub(crate) const BEFORE: &[u8; 2] = b",\"";
const AFTER: &[u8; 3] = b"\":\"";

impl Name {
    /// Only for constants: a longer name than 27 letters does not compile.
    pub(crate) const fn new(name: &str) -> Self {
        Self::behind(BEFORE, name)
    }

    /// As [`new`](Self::new), of the first field of an object in an array, which it opens.
    pub(crate) const fn first(name: &str) -> Self {
        Self::behind(b",{\"", name)
    }

    const fn behind(before: &[u8], name: &str) -> Self {
        Self(Padded32::new(&[before, name.as_bytes(), AFTER]))
    }

    /// Writes it, up to where a value follows.
    #[inline(always)]
    pub(crate) fn write_bare(&self, out: &mut OutBuf) {
        out.put_prefix32(&self.0.padded, self.0.length - 1);
    }

    /// Writes it with a value from a text.
    #[inline(always)]
    pub(crate) fn write_with(
        &self,
        place: (&[u8], usize, usize),
        is_quoted: bool,
        out: &mut OutBuf,
    ) {
        let length = self.0.length - usize::from(!is_quoted);
        out.member(&self.0.padded, length, place, is_quoted);
    }

    /// Writes it, up to where a text's first character follows.
    #[inline(always)]
    pub(crate) fn write_quoted(&self, out: &mut OutBuf) {
        out.put32(&self.0);
    }

    /// How many bytes come before a text's first character.
    #[inline(always)]
    pub(crate) const fn length(&self) -> usize {
        self.0.length
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        let end = self.0.length.saturating_sub(AFTER.len());
        self.0.padded.get(BEFORE.len()..end).unwrap_or_default()
    }
}

/// A field's name, padded at compile time.
macro_rules! name {
    ($name:literal) => {
        const { &$crate::output::name::Name::new($name) }
    };
}
pub(crate) use name;
