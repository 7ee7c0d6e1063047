//! The parser: text to tokens, in one loop.

use std::sync::atomic::{AtomicU64, Ordering};

use super::block::{Member, block_at};
use super::fault::Fault;
use super::scalar::{number, string, visible, word};
use super::shape::Shape;
use crate::catalog::key::KEYS;
use crate::json::kind::Kind;
use crate::json::rewrite::without_needless_escapes;
use crate::json::token::{Document, Token};
use crate::json::unescape::unescape;

/// Deeper documents are refused: no Capillary event nests more than eight levels.
const MAX_DEPTH: u32 = 64;

/// A document of more values than this is refused: 24 bytes each must fit the SmartModule's memory
/// beside the batch.
const MAX_TOKENS: usize = 1 << 18;

/// Tokens there is room for from the start; a document of more is parsed once more.
const FEW_TOKENS: usize = 1 << 9;

/// The tokens of one document; kept between documents for its allocation, and because the next one
/// may have its shape.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    tokens: Vec<Token>,
    count: usize,
    shape: Shape,
    /// Tells it from every other shape.
    shape_id: u64,
    /// The document without needless escapes, when it had any.
    rewritten: String,
}

impl Tape {
    /// Parses `text`; the document returned borrows from both.
    pub(crate) fn parse<'a>(&'a mut self, text: &'a str) -> Result<Document<'a>, Fault> {
        // Positions are 32 bits.
        if u32::try_from(text.len()).is_err() {
            return Err(Fault::TooMany);
        }
        let (mut fits, escapes) = self.read(text)?;
        let mut text = text;
        if escapes && let Some(rewritten) = without_needless_escapes(text) {
            (fits, _) = self.read(&rewritten)?;
            self.rewritten = rewritten;
            text = &self.rewritten;
        }
        Ok(Document {
            text,
            learnt: if fits { self.shape.learnt() } else { text },
            tokens: self.tokens.get(..self.count).unwrap_or_default(),
            shape: self.shape_id,
        })
    }

    /// Reads the tokens of `text`: whether it has the shape that was learnt, and whether any string
    /// has an escape.
    #[inline(always)]
    fn read(&mut self, text: &str) -> Result<(bool, bool), Fault> {
        let known = self.tokens.get_mut(..self.count).unwrap_or_default();
        match self.shape.fits(text.as_bytes(), known) {
            Some(escapes) => Ok((true, escapes)),
            None => Ok((false, self.parse_from_scratch(text)?)),
        }
    }

    /// Whether any string has an escape.
    #[inline(never)]
    fn parse_from_scratch(&mut self, text: &str) -> Result<bool, Fault> {
        self.shape.forget();
        static SHAPES: AtomicU64 = AtomicU64::new(1);
        self.shape_id = SHAPES.fetch_add(1, Ordering::Relaxed);
        loop {
            match tokens(text.as_bytes(), &mut self.tokens) {
                Ok((count, escapes)) => {
                    self.count = count;
                    self.shape
                        .learn(text, self.tokens.get(..count).unwrap_or_default());
                    return Ok(escapes);
                }
                Err(Fault::TooMany) if self.tokens.len() < MAX_TOKENS => {
                    let more = (2 * self.tokens.len()).clamp(FEW_TOKENS, MAX_TOKENS);
                    self.tokens.resize(more, Token::default());
                }
                Err(fault) => return Err(fault),
            }
        }
    }
}

/// The container the parser is in.
#[derive(Clone, Copy)]
struct Container {
    /// Its token; meaningless outside of all.
    token: usize,
    depth: u32,
    is_object: bool,
}

