//! The offsets of one partition that were read and are not settled.

use std::collections::VecDeque;

/// One offset that was opened.
#[derive(Debug, Clone, Copy)]
struct Slot {
    offset: i64,
    bytes: u64,
    open: bool,
}

/// Settled slots that are kept at least, so that the row is not compacted again and again.
const SETTLED: usize = 1024;

/// Offsets are opened in order and settled in almost the same one, so they are kept in a row
/// that the settled ones leave at the front: no tree is needed to find them. What is settled
/// behind an open one is thrown out when it is the greater part of the row, so an old open offset
/// costs no more than twice the room of what is open with it, however far the newest one is.
#[derive(Debug, Default)]
pub(super) struct InFlightOffsets {
    row: VecDeque<Slot>,
    open: usize,
}

impl InFlightOffsets {
    /// Opens an offset; it must be greater than any before.
    pub(super) fn open(&mut self, offset: i64, bytes: u64) {
        self.row.push_back(Slot {
            offset,
            bytes,
            open: true,
        });
        self.open += 1;
    }

    /// Settles an offset and gives its bytes; `None` when it is not open.
    pub(super) fn settle(&mut self, offset: i64) -> Option<u64> {
        let place = self
            .row
            .binary_search_by_key(&offset, |slot| slot.offset)
            .ok()?;
        let slot = self.row.get_mut(place).filter(|slot| slot.open)?;
        slot.open = false;
        let bytes = slot.bytes;
        self.open -= 1;
        while self.row.front().is_some_and(|slot| !slot.open) {
            self.row.pop_front();
        }
        if self.row.len() > 2 * self.open + SETTLED {
            self.row.retain(|slot| slot.open);
        }
        Some(bytes)
    }

    /// Takes the bytes of an open offset, which stays open.
    pub(super) fn take_bytes(&mut self, offset: i64) -> u64 {
        let place = self.row.binary_search_by_key(&offset, |slot| slot.offset);
        let slot = place.ok().and_then(|place| self.row.get_mut(place));
        slot.filter(|slot| slot.open)
            .map_or(0, |slot| std::mem::take(&mut slot.bytes))
    }

    /// The oldest open offset.
    pub(super) fn first(&self) -> Option<i64> {
        self.row.front().map(|slot| slot.offset)
    }

    /// The bytes of those that are open.
    pub(super) fn bytes(&self) -> u64 {
        let open = self.row.iter().filter(|slot| slot.open);
        open.map(|slot| slot.bytes).sum()
    }

    /// Those that are not settled, in order.
    pub(super) fn offsets(&self) -> impl Iterator<Item = i64> {
        self.row
            .iter()
            .filter(|slot| slot.open)
            .map(|slot| slot.offset)
    }

    /// How many are open.
    pub(super) fn len(&self) -> usize {
        self.open
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_flight_offsets_settle_once_whatever_the_order_and_the_gaps() {
        let mut unsettled = InFlightOffsets::default();
        for offset in [3, 4, 9, 10] {
            unsettled.open(offset, 7);
        }
        assert_eq!((unsettled.settle(9), unsettled.settle(9)), (Some(7), None));
        assert_eq!(unsettled.settle(5), None, "never opened");
        assert_eq!((unsettled.first(), unsettled.len()), (Some(3), 3));
        assert!(unsettled.offsets().eq([3, 4, 10]));
        assert_eq!((unsettled.settle(3), unsettled.first()), (Some(7), Some(4)));
        assert_eq!(
            (unsettled.settle(4), unsettled.first()),
            (Some(7), Some(10))
        );
        assert_eq!((unsettled.settle(10), unsettled.first()), (Some(7), None));
        assert_eq!(unsettled.len(), 0);
    }

    #[test]
    fn in_flight_offsets_settled_behind_an_open_one_take_no_room() {
        let mut unsettled = InFlightOffsets::default();
        unsettled.open(0, 7);
        for offset in 1..1_000_000 {
            unsettled.open(offset, 7);
            if offset > 100 {
                assert_eq!(unsettled.settle(offset - 100), Some(7));
            }
        }
        assert!(unsettled.row.len() < 2_000, "{}", unsettled.row.len());
        assert_eq!((unsettled.first(), unsettled.len()), (Some(0), 101));
        assert_eq!(unsettled.settle(500), None, "settled long ago");
        assert_eq!(unsettled.settle(999_999), Some(7));
    }
}
