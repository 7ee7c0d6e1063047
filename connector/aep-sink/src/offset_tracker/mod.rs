//! Which offsets are settled, and how far each partition may be committed.
//!
//! The tracker is the only source of commits. Per partition it knows the offsets that were opened
//! (read) and how each ended; [`OffsetTracker::settled_through`] is the greatest offset N such that
//! every offset up to N is settled. The stored offset of Fluvio is "the last processed one", so N
//! is what gets committed and N + 1 is where a restart begins.
//!
//! It also bounds what is in memory: [`OffsetTracker::room`] waits while too many bytes over all,
//! or too many offsets of a partition, are open. How far the newest offset is from the oldest open
//! one costs no memory, but a restart reads all of it again, so that has a bound of its own.

mod in_flight;
mod outcome;
mod position;
mod revocation;
mod source_item;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::config::BufferLimits;
use in_flight::InFlightOffsets;
pub use outcome::Outcome;
pub use position::Position;
pub use revocation::{Revocation, Revocations, Revoker, revocations};
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

/// Why a partition may not read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// Too many bytes are open, over all partitions.
    Bytes,
    /// Too many offsets of the partition are open.
    Offsets,
    /// A restart would read too many offsets again, from this open one on.
    Repeats(i64),
}

/// How many times of records are kept for a partition.
const MAX_TIMES: usize = 4096;

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
    /// The bytes of those that were set aside.
    aside: BTreeMap<i64, u64>,
    /// The newest offset opened or passed.
    newest: Option<i64>,
    /// When records were produced that were opened, and everything before them is not settled yet.
    times: VecDeque<(i64, i64)>,
    /// The newest record with everything up to it settled, and when it was produced.
    anchor: Option<(i64, i64)>,
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

    /// Behind an offset that stays open there may be millions of others; of so many, some are
    /// enough to find an anchor near each.
    fn note_time(&mut self, offset: i64, timestamp: i64) {
        if self.times.len() >= MAX_TIMES {
            let mut is_kept = false;
            self.times.retain(|_| {
                is_kept = !is_kept;
                is_kept
            });
        }
        self.times.push_back((offset, timestamp));
    }

    /// Moves the anchor up to what is settled.
    fn advance_anchor(&mut self) {
        let Some(settled) = self.settled_through() else {
            return;
        };
        while self
            .times
            .front()
            .is_some_and(|(offset, _)| *offset <= settled)
        {
            self.anchor = self.times.pop_front();
        }
    }

    fn full(&self, bounds: &BufferLimits) -> Option<Full> {
        let (first, newest) = (self.open.first()?, self.newest?);
        if self.open.len() as u64 >= bounds.offsets {
            Some(Full::Offsets)
        } else if newest.abs_diff(first) + 1 >= bounds.repeated {
            Some(Full::Repeats(first))
        } else {
            None
        }
    }
}

#[derive(Debug, Default)]
struct State {
    /// A few, so a tree is searched faster than a hash is made.
    accounts: BTreeMap<u32, Account>,
    bytes: u64,
    /// Bytes of what was set aside.
    aside: u64,
    /// How many bytes may be open now.
    max_bytes: u64,
    outcomes: [u64; Outcome::ALL],
}

