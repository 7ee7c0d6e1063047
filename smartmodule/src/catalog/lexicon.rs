//! Known names by number: found once, when a name is read, so that nothing compares texts
//! afterwards.

use crate::simd::chunk::{PAIR, Pair, words};

/// A power of two, and many times the names of any lexicon: nearly every look-up ends at its first
/// slot.
const SLOTS: usize = 1024;

/// A name's first bytes, and zeros, which no name has.
type Head = [u8; PAIR];

/// A fixed set of names, numbered from 1.
#[derive(Debug)]
pub(crate) struct Lexicon<const COUNT: usize> {
    names: [&'static str; COUNT],
    heads: [Head; COUNT],
    /// Numbers, at the slot of their name or behind it; 0 is free.
    slots: [u8; SLOTS],
}

/// Where a name is looked for first, by its first two words.
#[inline(always)]
const fn slot(low: u64, high: u64) -> usize {
    ((low ^ high.rotate_left(25)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 54) as usize
}

impl<const COUNT: usize> Lexicon<COUNT> {
    /// Only for statics.
    #[allow(clippy::indexing_slicing)] // While compiling.
    pub(crate) const fn of(known: &[&'static str]) -> Self {
        assert!(known.len() == COUNT && COUNT < 256);
        let (mut names, mut heads, mut slots) = ([""; COUNT], [[0; PAIR]; COUNT], [0; SLOTS]);
        let mut index = 0;
        while index < COUNT {
            names[index] = known[index];
            let (name, head) = (known[index].as_bytes(), &mut heads[index]);
            let mut at = 0;
            while at < name.len() && at < PAIR {
                head[at] = name[at];
                at += 1;
            }
            let (low, high) = first_words(head);
            let mut slot = slot(low, high);
            while slots[slot] != 0 {
                slot = (slot + 1) % SLOTS;
            }
            slots[slot] = index as u8 + 1;
            index += 1;
        }
        Self {
            names,
            heads,
            slots,
        }
    }

    /// The number of a name; 0 for one that is not known.
    pub(crate) fn find(&self, name: &[u8]) -> u8 {
        let mut head = [0; PAIR];
        head.iter_mut().zip(name).for_each(|(to, from)| *to = *from);
        let head = match name.first_chunk() {
            Some(head) => Pair::new(head),
            None => Pair::new(&head),
        };
        self.find_where(head, |known| {
            known.len() == name.len() && (name.len() <= PAIR || known.as_bytes() == name)
        })
    }

    /// As [`find`](Self::find), of a name in a text; it has no zeros.
    #[inline(always)]
    pub(crate) fn find_at(&self, text: &[u8], start: usize, end: usize) -> u8 {
        let length = end.wrapping_sub(start);
        match text.get(start..).and_then(|name| name.first_chunk()) {
            Some(name) if length < PAIR => self.find_short(Pair::new(name).keep(length)),
            _ => self.find(text.get(start..end).unwrap_or_default()),
        }
    }

    /// As [`find`](Self::find), of a name below [`PAIR`] bytes, with zeros behind it.
    #[inline(always)]
    pub(crate) fn find_short(&self, name: Pair) -> u8 {
        self.find_where(name, |_| true)
    }

    #[inline(always)]
    fn find_where(&self, head: Pair, is: impl Fn(&str) -> bool) -> u8 {
        let (low, high) = head.words();
        let mut slot = slot(low, high);
        loop {
            let number = self.slots.get(slot).copied().unwrap_or(0);
            if number == 0 {
                return 0;
            }
            let index = usize::from(number) - 1;
            if self
                .heads
                .get(index)
                .is_some_and(|known| Pair::new(known).is(head))
                && self.names.get(index).is_some_and(|known| is(known))
            {
                return number;
            }
            slot = (slot + 1) % SLOTS;
        }
    }
}

const fn first_words(head: &Head) -> (u64, u64) {
    match head.first_chunk() {
        Some(first) => words(first),
        None => (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lexicon_finds_every_name_and_nothing_like_it() {
        static LEXICON: Lexicon<6> = Lexicon::of(&[
            "id",
            "eventName",
            "sixteen letters!",
            "more than sixteen letters",
            "thirty-two letters as it happens",
            "even more than thirty-two letters!",
        ]);
        for (index, name) in LEXICON.names.iter().enumerate() {
            assert_eq!(
                usize::from(LEXICON.find(name.as_bytes())),
                index + 1,
                "{name}"
            );
            for place in 0..name.len() {
                let mut other = name.as_bytes().to_vec();
                other[place] ^= 1;
                assert_eq!(LEXICON.find(&other), 0);
                other.truncate(place);
                assert_eq!(LEXICON.find(&other), 0);
            }
        }
    }
}
