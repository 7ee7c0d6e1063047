//! Order per customer: one queue for each ordering key. What is out of a queue gets its response
//! before more of it goes out.
//!
//! A queue is *ready* when nothing of it is out and its first entity may go. A batch is filled from
//! all ready queues, so a customer who cannot go on blocks nobody else.
//!
//! The queue whose first entity came first goes next. In the order of becoming ready, the busiest
//! customers, whose queues are always out, would be served no more often than those with one
//! entity: their records would be the oldest in every batch, and their statements would fill the
//! buffer and take seconds more when nothing else is left. A batch lingers from the moment the
//! first of its queues became ready all the same: by the age of its records, one that waited for
//! its queue would take the next batch along before it is filled.

mod settling;

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use self::settling::Settling;
use super::digest_map::ByDigest;
use super::entity::{Batching, Entity, OrderingKey, Seq};

/// How often an event of the future is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// What a request may hold.
#[derive(Debug, Clone, Copy)]
pub struct Capacity {
    /// Records, or entities.
    pub records: usize,
    /// Sum of the entities' `wire_len`, each with one byte for the comma.
    pub bytes: usize,
}

/// What a request to an inlet contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestShape {
    /// Entities of any queues.
    Batch,
    /// Statements about one profile, coalesced.
    OneProfile,
    /// One entity.
    Single,
}

/// A queue that may go.
#[derive(Debug, Clone, Copy)]
struct Ready {
    seq: Seq,
    ordering_key: OrderingKey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum QueueState {
    /// Some of it is in flight.
    Out,
    Ready(Seq),
    /// Its first entity goes in a request of its own.
    Solo,
    /// So does one that stands aside.
    Aside,
    /// Waits for a moment: a backoff, the time of a future event, or that what was acknowledged
    /// before is applied.
    Resting(Instant),
}

#[derive(Debug)]
struct KeyQueue {
    /// In the order of offsets.
    waiting: VecDeque<Entity>,
    /// What those that wait may pass, and until when it rests.
    aside: Vec<(Instant, Entity)>,
    bytes: usize,
    /// Entities in flight.
    out: usize,
    state: QueueState,
    rest_until: Option<Instant>,
}

/// The queues of one inlet, by ordering key.
#[derive(Debug)]
pub struct KeyQueues {
    queues: ByDigest<OrderingKey, KeyQueue>,
    /// In the order of their sequence numbers.
    ready: VecDeque<Ready>,
    /// When they became ready, in that order; those that are not any more are dropped when they
    /// come to the front.
    since: VecDeque<(Instant, Ready)>,
    /// The last sequence number given.
    last_seq: Seq,
    solo: VecDeque<OrderingKey>,
    resting: BinaryHeap<Reverse<(Instant, OrderingKey)>>,
    ready_records: usize,
    ready_bytes: usize,
    shape: RequestShape,
    settling: Settling,
}

impl KeyQueues {
    /// No queues, for an inlet with requests of this shape. `settle`: how long a customer's next
    /// entity waits after an acknowledgement.
    pub fn new(shape: RequestShape, settle: Duration) -> Self {
        Self {
            queues: ByDigest::default(),
            ready: VecDeque::new(),
            since: VecDeque::new(),
            last_seq: 0,
            solo: VecDeque::new(),
            resting: BinaryHeap::new(),
            ready_records: 0,
            ready_bytes: 0,
            shape,
            settling: Settling::new(settle),
        }
    }

    /// Adds an entity that was just read: the last of its queue.
    pub fn push(&mut self, mut entity: Entity, now: Instant, now_ms: i64) {
        entity.seq = self.next_seq();
        let (ordering_key, len) = (entity.ordering_key, entity.wire_len);
        match self.queues.entry(ordering_key) {
            Entry::Occupied(mut entry) => {
                let queue = entry.get_mut();
                let is_first = queue.waiting.is_empty();
                queue.waiting.push_back(entity);
                queue.bytes += len;
                match queue.state {
                    QueueState::Ready(_) => {
                        self.ready_records += 1;
                        self.ready_bytes += len;
                    }
                    // Only what stands aside rests.
                    QueueState::Resting(_) if is_first => self.arrange(ordering_key, now, now_ms),
                    _ => {}
                }
            }
            Entry::Vacant(entry) => {
                entry.insert(KeyQueue {
                    waiting: VecDeque::from([entity]),
                    aside: Vec::new(),
                    bytes: len,
                    out: 0,
                    state: QueueState::Out,
                    rest_until: None,
                });
                self.arrange(ordering_key, now, now_ms);
            }
        }
    }

