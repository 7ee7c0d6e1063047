//! Order per customer: what of a lane is out is answered before more of it goes out.
//!
//! A lane is *ready* when nothing of it is out and its first parcel may go. Ready lanes wait in one
//! queue, so a batch is filled across customers, and a customer who cannot go on stands in nobody's
//! way.
//!
//! Whose first parcel waits longest has the next turn. In the order of becoming ready, the busiest
//! customers, whose lanes are always out, would get no more turns than those with one parcel: their
//! records would be the oldest in every batch, and their statements would fill the buffer and take
//! seconds more when nothing else is left. A batch lingers from the moment the first of its lanes
//! became ready all the same: by the age of its records, one that waited for its lane would take
//! the next batch along before it is filled.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::digest_map::ByDigest;
use super::entity::{Company, Lane, Parcel, Turn};

/// How often an event of the future is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// What a request may hold.
#[derive(Debug, Clone, Copy)]
pub struct Capacity {
    pub records: usize,
    /// Sum of the parcels' `wire_len`, each with one byte for the comma.
    pub bytes: usize,
}

/// What a request of an inlet holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Parcels of any lanes.
    Batch,
    /// Parcels about one profile.
    Profile,
    /// One parcel.
    One,
}

/// A lane that may go.
#[derive(Debug, Clone, Copy)]
struct Ready {
    turn: Turn,
    lane: Lane,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Waits for answers.
    Out,
    Ready(Turn),
    /// Its first parcel travels alone.
    Solo,
    /// Waits for a moment: a backoff, or the time of a future event.
    Resting(Instant),
}

#[derive(Debug)]
struct Queue {
    /// In offset order.
    waiting: VecDeque<Parcel>,
    bytes: usize,
    /// Parcels in unanswered requests.
    out: usize,
    standing: Standing,
    rest_until: Option<Instant>,
}

/// All lanes of one inlet.
#[derive(Debug)]
pub struct Lanes {
    queues: ByDigest<Lane, Queue>,
    /// By turn.
    ready: VecDeque<Ready>,
    /// When they became ready, in that order; those that are not any more are dropped when they
    /// come to the front.
    since: VecDeque<(Instant, Ready)>,
    /// The last turn given.
    last: Turn,
    solo: VecDeque<Lane>,
    resting: BinaryHeap<Reverse<(Instant, Lane)>>,
    ready_records: usize,
    ready_bytes: usize,
    holds: Holds,
}

impl Lanes {
    pub fn new(holds: Holds) -> Self {
        Self {
            queues: ByDigest::default(),
            ready: VecDeque::new(),
            since: VecDeque::new(),
            last: 0,
            solo: VecDeque::new(),
            resting: BinaryHeap::new(),
            ready_records: 0,
            ready_bytes: 0,
            holds,
        }
    }

    /// Adds a parcel that was just read: the last of its lane.
    pub fn push(&mut self, mut parcel: Parcel, now: Instant, now_ms: i64) {
        parcel.turn = self.next_turn();
        let (lane, len) = (parcel.lane, parcel.wire_len);
        match self.queues.entry(lane) {
            Entry::Occupied(mut entry) => {
                let queue = entry.get_mut();
                queue.waiting.push_back(parcel);
                queue.bytes += len;
                if matches!(queue.standing, Standing::Ready(_)) {
                    self.ready_records += 1;
                    self.ready_bytes += len;
                }
            }
            Entry::Vacant(entry) => {
                entry.insert(Queue {
                    waiting: VecDeque::from([parcel]),
                    bytes: len,
                    out: 0,
                    standing: Standing::Out,
                    rest_until: None,
                });
                self.arrange(lane, now, now_ms);
            }
        }
    }

    /// A parcel that was out has ended.
    pub fn release(&mut self, lane: Lane, now: Instant, now_ms: i64) {
        if let Some(queue) = self.queues.get_mut(&lane) {
            queue.out = queue.out.saturating_sub(1);
        }
        self.arrange(lane, now, now_ms);
    }

    /// A parcel that was out has to go again, not before `rest_until`, and in its turn then.
    pub fn give_back(&mut self, parcel: Parcel, rest_until: Instant, now: Instant, now_ms: i64) {
        let lane = parcel.lane;
        self.insert(parcel, Some(rest_until));
        self.release(lane, now, now_ms);
    }

