//! Which offsets are settled, and how far each partition may be committed.
//!
//! The tracker is the only source of commits. Per partition it knows the offsets that were opened
//! (read) and how each ended; [`OffsetTracker::settled_through`] is the greatest offset N such that every
//! offset up to N is settled. The stored offset of Fluvio is "the last processed one", so N is what
//! gets committed and N + 1 is where a restart begins.
//!
//! It also bounds what is in memory: [`OffsetTracker::room`] waits while too many bytes, or too long a
//! stretch of offsets, are unsettled. The stretch counts from the oldest unsettled offset, because
//! that is what a restart reads again.

mod in_flight;
mod outcome;
mod position;
mod source_item;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::config::BufferLimits;
use in_flight::InFlightOffsets;
pub use outcome::Outcome;
pub use position::Position;
pub use source_item::SourceItem;

/// An error of the code, not of the outside world: the tracker was asked for something impossible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OffsetTrackerError {
    #[error(
        "offset {position} was opened after {newest}; offsets of a partition are opened in order, \
        once"
    )]
    /// An offset was opened that is not greater than the newest one.
    OutOfOrder {
        /// The offset that was opened.
        position: Position,
        /// The newest one before.
        newest: i64,
    },
    #[error("offset {0} was settled, but it is not open")]
    /// An offset was settled that is not open.
    NotOpen(Position),
}

/// How far a partition is, for status and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Its number.
    pub partition: u32,
    /// The next offset to read.
    pub next: i64,
    /// Everything up to and including it is settled.
    pub settled: Option<i64>,
    /// Records that were read and are not settled.
    pub pending: usize,
}

/// One partition's account.
#[derive(Debug, Default)]
struct Account {
    /// In-flight offsets and their size in bytes.
    open: InFlightOffsets,
    /// The newest offset opened or passed.
    newest: Option<i64>,
}

impl Account {
    fn settled_through(&self) -> Option<i64> {
        match self.open.first() {
            // Nothing below the first open offset is unsettled. Before the first offset of all
            // there is nothing to say.
            Some(first) => Some(first - 1),
            None => self.newest,
        }
    }

    fn stretch(&self) -> u64 {
        match (self.open.first(), self.newest) {
            (Some(first), Some(newest)) => newest.abs_diff(first) + 1,
            _ => 0,
        }
    }
}

#[derive(Debug, Default)]
struct State {
    /// A few, so a tree is searched faster than a hash is made.
    accounts: BTreeMap<u32, Account>,
    bytes: u64,
    outcomes: [u64; Outcome::ALL],
}

impl State {
    fn count(&mut self, outcome: Outcome, offsets: u64) {
        if let Some(count) = self.outcomes.get_mut(outcome as usize) {
            *count += offsets;
        }
    }
}

/// The account of every partition. Cheap to share behind an `Arc`.
#[derive(Debug)]
pub struct OffsetTracker {
    bounds: BufferLimits,
    state: Mutex<State>,
    /// Counts what gives another offset to commit.
    progress: watch::Sender<u64>,
    /// Counts how often there was room where there had been none.
    room: watch::Sender<u64>,
}

