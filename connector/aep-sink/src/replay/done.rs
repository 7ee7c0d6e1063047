//! Which dead letters were dealt with: exactly these, whatever the filters of a run passed over.
//!
//! Written as one record into the dead-letter topic at the end of a run; the stored offset of the
//! consumer `<meta.name>-replay` is where the newest one is. It covers only dead letters before it,
//! so when retention has removed it, it has removed them as well.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The key of the record.
pub(super) const KEY: &str = "replay-progress";
const VERSION: u32 = 1;

/// What was dealt with, by partition of the dead-letter topic.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Done {
    /// Events, and all that cannot be sent.
    events: BTreeMap<u32, Offsets>,
    /// Profile statements. They are apart, so that a replay of events neither loses profile
    /// statements for a later `--profiles` nor sends its own again because of them.
    profiles: BTreeMap<u32, Offsets>,
}

/// Offsets as ranges, both ends included, in order, none touching the next.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Offsets(Vec<(i64, i64)>);

#[derive(Serialize, Deserialize)]
struct Wire<D> {
    v: u32,
    replayed: D,
}

impl Done {
    /// Reads the record; `None` when it is none.
    pub(super) fn read(value: &[u8]) -> Option<Self> {
        let wire: Wire<Self> = serde_json::from_slice(value).ok()?;
        Some(wire.replayed).filter(|_| wire.v == VERSION)
    }

    pub(super) fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&Wire {
            v: VERSION,
            replayed: self,
        })
    }

    pub(super) fn has_event(&self, partition: u32, offset: i64) -> bool {
        has(&self.events, partition, offset)
    }

    pub(super) fn has_profile(&self, partition: u32, offset: i64) -> bool {
        has(&self.profiles, partition, offset)
    }

    /// The first offset from `from` on that is not done.
    pub(super) fn first_open(&self, partition: u32, from: i64, with_profiles: bool) -> i64 {
        let first = |done: &BTreeMap<u32, Offsets>| {
            done.get(&partition)
                .map_or(from, |offsets| offsets.first_absent(from))
        };
        if with_profiles {
            first(&self.events).min(first(&self.profiles))
        } else {
            first(&self.events)
        }
    }

    pub(super) fn insert(&mut self, partition: u32, offset: i64, with_profiles: bool) {
        self.events.entry(partition).or_default().insert(offset);
        if with_profiles {
            self.profiles.entry(partition).or_default().insert(offset);
        }
    }

    /// Forgets what retention has removed.
    pub(super) fn forget_before(&mut self, partition: u32, start: i64) {
        for done in [&mut self.events, &mut self.profiles] {
            if let Some(offsets) = done.get_mut(&partition) {
                offsets.0.retain(|(_, last)| *last >= start);
            }
        }
    }
}

fn has(done: &BTreeMap<u32, Offsets>, partition: u32, offset: i64) -> bool {
    done.get(&partition)
        .is_some_and(|offsets| offsets.contains(offset))
}

impl Offsets {
    /// The place of the range that holds an offset, or that of the first one after it.
    fn place(&self, offset: i64) -> usize {
        self.0.partition_point(|(_, last)| *last < offset)
    }

    pub(super) fn contains(&self, offset: i64) -> bool {
        self.0
            .get(self.place(offset))
            .is_some_and(|(first, _)| *first <= offset)
    }

    fn first_absent(&self, from: i64) -> i64 {
        match self.0.get(self.place(from)) {
            Some((first, last)) if *first <= from => last.saturating_add(1),
            _ => from,
        }
    }

    pub(super) fn insert(&mut self, offset: i64) {
        let place = self.place(offset);
        if self.contains(offset) {
            return;
        }
        let touches_before = place > 0
            && self
                .0
                .get(place - 1)
                .is_some_and(|(_, last)| last.saturating_add(1) == offset);
        let touches_after = self
            .0
            .get(place)
            .is_some_and(|(first, _)| offset.saturating_add(1) == *first);
        match (touches_before, touches_after) {
            (true, true) => {
                let (_, last) = self.0.remove(place);
                self.set_last(place - 1, last);
            }
            (true, false) => self.set_last(place - 1, offset),
            (false, true) => {
                if let Some((first, _)) = self.0.get_mut(place) {
                    *first = offset;
                }
            }
            (false, false) => self.0.insert(place, (offset, offset)),
        }
    }

    fn set_last(&mut self, place: usize, offset: i64) {
        if let Some((_, last)) = self.0.get_mut(place) {
            *last = offset;
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = i64> {
        self.0.iter().flat_map(|(first, last)| *first..=*last)
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn offsets_are_kept_exactly_in_any_order() {
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..200 {
            let (mut offsets, mut model) = (Offsets::default(), BTreeSet::new());
            for _ in 0..60 {
                let offset = random.i64(0..50);
                offsets.insert(offset);
                model.insert(offset);
            }
            assert!(offsets.iter().eq(model.iter().copied()));
            let touching = |pair: &[(i64, i64)]| pair[0].1 + 1 >= pair[1].0;
            assert!(!offsets.0.windows(2).any(touching), "{offsets:?}");
            for offset in -1..51 {
                assert_eq!(offsets.contains(offset), model.contains(&offset));
                let absent = (offset..).find(|offset| !model.contains(offset));
                assert_eq!(Some(offsets.first_absent(offset)), absent);
            }
        }
    }

    #[test]
    fn progress_is_read_back_and_no_dead_letter_is_taken_for_it() {
        let mut done = Done::default();
        for offset in [0, 1, 5] {
            done.insert(0, offset, false);
        }
        done.insert(3, 7, true);
        let json = done.to_json().unwrap();
        assert_eq!(
            std::str::from_utf8(&json).unwrap(),
            r#"{"v":1,"replayed":{"events":{"0":[[0,1],[5,5]],"3":[[7,7]]},"profiles":{"3":[[7,7]]}}}"#
        );
        assert_eq!(Done::read(&json), Some(done.clone()));
        assert_eq!(
            Done::read(br#"{"v":1,"stage":"mapping","reason":"x"}"#),
            None
        );
        assert_eq!(
            (done.first_open(0, 0, false), done.first_open(0, 0, true)),
            (2, 0)
        );
        assert!(done.has_event(0, 5) && !done.has_profile(0, 5) && done.has_profile(3, 7));
        done.forget_before(0, 5);
        assert_eq!((done.has_event(0, 1), done.has_event(0, 5)), (false, true));
    }
}