/// Fills `tokens` and tells how many there are, and whether any string has an escape.
/// [`Fault::TooMany`] when there is no room for them.
fn tokens(bytes: &[u8], tokens: &mut [Token]) -> Result<(usize, bool), Fault> {
    let (mut count, mut escapes) = (0, false);
    let mut inside = Container {
        token: 0,
        depth: 0,
        is_object: false,
    };
    let (mut first, mut at) = visible(bytes, 0);
    loop {
        // Here a member or an element begins, with `first`.
        let mut name = Name::default();
        if inside.is_object {
            let block = block_at(bytes, at);
            match block.and_then(Member::read) {
                Some(member) => {
                    name = Name::of(&member, at);
                    if let Some(scalar) = block.and_then(|block| member.scalar(block)) {
                        let place = tokens.get_mut(count).ok_or(Fault::TooMany)?;
                        *place =
                            name.token(scalar.kind, at + scalar.start, at + scalar.end, count + 1);
                        count += 1;
                        (first, at) = visible(bytes, at + scalar.next);
                        if first == b',' {
                            (first, at) = visible(bytes, at + 1);
                            continue;
                        }
                        match behind(bytes, tokens, &mut inside, count, (first, at))? {
                            Some(start) => (first, at) = start,
                            None => return Ok((count, escapes)),
                        }
                        continue;
                    }
                    first = member.first;
                    at += member.value;
                    if first <= b' ' {
                        (first, at) = visible(bytes, at);
                    }
                }
                None => {
                    let escaped;
                    (first, at, name, escaped) = value_start(bytes, first, at)?;
                    escapes |= escaped;
                }
            }
        }
        // Here a value begins, with `first`.
        let place = tokens.get_mut(count).ok_or(Fault::TooMany)?;
        let scalar = match first {
            b'"' => {
                let string = string(bytes, at + 1)?;
                let kind = string.kind(bytes, at + 1);
                escapes |= string.escaped;
                let start = std::mem::replace(&mut at, string.end + 1) + 1;
                Some((kind, start, string.end))
            }
            b'{' | b'[' => {
                if inside.depth == MAX_DEPTH {
                    return Err(Fault::TooDeep);
                }
                let kind = if first == b'{' {
                    Kind::Object
                } else {
                    Kind::Array
                };
                *place = name.token(kind, at, 0, inside.token);
                inside = Container {
                    token: count,
                    depth: inside.depth + 1,
                    is_object: kind == Kind::Object,
                };
                count += 1;
                let next;
                (next, at) = visible(bytes, at + 1);
                if next != inside.close() {
                    first = next;
                    continue;
                }
                None
            }
            _ => {
                let (kind, end) = match first {
                    b'-' | b'0'..=b'9' => number(bytes, at)?,
                    _ => word(bytes, first, at)?,
                };
                Some((kind, std::mem::replace(&mut at, end), end))
            }
        };
        if let Some((kind, start, end)) = scalar {
            *place = name.token(kind, start, end, count + 1);
            count += 1;
        }
        match behind(bytes, tokens, &mut inside, count, visible(bytes, at))? {
            Some(start) => (first, at) = start,
            None => return Ok((count, escapes)),
        }
    }
}

/// From behind a value, where `next` stands, to where the next member or element begins. `None` at
/// the document's end.
#[inline(always)]
fn behind(
    bytes: &[u8],
    tokens: &mut [Token],
    inside: &mut Container,
    count: usize,
    (mut next, mut at): (u8, usize),
) -> Result<Option<(u8, usize)>, Fault> {
    loop {
        if inside.depth == 0 {
            return if at == bytes.len() {
                Ok(None)
            } else {
                Err(Fault::Syntax(at))
            };
        }
        if next != inside.close() {
            break;
        }
        *inside = closed(tokens, *inside, count);
        (next, at) = visible(bytes, at + 1);
    }
    if next != b',' {
        return Err(Fault::Syntax(at));
    }
    Ok(Some(visible(bytes, at + 1)))
}

/// From where a member begins, with `next`, to where its value does; with its name, and whether
/// that has an escape.
#[inline(never)]
fn value_start(bytes: &[u8], next: u8, at: usize) -> Result<(u8, usize, Name, bool), Fault> {
    if next != b'"' {
        return Err(Fault::Syntax(at));
    }
    let (name, escaped) = any_name(bytes, at + 1)?;
    let (colon, at) = visible(bytes, name.end as usize + 1);
    if colon != b':' {
        return Err(Fault::Syntax(at));
    }
    let (first, at) = visible(bytes, at + 1);
    Ok((first, at, name, escaped))
}

impl Container {
    /// The bracket that ends it.
    #[inline(always)]
    const fn close(self) -> u8 {
        if self.is_object { b'}' } else { b']' }
    }
}

/// Ends a container, and gives the one around it.
#[inline(always)]
fn closed(tokens: &mut [Token], inside: Container, count: usize) -> Container {
    let depth = inside.depth - 1;
    let Some(token) = tokens.get_mut(inside.token) else {
        return Container { depth, ..inside };
    };
    let outer = token.next as usize;
    token.next = count as u32;
    let is_object = tokens
        .get(outer)
        .is_some_and(|outer| outer.kind == Kind::Object);
    Container {
        token: outer,
        depth,
        is_object,
    }
}

/// A member's name.
#[derive(Clone, Copy, Default)]
struct Name {
    start: u32,
    end: u32,
    key: u8,
}

impl Name {
    /// That of a member at `at`.
    #[inline(always)]
    const fn of(member: &Member, at: usize) -> Self {
        Self {
            start: at as u32 + 1,
            end: (at + member.name_end) as u32,
            key: member.key,
        }
    }

    /// The token of a value of this name.
    #[inline(always)]
    const fn token(self, kind: Kind, start: usize, end: usize, next: usize) -> Token {
        // The text is shorter than 4 GiB, so its positions fit.
        Token {
            start: start as u32,
            end: end as u32,
            next: next as u32,
            name_before: if self.end == 0 {
                0
            } else {
                start as u32 - self.start
            },
            name_length: self.end - self.start,
            kind,
            key: self.key,
        }
    }
}

/// Reads a name from behind its first quote; whether it has an escape.
fn any_name(bytes: &[u8], start: usize) -> Result<(Name, bool), Fault> {
    let string = string(bytes, start)?;
    let name = bytes.get(start..string.end).unwrap_or_default();
    let key = if string.escaped {
        KEYS.find(unescape(&String::from_utf8_lossy(name)).as_bytes())
    } else {
        KEYS.find(name)
    };
    let name = Name {
        start: start as u32,
        end: string.end as u32,
        key,
    };
    Ok((name, string.escaped))
}