    /// The same, behind all that wait: where something must show that an inlet works, what has
    /// failed must not keep the rest from being tried.
    pub fn put_last(&mut self, mut parcel: Parcel, rest_until: Instant, now: Instant, now_ms: i64) {
        parcel.turn = self.next_turn();
        self.give_back(parcel, rest_until, now, now_ms);
    }

    /// A parcel that had been released has to go again after all, behind all that wait as well.
    pub fn take_back(&mut self, mut parcel: Parcel, now: Instant, now_ms: i64) {
        let lane = parcel.lane;
        parcel.turn = self.next_turn();
        self.withdraw(lane);
        self.insert(parcel, None);
        self.arrange(lane, now, now_ms);
    }

    /// Moves lanes whose rest is over to the ready ones.
    pub fn awake(&mut self, now: Instant, now_ms: i64) {
        while let Some(Reverse((until, lane))) = self.resting.peek().copied() {
            if until > now {
                break;
            }
            self.resting.pop();
            if self
                .queues
                .get(&lane)
                .is_some_and(|queue| queue.standing == Standing::Resting(until))
            {
                self.arrange(lane, now, now_ms);
            }
        }
    }

    /// When the next rest is over.
    pub fn next_awake(&self) -> Option<Instant> {
        self.resting.peek().map(|Reverse((until, _))| *until)
    }

    /// Whether something travels alone and may go now.
    pub fn has_solo(&self) -> bool {
        !self.solo.is_empty()
    }

    /// Whether anything may go now.
    pub fn has_ready(&self) -> bool {
        self.has_solo() || !self.ready.is_empty()
    }

    /// When a batch of what is ready is due: at once when it would be full, else after the linger.
    pub fn due(&self, capacity: Capacity, linger: Duration) -> Option<Instant> {
        let (since, _) = *self.since.front()?;
        let full = self.ready_records >= capacity.records
            || self.ready_bytes + self.ready_records >= capacity.bytes;
        Some(if full { since } else { since + linger })
    }

    /// Takes what travels alone.
    pub fn take_solo(&mut self) -> Option<Parcel> {
        let lane = self.solo.pop_front()?;
        self.take_first(lane)
    }

    /// Takes any one parcel, for a probe.
    pub fn take_one(&mut self) -> Option<Parcel> {
        if let Some(Ready { lane, .. }) = self.ready.front().copied() {
            self.withdraw(lane);
            return self.take_first(lane);
        }
        self.take_solo()
    }

    /// Fills a request from the ready lanes, in turn.
    pub fn take_batch(&mut self, capacity: Capacity, now: Instant, now_ms: i64) -> Vec<Parcel> {
        // Where a request is about one profile, it holds a few parcels of all that are ready.
        let expected = if self.holds == Holds::Batch {
            self.ready_records
        } else {
            0
        };
        let merging = self.holds == Holds::Profile;
        let mut batch = Vec::with_capacity(expected.min(capacity.records));
        let mut bytes = 0;
        while let Some(ready) = self.ready.pop_front() {
            let lane = ready.lane;
            let Some(queue) = self.queues.get_mut(&lane) else {
                continue;
            };
            self.ready_records -= queue.waiting.len();
            self.ready_bytes -= queue.bytes;
            queue.standing = Standing::Out;
            let mut full = false;
            while let Some(first) = queue.waiting.front() {
                if first.company == Company::Nobody || first.waits_until(now, now_ms).is_some() {
                    break;
                }
                // A single parcel always goes, even one above the configured size: it is below the
                // platform's limit.
                full = batch.len() >= capacity.records
                    || (!batch.is_empty() && bytes + first.wire_len + 1 > capacity.bytes)
                    || (merging
                        && batch
                            .first()
                            .is_some_and(|head: &Parcel| !head.merges_with(first)));
                if full {
                    break;
                }
                let Some(parcel) = queue.waiting.pop_front() else {
                    break;
                };
                bytes += parcel.wire_len + 1;
                queue.bytes -= parcel.wire_len;
                queue.out += 1;
                let alone_of_its_lane = parcel.company == Company::OtherLanes;
                batch.push(parcel);
                if alone_of_its_lane {
                    break;
                }
            }
            if queue.out == 0 {
                if full {
                    // It only did not fit: it keeps its turn.
                    queue.standing = Standing::Ready(ready.turn);
                    self.ready_records += queue.waiting.len();
                    self.ready_bytes += queue.bytes;
                    self.ready.push_front(ready);
                } else {
                    self.arrange(lane, now, now_ms);
                }
            }
            if full {
                break;
            }
        }
        self.forget_taken();
        batch
    }