impl OffsetTracker {
    /// A tracker without partitions.
    pub fn new(bounds: BufferLimits) -> Self {
        Self {
            bounds,
            state: Mutex::default(),
            progress: watch::Sender::new(0),
            room: watch::Sender::new(0),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change below leaves the state whole, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a partition: everything up to and including `processed` counts as settled by an
    /// earlier run. `None` when nothing was.
    pub fn begin(&self, partition: u32, processed: Option<i64>) {
        let account = Account {
            open: InFlightOffsets::default(),
            newest: processed,
        };
        self.state().accounts.insert(partition, account);
    }

    /// Opens an offset that was read: it is pending from now on.
    pub fn open(&self, position: Position, bytes: u64) -> Result<(), OffsetTrackerError> {
        let mut state = self.state();
        let account = state.accounts.entry(position.partition).or_default();
        if let Some(newest) = account.newest.filter(|newest| *newest >= position.offset) {
            return Err(OffsetTrackerError::OutOfOrder { position, newest });
        }
        account.newest = Some(position.offset);
        account.open.open(position.offset, bytes);
        state.bytes += bytes;
        Ok(())
    }

    /// Settles an open offset, for good.
    pub fn settle(&self, position: Position, outcome: Outcome) -> Result<(), OffsetTrackerError> {
        let (was_first, makes_room) = {
            let mut state = self.state();
            let account = state.accounts.get_mut(&position.partition);
            let account = account.ok_or(OffsetTrackerError::NotOpen(position))?;
            let was_first = account.open.first() == Some(position.offset);
            let was_long = was_first && account.stretch() >= self.bounds.offsets;
            let bytes = account
                .open
                .settle(position.offset)
                .ok_or(OffsetTrackerError::NotOpen(position))?;
            let is_shorter = was_long && account.stretch() < self.bounds.offsets;
            let was_full = state.bytes >= self.bounds.full();
            state.bytes = state.bytes.saturating_sub(bytes);
            let is_emptier = was_full && state.bytes < self.bounds.full();
            state.count(outcome, 1);
            (was_first, is_shorter || is_emptier)
        };
        // Telling costs more than settling. Behind the oldest open offset nothing becomes due, and
        // while the buffer stays full, which it is as long as there is a backlog, nobody may read
        // on.
        if was_first {
            self.progress.send_modify(|count| *count += 1);
        }
        if makes_room {
            self.room.send_modify(|count| *count += 1);
        }
        Ok(())
    }

    /// Settles a whole stretch that has no records: gaps of deduplicated topics, and evicted
    /// ranges.
    pub fn pass(
        &self,
        partition: u32,
        first: i64,
        last: i64,
        outcome: Outcome,
    ) -> Result<(), OffsetTrackerError> {
        {
            let mut state = self.state();
            let account = state.accounts.entry(partition).or_default();
            if let Some(newest) = account.newest.filter(|newest| *newest >= first) {
                let position = Position {
                    partition,
                    offset: first,
                };
                return Err(OffsetTrackerError::OutOfOrder { position, newest });
            }
            account.newest = Some(last);
            state.count(outcome, first.abs_diff(last) + 1);
        }
        self.progress.send_modify(|count| *count += 1);
        Ok(())
    }

    /// The offset to commit for a partition; `None` while nothing is settled.
    pub fn settled_through(&self, partition: u32) -> Option<i64> {
        self.state()
            .accounts
            .get(&partition)?
            .settled_through()
            .filter(|offset| *offset >= 0)
    }

    /// How far every partition is, in order, and how many bytes are unsettled over all of them.
    pub fn progress_of_all(&self) -> (Vec<Progress>, u64) {
        let state = self.state();
        let mut all: Vec<Progress> = state
            .accounts
            .iter()
            .map(|(partition, account)| Progress {
                partition: *partition,
                next: account.newest.map_or(0, |newest| newest.saturating_add(1)),
                settled: account.settled_through().filter(|offset| *offset >= 0),
                pending: account.open.len(),
            })
            .collect();
        all.sort_unstable_by_key(|progress| progress.partition);
        (all, state.bytes)
    }

    /// How much may be unsettled.
    pub fn bounds(&self) -> BufferLimits {
        self.bounds
    }

    /// The offsets of a partition that are open, in order.
    pub fn open_offsets(&self, partition: u32) -> Vec<i64> {
        let state = self.state();
        let account = state.accounts.get(&partition);
        account.map_or_else(Vec::new, |account| account.open.offsets().collect())
    }

    /// How many offsets are open over all partitions.
    pub fn pending(&self) -> usize {
        self.state()
            .accounts
            .values()
            .map(|account| account.open.len())
            .sum()
    }

    /// How many offsets ended with this outcome since the start.
    pub fn count(&self, outcome: Outcome) -> u64 {
        self.state()
            .outcomes
            .get(outcome as usize)
            .copied()
            .unwrap_or_default()
    }

    /// Sees every settlement that moves the offset to commit; a commit loop waits on it.
    pub fn progress(&self) -> watch::Receiver<u64> {
        self.progress.subscribe()
    }

    /// Waits until a partition may read on.
    pub async fn room(&self, partition: u32) {
        let mut room = self.room.subscribe();
        loop {
            if self.has_room(partition) {
                return;
            }
            // The sender lives in `self`, so this cannot end.
            let _ = room.changed().await;
        }
    }

    /// Whether a partition may read on now.
    pub fn has_room(&self, partition: u32) -> bool {
        let state = self.state();
        let stretch = state.accounts.get(&partition).map_or(0, Account::stretch);
        state.bytes < self.bounds.full() && stretch < self.bounds.offsets
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    fn tracker() -> OffsetTracker {
        OffsetTracker::new(BufferLimits {
            bytes: 100,
            offsets: 4,
        })
    }

    fn at(offset: i64) -> Position {
        Position {
            partition: 0,
            offset,
        }
    }

    #[test]
    fn nothing_settled_means_nothing_to_commit() {
        let tracker = tracker();
        tracker.begin(0, None);
        tracker.open(at(0), 1).unwrap();
        assert_eq!(tracker.settled_through(0), None);
    }

    #[test]
    fn commit_is_the_last_settled_offset_not_the_next_one() {
        let tracker = tracker();
        tracker.begin(0, None);
        for offset in 0..3 {
            tracker.open(at(offset), 1).unwrap();
        }
        tracker.settle(at(0), Outcome::Delivered).unwrap();
        tracker.settle(at(1), Outcome::Skipped).unwrap();
        assert_eq!(tracker.settled_through(0), Some(1));
    }

    #[test]
    fn unsettled_offset_holds_back_the_commit_of_later_ones() {
        let tracker = tracker();
        tracker.begin(0, Some(9));
        for offset in 10..13 {
            tracker.open(at(offset), 1).unwrap();
        }
        tracker.settle(at(11), Outcome::Delivered).unwrap();
        tracker.settle(at(12), Outcome::Delivered).unwrap();
        assert_eq!(tracker.settled_through(0), Some(9));
        tracker.settle(at(10), Outcome::DeadLettered).unwrap();
        assert_eq!(tracker.settled_through(0), Some(12));
    }

    #[test]
    fn offset_settles_once() {
        let tracker = tracker();
        tracker.open(at(0), 1).unwrap();
        tracker.settle(at(0), Outcome::Delivered).unwrap();
        assert_eq!(
            tracker.settle(at(0), Outcome::Delivered),
            Err(OffsetTrackerError::NotOpen(at(0)))
        );
    }

    #[test]
    fn offset_read_twice_is_an_error() {
        let tracker = tracker();
        tracker.open(at(5), 1).unwrap();
        assert!(matches!(
            tracker.open(at(5), 1),
            Err(OffsetTrackerError::OutOfOrder { .. })
        ));
    }

    #[test]
    fn gap_settles_as_a_whole() {
        let tracker = tracker();
        tracker.begin(0, None);
        tracker.pass(0, 0, 6, Outcome::Absent).unwrap();
        assert_eq!(tracker.settled_through(0), Some(6));
        assert_eq!(tracker.count(Outcome::Absent), 7);
    }

    #[tokio::test]
    async fn room_waits_while_the_stretch_is_full_until_the_oldest_settles() {
        let tracker = tracker();
        for offset in 0..4 {
            tracker.open(at(offset), 1).unwrap();
        }
        for offset in 1..4 {
            tracker.settle(at(offset), Outcome::Delivered).unwrap();
        }
        assert!(
            !tracker.has_room(0),
            "the oldest offset is unsettled, so the stretch is still 4"
        );
        tracker.settle(at(0), Outcome::Delivered).unwrap();
        tracker.room(0).await;
    }

    #[test]
    fn bytes_of_one_partition_hold_back_every_partition() {
        let tracker = tracker();
        tracker.open(at(0), 100).unwrap();
        assert!(!tracker.has_room(7));
    }

    #[test]
    fn progress_shows_what_is_read_settled_and_pending() {
        let tracker = tracker();
        tracker.begin(0, Some(9));
        for offset in 10..13 {
            tracker.open(at(offset), 1).unwrap();
        }
        tracker.settle(at(10), Outcome::Delivered).unwrap();
        let (all, bytes) = tracker.progress_of_all();
        let expected = Progress {
            partition: 0,
            next: 13,
            settled: Some(10),
            pending: 2,
        };
        assert_eq!((all, bytes), (vec![expected], 2));
    }
}
