//! What the queues promise.

use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::answer::Mapped;
use crate::delivery::entity::Record;
use crate::offset_tracker::Position;

const ALL: Capacity = Capacity {
    records: 100,
    bytes: 10_000,
};

fn entity(offset: i64, key: &str, at: i64) -> Entity {
    let mapped = Mapped {
        name: "n".into(),
        id: (*offset.to_string()).into(),
        key: key.into(),
        at,
        event: Some(Bytes::new()),
        profile: None,
    };
    let record = Arc::new(Record::new(
        Position {
            partition: 0,
            offset,
        },
        None,
        mapped,
    ));
    let ordering_key = record.ordering_key();
    Entity::new(record, Bytes::new(), ordering_key, 100)
}

/// An entity of an event that lies ahead, read now, when the wall clock shows nought.
fn ahead(offset: i64, key: &str, at: u32, now: Instant) -> Entity {
    let mut entity = entity(offset, key, at.into());
    entity.due = Some(now + Duration::from_millis(at.into()));
    entity
}

fn queues(entities: &[(i64, &str)], now: Instant) -> KeyQueues {
    let mut queues = KeyQueues::new(RequestShape::Batch, Duration::ZERO);
    for (offset, key) in entities {
        queues.push(entity(*offset, key, 0), now, 0);
    }
    queues
}

fn offsets(batch: &[Entity]) -> Vec<i64> {
    batch.iter().map(Entity::offset).collect()
}

#[test]
fn queue_that_is_out_waits_until_all_of_it_has_a_response() {
    let now = Instant::now();
    let mut queues = queues(&[(0, "a"), (1, "a"), (2, "b")], now);
    let batch = queues.take_batch(ALL, now, 0);
    assert_eq!(offsets(&batch), [0, 1, 2]);
    queues.push(entity(3, "a", 0), now, 0);
    queues.release(batch[0].ordering_key, now, 0);
    assert!(!queues.has_ready(), "offset 1 is unanswered");
    queues.release(batch[1].ordering_key, now, 0);
    assert_eq!(offsets(&queues.take_batch(ALL, now, 0)), [3]);
}

#[test]
fn entity_requeued_keeps_its_place_and_rests() {
    let now = Instant::now();
    let mut queues = queues(&[(0, "a"), (1, "a")], now);
    queues.push(entity(2, "b", 0), now, 0);
    let mut batch = queues.take_batch(ALL, now, 0);
    queues.push(entity(3, "a", 0), now, 0);
    batch.truncate(2);
    let later = now + Duration::from_secs(1);
    // In the wrong order on purpose.
    for entity in batch.into_iter().rev() {
        queues.requeue_after(entity, later, now, 0);
    }
    assert!(!queues.has_ready());
    assert_eq!(queues.next_wake(), Some(later));
    queues.wake_rested(later, 0);
    assert_eq!(offsets(&queues.take_batch(ALL, later, 0)), [0, 1, 3]);
}

#[test]
fn entity_refused_for_now_goes_before_the_rest_of_its_queue() {
    let now = Instant::now();
    let mut queues = queues(&[(0, "a"), (1, "b")], now);
    let mut batch = queues.take_batch(ALL, now, 0);
    queues.push(entity(2, "a", 0), now, 0);
    let mut first = batch.swap_remove(0);
    first.batching = Batching::OnePerKey;
    queues.requeue_after(first, now, now, 0);
    queues.push(entity(3, "c", 0), now, 0);
    assert_eq!(offsets(&queues.take_batch(ALL, now, 0)), [0, 3]);
}

#[test]
fn entity_that_goes_alone_is_in_no_batch() {
    let now = Instant::now();
    let mut queues = queues(&[(0, "a"), (1, "a"), (2, "b")], now);
    let mut batch = queues.take_batch(ALL, now, 0);
    let mut second = batch.remove(1);
    second.batching = Batching::Alone;
    queues.requeue_after(second, now, now, 0);
    queues.requeue_after(batch.remove(0), now, now, 0);
    assert_eq!(
        offsets(&queues.take_batch(ALL, now, 0)),
        [0],
        "it stops before the one that travels alone"
    );
    assert!(queues.take_solo().is_none(), "offset 0 is out");
}