    /// Entities of this customer were acknowledged, and have not been released yet.
    pub fn acknowledged(&mut self, ordering_key: OrderingKey, now: Instant) {
        self.settling.begin(ordering_key, now);
    }

    /// Whether what was acknowledged of this customer may not be applied yet.
    pub fn is_settling(&self, ordering_key: OrderingKey, now: Instant) -> bool {
        self.settling.until(ordering_key, now).is_some()
    }

    /// Whether this customer's entities wait for a moment: until what was acknowledged is applied,
    /// or for the time of an event.
    pub fn is_held(&self, ordering_key: OrderingKey, now: Instant, now_ms: i64) -> bool {
        let queue = self.queues.get(&ordering_key);
        let first = queue.and_then(|queue| queue.waiting.front());
        self.is_settling(ordering_key, now)
            || first.is_some_and(|first| first.waits_until(now, now_ms).is_some())
    }

    /// An entity that was out has ended.
    pub fn release(&mut self, ordering_key: OrderingKey, now: Instant, now_ms: i64) {
        if let Some(queue) = self.queues.get_mut(&ordering_key) {
            queue.out = queue.out.saturating_sub(1);
        }
        self.arrange(ordering_key, now, now_ms);
    }

    /// An entity that was out has to go again, not before `rest_until`, at its place in the order.
    pub fn requeue_after(
        &mut self,
        entity: Entity,
        rest_until: Instant,
        now: Instant,
        now_ms: i64,
    ) {
        let ordering_key = entity.ordering_key;
        self.insert(entity, Some(rest_until));
        self.release(ordering_key, now, now_ms);
    }

    /// The same, and it stands in the way of none of its queue meanwhile. It still goes alone, so
    /// the other side never has two of one queue at once.
    pub fn requeue_aside(
        &mut self,
        entity: Entity,
        rest_until: Instant,
        now: Instant,
        now_ms: i64,
    ) {
        let ordering_key = entity.ordering_key;
        if let Some(queue) = self.queues.get_mut(&ordering_key) {
            queue.aside.push((rest_until, entity));
        }
        self.release(ordering_key, now, now_ms);
    }

    /// The same, behind all that wait: where something must show that an inlet works, what has
    /// failed must not keep the rest from being tried.
    pub fn requeue_last(
        &mut self,
        mut entity: Entity,
        rest_until: Instant,
        now: Instant,
        now_ms: i64,
    ) {
        entity.seq = self.next_seq();
        self.requeue_after(entity, rest_until, now, now_ms);
    }

    /// An entity that had been released has to go again after all, behind all that wait as well.
    pub fn requeue_released(&mut self, mut entity: Entity, now: Instant, now_ms: i64) {
        let ordering_key = entity.ordering_key;
        entity.seq = self.next_seq();
        self.withdraw(ordering_key);
        self.insert(entity, None);
        self.arrange(ordering_key, now, now_ms);
    }

    /// Takes out what is of a partition and waits.
    pub fn revoke(&mut self, partition: u32) -> Vec<Entity> {
        let mut revoked = Vec::new();
        for queue in self.queues.values_mut() {
            let before = revoked.len();
            let (waiting, of_it) = (&mut queue.waiting, |entity: &Entity| {
                entity.is_of(partition)
            });
            for entity in std::mem::take(waiting) {
                if of_it(&entity) {
                    queue.bytes -= entity.wire_len;
                    revoked.push(entity);
                } else {
                    waiting.push_back(entity);
                }
            }
            if matches!(queue.state, QueueState::Ready(_)) {
                let taken = revoked.get(before..).unwrap_or_default();
                self.ready_records -= taken.len();
                self.ready_bytes -= taken.iter().map(|entity| entity.wire_len).sum::<usize>();
            }
            let aside = queue.aside.extract_if(.., |(_, entity)| of_it(entity));
            revoked.extend(aside.map(|(_, entity)| entity));
        }
        // A queue is of one partition: it is empty now, or as it was.
        self.queues.retain(|_, queue| {
            queue.out > 0 || !queue.waiting.is_empty() || !queue.aside.is_empty()
        });
        let queues = &self.queues;
        self.ready
            .retain(|ready| queues.contains_key(&ready.ordering_key));
        self.solo.retain(|key| queues.contains_key(key));
        self.forget_taken();
        revoked
    }

