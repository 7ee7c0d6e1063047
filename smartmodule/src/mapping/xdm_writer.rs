//! Writes XDM objects straight into the answer: nothing empty, nothing null, nothing the
//! organisation omits.
//!
//! Every member and every element begins with a comma; the first one's becomes the bracket of its
//! container, when that is closed. So nothing has to know whether it is the first, and a container
//! that stayed empty is simply taken back.

use std::ops::Range;

use crate::json::{Kind, Number, Value, write_integer, write_number, write_text};
use crate::mapping::plan::Resolved;
use crate::output::buffer::Sink;
use crate::output::name::{BEFORE, Name, name};
use crate::output::padded::{Piece, ReadyMade, Word, piece};
use crate::params::omit::{Omit, Place};
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
    outer: Place,
}

impl Default for Open {
    fn default() -> Self {
        Self {
            mark: 0,
            inside: 0,
            outer: Place::Off,
        }
    }
}

/// A writer positioned inside an object or an array.
///
/// Its methods are not inlined: they are called from some two hundred places, and the module's size
/// counts.
#[derive(Debug)]
pub(crate) struct Xdm<'w> {
    out: &'w mut Sink,
    omit: &'w Omit,
    place: Place,
    /// What the plans come to that are worked through.
    pub(crate) resolved: &'w mut Resolved,
}

