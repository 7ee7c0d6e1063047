//! Makes new inputs of old ones: on bytes, and on values as JSON and YAML write them.

use fastrand::Rng;

/// Longer inputs are cut: they cost time and rarely say more.
const MAX_INPUT: usize = 64 * 1024;
/// Changes of one input, at most.
const MAX_CHANGES: usize = 6;

/// Values that are at an edge of something.
const VALUES: [&str; 30] = [
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1",
    "-0",
    "0.5",
    "1e300",
    "-1e-300",
    "1e999",
    "200",
    "207",
    "400",
    "429",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551616",
    "1789373735000",
    "1789373735",
    "\"\"",
    "\" \"",
    "\"0\"",
    "\"NaN\"",
    "\"2026-02-30\"",
    "\"\\u0000\\u2028\\ufeff\"",
    "\"a@b.example\"",
    "[]",
    "{}",
    "[[{}],null]",
];
const BYTES: [u8; 14] = *b"\0\t\n\r \"-:[]{}\x7f\xff";

/// A seeded source of inputs.
#[derive(Debug)]
pub struct Mutator<'a> {
    random: Rng,
    dictionary: &'a [&'a str],
}

impl<'a> Mutator<'a> {
    /// Two with the same seed make the same inputs.
    #[must_use]
    pub fn new(seed: u64, dictionary: &'a [&'a str]) -> Self {
        Self {
            random: Rng::with_seed(seed),
            dictionary,
        }
    }

    /// A number below `end`; 0 when `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        if end == 0 {
            0
        } else {
            self.random.usize(..end)
        }
    }

    /// A new input.
    pub fn mutate(&mut self, parents: &[Vec<u8>]) -> Vec<u8> {
        let mut input = self.parent(parents).to_vec();
        for _ in 0..=self.below(MAX_CHANGES) {
            self.change(&mut input, parents);
            input.truncate(MAX_INPUT);
        }
        input
    }

    fn parent<'p>(&mut self, parents: &'p [Vec<u8>]) -> &'p [u8] {
        self.random.choice(parents).map_or(&[], Vec::as_slice)
    }

    fn change(&mut self, input: &mut Vec<u8>, parents: &[Vec<u8>]) {
        let at = self.below(input.len() + 1);
        match self.random.u8(..16) {
            0 => self.flip(input),
            1 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte = self.random.choice(BYTES).unwrap_or_default();
                }
            }
            2 => {
                let bytes: Vec<u8> = (0..=self.below(8)).map(|_| self.random.u8(..)).collect();
                insert(input, at, &bytes);
            }
            3 => {
                let end = at + self.below(input.len() - at + 1).min(64);
                input.drain(at..end);
            }
            4 => input.truncate(at),
            5 => {
                // The head of one, the tail of another.
                let other = self.parent(parents);
                let from = self.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            6 => {
                let end = at + self.below(input.len() - at + 1).min(256);
                let copy = input[at..end].repeat(1 + self.below(4));
                insert(input, at, &copy);
            }
            7 => {
                // Depth and length, from one token.
                let token = self.token();
                let times = 1 << self.below(12);
                insert(input, at, &token.repeat(times)[..]);
            }
            8 => {
                let token = self.token();
                insert(input, at, &token);
            }
            9 => {
                let token = self.token();
                let end = (at + token.len()).min(input.len());
                input.splice(at..end, token);
            }
            10 => self.number(input),
            _ => self.value(input, parents),
        }
    }

    fn flip(&mut self, input: &mut [u8]) {
        let at = self.below(input.len());
        if let Some(byte) = input.get_mut(at) {
            *byte ^= 1 << self.random.u8(..8);
        }
    }

    fn token(&mut self) -> Vec<u8> {
        let words = if self.random.bool() && !self.dictionary.is_empty() {
            self.dictionary
        } else {
            &VALUES[..]
        };
        self.random
            .choice(words)
            .map_or_else(Vec::new, |word| word.as_bytes().to_vec())
    }

    /// Moves a number a little: off-by-one faults live there.
    fn number(&mut self, input: &mut Vec<u8>) {
        let from = self.below(input.len());
        let Some(start) = (from..input.len()).find(|at| input[*at].is_ascii_digit()) else {
            return;
        };
        let end = (start..input.len())
            .find(|at| !input[*at].is_ascii_digit())
            .unwrap_or(input.len());
        let text = String::from_utf8_lossy(&input[start..end]);
        let number: u64 = text.parse().unwrap_or(u64::MAX);
        let number = match self.random.u8(..5) {
            0 => number.wrapping_add(1),
            1 => number.wrapping_sub(1),
            2 => number.wrapping_mul(10),
            3 => number / 1_000,
            _ => number.wrapping_mul(1_000),
        };
        input.splice(start..end, number.to_string().into_bytes());
    }

    /// Takes one value's place: dropped, doubled, or another in its stead, so that the text mostly
    /// stays well-formed.
    fn value(&mut self, input: &mut Vec<u8>, parents: &[Vec<u8>]) {
        let from = self.below(input.len());
        let Some((start, end)) = value_at(input, from) else {
            return;
        };
        let new = match self.random.u8(..6) {
            0 => {
                let mut doubled = input[start..end].to_vec();
                doubled.push(b',');
                doubled.extend_from_slice(&input[start..end]);
                doubled
            }
            1 => {
                let mut inner = b"[".to_vec();
                inner.extend_from_slice(&input[start..end]);
                inner.push(b']');
                inner
            }
            2 => {
                let mut text = b"\"".to_vec();
                text.extend(input[start..end].iter().filter(|byte| **byte != b'"'));
                text.push(b'"');
                text
            }
            3 | 4 => {
                let other = self.parent(parents);
                let from = self.below(other.len());
                value_at(other, from)
                    .map_or_else(Vec::new, |(start, end)| other[start..end].to_vec())
            }
            _ => self.token(),
        };
        input.splice(start..end, new);
    }
}

