//! The members of one object, found without walking through it: an event's body is asked for some
//! fifty keys.

use super::value::Value;
use crate::catalog::key::Key;

/// Where the members of an object are, by the number of their key; kept between documents for its
/// memory.
#[derive(Debug)]
pub(crate) struct Slots {
    /// Positions in the document; 0 is none (it is the document's own).
    at: [u32; Key::COUNT],
    /// The keys that have a position.
    used: Vec<u8>,
    /// The document's shape, and the object's position in it.
    of: (u64, u32),
}

impl Default for Slots {
    fn default() -> Self {
        Self {
            at: [0; Key::COUNT],
            used: Vec::new(),
            of: (0, u32::MAX),
        }
    }
}

impl Slots {
    /// Takes in the members of `object`, and forgets those of the one before.
    #[inline(always)]
    pub(crate) fn fill<'s, 'a>(&'s mut self, object: Value<'a>) -> Members<'s, 'a> {
        let of = (object.shape(), object.position());
        if self.of != of {
            self.refill(object);
            self.of = of;
        }
        Members {
            slots: self,
            object,
        }
    }

    #[inline(never)]
    fn refill(&mut self, object: Value<'_>) {
        for key in self.used.drain(..) {
            if let Some(place) = self.at.get_mut(usize::from(key)) {
                *place = 0;
            }
        }
        for member in object.members() {
            let key = member.key();
            if key != Key::Unknown as u8
                && let Some(place) = self.at.get_mut(usize::from(key))
            {
                // Of a repeated key the last value counts.
                *place = member.position();
                self.used.push(key);
            }
        }
    }
}

/// An object and where its members are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Members<'s, 'a> {
    slots: &'s Slots,
    object: Value<'a>,
}

impl<'a> Members<'_, 'a> {
    /// As [`Value::get`].
    #[inline(always)]
    pub(crate) fn get(&self, key: Key) -> Option<Value<'a>> {
        match self.slots.at.get(key as usize).copied() {
            None | Some(0) => None,
            Some(position) => Some(self.object.moved(position)),
        }
    }

    /// The object itself.
    pub(crate) const fn object(&self) -> Value<'a> {
        self.object
    }
}