#[test]
fn batch_never_exceeds_its_capacity_and_the_rest_keeps_its_place() {
    let now = Instant::now();
    let mut queues = queues(&[(0, "a"), (1, "b"), (2, "c"), (3, "d")], now);
    let by_bytes = Capacity {
        records: 100,
        bytes: 250,
    };
    assert_eq!(offsets(&queues.take_batch(by_bytes, now, 0)), [0, 1]);
    let by_count = Capacity {
        records: 1,
        bytes: 10_000,
    };
    assert_eq!(offsets(&queues.take_batch(by_count, now, 0)), [2]);
    let too_small = Capacity {
        records: 100,
        bytes: 10,
    };
    assert_eq!(
        offsets(&queues.take_batch(too_small, now, 0)),
        [3],
        "a single entity always goes"
    );
}

#[test]
fn batch_is_due_at_once_when_full_else_after_the_linger() {
    let now = Instant::now();
    let linger = Duration::from_millis(200);
    let mut queues = queues(&[(0, "a")], now);
    assert_eq!(queues.due(ALL, linger), Some(now + linger));
    queues.push(entity(1, "a", 0), now, 0);
    assert_eq!(
        queues.due(
            Capacity {
                records: 2,
                bytes: 10_000
            },
            linger
        ),
        Some(now)
    );
    assert_eq!(
        queues.due(
            Capacity {
                records: 100,
                bytes: 202
            },
            linger
        ),
        Some(now)
    );
    queues.take_batch(ALL, now, 0);
    assert_eq!(queues.due(ALL, linger), None);
}

#[test]
fn event_of_the_future_blocks_its_queue_until_its_time() {
    let now = Instant::now();
    let mut queues = KeyQueues::new(RequestShape::Batch, Duration::ZERO);
    queues.push(ahead(0, "a", 60_000, now), now, 0);
    queues.push(entity(1, "a", 0), now, 0);
    queues.push(entity(2, "b", 0), now, 0);
    assert_eq!(offsets(&queues.take_batch(ALL, now, 0)), [2]);
    let later = now + Duration::from_secs(59);
    queues.wake_rested(later, 59_000);
    assert!(!queues.has_ready());
    let there = now + Duration::from_secs(60);
    queues.wake_rested(there, 60_000);
    assert_eq!(offsets(&queues.take_batch(ALL, there, 60_000)), [0, 1]);
}

#[test]
fn event_of_the_future_waits_no_longer_when_the_clock_is_set_back() {
    let now = Instant::now();
    let mut queues = KeyQueues::new(RequestShape::Batch, Duration::ZERO);
    queues.push(ahead(0, "a", 60_000, now), now, 0);
    let there = now + Duration::from_secs(60);
    queues.wake_rested(there, -7_200_000);
    assert_eq!(offsets(&queues.take_batch(ALL, there, -7_200_000)), [0]);
}

#[test]
fn event_of_the_future_goes_soon_when_the_clock_is_set_forward() {
    let now = Instant::now();
    let mut queues = KeyQueues::new(RequestShape::Batch, Duration::ZERO);
    queues.push(ahead(0, "a", 240_000, now), now, 0);
    let again = queues.next_wake().unwrap();
    assert!(again - now <= Duration::from_secs(5));
    queues.wake_rested(again, 7_200_000);
    assert_eq!(offsets(&queues.take_batch(ALL, again, 7_200_000)), [0]);
}

/// OrderingKey `b` was out with its first entity, which is given as well, while three more came, of
/// these keys.
fn back_after(holds: RequestShape, keys: [&str; 3], now: Instant) -> (KeyQueues, Entity) {
    let mut queues = KeyQueues::new(holds, Duration::ZERO);
    queues.push(entity(0, "b", 0), now, 0);
    let out = queues.take_one().unwrap();
    for (offset, key) in (1..).zip(keys) {
        queues.push(entity(offset, key, 0), now, 0);
    }
    queues.release(out.ordering_key, now + LATER, 0);
    (queues, out)
}

const LATER: Duration = Duration::from_millis(100);
const ONE: Capacity = Capacity {
    records: 1,
    bytes: 10_000,
};

