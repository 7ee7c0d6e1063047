//! A view of one value of a parsed document.

use std::borrow::Cow;

use super::kind::Kind;
use super::number::{Number, PLAIN};
use super::token::{Document, Token};
use super::unescape::unescape;
use crate::catalog::key::Key;
use crate::simd::chunk::chunk_at;

impl<'a> Document<'a> {
    /// The document's value.
    pub(crate) const fn root(&'a self) -> Value<'a> {
        Value {
            document: self,
            at: 0,
        }
    }
}

/// One value of a document: two words, borrows everything.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value<'a> {
    document: &'a Document<'a>,
    at: u32,
}

static NOTHING: Token = Token {
    start: 0,
    end: 0,
    next: u32::MAX,
    name_before: 0,
    name_length: 0,
    kind: Kind::Null,
    key: 0,
};

impl<'a> Value<'a> {
    #[inline(always)]
    fn token(self) -> &'a Token {
        self.document
            .tokens
            .get(self.at as usize)
            .unwrap_or(&NOTHING)
    }

    #[inline(always)]
    pub(crate) const fn moved(self, at: u32) -> Self {
        Self { at, ..self }
    }

    #[inline(always)]
    pub(crate) fn kind(self) -> Kind {
        self.token().kind
    }

    /// The shape of its document.
    #[inline(always)]
    pub(crate) const fn shape(self) -> u64 {
        self.document.shape
    }

    /// Where it comes among the values of its document.
    #[inline(always)]
    pub(crate) const fn position(self) -> u32 {
        self.at
    }

    pub(crate) fn is_object(&self) -> bool {
        self.kind() == Kind::Object
    }

    pub(crate) fn is_scalar(&self) -> bool {
        !matches!(self.kind(), Kind::Array | Kind::Object)
    }

    pub(crate) fn is_string(&self) -> bool {
        matches!(self.kind(), Kind::Word | Kind::Plain | Kind::Escaped)
    }

    /// Whether it is digits, or a string without escapes, of which `is` says something.
    #[inline(always)]
    pub(crate) fn is_word_like(self, is: impl FnOnce(&[u8], usize, usize) -> bool) -> bool {
        let (text, start, end) = self.place();
        matches!(self.kind(), Kind::Word | Kind::Integer) && is(text, start, end)
    }

    /// The value as it stands in the document; of a string, what stands between the quotes; empty
    /// for a container.
    #[allow(unsafe_code)] // Safe code asks both ends of every text whether they cut a letter: 2 % of a record's cost.
    pub(crate) fn raw(self) -> &'a str {
        let token = self.token();
        let range = token.start as usize..token.end as usize;
        // Of a container the end is not known.
        debug_assert!(range.is_empty() || self.document.text.get(range.clone()).is_some());
        let raw = self.document.text.as_bytes().get(range).unwrap_or_default();
        // SAFETY: the document is UTF-8, and a token begins and ends beside a byte of JSON's own (a
        // quote, a digit, a letter of `true` …), so on no letter's inside.
        unsafe { str::from_utf8_unchecked(raw) }
    }

    /// The document's bytes, and where in them the [raw](Self::raw) value stands.
    #[inline(always)]
    pub(crate) fn place(self) -> (&'a [u8], usize, usize) {
        self.kind_and_place().1
    }

    /// What it is, and its [place](Self::place).
    #[inline(always)]
    pub(crate) fn kind_and_place(self) -> (Kind, (&'a [u8], usize, usize)) {
        let token = self.token();
        let place = (
            self.document.text.as_bytes(),
            token.start as usize,
            token.end as usize,
        );
        (token.kind, place)
    }

    /// The characters of a string; `None` for any other value.
    pub(crate) fn string(self) -> Option<Cow<'a, str>> {
        match self.kind() {
            Kind::Word | Kind::Plain => Some(Cow::Borrowed(self.raw())),
            Kind::Escaped => Some(Cow::Owned(unescape(self.raw()))),
            _ => None,
        }
    }

    /// The characters of a string without the blanks around them; borrowed when they are written as
    /// they stand there. `None` for any other value.
    pub(crate) fn trimmed(self) -> Option<Cow<'a, str>> {
        match self.kind() {
            Kind::Word => Some(Cow::Borrowed(self.raw())),
            Kind::Plain => Some(Cow::Borrowed(self.raw().trim())),
            Kind::Escaped => Some(match trim_escaped(self.raw()) {
                trimmed if trimmed.contains('\\') => Cow::Owned(unescape(trimmed)),
                trimmed => Cow::Borrowed(trimmed),
            }),
            _ => None,
        }
    }

    /// The number; `None` for any other value and for what no double can hold.
    #[inline(always)]
    pub(crate) fn number(self) -> Option<Number<'a>> {
        match self.kind() {
            Kind::Integer => Some(Number::integer_text(self.raw())),
            Kind::Number => Number::checked(self.raw()),
            _ => None,
        }
    }

    /// Where a decimal ends without the zeros behind it: digits that begin above 0, a point,
    /// digits, as amounts mostly are. `None` for any other value, and where it is not seen at once.
    #[inline(always)]
    pub(crate) fn decimal_end(self) -> Option<usize> {
        let (text, start, end) = self.place();
        if self.kind() != Kind::Number
            || end.wrapping_sub(start) > PLAIN
            || !matches!(text.get(start)?, b'1'..=b'9')
        {
            return None;
        }
        let point = start + chunk_at(text, start)?.not_digits().first();
        let fraction = point + 1;
        if *text.get(point)? != b'.'
            || fraction + chunk_at(text, fraction)?.not_digits().first() < end
        {
            return None;
        }
        let mut last = end.checked_sub(1)?;
        while *text.get(last)? == b'0' {
            last -= 1;
        }
        Some(if last == point { point } else { last + 1 })
    }

    /// A whole number of a few digits.
    #[inline(always)]
    pub(crate) fn small_integer(self) -> Option<u32> {
        let (text, start, end) = self.place();
        if self.kind() != Kind::Integer || end.wrapping_sub(start) > 9 {
            return None;
        }
        let digits = text.get(start..end)?;
        Some(
            digits
                .iter()
                .fold(0, |number, digit| number * 10 + u32::from(digit & 0xF)),
        )
    }

    /// The member's name as it stands in the document, between its quotes; empty for what is no
    /// member.
    pub(crate) fn raw_name(self) -> &'a str {
        let token = self.token();
        let start = token.start.wrapping_sub(token.name_before) as usize;
        let range = start..start.saturating_add(token.name_length as usize);
        let text = if self.is_scalar() {
            self.document.text
        } else {
            self.document.learnt
        };
        text.get(range).unwrap_or("")
    }

    /// The characters of the member's name.
    pub(crate) fn name(self) -> Cow<'a, str> {
        let raw = self.raw_name();
        if raw.contains('\\') {
            Cow::Owned(unescape(raw))
        } else {
            Cow::Borrowed(raw)
        }
    }

    /// The number of the member's name among the [known keys](Key).
    #[inline(always)]
    pub(crate) fn key(self) -> u8 {
        self.token().key
    }

    /// The values directly inside a container of this kind; none for any other value.
    fn children(self, of: Kind) -> Children<'a> {
        let token = self.token();
        Children {
            value: self.moved(self.at + 1),
            end: if token.kind == of { token.next } else { 0 },
        }
    }

    /// Whether a container is empty.
    #[inline(always)]
    pub(crate) fn is_empty_container(self) -> bool {
        self.token().next == self.at + 1
    }

    /// The elements of an array. An object with members is a list of one: what converts XML writes
    /// it so. None for any other value.
    pub(crate) fn items(self) -> Children<'a> {
        if self.kind() == Kind::Object && !self.is_empty_container() {
            let end = self.token().next;
            return Children { value: self, end };
        }
        self.children(Kind::Array)
    }

    /// An object, also the only one of a list; `None` for any other value.
    pub(crate) fn as_object(self) -> Option<Self> {
        match self.kind() {
            Kind::Object => Some(self),
            Kind::Array => {
                let (item, end) = self.first_item()?;
                (item.is_object() && item.following() == end).then_some(item)
            }
            _ => None,
        }
    }

    /// The members of an object in the order of the document; none for any other value.
    pub(crate) fn members(self) -> Children<'a> {
        self.children(Kind::Object)
    }

    /// Where the value stands that follows this one and all that is in it.
    #[inline(always)]
    pub(crate) fn following(self) -> u32 {
        self.token().next
    }

    /// The first item of a list, and where the list ends; `None` for an empty one and any other
    /// value.
    #[inline(always)]
    pub(crate) fn first_item(self) -> Option<(Value<'a>, u32)> {
        let items = self.items();
        (items.value.at < items.end).then_some((items.value, items.end))
    }

    /// The value of `key`; of a repeated key, the last one.
    #[inline(never)]
    pub(crate) fn get(self, key: Key) -> Option<Value<'a>> {
        self.find(key)
    }

    /// As [`get`](Self::get), without a call.
    #[inline(always)]
    pub(crate) fn find(self, key: Key) -> Option<Value<'a>> {
        let tokens = self.document.tokens;
        let object = tokens.get(self.at as usize)?;
        if object.kind != Kind::Object {
            return self.find_in_list(object.kind, key);
        }
        let (mut at, mut found) = (self.at + 1, 0);
        while at < object.next {
            let member = tokens.get(at as usize)?;
            if member.key == key as u8 {
                found = at;
            }
            at = member.next;
        }
        // 0 is the document's own place.
        (found != 0).then_some(self.moved(found))
    }

    /// As [`find`](Self::find), in the only object of a list.
    #[cold]
    #[inline(never)]
    fn find_in_list(self, kind: Kind, key: Key) -> Option<Value<'a>> {
        match kind {
            Kind::Array => self.as_object()?.get(key),
            _ => None,
        }
    }

    /// As [`get`](Self::get), else the value of the key that differs in case only (`Instore` for
    /// `instore`).
    pub(crate) fn get_any_case(self, key: Key, name: &str) -> Option<Value<'a>> {
        self.get(key).or_else(|| {
            self.members()
                .filter(|member| member.raw_name().eq_ignore_ascii_case(name))
                .last()
        })
    }
}