impl<'w> Xdm<'w> {
    /// Writes one entity.
    pub(crate) fn entity(
        out: &'w mut Sink,
        omit: &'w Omit,
        resolved: &'w mut Resolved,
        write: impl FnOnce(&mut Xdm<'_>),
    ) {
        let inside = out.len();
        let place = omit.root();
        write(&mut Xdm {
            out: &mut *out,
            omit,
            place,
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

    /// How much was written.
    pub(crate) const fn written(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing is omitted here, nor below.
    #[inline(always)]
    pub(crate) fn omits_nothing(&self) -> bool {
        self.place == Place::Off
    }

    /// Where it is written, whatever is omitted.
    #[inline(always)]
    pub(crate) const fn sink(&mut self) -> &mut Sink {
        self.out
    }

    /// Writes bytes made ready before.
    #[inline(always)]
    pub(crate) fn ready_made(&mut self, bytes: &ReadyMade) {
        self.out.ready_made(bytes);
    }

    /// As [`known_member`](Self::known_member), with a few bytes before the value.
    #[inline(always)]
    pub(crate) fn prefixed_member(&mut self, name: &Name, prefix: &Piece, value: &Word) {
        if !self.omits(name) {
            self.quoted(name);
            self.out.piece(prefix);
            self.out.known(value);
        }
    }

    /// A member whose value, its last quote included, is known while compiling.
    #[inline(always)]
    pub(crate) fn known_member(&mut self, name: &Name, value: &Word) {
        if !self.omits(name) {
            self.quoted(name);
            self.out.known(value);
        }
    }

    /// Writes the characters of a text.
    #[inline(always)]
    pub(crate) fn escaped(&mut self, text: &Text<'_>) {
        write_characters(self.out, text);
    }

    /// Writes a word.
    #[inline(always)]
    pub(crate) fn known(&mut self, word: &Word) {
        self.out.known(word);
    }

    /// Whether a member is omitted.
    #[inline(always)]
    pub(crate) fn omits(&self, name: &Name) -> bool {
        self.place != Place::Off && self.omit.step(self.place, name.as_bytes()).is_none()
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
        self.open_here(name)
    }

    /// As [`open`](Self::open); as the other methods named so, it is inlined where it is needed.
    #[inline(always)]
    pub(crate) fn open_here(&mut self, name: &Name) -> Option<Open> {
        let (mark, outer) = (self.out.len(), self.place);
        if outer != Place::Off {
            self.place = self.omit.step(outer, name.as_bytes())?;
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
        let (mark, outer) = (self.out.len(), self.place);
        if outer != Place::Off {
            self.place = self.omit.step(outer, name.as_bytes())?;
        }
        self.out.piece(piece!(BEFORE));
        self.out.put(name.as_bytes());
        self.out.piece(piece!(b"\":"));
        Some(Open {
            mark,
            inside: self.out.len(),
            outer,
        })
    }

    /// Closes a container; takes it back when nothing came in it.
    #[inline(never)]
    pub(crate) fn close(&mut self, open: Open, brackets: [u8; 2]) {
        self.close_here(open, brackets);
    }

    /// Closes a container.
    #[inline(always)]
    pub(crate) fn close_here(&mut self, open: Open, brackets: [u8; 2]) {
        self.place = open.outer;
        let [first, last] = brackets;
        if self.out.len() == open.inside {
            self.out.truncate(open.mark);
        } else {
            self.out.set(open.inside, first);
            self.out.push(last);
        }
    }

    #[inline(always)]
    pub(crate) fn object(&mut self, name: &Name, write: impl FnOnce(&mut Xdm<'_>)) {
        if let Some(open) = self.open(name) {
            write(self);
            self.close(open, *b"{}");
        }
    }

    /// The organisation's own fields: an object in the tenant's.
    #[inline(always)]
    pub(crate) fn tenant(&mut self, tenant: &Tenant, write: impl FnOnce(&mut Xdm<'_>)) {
        if let Some((outer, inner)) = self.open_tenant(tenant) {
            write(self);
            self.close_here(inner, *b"{}");
            self.close_here(outer, *b"{}");
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
        let (mark, outer) = (self.out.len(), self.place);
        self.out.ready_made(tenant.before());
        let between = mark + tenant.length();
        let open = |mark: usize, inside: usize| Open {
            mark,
            inside,
            outer,
        };
        Some((open(mark, between), open(between, self.out.len())))
    }

    #[inline(always)]
    pub(crate) fn array(&mut self, name: &Name, write: impl FnOnce(&mut Xdm<'_>)) {
        if let Some(open) = self.open(name) {
            write(self);
            self.close(open, *b"[]");
        }
    }

    /// As [`array`](Self::array), with a name that a parameter gave.
    #[inline(always)]
    pub(crate) fn array_given(&mut self, name: &str, write: impl FnOnce(&mut Xdm<'_>)) {
        if let Some(open) = self.open_given(name) {
            write(self);
            self.close(open, *b"[]");
        }
    }

    /// One object of an array.
    #[inline(always)]
    pub(crate) fn element(&mut self, write: impl FnOnce(&mut Xdm<'_>)) {
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
            outer: self.place,
        }
    }

    /// A text; taken, so that it is dropped in one place and not at each call.
    #[inline(never)]
    pub(crate) fn text(&mut self, name: &Name, text: Option<Text<'_>>) {
        self.shared_here(name, text.as_ref());
    }

    /// A text that is used elsewhere, too.
    #[inline(never)]
    pub(crate) fn shared(&mut self, name: &Name, text: Option<&Text<'_>>) {
        self.shared_here(name, text);
    }

    #[inline(always)]
    pub(crate) fn shared_here(&mut self, name: &Name, text: Option<&Text<'_>>) {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return;
        };
        if self.omits(name) {
            return;
        }
        match text {
            Text::Plain(text) => {
                self.quoted(name);
                self.out.put_here(text.as_bytes());
                self.out.push(b'"');
            }
            Text::Any(text) => {
                self.bare(name);
                write_text(self.out, text);
            }
        }
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
    fn as_it_stands(&mut self, name: &Name, value: Value<'_>, quoted: bool) {
        self.verbatim(name, value, quoted);
    }

    #[inline(never)]
    fn copied(&mut self, name: &Name, value: Value<'_>) {
        match value.kind() {
            Kind::Word | Kind::Integer | Kind::True | Kind::False => {
                self.as_it_stands(name, value, true)
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

    /// A value as it stands in the event, in capitals.
    #[inline(never)]
    pub(crate) fn capitals(&mut self, name: &Name, value: Value<'_>) {
        if !self.omits(name) {
            let start = self.out.len() + name.length();
            self.as_it_stands(name, value, true);
            self.out.capitals(start);
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
            Kind::Integer | Kind::Word => self.as_it_stands(name, value, true),
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
                self.out.piece(piece!(b"true"));
            } else {
                self.out.piece(piece!(b"false"));
            }
        }
    }

    /// A date-time from milliseconds since the epoch.
    #[inline(never)]
    pub(crate) fn instant(&mut self, name: &Name, ms: Option<i64>) {
        if let Some(ms) = ms {
            self.instant_here(name, ms);
        }
    }

    #[inline(always)]
    pub(crate) fn instant_here(&mut self, name: &Name, ms: i64) {
        if !self.omits(name) {
            self.quoted(name);
            write_instant(self.out, ms);
            self.out.push(b'"');
        }
    }
}
