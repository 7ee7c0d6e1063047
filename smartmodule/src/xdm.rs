//! Writes XDM objects straight into the answer: nothing empty, nothing null, nothing the organisation omits.

use std::borrow::Cow;

use crate::json::{Number, put, write_integer, write_number, write_text};
use crate::omit::{Omit, Place};
use crate::time::write_instant;

/// A container that was opened.
#[derive(Debug)]
struct Open {
    /// Length of the output before it, and before its key.
    mark: usize,
    /// Length of the output inside it, when it is empty.
    inside: usize,
    outer: Place,
}

/// A writer positioned inside an object or an array.
///
/// Its methods are not inlined: they are called from some two hundred places, and the module's size counts.
#[derive(Debug)]
pub(crate) struct Xdm<'w> {
    out: &'w mut Vec<u8>,
    omit: &'w Omit,
    place: Place,
}

impl<'w> Xdm<'w> {
    /// Writes one entity.
    pub(crate) fn entity(out: &'w mut Vec<u8>, omit: &'w Omit, write: impl FnOnce(&mut Xdm<'_>)) {
        out.push(b'{');
        let place = omit.root();
        write(&mut Xdm {
            out: &mut *out,
            omit,
            place,
        });
        out.push(b'}');
    }

    /// How much was written.
    pub(crate) const fn written(&self) -> usize {
        self.out.len()
    }

    /// A comma unless this is the first thing in its container.
    #[inline(always)]
    fn separate(&mut self) {
        if !matches!(self.out.last(), Some(b'{' | b'[')) {
            self.out.push(b',');
        }
    }

    /// Opens the member `key`; `None` when it is omitted.
    fn key(&mut self, key: &str) -> Option<Place> {
        let place = self.omit.step(self.place, key)?;
        self.separate();
        self.out.push(b'"');
        // A key is a field's name, or a namespace of letters and digits: there is nothing to escape.
        put(self.out, key.as_bytes());
        self.out.extend_from_slice(b"\":");
        Some(place)
    }

    /// Opens a container, as the member `key` or as the next element; `None` when it is omitted.
    #[inline(never)]
    fn open(&mut self, key: Option<&str>, bracket: u8) -> Option<Open> {
        let mark = self.out.len();
        let place = match key {
            Some(key) => self.key(key)?,
            None => {
                self.separate();
                self.place
            }
        };
        self.out.push(bracket);
        Some(Open {
            mark,
            inside: self.out.len(),
            outer: std::mem::replace(&mut self.place, place),
        })
    }

    /// Closes a container; takes it back when nothing came in it.
    #[inline(never)]
    fn close(&mut self, open: &Open, bracket: u8) {
        self.place = open.outer;
        if self.out.len() == open.inside {
            self.out.truncate(open.mark);
        } else {
            self.out.push(bracket);
        }
    }

    pub(crate) fn object(&mut self, key: &str, write: impl FnOnce(&mut Xdm<'_>)) {
        if let Some(open) = self.open(Some(key), b'{') {
            write(self);
            self.close(&open, b'}');
        }
    }

    pub(crate) fn array(&mut self, key: &str, write: impl FnOnce(&mut Xdm<'_>)) {
        if let Some(open) = self.open(Some(key), b'[') {
            write(self);
            self.close(&open, b']');
        }
    }

    /// One object of an array.
    pub(crate) fn element(&mut self, write: impl FnOnce(&mut Xdm<'_>)) {
        if let Some(open) = self.open(None, b'{') {
            write(self);
            self.close(&open, b'}');
        }
    }

    #[inline(never)]
    pub(crate) fn text(&mut self, key: &str, text: Option<Cow<'_, str>>) {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return;
        };
        if self.key(key).is_some() {
            write_text(self.out, &text);
        }
    }

    pub(crate) fn label(&mut self, key: &str, text: &str) {
        self.text(key, Some(Cow::Borrowed(text)));
    }

    #[inline(never)]
    pub(crate) fn number(&mut self, key: &str, number: Option<Number<'_>>) {
        let Some(number) = number else { return };
        if self.key(key).is_some() {
            write_number(self.out, number);
        }
    }

    /// An XDM `integer`, which has 32 bits; what does not fit is left out.
    #[inline(never)]
    pub(crate) fn integer(&mut self, key: &str, number: Option<i64>) {
        let Some(number) = number.and_then(|number| i32::try_from(number).ok()) else {
            return;
        };
        if self.key(key).is_some() {
            write_integer(self.out, i64::from(number));
        }
    }

    #[inline(never)]
    pub(crate) fn boolean(&mut self, key: &str, value: Option<bool>) {
        let Some(value) = value else { return };
        if self.key(key).is_some() {
            put(self.out, if value { b"true" } else { b"false" });
        }
    }

    /// A date-time from milliseconds since the epoch.
    #[inline(never)]
    pub(crate) fn instant(&mut self, key: &str, ms: Option<i64>) {
        let Some(ms) = ms else { return };
        if self.key(key).is_some() {
            self.out.push(b'"');
            write_instant(self.out, ms);
            self.out.push(b'"');
        }
    }
}
