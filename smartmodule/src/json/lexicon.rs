//! Known names by number: found once, when a name is read, so that nothing compares texts afterwards.

use super::chunk::{CHUNK, chunk_at, words};

/// A power of two, and many times the names of any lexicon: nearly every look-up ends at its first slot.
const SLOTS: usize = 1024;

/// A name's first sixteen bytes (the missing ones are zero, which no name has) and its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    low: u64,
    high: u64,
    length: usize,
}

impl Head {
    /// From the chunk's words; only the bytes before `length` count.
    #[inline(always)]
    pub(super) const fn new(low: u64, high: u64, length: usize) -> Self {
        match length {
            0..8 => Self {
                low: low & ((1 << (8 * length)) - 1),
                high: 0,
                length,
            },
            8..CHUNK => Self {
                low,
                high: high & ((1 << (8 * (length - 8))) - 1),
                length,
            },
            _ => Self { low, high, length },
        }
    }

    const fn of(name: &[u8]) -> Self {
        let mut words = [0_u64; 2];
        let mut at = 0;
        while at < name.len() && at < CHUNK {
            words[at / 8] |= (name[at] as u64) << (8 * (at % 8));
            at += 1;
        }
        Self::new(words[0], words[1], name.len())
    }

    #[inline(always)]
    const fn slot(self) -> usize {
        let mixed = (self.low ^ self.high.rotate_left(25)).wrapping_add(self.length as u64);
        (mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 54) as usize
    }
}

/// A fixed set of names, numbered from 1.
#[derive(Debug)]
pub(crate) struct Lexicon<const COUNT: usize> {
    names: [&'static str; COUNT],
    heads: [Head; COUNT],
    /// Numbers, at the slot of their name or behind it; 0 is free.
    slots: [u8; SLOTS],
}

impl<const COUNT: usize> Lexicon<COUNT> {
    /// Only for constants: another count of names, or one over 255, does not compile.
    #[allow(clippy::indexing_slicing)] // While compiling.
    pub(crate) const fn of(list: &[&'static str]) -> Self {
        assert!(list.len() == COUNT && COUNT < 256, "numbers are bytes");
        let mut names = [""; COUNT];
        let mut heads = [Head {
            low: 0,
            high: 0,
            length: 0,
        }; COUNT];
        let mut slots = [0; SLOTS];
        let mut index = 0;
        while index < COUNT {
            names[index] = list[index];
            heads[index] = Head::of(names[index].as_bytes());
            let mut slot = heads[index].slot();
            while slots[slot] != 0 {
                slot = (slot + 1) % SLOTS;
            }
            slots[slot] = index as u8 + 1;
            index += 1;
        }
        Self { names, heads, slots }
    }

    /// The number of a name; 0 for one that is not known.
    pub(crate) fn find(&self, name: &[u8]) -> u8 {
        let head = match chunk_at(name, 0) {
            Some(chunk) => {
                let (low, high) = chunk.words();
                Head::new(low, high, name.len())
            }
            None => Head::of(name),
        };
        self.find_head(head, name, 0)
    }

    /// As [`find`](Self::find), of a name that begins at `start`, with what is known of it already.
    #[inline(always)]
    pub(super) fn find_head(&self, head: Head, text: &[u8], start: usize) -> u8 {
        let mut slot = head.slot();
        loop {
            let number = self.slots.get(slot).copied().unwrap_or(0);
            if number == 0 {
                return 0;
            }
            let index = usize::from(number) - 1;
            if self.heads.get(index) == Some(&head) && (head.length <= CHUNK || self.is_rest(index, text, start)) {
                return number;
            }
            slot = (slot + 1) % SLOTS;
        }
    }

    /// Whether a name is the one at `start`, when their lengths and first sixteen bytes are the same.
    fn is_rest(&self, index: usize, text: &[u8], start: usize) -> bool {
        let Some(known) = self.names.get(index).map(|name| name.as_bytes()) else {
            return false;
        };
        let name = text
            .get(start..)
            .and_then(|text| text.get(..known.len()))
            .unwrap_or_default();
        let end = |bytes: &[u8]| bytes.last_chunk().map(words);
        end(known) == end(name) && (known.len() <= 2 * CHUNK || known == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_and_nothing_like_it() {
        static LEXICON: Lexicon<5> =
            Lexicon::of(&["", "id", "eventName", "sixteen letters!", "more than sixteen letters"]);
        for (index, name) in LEXICON.names.iter().enumerate() {
            assert_eq!(usize::from(LEXICON.find(name.as_bytes())), index + 1, "{name}");
            for place in 0..name.len() {
                let mut other = name.as_bytes().to_vec();
                other[place] ^= 1;
                assert_eq!(LEXICON.find(&other), 0);
                other.truncate(place);
                assert_eq!(LEXICON.find(&other) != 0, other.is_empty());
            }
        }
    }
}