fn insert(input: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let room = MAX_INPUT.saturating_sub(input.len()).min(bytes.len());
    input.splice(at..at, bytes[..room].iter().copied());
}

/// The first value that begins at or after `from`: a string, a bracketed group, or a bare word.
fn value_at(text: &[u8], from: usize) -> Option<(usize, usize)> {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte);
    let start = (from..text.len()).find(|at| bare(text[*at]) || b"\"[{".contains(&text[*at]))?;
    let end = match text[start] {
        b'"' => string_end(text, start),
        b'[' | b'{' => {
            let (mut depth, mut at) = (0_usize, start);
            while at < text.len() {
                match text[at] {
                    b'"' => {
                        at = string_end(text, at);
                        continue;
                    }
                    b'[' | b'{' => depth += 1,
                    b']' | b'}' => depth -= 1,
                    _ => {}
                }
                at += 1;
                if depth == 0 {
                    break;
                }
            }
            at
        }
        _ => (start..text.len())
            .find(|at| !bare(text[*at]))
            .unwrap_or(text.len()),
    };
    Some((start, end))
}

/// Just past the quote that closes the string at `start`.
fn string_end(text: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < text.len() && text[at] != b'"' {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(text.len())
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_makes_one_sequence_of_inputs_within_the_bound() {
        let parents = [
            br#"{"a":[1,"x\"y",{}],"b":null}"#.to_vec(),
            vec![b'['; 40_000],
            Vec::new(),
        ];
        let sequence = |seed| {
            let mut mutator = Mutator::new(seed, &["token"]);
            (0..2_000)
                .map(|_| mutator.mutate(&parents))
                .collect::<Vec<_>>()
        };
        let first = sequence(1);
        assert_eq!(first, sequence(1));
        assert_ne!(first, sequence(2));
        assert!(first.iter().all(|input| input.len() <= MAX_INPUT));
    }

    #[test]
    fn a_value_is_found_with_its_end() {
        let text = br#"{"a":[1,"x\"]",{}],"b":-1.5e3}"#;
        let value = |from| value_at(text, from).map(|(start, end)| &text[start..end]);
        assert_eq!(value(4), Some(&br#"[1,"x\"]",{}]"#[..]));
        assert_eq!(value(7), Some(&br#""x\"]""#[..]));
        assert_eq!(value(22), Some(&b"-1.5e3"[..]));
        assert_eq!(value(0), Some(&text[..]));
        assert_eq!(value(29), None);
    }
}
