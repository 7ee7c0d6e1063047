//! The shape of a document, and reading another one of the same shape.
//!
//! One program writes all events of a kind, so most have the same members in the same order, and
//! between two values there stands what stood there in the event before. That is compared, some
//! bytes at once; only the values are parsed again. It gives the tokens the parser would give, or
//! nothing.

use super::block::{BLOCK, Block, literal_at, number_at, pair_at, string_at};
use super::scalar::scalar;
use crate::json::kind::Kind;
use crate::json::token::Token;
use crate::simd::chunk::{PAIR, Pair, copy_chunks, is_same};

/// Larger documents, and those of more values, are parsed each time: the broker's memory is
/// bounded, and shapes are kept for every kind.
pub(crate) const MAX_SHAPED_BYTES: usize = 8 << 10;
const MAX_PARTS: usize = 512;

/// What is common to documents of one shape.
#[derive(Debug, Default)]
pub(super) struct Shape {
    parts: Vec<Part>,
    /// The document the shape was learnt from.
    text: String,
    /// Where in it the last value ends.
    tail: usize,
    /// How many documents in turn had another shape than the one before.
    misses: u32,
    /// The end of the document that is read.
    end: EndOfText,
}

/// After this many misses in a row, learning pauses.
const PATIENCE: u32 = 4;
/// While it pauses, one document in this many is learnt: for a stream without a common shape
/// learning is wasted work.
const PROBE: u32 = 16;

/// One value without anything in it, and what comes before it: containers that begin or end there,
/// too.
#[derive(Debug)]
struct Part {
    /// The first bytes between the value before and this one, and whatever follows them.
    gap: [u8; 2 * PAIR],
    /// The bits of what follows them, as far as it is in the first pair.
    beyond: u32,
    /// How many bytes there are, and where in the learnt document they begin.
    length: u32,
    from: u32,
    /// The place of the value's token.
    token: u32,
    value: Value,
}

/// The kind of value after the gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    /// The characters of a string.
    String,
    Number,
    /// `true`, `false` or `null`.
    Literal,
}

impl Value {
    /// `None` for a container.
    const fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Array | Kind::Object => None,
            Kind::Word | Kind::Plain | Kind::Escaped => Some(Self::String),
            Kind::Integer | Kind::Number => Some(Self::Number),
            Kind::Null | Kind::True | Kind::False => Some(Self::Literal),
        }
    }
}

/// The bits of a pair's bytes from `length` on.
const fn bits_beyond(length: usize) -> u32 {
    if length < PAIR { u32::MAX << length } else { 0 }
}

impl Part {
    fn new(value: Value, token: &Token, place: usize, text: &[u8], from: usize) -> Option<Self> {
        let length = (token.start as usize).checked_sub(from)?;
        let mut gap = [b' '; 2 * PAIR];
        match text.get(from..)?.first_chunk() {
            Some(bytes) => copy_chunks(&mut gap, bytes),
            None => gap
                .iter_mut()
                .zip(text.get(from..)?)
                .for_each(|(to, from)| *to = *from),
        }
        Some(Self {
            gap,
            beyond: bits_beyond(length),
            length: u32::try_from(length).ok()?,
            from: u32::try_from(from).ok()?,
            token: u32::try_from(place).ok()?,
            value,
        })
    }

    /// Reads the gap a block begins with, and the value behind it: its kind, and where in the block
    /// it begins and ends. That it does end there the gap behind it has to tell, which begins with
    /// what can follow a value.
    #[inline(always)]
    fn read(&self, block: &Block) -> Option<(Kind, usize, usize)> {
        let gap = |at: usize| {
            self.gap
                .get(at..)
                .and_then(|gap| gap.first_chunk())
                .map(Pair::new)
        };
        let start = self.length as usize;
        if pair_at(block, 0)?.same(gap(0)?) | self.beyond != u32::MAX {
            return None;
        }
        if start > PAIR
            && (start > 2 * PAIR
                || pair_at(block, PAIR)?.same(gap(PAIR)?) | bits_beyond(start - PAIR) != u32::MAX)
        {
            return None;
        }
        let (kind, end) = if self.value == Value::String {
            string_at(block, start)?
        } else if self.value == Value::Number {
            number_at(block, start)?
        } else {
            literal_at(block, start)?
        };
        Some((kind, start, end))
    }
}

/// How far a document was read.
#[derive(Clone, Copy)]
struct Progress {
    /// How many parts.
    parts: usize,
    /// Where the last one's value ends.
    at: usize,
}

/// The end of a text, and zeros behind it, which stand nowhere in a document; kept, since to clear
/// it would be a call into the host.
#[derive(Debug)]
struct EndOfText([u8; 2 * BLOCK]);

impl Default for EndOfText {
    fn default() -> Self {
        Self([0; 2 * BLOCK])
    }
}

impl EndOfText {
    /// Takes in the end of `text`; gives where in the text it begins.
    fn take(&mut self, text: &[u8]) -> usize {
        const HALF: usize = BLOCK / 2;
        let (place, _) = self.0.split_at_mut(BLOCK);
        let (low, high) = place.split_at_mut(HALF);
        let from = text
            .last_chunk::<BLOCK>()
            .map(|end| (end.first_chunk(), end.last_chunk()));
        if let (Some(low), Some(high), Some((Some(first), Some(last)))) = (
            low.first_chunk_mut::<HALF>(),
            high.first_chunk_mut::<HALF>(),
            from,
        ) {
            // All of it at once would become a call.
            copy_chunks(low, first);
            copy_chunks(high, last);
        } else {
            place.fill(0);
            place
                .iter_mut()
                .zip(text)
                .for_each(|(to, from)| *to = *from);
        }
        text.len().saturating_sub(BLOCK)
    }
}

