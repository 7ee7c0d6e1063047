//! Writes XDM objects straight into the answer: nothing empty, nothing null, nothing the
//! organisation omits.
//!
//! Every member and every element begins with a comma; the first one's becomes the bracket of its
//! container, when that is closed. So nothing has to know whether it is the first, and a container
//! that stayed empty is simply taken back.

use std::ops::Range;

use crate::json::{Kind, Number, Value, write_integer, write_number, write_text};
use crate::mapping::plan::PlanCache;
use crate::output::buffer::OutBuf;
use crate::output::name::{BEFORE, Name, name};
use crate::output::padded::{Padded32, Padded48, PaddedBytes, padded};
use crate::params::omit::{OmitCursor, OmittedFields};
use crate::params::tenant::Tenant;
use crate::values::coerce;
use crate::values::text::{Text, write_characters};
use crate::values::time::write_instant;

/// A container that was opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Open {
    /// Length of the output before its key.
    mark: usize,
    /// Length of the output before its content.
    inside: usize,
    outer: OmitCursor,
}

impl Default for Open {
    fn default() -> Self {
        Self {
            mark: 0,
            inside: 0,
            outer: OmitCursor::Off,
        }
    }
}

/// A writer positioned inside an object or an array.
///
/// Its methods are not inlined: they are called from some two hundred places, and the module's size
/// counts.
#[derive(Debug)]
pub(crate) struct XdmWriter<'w> {
    out: &'w mut OutBuf,
    omit: &'w OmittedFields,
    cursor: OmitCursor,
    /// Length of the output that is too long for the entity.
    limit: usize,
    /// What the plans come to that are worked through.
    pub(crate) resolved: &'w mut PlanCache,
}

