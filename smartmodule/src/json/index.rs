//! The members of one object, found without walking through it: an event's body is asked for some fifty keys.

use super::bytes::key_hash;
use super::value::{Kind, Value};

/// A power of two, and more than twice the members of any documented event's body.
const SLOTS: usize = 64;

/// An object with many members is walked through instead: a nearly full table would be no faster.
const MAX_MEMBERS: usize = SLOTS / 2;

/// An object and where its members are.
#[derive(Debug)]
pub(crate) struct Index<'a> {
    of: Value<'a>,
    /// Positions of the names, at the slot of their hash or behind it; 0 is free (it is the document's).
    slots: Option<[u32; SLOTS]>,
}

impl<'a> Index<'a> {
    pub(crate) fn new(of: Value<'a>) -> Self {
        Self { of, slots: slots(of) }
    }

    /// As [`Value::get`].
    #[inline(never)]
    pub(crate) fn get(&self, key: &str) -> Option<Value<'a>> {
        let Some(slots) = &self.slots else {
            return self.of.get(key);
        };
        let hash = key_hash(key.as_bytes());
        let mut slot = usize::from(hash) % SLOTS;
        loop {
            let name = match slots.get(slot).copied() {
                None | Some(0) => return None,
                Some(position) => self.of.moved(position as usize),
            };
            if name.hash() == hash && name.is_name(key) {
                return Some(name.moved(name.position() + 1));
            }
            slot = (slot + 1) % SLOTS;
        }
    }
}

fn slots(of: Value<'_>) -> Option<[u32; SLOTS]> {
    let mut slots = [0; SLOTS];
    for (count, (name, _)) in of.members().enumerate() {
        if count >= MAX_MEMBERS || name.kind() != Kind::Plain {
            return None;
        }
        let mut slot = usize::from(name.hash()) % SLOTS;
        loop {
            let place = slots.get_mut(slot)?;
            // Of a repeated key the last value counts.
            if *place == 0 || of.moved(*place as usize).is_name(name.raw()) {
                *place = u32::try_from(name.position()).ok()?;
                break;
            }
            slot = (slot + 1) % SLOTS;
        }
    }
    Some(slots)
}

#[cfg(test)]
mod tests {
    use super::super::Tape;
    use super::*;

    #[test]
    fn an_index_finds_what_a_walk_finds() {
        let many = |count: usize| {
            let members: Vec<_> = (0..count).map(|n| format!("\"key{n}\":{n}")).collect();
            format!("{{{}}}", members.join(","))
        };
        let documents = [
            "{}".to_owned(),
            r#"{"a":1,"b":{"a":2},"a":3}"#.to_owned(),
            r#"{"key1":1,"k\u0065y1":2}"#.to_owned(),
            many(5),
            many(MAX_MEMBERS),
            many(MAX_MEMBERS + 1),
            many(200),
        ];
        for document in &documents {
            let mut tape = Tape::default();
            let value = tape.parse(document).unwrap();
            let index = Index::new(value);
            for key in (0..201)
                .map(|n| format!("key{n}"))
                .chain(["a".into(), "b".into(), "".into()])
            {
                assert_eq!(
                    index.get(&key).map(|value| value.raw()),
                    value.get(&key).map(|value| value.raw()),
                    "{key} of {document}"
                );
            }
        }
    }
}