/// A string as it stands in the document, without the blanks around it.
#[cold]
#[inline(never)]
fn trim_escaped(raw: &str) -> &str {
    // Other blanks have no escape that a document needs.
    const BLANKS: [&str; 5] = ["\\t", "\\n", "\\f", "\\r", "\\u000b"];
    let mut rest = raw.trim_start();
    while let Some(behind) = BLANKS.iter().find_map(|blank| rest.strip_prefix(blank)) {
        rest = behind.trim_start();
    }
    rest = rest.trim_end();
    // In `\\n` the last letter is no escape: its backslash is one's own.
    let is_escape = |before: &&str| {
        let backslashes = before.bytes().rev().take_while(|byte| *byte == b'\\');
        backslashes.count() % 2 == 0
    };
    while let Some(before) = BLANKS
        .iter()
        .find_map(|blank| rest.strip_suffix(blank).filter(is_escape))
    {
        rest = before.trim_end();
    }
    rest
}

/// The values directly inside a container.
#[derive(Debug, Clone)]
pub(crate) struct Children<'a> {
    value: Value<'a>,
    end: u32,
}

impl<'a> Iterator for Children<'a> {
    type Item = Value<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<Value<'a>> {
        let value = self.value;
        if value.at >= self.end {
            return None;
        }
        self.value.at = value.token().next;
        Some(value)
    }
}
