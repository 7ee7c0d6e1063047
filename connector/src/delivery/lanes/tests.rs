//! What lanes promise.

use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::answer::Mapped;
use crate::delivery::parcel::Record;
use crate::position::Position;

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
    let record = Arc::new(Record::new(Position { partition: 0, offset }, None, mapped));
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
