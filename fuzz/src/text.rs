//! Inputs changed anywhere, whatever they mean: bytes, and words of a language.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Longer inputs are cut: they cost time and rarely find more.
const MAX_INPUT: usize = 64 * 1024;
/// Most changes of one input.
const MAX_EDITS: usize = 4;
/// Repetitions of a word, as powers of two: parsers must bear 2^11 opening brackets.
const MAX_DOUBLINGS: u32 = 12;
/// Bytes that mean something in most languages, or in none.
const BYTES: [u8; 14] = *b"\0\t\n\r \"-:[]{}\x7f\xff";

#[derive(Debug, Clone)]
enum Edit {
    Flip(u8),
    Insert(Vec<u8>),
    Overwrite(Vec<u8>),
    Remove(usize),
    Cut,
    /// What follows, up to this length, this often.
    Repeat(usize, usize),
    /// The next decimal number becomes another one near it, or another unit's.
    Number(Scale),
}

#[derive(Debug, Clone, Copy)]
enum Scale {
    Increment,
    Decrement,
    Times(u64),
    Over(u64),
}

/// The inputs, half of them with a few changes. `dictionary` has the words that chance would not
/// spell.
pub fn edited(
    inputs: impl Strategy<Value = Vec<u8>>,
    dictionary: &'static [&'static str],
) -> impl Strategy<Value = Vec<u8>> {
    let edits = vec((any::<Index>(), edit(dictionary)), 1..=MAX_EDITS);
    let edits = prop_oneof![Just(Vec::new()), edits];
    (inputs, edits).prop_map(|(mut input, edits)| {
        for (at, edit) in edits {
            edit.apply(at, &mut input);
            input.truncate(MAX_INPUT);
        }
        input
    })
}

/// One of the inputs, or the head of one and the tail of another.
///
/// # Panics
/// When there are none.
pub fn spliced(inputs: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let one = select(inputs.clone());
    let parts = (
        select(inputs.clone()),
        any::<Index>(),
        select(inputs),
        any::<Index>(),
    );
    let two = parts.prop_map(|(mut head, end, tail, start)| {
        head.truncate(end.index(head.len() + 1));
        head.extend_from_slice(&tail[start.index(tail.len() + 1)..]);
        head
    });
    prop_oneof![4 => one, 1 => two]
}

fn edit(dictionary: &'static [&'static str]) -> impl Strategy<Value = Edit> {
    let byte = prop_oneof![select(&BYTES[..]), any::<u8>()];
    let word = move || {
        let words: Vec<&str> = if dictionary.is_empty() {
            vec![""]
        } else {
            dictionary.to_vec()
        };
        select(words).prop_map(|word| word.as_bytes().to_vec())
    };
    let scale = prop_oneof![
        Just(Scale::Increment),
        Just(Scale::Decrement),
        Just(Scale::Times(10)),
        Just(Scale::Times(1_000)),
        Just(Scale::Over(1_000)),
    ];
    let deep = (word(), 0..MAX_DOUBLINGS).prop_map(|(word, doublings)| word.repeat(1 << doublings));
    prop_oneof![
        1 => (0..8_u8).prop_map(Edit::Flip),
        1 => vec(byte, 1..=8).prop_map(Edit::Insert),
        4 => word().prop_map(Edit::Insert),
        2 => word().prop_map(Edit::Overwrite),
        1 => deep.prop_map(Edit::Insert),
        1 => (1..64_usize).prop_map(Edit::Remove),
        1 => Just(Edit::Cut),
        1 => (1..256_usize, 1..=4_usize).prop_map(|(length, times)| Edit::Repeat(length, times)),
        2 => scale.prop_map(Edit::Number),
    ]
}

impl Edit {
    fn apply(self, at: Index, input: &mut Vec<u8>) {
        let at = at.index(input.len() + 1);
        let end = |length: usize| (at + length).min(input.len());
        match self {
            Self::Flip(bit) => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
            Self::Insert(bytes) => drop(input.splice(at..at, bytes)),
            Self::Overwrite(bytes) => drop(input.splice(at..end(bytes.len()), bytes)),
            Self::Remove(length) => drop(input.drain(at..end(length))),
            Self::Cut => input.truncate(at),
            Self::Repeat(length, times) => {
                let copies = input[at..end(length)].repeat(times);
                input.splice(at..at, copies);
            }
            Self::Number(scale) => scale.apply(at, input),
        }
    }
}

impl Scale {
    fn apply(self, from: usize, input: &mut Vec<u8>) {
        let is_digit = |at: &usize| input[*at].is_ascii_digit();
        let Some(start) = (from..input.len()).find(is_digit) else {
            return;
        };
        let end = (start..input.len())
            .find(|at| !is_digit(at))
            .unwrap_or(input.len());
        let digits = String::from_utf8_lossy(&input[start..end]);
        let number = digits.parse().unwrap_or(u64::MAX);
        let scaled = match self {
            Self::Increment => number.wrapping_add(1),
            Self::Decrement => number.wrapping_sub(1),
            Self::Times(factor) => number.wrapping_mul(factor),
            Self::Over(divisor) => number / divisor,
        };
        input.splice(start..end, scaled.to_string().into_bytes());
    }
}
