//! What lanes promise.

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

fn parcel(offset: i64, key: &str, at: i64) -> Parcel {
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
    let lane = record.lane();
    Parcel::new(record, Bytes::new(), lane, 100)
}

/// A parcel of an event that lies ahead, read now, when the wall clock shows nought.
fn ahead(offset: i64, key: &str, at: u32, now: Instant) -> Parcel {
    let mut parcel = parcel(offset, key, at.into());
    parcel.due = Some(now + Duration::from_millis(at.into()));
    parcel
}

fn lanes(parcels: &[(i64, &str)], now: Instant) -> Lanes {
    let mut lanes = Lanes::new(Holds::Batch);
    for (offset, key) in parcels {
        lanes.push(parcel(*offset, key, 0), now, 0);
    }
    lanes
}

fn offsets(batch: &[Parcel]) -> Vec<i64> {
    batch.iter().map(Parcel::offset).collect()
}

#[test]
fn a_lane_that_is_out_waits_until_all_of_it_is_answered() {
    let now = Instant::now();
    let mut lanes = lanes(&[(0, "a"), (1, "a"), (2, "b")], now);
    let batch = lanes.take_batch(ALL, now, 0);
    assert_eq!(offsets(&batch), [0, 1, 2]);
    lanes.push(parcel(3, "a", 0), now, 0);
    lanes.release(batch[0].lane, now, 0);
    assert!(!lanes.has_ready(), "offset 1 is unanswered");
    lanes.release(batch[1].lane, now, 0);
    assert_eq!(offsets(&lanes.take_batch(ALL, now, 0)), [3]);
}

#[test]
fn a_parcel_given_back_keeps_its_place_and_rests() {
    let now = Instant::now();
    let mut lanes = lanes(&[(0, "a"), (1, "a")], now);
    lanes.push(parcel(2, "b", 0), now, 0);
    let mut batch = lanes.take_batch(ALL, now, 0);
    lanes.push(parcel(3, "a", 0), now, 0);
    batch.truncate(2);
    let later = now + Duration::from_secs(1);
    // In the wrong order on purpose.
    for parcel in batch.into_iter().rev() {
        lanes.give_back(parcel, later, now, 0);
    }
    assert!(!lanes.has_ready());
    assert_eq!(lanes.next_awake(), Some(later));
    lanes.awake(later, 0);
    assert_eq!(offsets(&lanes.take_batch(ALL, later, 0)), [0, 1, 3]);
}

#[test]
fn a_parcel_refused_for_the_moment_goes_before_the_rest_of_its_lane() {
    let now = Instant::now();
    let mut lanes = lanes(&[(0, "a"), (1, "b")], now);
    let mut batch = lanes.take_batch(ALL, now, 0);
    lanes.push(parcel(2, "a", 0), now, 0);
    let mut first = batch.swap_remove(0);
    first.company = Company::OtherLanes;
    lanes.give_back(first, now, now, 0);
    lanes.push(parcel(3, "c", 0), now, 0);
    assert_eq!(offsets(&lanes.take_batch(ALL, now, 0)), [0, 3]);
}

#[test]
fn what_travels_alone_is_in_no_batch() {
    let now = Instant::now();
    let mut lanes = lanes(&[(0, "a"), (1, "a"), (2, "b")], now);
    let mut batch = lanes.take_batch(ALL, now, 0);
    let mut second = batch.remove(1);
    second.company = Company::Nobody;
    lanes.give_back(second, now, now, 0);
    lanes.give_back(batch.remove(0), now, now, 0);
    assert_eq!(
        offsets(&lanes.take_batch(ALL, now, 0)),
        [0],
        "it stops before the one that travels alone"
    );
    assert!(lanes.take_solo().is_none(), "offset 0 is out");
}

