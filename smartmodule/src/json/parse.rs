//! The parser: text to tokens.

use super::bytes::key_hash;
use super::scan::plain_prefix;
use super::value::{Kind, Value};

/// Deeper documents are refused: each level costs stack, and no Capillary event nests more than eight.
const MAX_DEPTH: u32 = 64;

/// A document of more values than this is refused: 16 bytes each must fit the SmartModule's memory beside the batch.
const MAX_TOKENS: usize = 1 << 18;

/// One value of the document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Of a member's name without escapes, the hash of its key; else 0.
    pub(super) hash: u16,
    /// Byte range of the value in the text; of a string, what stands between the quotes.
    pub(super) start: u32,
    pub(super) end: u32,
    /// Index of the token that follows this value and everything in it.
    pub(super) next: u32,
}

/// Why a text is not usable JSON, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Not JSON, or cut off, at this byte.
    Syntax(usize),
    /// Nested deeper than 64 levels.
    TooDeep,
    /// More values than fit.
    TooMany,
}

/// The tokens of one document; kept between documents for its allocation.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    tokens: Vec<Token>,
}

impl Tape {
    /// Parses `text`; the value returned borrows from both.
    pub(crate) fn parse<'a>(&'a mut self, text: &'a str) -> Result<Value<'a>, Fault> {
        self.tokens.clear();
        if u32::try_from(text.len()).is_err() {
            return Err(Fault::TooMany);
        }
        let mut parser = Parser {
            bytes: text.as_bytes(),
            at: 0,
            depth: 0,
            tokens: &mut self.tokens,
        };
        parser.space();
        parser.value()?;
        parser.space();
        if parser.at != text.len() {
            return Err(Fault::Syntax(parser.at));
        }
        Ok(Value::root(text, &self.tokens))
    }
}

struct Parser<'t> {
    bytes: &'t [u8],
    at: usize,
    depth: u32,
    tokens: &'t mut Vec<Token>,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    const fn fault<T>(&self) -> Result<T, Fault> {
        Err(Fault::Syntax(self.at))
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize) -> Result<usize, Fault> {
        let index = self.tokens.len();
        if index >= MAX_TOKENS {
            return Err(Fault::TooMany);
        }
        // The text is shorter than 4 GiB, so its positions fit.
        self.tokens.push(Token {
            kind,
            hash: 0,
            start: start as u32,
            end: end as u32,
            next: index as u32 + 1,
        });
        Ok(index)
    }

    fn value(&mut self) -> Result<(), Fault> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'{') => self.container(Kind::Object, b'}'),
            Some(b'[') => self.container(Kind::Array, b']'),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word(b"true", Kind::True),
            Some(b'f') => self.word(b"false", Kind::False),
            Some(b'n') => self.word(b"null", Kind::Null),
            _ => self.fault(),
        }
    }

    fn word(&mut self, word: &[u8], kind: Kind) -> Result<(), Fault> {
        let end = self.at + word.len();
        if self.bytes.get(self.at..end) != Some(word) {
            return self.fault();
        }
        self.push(kind, self.at, end)?;
        self.at = end;
        Ok(())
    }

    fn container(&mut self, kind: Kind, close: u8) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Fault::TooDeep);
        }
        let index = self.push(kind, self.at, self.at)?;
        self.at += 1;
        self.space();
        if self.peek() == Some(close) {
            self.at += 1;
        } else {
            loop {
                if kind == Kind::Object {
                    if self.peek() != Some(b'"') {
                        return self.fault();
                    }
                    self.name()?;
                    self.space();
                    if self.peek() != Some(b':') {
                        return self.fault();
                    }
                    self.at += 1;
                    self.space();
                }
                self.value()?;
                self.space();
                match self.peek() {
                    Some(b',') => {
                        self.at += 1;
                        self.space();
                    }
                    Some(byte) if byte == close => {
                        self.at += 1;
                        break;
                    }
                    _ => return self.fault(),
                }
            }
        }
        let next = self.tokens.len() as u32;
        if let Some(token) = self.tokens.get_mut(index) {
            token.end = self.at as u32;
            token.next = next;
        }
        self.depth -= 1;
        Ok(())
    }

    /// A member's name.
    fn name(&mut self) -> Result<(), Fault> {
        let index = self.tokens.len();
        let start = self.at + 1;
        self.string()?;
        let hash = key_hash(self.bytes.get(start..self.at - 1).unwrap_or(&[]));
        if let Some(token) = self.tokens.get_mut(index) {
            token.hash = hash;
        }
        Ok(())
    }

    fn string(&mut self) -> Result<(), Fault> {
        self.at += 1;
        let start = self.at;
        let mut kind = Kind::Plain;
        loop {
            self.at += plain_prefix(self.bytes.get(self.at..).unwrap_or(&[]));
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    kind = Kind::Escaped;
                    self.escape()?;
                }
                // The text is UTF-8 already; only control characters are not allowed as they are.
                _ => return self.fault(),
            }
        }
        self.push(kind, start, self.at)?;
        self.at += 1;
        Ok(())
    }

    fn escape(&mut self) -> Result<(), Fault> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => {
                let end = self.at + 5;
                match self.bytes.get(self.at + 1..end) {
                    Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => {
                        self.at = end;
                        Ok(())
                    }
                    _ => self.fault(),
                }
            }
            _ => self.fault(),
        }
    }

    fn digits(&mut self) -> Result<(), Fault> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start { self.fault() } else { Ok(()) }
    }

    fn number(&mut self) -> Result<(), Fault> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        self.push(Kind::Number, start, self.at)?;
        Ok(())
    }
}