    /// Forgets when lanes became ready that are not any more, up to the first one that is.
    fn forget_taken(&mut self) {
        if self.ready.is_empty() {
            return self.since.clear();
        }
        while let Some((_, ready)) = self.since.front() {
            let queue = self.queues.get(&ready.lane);
            if queue.is_some_and(|queue| queue.standing == Standing::Ready(ready.turn)) {
                break;
            }
            self.since.pop_front();
        }
    }

    fn take_first(&mut self, lane: Lane) -> Option<Parcel> {
        let queue = self.queues.get_mut(&lane)?;
        let parcel = queue.waiting.pop_front()?;
        queue.bytes -= parcel.wire_len;
        queue.out += 1;
        queue.standing = Standing::Out;
        Some(parcel)
    }

    /// Puts a parcel back to its place in the order.
    fn insert(&mut self, parcel: Parcel, rest_until: Option<Instant>) {
        let queue = self.queues.entry(parcel.lane).or_insert_with(|| Queue {
            waiting: VecDeque::new(),
            bytes: 0,
            out: 0,
            standing: Standing::Out,
            rest_until: None,
        });
        let place = queue
            .waiting
            .partition_point(|other| other.offset() < parcel.offset());
        queue.bytes += parcel.wire_len;
        queue.waiting.insert(place, parcel);
        queue.rest_until = queue.rest_until.max(rest_until);
    }

    /// Takes a lane out of the queue of ready ones.
    fn withdraw(&mut self, lane: Lane) {
        let Some(queue) = self.queues.get_mut(&lane) else {
            return;
        };
        match queue.standing {
            Standing::Ready(turn) => {
                self.ready_records -= queue.waiting.len();
                self.ready_bytes -= queue.bytes;
                let place = self.ready.partition_point(|other| other.turn < turn);
                self.ready.remove(place);
            }
            Standing::Solo => self.solo.retain(|other| *other != lane),
            Standing::Out | Standing::Resting(_) => {}
        }
        queue.standing = Standing::Out;
        self.forget_taken();
    }

    /// Decides where a lane stands. Only for lanes that are in none of the queues of ready ones.
    fn arrange(&mut self, lane: Lane, now: Instant, now_ms: i64) {
        let Some(queue) = self.queues.get_mut(&lane) else {
            return;
        };
        if queue.out > 0 {
            queue.standing = Standing::Out;
            return;
        }
        let Some(first) = queue.waiting.front() else {
            self.queues.remove(&lane);
            return;
        };
        // Looked at from time to time, since the wall clock may be set forward meanwhile.
        let ahead = first
            .waits_until(now, now_ms)
            .map(|due| due.min(now + LOOK_AGAIN));
        if let Some(until) = ahead.or(queue.rest_until.filter(|until| *until > now)) {
            queue.standing = Standing::Resting(until);
            self.resting.push(Reverse((until, lane)));
            return;
        }
        queue.rest_until = None;
        if first.company == Company::Nobody {
            queue.standing = Standing::Solo;
            self.solo.push_back(lane);
        } else {
            self.ready_records += queue.waiting.len();
            self.ready_bytes += queue.bytes;
            let ready = Ready {
                turn: first.turn,
                lane,
            };
            queue.standing = Standing::Ready(ready.turn);
            let place = self.ready.partition_point(|other| other.turn < ready.turn);
            self.ready.insert(place, ready);
            self.since.push_back((now, ready));
        }
    }

    fn next_turn(&mut self) -> Turn {
        self.last += 1;
        self.last
    }
}

#[cfg(test)]
mod tests;