#[test]
fn a_batch_never_exceeds_its_capacity_and_the_rest_keeps_its_turn() {
    let now = Instant::now();
    let mut lanes = lanes(&[(0, "a"), (1, "b"), (2, "c"), (3, "d")], now);
    let by_bytes = Capacity {
        records: 100,
        bytes: 250,
    };
    assert_eq!(offsets(&lanes.take_batch(by_bytes, now, 0)), [0, 1]);
    let by_count = Capacity {
        records: 1,
        bytes: 10_000,
    };
    assert_eq!(offsets(&lanes.take_batch(by_count, now, 0)), [2]);
    let too_small = Capacity {
        records: 100,
        bytes: 10,
    };
    assert_eq!(
        offsets(&lanes.take_batch(too_small, now, 0)),
        [3],
        "a single parcel always goes"
    );
}

#[test]
fn a_batch_is_due_at_once_when_full_and_else_after_the_linger() {
    let now = Instant::now();
    let linger = Duration::from_millis(200);
    let mut lanes = lanes(&[(0, "a")], now);
    assert_eq!(lanes.due(ALL, linger), Some(now + linger));
    lanes.push(parcel(1, "a", 0), now, 0);
    assert_eq!(
        lanes.due(
            Capacity {
                records: 2,
                bytes: 10_000
            },
            linger
        ),
        Some(now)
    );
    assert_eq!(
        lanes.due(
            Capacity {
                records: 100,
                bytes: 202
            },
            linger
        ),
        Some(now)
    );
    lanes.take_batch(ALL, now, 0);
    assert_eq!(lanes.due(ALL, linger), None);
}

#[test]
fn an_event_of_the_future_holds_its_lane_until_its_time() {
    let now = Instant::now();
    let mut lanes = Lanes::new(Holds::Batch);
    lanes.push(ahead(0, "a", 60_000, now), now, 0);
    lanes.push(parcel(1, "a", 0), now, 0);
    lanes.push(parcel(2, "b", 0), now, 0);
    assert_eq!(offsets(&lanes.take_batch(ALL, now, 0)), [2]);
    let later = now + Duration::from_secs(59);
    lanes.awake(later, 59_000);
    assert!(!lanes.has_ready());
    let there = now + Duration::from_secs(60);
    lanes.awake(there, 60_000);
    assert_eq!(offsets(&lanes.take_batch(ALL, there, 60_000)), [0, 1]);
}

#[test]
fn an_event_of_the_future_waits_no_longer_when_the_wall_clock_is_set_back() {
    let now = Instant::now();
    let mut lanes = Lanes::new(Holds::Batch);
    lanes.push(ahead(0, "a", 60_000, now), now, 0);
    let there = now + Duration::from_secs(60);
    lanes.awake(there, -7_200_000);
    assert_eq!(offsets(&lanes.take_batch(ALL, there, -7_200_000)), [0]);
}

#[test]
fn an_event_of_the_future_goes_soon_when_the_wall_clock_is_set_forward() {
    let now = Instant::now();
    let mut lanes = Lanes::new(Holds::Batch);
    lanes.push(ahead(0, "a", 240_000, now), now, 0);
    let again = lanes.next_awake().unwrap();
    assert!(again - now <= Duration::from_secs(5));
    lanes.awake(again, 7_200_000);
    assert_eq!(offsets(&lanes.take_batch(ALL, again, 7_200_000)), [0]);
}

/// Lane `b` was out with its first parcel, which is given as well, while three more came, of these
/// keys.
fn back_after(holds: Holds, keys: [&str; 3], now: Instant) -> (Lanes, Parcel) {
    let mut lanes = Lanes::new(holds);
    lanes.push(parcel(0, "b", 0), now, 0);
    let out = lanes.take_one().unwrap();
    for (offset, key) in (1..).zip(keys) {
        lanes.push(parcel(offset, key, 0), now, 0);
    }
    lanes.release(out.lane, now + LATER, 0);
    (lanes, out)
}

const LATER: Duration = Duration::from_millis(100);
const ONE: Capacity = Capacity {
    records: 1,
    bytes: 10_000,
};

#[test]
fn whose_first_parcel_waits_longest_is_next() {
    let now = Instant::now();
    for holds in [Holds::Batch, Holds::Profile, Holds::One] {
        let (mut lanes, _) = back_after(holds, ["b", "c", "d"], now);
        let mut next = || offsets(&lanes.take_batch(ONE, now + LATER, 0));
        assert_eq!([next(), next(), next()], [[1], [2], [3]], "{holds:?}");
    }
}

