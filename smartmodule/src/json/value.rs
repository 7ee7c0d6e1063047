//! A view of one value of a parsed document.

use std::borrow::Cow;

use super::bytes::{key_hash, same};
use super::number::Number;
use super::parse::Token;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    True,
    False,
    Number,
    /// A string without escapes: its bytes in the text are its characters.
    Plain,
    /// A string with escapes.
    Escaped,
    Array,
    Object,
}

/// One value of a document: cheap to copy, borrows everything.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value<'a> {
    text: &'a str,
    tokens: &'a [Token],
    at: usize,
}

const NOTHING: Token = Token {
    kind: Kind::Null,
    hash: 0,
    start: 0,
    end: 0,
    next: u32::MAX,
};

impl<'a> Value<'a> {
    pub(super) const fn root(text: &'a str, tokens: &'a [Token]) -> Self {
        Self { text, tokens, at: 0 }
    }

    fn token(&self) -> Token {
        self.tokens.get(self.at).copied().unwrap_or(NOTHING)
    }

    pub(super) const fn moved(self, at: usize) -> Self {
        Self { at, ..self }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.token().kind
    }

    /// Where it comes among the values of its document.
    pub(super) const fn position(&self) -> usize {
        self.at
    }

    pub(crate) fn is_object(&self) -> bool {
        self.kind() == Kind::Object
    }

    /// The value as it stands in the document; of a string, what stands between the quotes.
    pub(crate) fn raw(&self) -> &'a str {
        let token = self.token();
        self.text.get(token.start as usize..token.end as usize).unwrap_or("")
    }

    /// The characters of a string; `None` for any other value.
    #[inline(never)]
    pub(crate) fn string(&self) -> Option<Cow<'a, str>> {
        match self.kind() {
            Kind::Plain => Some(Cow::Borrowed(self.raw())),
            Kind::Escaped => Some(Cow::Owned(unescape(self.raw()))),
            _ => None,
        }
    }

    /// The number; `None` for any other value and for what no double can hold.
    pub(crate) fn number(&self) -> Option<Number<'a>> {
        if self.kind() == Kind::Number {
            Number::checked(self.raw())
        } else {
            None
        }
    }

    fn children(self) -> Children<'a> {
        let token = self.token();
        let end = match token.kind {
            Kind::Array | Kind::Object => token.next as usize,
            _ => 0,
        };
        Children {
            at: self.at + 1,
            end,
            of: self,
        }
    }

    /// The elements of an array; none for any other value.
    pub(crate) fn items(self) -> impl Iterator<Item = Value<'a>> {
        let end = if self.kind() == Kind::Array { usize::MAX } else { 0 };
        self.children().take(end)
    }

    /// The members of an object in the order of the document; none for any other value.
    pub(crate) fn members(self) -> impl Iterator<Item = (Value<'a>, Value<'a>)> {
        let mut children = if self.is_object() { Some(self.children()) } else { None };
        std::iter::from_fn(move || {
            let children = children.as_mut()?;
            Some((children.next()?, children.next()?))
        })
    }

    /// The value of `key`; of a repeated key, the last one.
    #[inline(never)]
    pub(crate) fn get(&self, key: &str) -> Option<Value<'a>> {
        if !self.is_object() {
            return None;
        }
        let hash = key_hash(key.as_bytes());
        let end = self.token().next as usize;
        let mut at = self.at + 1;
        let mut found = None;
        while at < end {
            let (name, value) = (self.tokens.get(at)?, self.tokens.get(at + 1)?);
            // The hash first: it settles nearly every comparison.
            if (name.hash == hash || name.kind != Kind::Plain) && self.moved(at).is_name(key) {
                found = Some(at + 1);
            }
            at = value.next as usize;
        }
        found.map(|at| self.moved(at))
    }

    /// Whether this is a member's name that reads `key`.
    pub(super) fn is_name(&self, key: &str) -> bool {
        match self.kind() {
            Kind::Plain => same(self.raw().as_bytes(), key.as_bytes()),
            _ => unescape(self.raw()) == key,
        }
    }

    /// Of a member's name, the hash of its key.
    pub(super) fn hash(&self) -> u16 {
        self.token().hash
    }

    /// As [`get`](Self::get), else the value of the key that differs in case only (`Instore` for `instore`).
    pub(crate) fn get_any_case(&self, key: &str) -> Option<Value<'a>> {
        self.get(key).or_else(|| {
            self.members()
                .filter(|(name, _)| name.raw().eq_ignore_ascii_case(key))
                .last()
                .map(|(_, value)| value)
        })
    }
}

struct Children<'a> {
    of: Value<'a>,
    at: usize,
    end: usize,
}

impl<'a> Iterator for Children<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        if self.at >= self.end {
            return None;
        }
        let value = self.of.moved(self.at);
        self.at = value.token().next as usize;
        Some(value)
    }
}

/// The characters of a string whose escapes the parser has checked.
fn unescape(raw: &str) -> String {
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