#[test]
fn queue_whose_first_entity_came_first_is_next() {
    let now = Instant::now();
    for holds in [
        RequestShape::Batch,
        RequestShape::OneProfile,
        RequestShape::Single,
    ] {
        let (mut queues, _) = back_after(holds, ["b", "c", "d"], now);
        let mut next = || offsets(&queues.take_batch(ONE, now + LATER, 0));
        assert_eq!([next(), next(), next()], [[1], [2], [3]], "{holds:?}");
    }
}

#[test]
fn batch_lingers_from_when_its_first_queue_became_ready() {
    let now = Instant::now();
    let linger = Duration::from_millis(200);
    let (mut queues, _) = back_after(RequestShape::Batch, ["b", "c", "d"], now);
    assert_eq!(queues.due(ALL, linger), Some(now + linger));
    queues.push(entity(4, "c", 0), now + LATER * 2, 0);
    assert_eq!(offsets(&queues.take_batch(ONE, now, 0)), [1]);
    assert_eq!(queues.due(ALL, linger), Some(now + linger));
    let three = Capacity { records: 3, ..ALL };
    let out = queues.take_batch(three, now, 0);
    assert_eq!(offsets(&out), [2, 4, 3]);
    assert_eq!(queues.due(ALL, linger), None);
    queues.push(entity(5, "c", 0), now, 0);
    queues.release(out[0].ordering_key, now, 0);
    assert_eq!(queues.due(ALL, linger), None, "its queue is out");
    queues.release(out[1].ordering_key, now + LATER * 3, 0);
    assert_eq!(queues.due(ALL, linger), Some(now + LATER * 3 + linger));
}

#[test]
fn entity_requeued_last_lets_all_others_go_first() {
    let now = Instant::now();
    for holds in [
        RequestShape::Batch,
        RequestShape::OneProfile,
        RequestShape::Single,
    ] {
        for (back, expected) in [
            (
                KeyQueues::requeue_after as fn(&mut KeyQueues, Entity, Instant, Instant, i64),
                [0, 1, 2],
            ),
            (KeyQueues::requeue_last, [1, 2, 0]),
        ] {
            let mut queues = KeyQueues::new(holds, Duration::ZERO);
            for (offset, key) in [(0, "a"), (1, "b"), (2, "c")] {
                queues.push(entity(offset, key, 0), now, 0);
            }
            let first = queues.take_batch(ONE, now, 0).remove(0);
            back(&mut queues, first, now + LATER, now, 0);
            queues.wake_rested(now + LATER, 0);
            let mut next = || queues.take_batch(ONE, now + LATER, 0).remove(0).offset();
            assert_eq!([next(), next(), next()], expected, "{holds:?}");
        }
    }
}

#[test]
fn entity_requeued_after_release_goes_before_its_queue() {
    let now = Instant::now();
    for holds in [
        RequestShape::Batch,
        RequestShape::OneProfile,
        RequestShape::Single,
    ] {
        // The queue is in the middle, ready.
        let (mut queues, ended) = back_after(holds, ["a", "b", "c"], now);
        queues.requeue_released(ended, now, 0);
        let mut sent = Vec::new();
        while let [entity] = queues.take_batch(ONE, now, 0).as_slice() {
            sent.push(entity.offset());
            queues.release(entity.ordering_key, now, 0);
        }
        assert_eq!(sent, [1, 3, 0, 2], "{holds:?}");
    }
}

/// Whatever happens in whatever order, nothing is lost or there twice, and what is reported of the
/// ready queues is true.
#[test]
fn queues_keep_every_entity_once_whatever_happens() {
    for seed in 0..600 {
        let holds = [
            RequestShape::Batch,
            RequestShape::OneProfile,
            RequestShape::Single,
        ][(seed % 3) as usize];
        Play::new(seed, holds).play();
    }
}

/// Queues to which things happen by chance.
struct Play {
    seed: u64,
    random: fastrand::Rng,
    capacity: Capacity,
    queues: KeyQueues,
    now: Instant,
    pushed: i64,
    out: Vec<Entity>,
    ended: Vec<Entity>,
}

impl Play {
    fn new(seed: u64, holds: RequestShape) -> Self {
        Self {
            seed,
            random: fastrand::Rng::with_seed(seed),
            capacity: if holds == RequestShape::Single {
                ONE
            } else {
                Capacity { records: 4, ..ALL }
            },
            queues: KeyQueues::new(holds, Duration::ZERO),
            now: Instant::now(),
            pushed: 0,
            out: Vec::new(),
            ended: Vec::new(),
        }
    }