#[test]
fn a_batch_lingers_from_when_the_first_of_its_lanes_became_ready() {
    let now = Instant::now();
    let linger = Duration::from_millis(200);
    let (mut lanes, _) = back_after(Holds::Batch, ["b", "c", "d"], now);
    assert_eq!(lanes.due(ALL, linger), Some(now + linger));
    lanes.push(parcel(4, "c", 0), now + LATER * 2, 0);
    assert_eq!(offsets(&lanes.take_batch(ONE, now, 0)), [1]);
    assert_eq!(lanes.due(ALL, linger), Some(now + linger));
    let three = Capacity { records: 3, ..ALL };
    let out = lanes.take_batch(three, now, 0);
    assert_eq!(offsets(&out), [2, 4, 3]);
    assert_eq!(lanes.due(ALL, linger), None);
    lanes.push(parcel(5, "c", 0), now, 0);
    lanes.release(out[0].lane, now, 0);
    assert_eq!(lanes.due(ALL, linger), None, "its lane is out");
    lanes.release(out[1].lane, now + LATER * 3, 0);
    assert_eq!(lanes.due(ALL, linger), Some(now + LATER * 3 + linger));
}

#[test]
fn what_rests_keeps_its_turn_and_what_is_put_last_lets_all_the_others_go_first() {
    let now = Instant::now();
    for holds in [Holds::Batch, Holds::Profile, Holds::One] {
        for (back, expected) in [
            (
                Lanes::give_back as fn(&mut Lanes, Parcel, Instant, Instant, i64),
                [0, 1, 2],
            ),
            (Lanes::put_last, [1, 2, 0]),
        ] {
            let mut lanes = Lanes::new(holds);
            for (offset, key) in [(0, "a"), (1, "b"), (2, "c")] {
                lanes.push(parcel(offset, key, 0), now, 0);
            }
            let first = lanes.take_batch(ONE, now, 0).remove(0);
            back(&mut lanes, first, now + LATER, now, 0);
            lanes.awake(now + LATER, 0);
            let mut next = || lanes.take_batch(ONE, now + LATER, 0).remove(0).offset();
            assert_eq!([next(), next(), next()], expected, "{holds:?}");
        }
    }
}

#[test]
fn a_parcel_taken_back_goes_before_its_lane_and_after_the_others() {
    let now = Instant::now();
    for holds in [Holds::Batch, Holds::Profile, Holds::One] {
        // The lane stands in the middle, ready.
        let (mut lanes, ended) = back_after(holds, ["a", "b", "c"], now);
        lanes.take_back(ended, now, 0);
        let mut sent = Vec::new();
        while let [parcel] = lanes.take_batch(ONE, now, 0).as_slice() {
            sent.push(parcel.offset());
            lanes.release(parcel.lane, now, 0);
        }
        assert_eq!(sent, [1, 3, 0, 2], "{holds:?}");
    }
}

/// Whatever happens in whatever order, nothing is lost or there twice, and what is told of the
/// ready lanes is true.
#[test]
fn lanes_keep_every_parcel_once_whatever_happens_to_them() {
    for seed in 0..600 {
        let holds = [Holds::Batch, Holds::Profile, Holds::One][(seed % 3) as usize];
        Play::new(seed, holds).play();
    }
}

/// Lanes to which things happen by chance.
struct Play {
    seed: u64,
    random: fastrand::Rng,
    capacity: Capacity,
    lanes: Lanes,
    now: Instant,
    pushed: i64,
    out: Vec<Parcel>,
    ended: Vec<Parcel>,
}

