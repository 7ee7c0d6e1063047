//! A view of one value of a parsed document.

use std::borrow::Cow;

use super::number::Number;
use super::parse::Token;
use crate::keys::Key;

/// What a value is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    #[default]
    Null,
    True,
    False,
    /// Digits alone, as many as survive the way through a double.
    Integer,
    /// Any other number.
    Number,
    /// A string without escapes that says something, with nothing to trim: its bytes in the text are its characters.
    Word,
    /// Any other string without escapes: perhaps blank, or `null`.
    Plain,
    /// A string with escapes.
    Escaped,
    Array,
    Object,
}

/// A parsed text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Document<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: &'a [Token],
}

impl<'a> Document<'a> {
    /// The document's value.
    pub(crate) const fn root(&'a self) -> Value<'a> {
        Value { document: self, at: 0 }
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
    name: 0,
    name_end: 0,
    kind: Kind::Null,
    key: 0,
};

impl<'a> Value<'a> {
    #[inline(always)]
    fn token(self) -> &'a Token {
        self.document.tokens.get(self.at as usize).unwrap_or(&NOTHING)
    }

    #[inline(always)]
    pub(super) const fn moved(self, at: u32) -> Self {
        Self { at, ..self }
    }

    #[inline(always)]
    pub(crate) fn kind(self) -> Kind {
        self.token().kind
    }

    /// Where it comes among the values of its document.
    #[inline(always)]
    pub(super) const fn position(self) -> u32 {
        self.at
    }

    pub(crate) fn is_object(&self) -> bool {
        self.kind() == Kind::Object
    }

    pub(crate) fn is_string(&self) -> bool {
        matches!(self.kind(), Kind::Word | Kind::Plain | Kind::Escaped)
    }

    /// The value as it stands in the document; of a string, what stands between the quotes.
    pub(crate) fn raw(self) -> &'a str {
        let token = self.token();
        let range = token.start as usize..token.end as usize;
        self.document.text.get(range).unwrap_or("")
    }

    /// The document's bytes, and where in them the [raw](Self::raw) value stands.
    #[inline(always)]
    pub(crate) fn place(self) -> (&'a [u8], usize, usize) {
        let token = self.token();
        (self.document.text.as_bytes(), token.start as usize, token.end as usize)
    }

    /// Whether it is a string, or number, that reads `-1`.
    #[inline(always)]
    pub(crate) fn is_minus_one(self) -> bool {
        let (text, start, end) = self.place();
        end.wrapping_sub(start) == 2 && text.get(start..end) == Some(b"-1")
    }

    /// The characters of a string; `None` for any other value.
    pub(crate) fn string(self) -> Option<Cow<'a, str>> {
        match self.kind() {
            Kind::Word | Kind::Plain => Some(Cow::Borrowed(self.raw())),
            Kind::Escaped => Some(Cow::Owned(unescape(self.raw()))),
            _ => None,
        }
    }

    /// The number; `None` for any other value and for what no double can hold.
    pub(crate) fn number(self) -> Option<Number<'a>> {
        match self.kind() {
            Kind::Integer => Some(Number::integer_text(self.raw())),
            Kind::Number => Number::checked(self.raw()),
            _ => None,
        }
    }

    /// The member's name as it stands in the document, between its quotes; empty for what is no member.
    pub(crate) fn raw_name(self) -> &'a str {
        let token = self.token();
        let range = token.name as usize..token.name_end as usize;
        self.document.text.get(range).unwrap_or("")
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

    /// The elements of an array; none for any other value.
    pub(crate) fn items(self) -> Children<'a> {
        self.children(Kind::Array)
    }

    /// The members of an object in the order of the document; none for any other value.
    pub(crate) fn members(self) -> Children<'a> {
        self.children(Kind::Object)
    }

    /// The value of `key`; of a repeated key, the last one.
    #[inline(never)]
    pub(crate) fn get(self, key: Key) -> Option<Value<'a>> {
        let tokens = self.document.tokens;
        let object = tokens
            .get(self.at as usize)
            .filter(|token| token.kind == Kind::Object)?;
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

    /// As [`get`](Self::get), else the value of the key that differs in case only (`Instore` for `instore`).
    pub(crate) fn get_any_case(self, key: Key, name: &str) -> Option<Value<'a>> {
        self.get(key).or_else(|| {
            self.members()
                .filter(|member| member.raw_name().eq_ignore_ascii_case(name))
                .last()
        })
    }
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

/// The characters of a string whose escapes the parser has checked.
pub(super) fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        out.push_str(rest.get(..at).unwrap_or(""));
        let escape = rest.get(at + 1..).unwrap_or("");
        let letter = escape.chars().next().unwrap_or('\\');
        rest = escape.get(letter.len_utf8()..).unwrap_or("");
        match letter {
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'u' => {
                let high = unit(rest);
                rest = rest.get(4..).unwrap_or("");
                let low = match (high, rest.strip_prefix("\\u")) {
                    (0xD800..=0xDBFF, Some(after)) => Some(unit(after)).filter(|low| (0xDC00..=0xDFFF).contains(low)),
                    _ => None,
                };
                if let Some(low) = low {
                    rest = rest.get(6..).unwrap_or("");
                    out.push(pair(high, low));
                } else {
                    out.push(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
            }
            other => out.push(other),
        }
    }
    out.push_str(rest);
    out
}

fn unit(digits: &str) -> u32 {
    digits
        .get(..4)
        .and_then(|digits| u32::from_str_radix(digits, 16).ok())
        .unwrap_or(0xFFFD)
}

fn pair(high: u32, low: u32) -> char {
    char::from_u32(0x1_0000 + ((high & 0x3FF) << 10) + (low & 0x3FF)).unwrap_or(char::REPLACEMENT_CHARACTER)
}
