//! Writes XDM objects straight into the answer: nothing empty, nothing null, nothing the organisation omits.

use std::borrow::Cow;

use crate::json::{Number, write_number, write_text};
use crate::omit::{Omit, Place};
use crate::time::write_instant;

/// A writer positioned inside an object or an array.
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

    /// A comma unless this is the first thing in its container.
    fn separate(&mut self) {
        if !matches!(self.out.last(), Some(b'{' | b'[')) {
            self.out.push(b',');
        }
    }

    /// Opens the member `key`; `None` when it is omitted.
    fn key(&mut self, key: &str) -> Option<Place> {
        let place = self.omit.step(self.place, key)?;
        self.separate();
        write_text(self.out, key);
        self.out.push(b':');
        Some(place)
    }

    /// Writes a container; takes it back when nothing came in it.
    fn container(&mut self, open: u8, close: u8, mark: usize, place: Place, write: impl FnOnce(&mut Xdm<'_>)) {
        self.out.push(open);
        let inside = self.out.len();
        write(&mut Xdm {
            out: &mut *self.out,
            omit: self.omit,
            place,
        });
        if self.out.len() == inside {
            self.out.truncate(mark);
        } else {
            self.out.push(close);
        }
    }

    pub(crate) fn object(&mut self, key: &str, write: impl FnOnce(&mut Xdm<'_>)) {
        let mark = self.out.len();
        if let Some(place) = self.key(key) {
            self.container(b'{', b'}', mark, place, write);
        }
    }

    pub(crate) fn array(&mut self, key: &str, write: impl FnOnce(&mut Xdm<'_>)) {
        let mark = self.out.len();
        if let Some(place) = self.key(key) {
            self.container(b'[', b']', mark, place, write);
        }
    }

    /// One object of an array.
    pub(crate) fn element(&mut self, write: impl FnOnce(&mut Xdm<'_>)) {
        let mark = self.out.len();
        self.separate();
        self.container(b'{', b'}', mark, self.place, write);
    }

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

    pub(crate) fn number(&mut self, key: &str, number: Option<Number<'_>>) {
        let Some(number) = number else { return };
        if self.key(key).is_some() {
            write_number(self.out, number);
        }
    }

    /// An XDM `integer`, which has 32 bits; what does not fit is left out.
    pub(crate) fn integer(&mut self, key: &str, number: Option<i64>) {
        let Some(number) = number.and_then(|number| i32::try_from(number).ok()) else {
            return;
        };
        if self.key(key).is_some() {
            self.out.extend_from_slice(number.to_string().as_bytes());
        }
    }

    pub(crate) fn boolean(&mut self, key: &str, value: Option<bool>) {
        let Some(value) = value else { return };
        if self.key(key).is_some() {
            self.out.extend_from_slice(if value { b"true" } else { b"false" });
        }
    }

    /// A date-time from milliseconds since the epoch.
    pub(crate) fn instant(&mut self, key: &str, ms: Option<i64>) {
        let Some(ms) = ms else { return };
        if self.key(key).is_some() {
            self.out.push(b'"');
            write_instant(self.out, ms);
            self.out.push(b'"');
        }
    }
}