impl State {
    /// Whether the bytes bound reading. What was set aside has as much room again of its own.
    fn is_full(&self, bounds: &BufferLimits) -> bool {
        self.bytes + self.aside.saturating_sub(bounds.bytes) >= bounds.full(self.max_bytes)
    }

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
        let state = State {
            max_bytes: bounds.bytes,
            ..State::default()
        };
        Self {
            bounds,
            state: Mutex::new(state),
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
            newest: processed,
            ..Account::default()
        };
        self.state().accounts.insert(partition, account);
    }

    /// Forgets a partition that is no longer read here: its open offsets are another's, and what
    /// they held in the buffer is free.
    pub fn forget(&self, partition: u32) {
        {
            let mut state = self.state();
            let Some(account) = state.accounts.remove(&partition) else {
                return;
            };
            state.bytes = state.bytes.saturating_sub(account.open.bytes());
            state.aside = state.aside.saturating_sub(account.aside.values().sum());
        }
        self.room.send_modify(|count| *count += 1);
    }

    /// Opens an offset that was read: it is pending from now on. `timestamp` is when its record was
    /// produced, milliseconds since the epoch.
    pub fn open(
        &self,
        position: Position,
        bytes: u64,
        timestamp: Option<i64>,
    ) -> Result<(), OffsetTrackerError> {
        let mut state = self.state();
        let account = state.accounts.entry(position.partition).or_default();
        if let Some(newest) = account.newest.filter(|newest| *newest >= position.offset) {
            return Err(OffsetTrackerError::OutOfOrder { position, newest });
        }
        account.newest = Some(position.offset);
        account.open.open(position.offset, bytes);
        if let Some(timestamp) = timestamp {
            account.note_time(position.offset, timestamp);
        }
        state.bytes += bytes;
        Ok(())
    }

    /// Counts an open offset among those that wait for a moment, and not for an inlet: until it is
    /// settled it takes no room of the others, as long as no more than the whole buffer waits so.
    pub fn set_aside(&self, position: Position) {
        let makes_room = {
            let mut state = self.state();
            let was_full = state.is_full(&self.bounds);
            let Some(account) = state.accounts.get_mut(&position.partition) else {
                return;
            };
            let bytes = account.open.take_bytes(position.offset);
            if bytes == 0 {
                return;
            }
            account.aside.insert(position.offset, bytes);
            state.bytes = state.bytes.saturating_sub(bytes);
            state.aside += bytes;
            was_full && !state.is_full(&self.bounds)
        };
        if makes_room {
            self.room.send_modify(|count| *count += 1);
        }
    }

    /// Settles an open offset, for good.
    pub fn settle(&self, position: Position, outcome: Outcome) -> Result<(), OffsetTrackerError> {
        let (was_first, makes_room) = {
            let mut state = self.state();
            let account = state.accounts.get_mut(&position.partition);
            let account = account.ok_or(OffsetTrackerError::NotOpen(position))?;
            let was_first = account.open.first() == Some(position.offset);
            let was_long = account.full(&self.bounds).is_some();
            let bytes = account
                .open
                .settle(position.offset)
                .ok_or(OffsetTrackerError::NotOpen(position))?;
            if was_first {
                account.advance_anchor();
            }
            let is_shorter = was_long && account.full(&self.bounds).is_none();
            let aside = account.aside.remove(&position.offset).unwrap_or_default();
            let was_full = state.is_full(&self.bounds);
            state.bytes = state.bytes.saturating_sub(bytes);
            state.aside = state.aside.saturating_sub(aside);
            let is_emptier = was_full && !state.is_full(&self.bounds);
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

    /// The offset to commit for a partition: the last one of those that need not be read again, −1
    /// when all must be; `None` while it is not known where reading begins.
    pub fn settled_through(&self, partition: u32) -> Option<i64> {
        self.state().accounts.get(&partition)?.settled_through()
    }

    /// The offset to commit for a partition, and the newest record up to it whose timestamp is
    /// known: its offset and when it was produced.
    pub fn commit_point(&self, partition: u32) -> Option<(i64, Option<(i64, i64)>)> {
        let state = self.state();
        let account = state.accounts.get(&partition)?;
        Some((account.settled_through()?, account.anchor))
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
        (all, state.bytes + state.aside)
    }

    /// How many bytes may be open now.
    pub fn max_bytes(&self) -> u64 {
        self.state().max_bytes
    }

    /// Sets how long the inlets take to answer: what is open at a given rate grows with it.
    pub fn set_answer_time(&self, answer_time: Duration) {
        let max_bytes = self.bounds.bytes_at(answer_time);
        // Asked at every answer, and nearly always the same.
        let grows = {
            let mut state = self.state();
            let before = std::mem::replace(&mut state.max_bytes, max_bytes);
            max_bytes > before
        };
        if grows {
            self.room.send_modify(|count| *count += 1);
        }
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
        self.full(partition).is_none()
    }

    /// Why a partition may not read on now.
    pub fn full(&self, partition: u32) -> Option<Full> {
        let state = self.state();
        if state.is_full(&self.bounds) {
            return Some(Full::Bytes);
        }
        state.accounts.get(&partition)?.full(&self.bounds)
    }
}

#[cfg(test)]
mod tests;