impl<'w> XdmWriter<'w> {
    /// Writes one entity.
    pub(crate) fn entity(
        out: &'w mut OutBuf,
        omit: &'w OmittedFields,
        resolved: &'w mut PlanCache,
        write: impl FnOnce(&mut XdmWriter<'_>),
    ) {
        let inside = out.len();
        let cursor = omit.root();
        write(&mut XdmWriter {
            out: &mut *out,
            omit,
            cursor,
            limit: usize::MAX,
            resolved,
        });
        if out.len() == inside {
            out.push(b'{');
        }
        out.set(inside, b'{');
        out.push(b'}');
    }

    /// Writes once more what was [written](Self::written) in `range`: whole members.
    pub(crate) fn repeat(&mut self, range: Range<usize>) {
        self.out.repeat(range);
    }

    /// From here, where the entity begins, no list may grow it over so many bytes.
    pub(crate) const fn limit(&mut self, bytes: usize) {
        self.limit = self.out.len() + bytes;
    }

    /// As [`element`](Self::element), of the last list of the entity; nothing, when the entity
    /// would be too long with it.
    #[inline(always)]
    pub(crate) fn element_that_fits(&mut self, write: impl FnOnce(&mut XdmWriter<'_>)) {
        // The brackets that close the list and the entity.
        const REST: usize = 2;
        let open = self.open_element();
        write(self);
        self.close(open, *b"{}");
        if self.out.len() > self.limit.saturating_sub(REST) {
            self.out.truncate(open.mark);
        }
    }

    /// How much was written.
    pub(crate) const fn written(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing is omitted here, nor below.
    #[inline(always)]
    pub(crate) fn omits_nothing(&self) -> bool {
        self.cursor == OmitCursor::Off
    }

    /// Where it is written, whatever is omitted.
    #[inline(always)]
    pub(crate) const fn out_buf(&mut self) -> &mut OutBuf {
        self.out
    }

    #[inline(always)]
    pub(crate) fn put_padded(&mut self, bytes: &PaddedBytes) {
        self.out.put_padded(bytes);
    }

    /// As [`const_member`](Self::const_member), with a few bytes before the value.
    #[inline(always)]
    pub(crate) fn prefixed_member(&mut self, name: &Name, prefix: &Padded32, value: &Padded48) {
        if !self.omits(name) {
            self.quoted(name);
            self.out.put32(prefix);
            self.out.put48(value);
        }
    }

    /// A member whose value, its last quote included, is known while compiling.
    #[inline(always)]
    pub(crate) fn const_member(&mut self, name: &Name, value: &Padded48) {
        if !self.omits(name) {
            self.quoted(name);
            self.out.put48(value);
        }
    }

    /// Writes the characters of a text.
    #[inline(always)]
    pub(crate) fn escaped(&mut self, text: &Text<'_>) {
        write_characters(self.out, text);
    }

    #[inline(always)]
    pub(crate) fn put48(&mut self, word: &Padded48) {
        self.out.put48(word);
    }

    /// Whether a member is omitted.
    #[inline(always)]
    pub(crate) fn omits(&self, name: &Name) -> bool {
        self.cursor != OmitCursor::Off && self.omit.step(self.cursor, name.as_bytes()).is_none()
    }

    /// Writes a name, up to where a text's first character follows.
    #[inline(always)]
    fn quoted(&mut self, name: &Name) {
        name.write_quoted(self.out);
    }

    /// Writes a name, up to where a value follows.
    #[inline(always)]
    fn bare(&mut self, name: &Name) {
        name.write_bare(self.out);
    }

    /// Opens a container; `None` when it is omitted.
    #[inline(never)]
    pub(crate) fn open(&mut self, name: &Name) -> Option<Open> {
        self.open_inline(name)
    }

    /// As [`open`](Self::open); as the other methods named so, it is inlined where it is needed.
    #[inline(always)]
    pub(crate) fn open_inline(&mut self, name: &Name) -> Option<Open> {
        let (mark, outer) = (self.out.len(), self.cursor);
        if outer != OmitCursor::Off {
            self.cursor = self.omit.step(outer, name.as_bytes())?;
        }
        self.bare(name);
        Some(Open {
            mark,
            inside: self.out.len(),
            outer,
        })
    }

    /// As [`open`](Self::open), with a name of letters and digits that a parameter gave.
    #[inline(never)]
    fn open_given(&mut self, name: &str) -> Option<Open> {
        let (mark, outer) = (self.out.len(), self.cursor);
        if outer != OmitCursor::Off {
            self.cursor = self.omit.step(outer, name.as_bytes())?;
        }
        self.out.put32(padded!(BEFORE));
        self.out.put(name.as_bytes());
        self.out.put32(padded!(b"\":"));
        Some(Open {
            mark,
            inside: self.out.len(),
            outer,
        })
    }

    /// Closes a container; takes it back when nothing came in it.
    #[inline(never)]
    pub(crate) fn close(&mut self, open: Open, brackets: [u8; 2]) {
        self.close_inline(open, brackets);
    }

    /// Closes a container.
    #[inline(always)]
    pub(crate) fn close_inline(&mut self, open: Open, brackets: [u8; 2]) {
        self.cursor = open.outer;
        let [first, last] = brackets;
        if self.out.len() == open.inside {
            self.out.truncate(open.mark);
        } else {
            self.out.set(open.inside, first);
            self.out.push(last);
        }
    }

    #[inline(always)]
    pub(crate) fn object(&mut self, name: &Name, write: impl FnOnce(&mut XdmWriter<'_>)) {
        if let Some(open) = self.open(name) {
            write(self);
            self.close(open, *b"{}");
        }
    }

    /// The organisation's own fields: an object in the tenant's.
    #[inline(always)]
    pub(crate) fn tenant(&mut self, tenant: &Tenant, write: impl FnOnce(&mut XdmWriter<'_>)) {
        if let Some((outer, inner)) = self.open_tenant(tenant) {
            write(self);
            self.close_inline(inner, *b"{}");
            self.close_inline(outer, *b"{}");
        }
    }

    /// Opens both objects; `None` when either is omitted.
    #[inline(always)]
    fn open_tenant(&mut self, tenant: &Tenant) -> Option<(Open, Open)> {
        if !self.omits_nothing() {
            let outer = self.open_given(tenant.name())?;
            let inner = self.open(name!("capillary"));
            if inner.is_none() {
                self.close(outer, *b"{}");
            }
            return inner.map(|inner| (outer, inner));
        }
        let (mark, outer) = (self.out.len(), self.cursor);
        self.out.put_padded(tenant.before());
        let between = mark + tenant.length();
        let open = |mark: usize, inside: usize| Open {
            mark,
            inside,
            outer,
        };
        Some((open(mark, between), open(between, self.out.len())))
    }

    #[inline(always)]
    pub(crate) fn array(&mut self, name: &Name, write: impl FnOnce(&mut XdmWriter<'_>)) {
        if let Some(open) = self.open(name) {
            write(self);
            self.close(open, *b"[]");
        }
    }

    /// As [`array`](Self::array), with a name that a parameter gave.
    #[inline(always)]
    pub(crate) fn array_given(&mut self, name: &str, write: impl FnOnce(&mut XdmWriter<'_>)) {
        if let Some(open) = self.open_given(name) {
            write(self);
            self.close(open, *b"[]");
        }
    }

    /// One object of an array.
    #[inline(always)]
    pub(crate) fn element(&mut self, write: impl FnOnce(&mut XdmWriter<'_>)) {
        let open = self.open_element();
        write(self);
        self.close(open, *b"{}");
    }

    /// Opens an object of an array.
    #[inline(always)]
    pub(crate) fn open_element(&mut self) -> Open {
        let mark = self.out.len();
        self.out.push(b',');
        Open {
            mark,
            inside: self.out.len(),
            outer: self.cursor,
        }
    }

    /// A text; taken, so that it is dropped in one place and not at each call.
    #[inline(never)]
    pub(crate) fn text(&mut self, name: &Name, text: Option<Text<'_>>) {
        self.shared_inline(name, text.as_ref());
    }

    /// A text that is used elsewhere, too.
    #[inline(never)]
    pub(crate) fn shared(&mut self, name: &Name, text: Option<&Text<'_>>) {
        self.shared_inline(name, text);
    }

    #[inline(always)]
    pub(crate) fn shared_inline(&mut self, name: &Name, text: Option<&Text<'_>>) {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return;
        };
        if self.omits(name) {
            return;
        }
        match text {
            Text::Plain(text) => {
                self.quoted(name);
                self.out.put_inline(text.as_bytes());
                self.out.push(b'"');
            }
            Text::Any(text) => {
                self.bare(name);
                write_text(self.out, text);
            }
        }
    }

    /// A text in an array.
    #[inline(never)]
    pub(crate) fn item(&mut self, text: &Text<'_>) {
        self.out.put(b",\"");
        write_characters(self.out, text);
        self.out.push(b'"');
    }

    /// One of the mapping's own words.
    pub(crate) fn label(&mut self, name: &Name, word: &'static str) {
        self.shared(name, Some(&Text::Plain(word)));
    }

    /// What [`coerce::text`] reads.
    #[inline(always)]
    pub(crate) fn copy(&mut self, name: &Name, value: Option<Value<'_>>) {
        if let Some(value) = value {
            self.copied(name, value);
        }
    }

    #[inline(never)]
    fn verbatim_outlined(&mut self, name: &Name, value: Value<'_>, quoted: bool) {
        self.verbatim(name, value, quoted);
    }

    #[inline(never)]
    fn copied(&mut self, name: &Name, value: Value<'_>) {
        match value.kind() {
            Kind::Word | Kind::Integer | Kind::True | Kind::False => {
                self.verbatim_outlined(name, value, true)
            }
            _ => self.text(name, coerce::text(value)),
        }
    }

    /// A value as it stands in the event, as a text or not.
    #[inline(always)]
    pub(crate) fn verbatim(&mut self, name: &Name, value: Value<'_>, quoted: bool) {
        if !self.omits(name) {
            name.write_with(value.place(), quoted, self.out);
        }
    }

    /// A value as it stands in the event, in upper case.
    #[inline(never)]
    pub(crate) fn uppercase(&mut self, name: &Name, value: Value<'_>) {
        if !self.omits(name) {
            let start = self.out.len() + name.length();
            self.verbatim_outlined(name, value, true);
            self.out.uppercase(start);
        }
    }

    /// A part of the event as it stands there, not as a text.
    #[inline(always)]
    pub(crate) fn part(&mut self, name: &Name, place: (&[u8], usize, usize)) {
        if !self.omits(name) {
            name.write_with(place, false, self.out);
        }
    }

    /// What [`coerce::id`] reads.
    #[inline(always)]
    pub(crate) fn id(&mut self, name: &Name, value: Option<Value<'_>>) {
        if let Some(value) = value {
            self.identified(name, value);
        }
    }

    #[inline(never)]
    fn identified(&mut self, name: &Name, value: Value<'_>) {
        match value.kind() {
            Kind::Integer | Kind::Word => self.verbatim_outlined(name, value, true),
            _ => self.text(name, coerce::id(value)),
        }
    }

    /// A number that was worked out.
    #[inline(never)]
    pub(crate) fn amount(&mut self, name: &Name, number: Option<Number<'_>>) {
        let Some(number) = number else { return };
        if !self.omits(name) {
            self.bare(name);
            write_number(self.out, number);
        }
    }

    /// An XDM `integer`, which has 32 bits; what does not fit is left out.
    #[inline(never)]
    pub(crate) fn integer(&mut self, name: &Name, number: Option<i64>) {
        let Some(number) = number.and_then(|number| i32::try_from(number).ok()) else {
            return;
        };
        if !self.omits(name) {
            self.bare(name);
            write_integer(self.out, i64::from(number));
        }
    }

    #[inline(never)]
    pub(crate) fn boolean(&mut self, name: &Name, value: Option<bool>) {
        let Some(value) = value else { return };
        if !self.omits(name) {
            self.bare(name);
            if value {
                self.out.put32(padded!(b"true"));
            } else {
                self.out.put32(padded!(b"false"));
            }
        }
    }

    /// A date-time from milliseconds since the epoch.
    #[inline(never)]
    pub(crate) fn instant(&mut self, name: &Name, ms: Option<i64>) {
        if let Some(ms) = ms {
            self.instant_inline(name, ms);
        }
    }

    #[inline(always)]
    pub(crate) fn instant_inline(&mut self, name: &Name, ms: i64) {
        if !self.omits(name) {
            self.quoted(name);
            write_instant(self.out, ms);
            self.out.push(b'"');
        }
    }
}