    /// Moves queues whose rest is over to the ready ones.
    pub fn wake_rested(&mut self, now: Instant, now_ms: i64) {
        self.settling.forget(now);
        while let Some(Reverse((until, ordering_key))) = self.resting.peek().copied() {
            if until > now {
                break;
            }
            self.resting.pop();
            if self
                .queues
                .get(&ordering_key)
                .is_some_and(|queue| queue.state == QueueState::Resting(until))
            {
                self.arrange(ordering_key, now, now_ms);
            }
        }
    }

    /// When the next rest is over.
    pub fn next_wake(&self) -> Option<Instant> {
        self.resting.peek().map(|Reverse((until, _))| *until)
    }

    /// Whether something that goes alone may go now.
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

    /// Takes an entity that goes alone.
    pub fn take_solo(&mut self) -> Option<Entity> {
        let ordering_key = self.solo.pop_front()?;
        self.take_first(ordering_key)
    }

    /// Takes any one entity, for a probe.
    pub fn take_one(&mut self) -> Option<Entity> {
        if let Some(Ready { ordering_key, .. }) = self.ready.front().copied() {
            self.withdraw(ordering_key);
            return self.take_first(ordering_key);
        }
        self.take_solo()
    }

    /// Fills a request from the ready queues, in their order.
    pub fn take_batch(&mut self, capacity: Capacity, now: Instant, now_ms: i64) -> Vec<Entity> {
        // Where a request is about one profile, it shape a few entities of all that are ready.
        let expected = if self.shape == RequestShape::Batch {
            self.ready_records
        } else {
            0
        };
        let merging = self.shape == RequestShape::OneProfile;
        let mut batch = Vec::with_capacity(expected.min(capacity.records));
        let mut bytes = 0;
        while let Some(ready) = self.ready.pop_front() {
            let ordering_key = ready.ordering_key;
            let Some(queue) = self.queues.get_mut(&ordering_key) else {
                continue;
            };
            self.ready_records -= queue.waiting.len();
            self.ready_bytes -= queue.bytes;
            queue.state = QueueState::Out;
            let mut full = false;
            while let Some(first) = queue.waiting.front() {
                if first.batching == Batching::Alone || first.waits_until(now, now_ms).is_some() {
                    break;
                }
                // A single entity always goes, even one above the configured size: it is below the
                // platform's limit.
                full = batch.len() >= capacity.records
                    || (!batch.is_empty() && bytes + first.wire_len + 1 > capacity.bytes)
                    || (merging
                        && batch
                            .first()
                            .is_some_and(|head: &Entity| !head.coalesces_with(first)));
                if full {
                    break;
                }
                let Some(entity) = queue.waiting.pop_front() else {
                    break;
                };
                bytes += entity.wire_len + 1;
                queue.bytes -= entity.wire_len;
                queue.out += 1;
                let is_one_per_key = entity.batching == Batching::OnePerKey;
                batch.push(entity);
                if is_one_per_key {
                    break;
                }
            }
            if queue.out == 0 {
                if full {
                    // It only did not fit: it keeps its place.
                    queue.state = QueueState::Ready(ready.seq);
                    self.ready_records += queue.waiting.len();
                    self.ready_bytes += queue.bytes;
                    self.ready.push_front(ready);
                } else {
                    self.arrange(ordering_key, now, now_ms);
                }
            }
            if full {
                break;
            }
        }
        self.forget_taken();
        batch
    }

    /// Forgets when queues became ready that are not any more, up to the first one that is.
    fn forget_taken(&mut self) {
        if self.ready.is_empty() {
            return self.since.clear();
        }
        while let Some((_, ready)) = self.since.front() {
            let queue = self.queues.get(&ready.ordering_key);
            if queue.is_some_and(|queue| queue.state == QueueState::Ready(ready.seq)) {
                break;
            }
            self.since.pop_front();
        }
    }