    fn play(mut self) {
        for _ in 0..150 {
            self.step();
            self.check();
        }
        let waiting: usize = self
            .queues
            .queues
            .values()
            .map(|queue| queue.waiting.len())
            .sum();
        let all = waiting + self.out.len() + self.ended.len();
        assert_eq!(all, self.pushed as usize, "seed {}", self.seed);
        // Once all is answered, all of it goes.
        let mut sent = 0;
        for _ in 0..1000 {
            for entity in std::mem::take(&mut self.out) {
                self.queues.release(entity.ordering_key, self.now, 0);
            }
            self.wait();
            self.out = self.queues.take_batch(self.capacity, self.now, 0);
            self.out.extend(self.queues.take_solo());
            sent += self.out.len();
        }
        assert_eq!(sent, waiting, "seed {}", self.seed);
        assert!(self.queues.queues.is_empty(), "seed {}", self.seed);
    }

    fn step(&mut self) {
        let now = self.now;
        match self.random.u8(0..12) {
            0..4 => {
                let key = ["a", "b", "c", "d", "e"][self.random.usize(0..5)];
                self.queues.push(entity(self.pushed, key, 0), now, 0);
                self.pushed += 1;
            }
            4 => self
                .out
                .extend(self.queues.take_batch(self.capacity, now, 0)),
            5 => self.out.extend(self.queues.take_one()),
            6 => self.out.extend(self.queues.take_solo()),
            7 | 8 => {
                let ended = Self::any(&mut self.random, &mut self.out);
                if let Some(entity) = &ended {
                    self.queues.release(entity.ordering_key, now, 0);
                }
                self.ended.extend(ended);
            }
            9 => {
                if let Some(mut entity) = Self::any(&mut self.random, &mut self.out) {
                    entity.batching = [Batching::Any, Batching::OnePerKey, Batching::Alone]
                        [self.random.usize(0..3)];
                    let until = now + Duration::from_millis(self.random.u64(0..3));
                    let back = [KeyQueues::requeue_after, KeyQueues::requeue_last]
                        [self.random.usize(0..2)];
                    back(&mut self.queues, entity, until, now, 0);
                }
            }
            10 => {
                if let Some(entity) = Self::any(&mut self.random, &mut self.ended) {
                    self.queues.requeue_released(entity, now, 0);
                }
            }
            _ => self.wait(),
        }
    }

    fn any(random: &mut fastrand::Rng, entities: &mut Vec<Entity>) -> Option<Entity> {
        (!entities.is_empty()).then(|| entities.swap_remove(random.usize(0..entities.len())))
    }

    fn wait(&mut self) {
        self.now += Duration::from_millis(1);
        self.queues.wake_rested(self.now, 0);
    }

    fn check(&self) {
        let (queues, seed) = (&self.queues, self.seed);
        let in_turn = |one: &&Ready, other: &&Ready| one.seq < other.seq;
        assert!(queues.ready.iter().is_sorted_by(in_turn), "seed {seed}");
        let (mut ready, mut records, mut bytes) = (0, 0, 0);
        for (ordering_key, queue) in &queues.queues {
            let counted: usize = queue.waiting.iter().map(|entity| entity.wire_len).sum();
            assert_eq!(queue.bytes, counted, "seed {seed}");
            let QueueState::Ready(turn) = queue.state else {
                continue;
            };
            let is_it = |place: &&Ready| place.seq == turn && place.ordering_key == *ordering_key;
            assert_eq!(queues.ready.iter().filter(is_it).count(), 1, "seed {seed}");
            ready += 1;
            records += queue.waiting.len();
            bytes += queue.bytes;
        }
        assert_eq!(ready, queues.ready.len(), "seed {seed}");
        let is_ready =
            |(_, place): &(Instant, Ready)| queues.ready.iter().any(|other| other.seq == place.seq);
        assert_eq!(queues.since.front().is_some(), ready > 0, "seed {seed}");
        assert!(queues.since.front().is_none_or(is_ready), "seed {seed}");
        assert!(
            queues.since.iter().is_sorted_by_key(|(at, _)| *at),
            "seed {seed}"
        );
        assert_eq!(
            (records, bytes),
            (queues.ready_records, queues.ready_bytes),
            "seed {seed}"
        );
    }
}