impl Play {
    fn new(seed: u64, holds: Holds) -> Self {
        Self {
            seed,
            random: fastrand::Rng::with_seed(seed),
            capacity: if holds == Holds::One {
                ONE
            } else {
                Capacity { records: 4, ..ALL }
            },
            lanes: Lanes::new(holds),
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
            .lanes
            .queues
            .values()
            .map(|queue| queue.waiting.len())
            .sum();
        let all = waiting + self.out.len() + self.ended.len();
        assert_eq!(all, self.pushed as usize, "seed {}", self.seed);
        // Once all is answered, all of it goes.
        let mut sent = 0;
        for _ in 0..1000 {
            for parcel in std::mem::take(&mut self.out) {
                self.lanes.release(parcel.lane, self.now, 0);
            }
            self.wait();
            self.out = self.lanes.take_batch(self.capacity, self.now, 0);
            self.out.extend(self.lanes.take_solo());
            sent += self.out.len();
        }
        assert_eq!(sent, waiting, "seed {}", self.seed);
        assert!(self.lanes.queues.is_empty(), "seed {}", self.seed);
    }

    fn step(&mut self) {
        let now = self.now;
        match self.random.u8(0..12) {
            0..4 => {
                let key = ["a", "b", "c", "d", "e"][self.random.usize(0..5)];
                self.lanes.push(parcel(self.pushed, key, 0), now, 0);
                self.pushed += 1;
            }
            4 => self
                .out
                .extend(self.lanes.take_batch(self.capacity, now, 0)),
            5 => self.out.extend(self.lanes.take_one()),
            6 => self.out.extend(self.lanes.take_solo()),
            7 | 8 => {
                let ended = Self::any(&mut self.random, &mut self.out);
                if let Some(parcel) = &ended {
                    self.lanes.release(parcel.lane, now, 0);
                }
                self.ended.extend(ended);
            }
            9 => {
                if let Some(mut parcel) = Self::any(&mut self.random, &mut self.out) {
                    parcel.company = [Company::Any, Company::OtherLanes, Company::Nobody]
                        [self.random.usize(0..3)];
                    let until = now + Duration::from_millis(self.random.u64(0..3));
                    let back = [Lanes::give_back, Lanes::put_last][self.random.usize(0..2)];
                    back(&mut self.lanes, parcel, until, now, 0);
                }
            }
            10 => {
                if let Some(parcel) = Self::any(&mut self.random, &mut self.ended) {
                    self.lanes.take_back(parcel, now, 0);
                }
            }
            _ => self.wait(),
        }
    }

    fn any(random: &mut fastrand::Rng, parcels: &mut Vec<Parcel>) -> Option<Parcel> {
        (!parcels.is_empty()).then(|| parcels.swap_remove(random.usize(0..parcels.len())))
    }

    fn wait(&mut self) {
        self.now += Duration::from_millis(1);
        self.lanes.awake(self.now, 0);
    }

    fn check(&self) {
        let (lanes, seed) = (&self.lanes, self.seed);
        let in_turn = |one: &&Ready, other: &&Ready| one.turn < other.turn;
        assert!(lanes.ready.iter().is_sorted_by(in_turn), "seed {seed}");
        let (mut ready, mut records, mut bytes) = (0, 0, 0);
        for (lane, queue) in &lanes.queues {
            let counted: usize = queue.waiting.iter().map(|parcel| parcel.wire_len).sum();
            assert_eq!(queue.bytes, counted, "seed {seed}");
            let Standing::Ready(turn) = queue.standing else {
                continue;
            };
            let is_it = |place: &&Ready| place.turn == turn && place.lane == *lane;
            assert_eq!(lanes.ready.iter().filter(is_it).count(), 1, "seed {seed}");
            ready += 1;
            records += queue.waiting.len();
            bytes += queue.bytes;
        }
        assert_eq!(ready, lanes.ready.len(), "seed {seed}");
        let is_ready = |(_, place): &(Instant, Ready)| {
            lanes.ready.iter().any(|other| other.turn == place.turn)
        };
        assert_eq!(lanes.since.front().is_some(), ready > 0, "seed {seed}");
        assert!(lanes.since.front().is_none_or(is_ready), "seed {seed}");
        assert!(
            lanes.since.iter().is_sorted_by_key(|(at, _)| *at),
            "seed {seed}"
        );
        assert_eq!(
            (records, bytes),
            (lanes.ready_records, lanes.ready_bytes),
            "seed {seed}"
        );
    }
}
