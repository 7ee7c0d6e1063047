//! The shape of a document, and reading another one of the same shape.
//!
//! One program writes all events of a kind, so most have the same members in the same order, and between two values there
//! stands what stood there in the event before. That is compared, some bytes at once; only the values are read anew. It
//! gives the tokens the parser would give, or nothing.

use super::block::{BLOCK, Block, block_at, literal_at, number_at, pair_at, string_at};
use super::chunk::{PAIR, Pair, copy_chunks, is_same, mask_of};
use super::parse::Token;
use super::scalar::scalar;
use super::value::Kind;

/// Larger documents, and those of more values, are parsed each time: the broker's memory is bounded, and shapes are kept for
/// every kind.
pub(crate) const MAX_SHAPED_BYTES: usize = 8 << 10;
const MAX_PARTS: usize = 512;

/// What is common to documents of one shape.
#[derive(Debug, Default)]
pub(super) struct Shape {
    parts: Vec<Part>,
    /// The document the shape was learnt from.
    text: Vec<u8>,
    /// Where in it the last value ends.
    tail: usize,
    /// How many documents in turn had another shape than the one before.
    misses: u32,
}

/// After so many misses in turn …
const PATIENCE: u32 = 4;
/// … only every so many documents are learnt: of a stream without a common shape it would be work in vain.
const PROBE: u32 = 16;

/// One token, and what comes before it.
#[derive(Debug)]
struct Part {
    /// The first bytes between the value before and this one, and whatever follows them.
    gap: [u8; 2 * PAIR],
    /// All bits of the gap's bytes, as far as they are in the first pair.
    mask: [u8; PAIR],
    /// How many bytes there are, and where in the learnt document they begin.
    length: u32,
    from: u32,
    value: Value,
}

/// What stands behind the gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    /// An object or a list: other tokens.
    Container,
    /// The characters of a string.
    String,
    Number,
    /// `true`, `false` or `null`.
    Literal,
}

impl Part {
    fn new(token: &Token, text: &[u8], from: usize) -> Option<Self> {
        let length = (token.start as usize).checked_sub(from)?;
        let mut gap = [b' '; 2 * PAIR];
        match text.get(from..)?.first_chunk() {
            Some(bytes) => copy_chunks(&mut gap, bytes),
            None => gap.iter_mut().zip(text.get(from..)?).for_each(|(to, from)| *to = *from),
        }
        let mut mask = [0; PAIR];
        copy_chunks(&mut mask, mask_of(length));
        Some(Self {
            gap,
            mask,
            length: u32::try_from(length).ok()?,
            from: u32::try_from(from).ok()?,
            value: match token.kind {
                Kind::Array | Kind::Object => Value::Container,
                Kind::Word | Kind::Plain | Kind::Escaped => Value::String,
                Kind::Integer | Kind::Number => Value::Number,
                Kind::Null | Kind::True | Kind::False => Value::Literal,
            },
        })
    }

