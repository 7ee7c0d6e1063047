//! Values that are written as they stand.

use crate::json::Value;
use crate::output::buffer::OutBuf;
use crate::output::name::Name;

/// The values that are written as they stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Verbatim {
    /// Bits of the kinds that are written verbatim,
    pub(super) kinds: u16,
    /// with at least this many bytes,
    pub(super) shortest: u8,
    /// and at most this many more.
    pub(super) span: u32,
    /// Whether they are quoted.
    pub(super) quoted: bool,
}

impl Verbatim {
    pub(super) const NONE: Self = Self {
        kinds: 0,
        shortest: 0,
        span: u32::MAX,
        quoted: false,
    };

    /// Writes a member with the value, if it can be written verbatim; `false`, and nothing, for any
    /// other.
    #[inline(always)]
    pub(super) fn write(self, name: &Name, value: Value<'_>, out: &mut OutBuf) -> bool {
        let (kind, place) = value.kind_and_place();
        let (_, start, end) = place;
        let length = end.wrapping_sub(start) as u32;
        let goes = self.kinds >> kind as u16 & 1 == 1
            && length.wrapping_sub(u32::from(self.shortest)) <= self.span;
        if goes {
            name.write_with(place, self.quoted, out);
        }
        goes
    }
}