    fn take_first(&mut self, ordering_key: OrderingKey) -> Option<Entity> {
        let queue = self.queues.get_mut(&ordering_key)?;
        let entity = if queue.state == QueueState::Aside {
            let rested = (0..queue.aside.len()).min_by_key(|index| queue.aside[*index].0)?;
            queue.aside.swap_remove(rested).1
        } else {
            let entity = queue.waiting.pop_front()?;
            queue.bytes -= entity.wire_len;
            entity
        };
        queue.out += 1;
        queue.state = QueueState::Out;
        Some(entity)
    }

    /// Puts an entity back to its place in the order.
    fn insert(&mut self, entity: Entity, rest_until: Option<Instant>) {
        let queue = self
            .queues
            .entry(entity.ordering_key)
            .or_insert_with(|| KeyQueue {
                waiting: VecDeque::new(),
                aside: Vec::new(),
                bytes: 0,
                out: 0,
                state: QueueState::Out,
                rest_until: None,
            });
        let place = queue
            .waiting
            .partition_point(|other| other.offset() < entity.offset());
        queue.bytes += entity.wire_len;
        queue.waiting.insert(place, entity);
        queue.rest_until = queue.rest_until.max(rest_until);
    }

    /// Takes a queue out of the ready ones.
    fn withdraw(&mut self, ordering_key: OrderingKey) {
        let Some(queue) = self.queues.get_mut(&ordering_key) else {
            return;
        };
        match queue.state {
            QueueState::Ready(seq) => {
                self.ready_records -= queue.waiting.len();
                self.ready_bytes -= queue.bytes;
                let place = self.ready.partition_point(|other| other.seq < seq);
                self.ready.remove(place);
            }
            QueueState::Solo | QueueState::Aside => {
                self.solo.retain(|other| *other != ordering_key)
            }
            QueueState::Out | QueueState::Resting(_) => {}
        }
        queue.state = QueueState::Out;
        self.forget_taken();
    }

    /// Decides the state of a queue. Only for one that is neither among the ready ones nor among
    /// those whose first entity goes alone.
    fn arrange(&mut self, ordering_key: OrderingKey, now: Instant, now_ms: i64) {
        let Some(queue) = self.queues.get_mut(&ordering_key) else {
            return;
        };
        if queue.out > 0 {
            queue.state = QueueState::Out;
            return;
        }
        let settles = self.settling.until(ordering_key, now);
        let rested = queue.aside.iter().map(|(until, _)| *until).min();
        let rested = rested.map(|until| settles.map_or(until, |settles| settles.max(until)));
        if rested.is_some_and(|until| until <= now) {
            queue.state = QueueState::Aside;
            self.solo.push_back(ordering_key);
            return;
        }
        let Some(first) = queue.waiting.front() else {
            match rested {
                Some(until) => {
                    queue.state = QueueState::Resting(until);
                    self.resting.push(Reverse((until, ordering_key)));
                }
                None => drop(self.queues.remove(&ordering_key)),
            }
            return;
        };
        // Looked at from time to time, since the wall clock may be set forward meanwhile.
        let ahead = first
            .waits_until(now, now_ms)
            .map(|due| due.min(now + LOOK_AGAIN));
        let rests = queue.rest_until.filter(|until| *until > now);
        if let Some(until) = ahead.or(rests.max(settles)) {
            let until = rested.map_or(until, |rested| rested.min(until));
            queue.state = QueueState::Resting(until);
            self.resting.push(Reverse((until, ordering_key)));
            return;
        }
        queue.rest_until = None;
        if first.batching == Batching::Alone {
            queue.state = QueueState::Solo;
            self.solo.push_back(ordering_key);
        } else {
            self.ready_records += queue.waiting.len();
            self.ready_bytes += queue.bytes;
            let ready = Ready {
                seq: first.seq,
                ordering_key,
            };
            queue.state = QueueState::Ready(ready.seq);
            let place = self.ready.partition_point(|other| other.seq < ready.seq);
            self.ready.insert(place, ready);
            self.since.push_back((now, ready));
        }
    }

    fn next_seq(&mut self) -> Seq {
        self.last_seq += 1;
        self.last_seq
    }
}

#[cfg(test)]
mod tests;