    /// Reads the gap a block begins with, and the value behind it: its kind, and where in the block it begins and ends.
    #[inline(always)]
    fn read(&self, block: &Block) -> Option<(Kind, usize, usize)> {
        let gap = |at: usize| self.gap.get(at..).and_then(|gap| gap.first_chunk()).map(Pair::new);
        let start = self.length as usize;
        if !pair_at(block, 0)?.is_where(gap(0)?, Pair::new(&self.mask)) {
            return None;
        }
        if start > PAIR {
            let mask = Pair::new(mask_of(start - PAIR));
            if start > 2 * PAIR || !pair_at(block, PAIR)?.is_where(gap(PAIR)?, mask) {
                return None;
            }
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

/// The end of a text, and zeros behind it, which stand nowhere in a document.
type EndOfText = [u8; 2 * BLOCK];

impl Shape {
    /// Forgets what was learnt.
    pub(super) fn forget(&mut self) {
        self.parts.clear();
    }

    /// Learns the shape of a document.
    pub(super) fn learn(&mut self, bytes: &[u8], tokens: &[Token]) {
        self.forget();
        self.misses = self.misses.wrapping_add(1);
        if self.misses > PATIENCE && !self.misses.is_multiple_of(PROBE) {
            return;
        }
        if bytes.len() > MAX_SHAPED_BYTES || tokens.len() > MAX_PARTS {
            return;
        }
        self.text.clear();
        self.text.extend_from_slice(bytes);
        self.tail = 0;
        for token in tokens {
            let Some(part) = Part::new(token, bytes, self.tail) else {
                return self.forget();
            };
            if part.value != Value::Container {
                self.tail = token.end as usize;
            }
            self.parts.push(part);
        }
    }

    /// Turns the tokens of the learnt document into those of `bytes`; `false` when it has another shape, or none is learnt.
    pub(super) fn fits(&mut self, bytes: &[u8], tokens: &mut [Token]) -> bool {
        let fits = !self.parts.is_empty() && self.read_all(bytes, tokens);
        if fits {
            self.misses = 0;
        }
        fits
    }

    fn read_all(&self, bytes: &[u8], tokens: &mut [Token]) -> bool {
        let mut progress = self.read_blocks(bytes, 0, tokens, Progress { parts: 0, at: 0 });
        while let Some(part) = self.parts.get(progress.parts) {
            let rest = bytes.get(progress.at..).unwrap_or_default();
            if rest.len() < BLOCK {
                let mut end: EndOfText = [0; 2 * BLOCK];
                if let Some(end) = end.get_mut(..rest.len()) {
                    end.copy_from_slice(rest);
                }
                let before = progress;
                progress = self.read_blocks(&end, progress.at, tokens, progress);
                if progress.parts > before.parts {
                    continue;
                }
            }
            let Some((kind, start, end)) = self.read(part, bytes, progress.at) else {
                return false;
            };
            if let Some(token) = tokens.get_mut(progress.parts) {
                (token.kind, token.start, token.end) = (kind, start as u32, end as u32);
            }
            progress = Progress {
                parts: progress.parts + 1,
                at: end,
            };
            progress = self.read_blocks(bytes, 0, tokens, progress);
        }
        let (rest, tail) = (bytes.get(progress.at..), self.text.get(self.tail..));
        is_same(rest.unwrap_or_default(), tail.unwrap_or_default())
    }

    /// Reads on as long as blocks will do; `window` is the text from `base` on.
    #[inline(never)]
    fn read_blocks(&self, window: &[u8], base: usize, tokens: &mut [Token], progress: Progress) -> Progress {
        let mut at = progress.at - base;
        let parts = self.parts.get(progress.parts..).unwrap_or_default();
        let tokens = tokens.get_mut(progress.parts..).unwrap_or_default();
        let mut count = 0;
        for (part, token) in parts.iter().zip(tokens) {
            if part.value == Value::Container {
                token.start = (base + at) as u32 + part.length;
            } else {
                let Some((kind, start, end)) = block_at(window, at).and_then(|block| part.read(block)) else {
                    break;
                };
                let place = base + at;
                (token.kind, token.start, token.end) = (kind, (place + start) as u32, (place + end) as u32);
                at += end;
            }
            count += 1;
        }
        Progress {
            parts: progress.parts + count,
            at: base + at,
        }
    }

    /// As [`Part::read`], for gaps and values of any length, anywhere; counted from the start of `bytes`.
    #[inline(never)]
    fn read(&self, part: &Part, bytes: &[u8], at: usize) -> Option<(Kind, usize, usize)> {
        let (from, length) = (part.from as usize, part.length as usize);
        let start = at + length;
        if !is_same(bytes.get(at..start)?, self.text.get(from..from + length)?) {
            return None;
        }
        scalar(bytes, start, part.value == Value::String)
    }
}
