//! The offsets of one partition that were read and are not settled.

use std::collections::VecDeque;

/// One offset that was opened.
#[derive(Debug, Clone, Copy)]
struct Slot {
    offset: i64,
    bytes: u64,
    open: bool,
}

/// Offsets are opened in order and settled in almost the same one, so they are kept in a row
/// that the settled ones leave at the front: no tree is needed to find them. What is settled
/// behind an open one keeps its place, at 24 bytes each, and the bound of the stretch bounds those
/// as well.
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
        Some(bytes)
    }

    /// The oldest open offset.
    pub(super) fn first(&self) -> Option<i64> {
        self.row.front().map(|slot| slot.offset)
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
}