impl Shape {
    /// Forgets what was learnt.
    pub(super) fn forget(&mut self) {
        self.parts.clear();
    }

    /// The document the shape was learnt from.
    pub(super) fn learnt(&self) -> &str {
        &self.text
    }

    /// Learns the shape of a document.
    pub(super) fn learn(&mut self, text: &str, tokens: &[Token]) {
        self.forget();
        self.misses = self.misses.wrapping_add(1);
        if self.misses > PATIENCE && !self.misses.is_multiple_of(PROBE) {
            return;
        }
        if text.len() > MAX_SHAPED_BYTES || tokens.len() > MAX_PARTS {
            return;
        }
        self.text.clear();
        self.text.push_str(text);
        self.tail = 0;
        for (place, token) in tokens.iter().enumerate() {
            let Some(value) = Value::of(token.kind) else {
                continue;
            };
            let Some(part) = Part::new(value, token, place, text.as_bytes(), self.tail) else {
                return self.forget();
            };
            self.tail = token.end as usize;
            self.parts.push(part);
        }
    }

    /// Turns the tokens of the learnt document into those of `bytes`, but for the places of
    /// containers, which stay; whether any value has an escape. `None` when it has another shape,
    /// or none is learnt.
    pub(super) fn fits(&mut self, bytes: &[u8], tokens: &mut [Token]) -> Option<bool> {
        if self.parts.is_empty() {
            return None;
        }
        let escapes = self.read_all(bytes, tokens)?;
        self.misses = 0;
        Some(escapes)
    }

    fn read_all(&mut self, bytes: &[u8], tokens: &mut [Token]) -> Option<bool> {
        let base = self.end.take(bytes);
        let mut progress = self.read_on(bytes, base, tokens, Progress { parts: 0, at: 0 });
        // How many parts were read when a value was last read with care.
        let mut careful = 0;
        let mut escapes = false;
        loop {
            let read = match self.parts.get(progress.parts) {
                Some(part) => self.read(part, bytes, progress.at),
                None => {
                    let (rest, tail) = (
                        bytes.get(progress.at..),
                        self.text.as_bytes().get(self.tail..),
                    );
                    if is_same(rest.unwrap_or_default(), tail.unwrap_or_default()) {
                        return Some(escapes);
                    }
                    None
                }
            };
            let (parts, (kind, start, end)) = match read {
                Some(value) => (progress.parts + 1, value),
                // The value before may not end where it seemed to: it has an escape, or an
                // exponent.
                None if progress.parts > careful => {
                    match self.read_again(progress, bytes, tokens) {
                        Some(value) => (progress.parts, value),
                        None => return None,
                    }
                }
                None => return None,
            };
            careful = parts;
            escapes |= kind == Kind::Escaped;
            if let Some(token) = self.token_of(parts, tokens) {
                (token.kind, token.start, token.end) = (kind, start as u32, end as u32);
            }
            progress = self.read_on(bytes, base, tokens, Progress { parts, at: end });
        }
    }

    /// The token of the last of the first `parts` parts.
    fn token_of<'t>(&self, parts: usize, tokens: &'t mut [Token]) -> Option<&'t mut Token> {
        let part = self.parts.get(parts.checked_sub(1)?)?;
        tokens.get_mut(part.token as usize)
    }

    /// Reads the last value with care.
    fn read_again(
        &self,
        progress: Progress,
        bytes: &[u8],
        tokens: &mut [Token],
    ) -> Option<(Kind, usize, usize)> {
        let part = self.parts.get(progress.parts.checked_sub(1)?)?;
        let start = tokens.get(part.token as usize)?.start as usize;
        scalar(bytes, start, part.value == Value::String)
    }

    /// Reads on as long as blocks will do, those at the end of the text, too, which begins at
    /// `base`.
    #[inline(always)]
    fn read_on(
        &self,
        bytes: &[u8],
        base: usize,
        tokens: &mut [Token],
        progress: Progress,
    ) -> Progress {
        let progress = self.read_blocks(bytes, 0, tokens, progress);
        if progress.at < base {
            return progress;
        }
        self.read_blocks(&self.end.0, base, tokens, progress)
    }

    /// Reads on as long as blocks will do; `window` is the text from `base` on.
    #[inline(never)]
    fn read_blocks(
        &self,
        window: &[u8],
        base: usize,
        tokens: &mut [Token],
        progress: Progress,
    ) -> Progress {
        let mut count = progress.parts;
        let mut rest = window
            .get(progress.at.wrapping_sub(base)..)
            .unwrap_or_default();
        let mut at = progress.at as u32;
        while let Some(part) = self.parts.get(count) {
            let Some((kind, start, end)) = rest.first_chunk().and_then(|block| part.read(block))
            else {
                break;
            };
            let (Some(token), Some(behind)) =
                (tokens.get_mut(part.token as usize), rest.get(end..))
            else {
                break;
            };
            token.start = at + start as u32;
            at += end as u32;
            (token.kind, token.end) = (kind, at);
            rest = behind;
            count += 1;
        }
        Progress {
            parts: count,
            at: at as usize,
        }
    }

    /// As [`Part::read`], for gaps and values of any length, anywhere; counted from the start of
    /// `bytes`.
    #[inline(never)]
    fn read(&self, part: &Part, bytes: &[u8], at: usize) -> Option<(Kind, usize, usize)> {
        let (from, length) = (part.from as usize, part.length as usize);
        let start = at + length;
        if !is_same(
            bytes.get(at..start)?,
            self.text.as_bytes().get(from..from + length)?,
        ) {
            return None;
        }
        scalar(bytes, start, part.value == Value::String)
    }
}
