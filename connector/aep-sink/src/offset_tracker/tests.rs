use super::*;

fn tracker() -> OffsetTracker {
    OffsetTracker::new(BufferLimits {
        repeated: 10,
        ..BufferLimits::new(100, 4)
    })
}

fn at(offset: i64) -> Position {
    Position {
        partition: 0,
        offset,
    }
}

#[test]
fn beginning_is_committed_while_nothing_is_settled() {
    let tracker = tracker();
    tracker.begin(0, None);
    assert_eq!(
        tracker.settled_through(0),
        None,
        "where reading begins is not known"
    );
    tracker.begin(0, Some(-1));
    assert_eq!(tracker.settled_through(0), Some(-1));
    tracker.open(at(0), 1, None).unwrap();
    assert_eq!(tracker.settled_through(0), Some(-1));
}

#[test]
fn anchor_is_the_newest_record_with_everything_before_it_settled() {
    let tracker = tracker();
    tracker.begin(0, Some(-1));
    for (offset, timestamp) in [(0, Some(70)), (1, None), (2, Some(72)), (3, Some(73))] {
        tracker.open(at(offset), 1, timestamp).unwrap();
    }
    assert_eq!(tracker.commit_point(0), Some((-1, None)));
    tracker.settle(at(2), Outcome::Delivered).unwrap();
    tracker.settle(at(0), Outcome::Delivered).unwrap();
    assert_eq!(tracker.commit_point(0), Some((0, Some((0, 70)))));
    tracker.settle(at(1), Outcome::Delivered).unwrap();
    assert_eq!(tracker.commit_point(0), Some((2, Some((2, 72)))));
}

#[test]
fn partition_that_is_forgotten_gives_back_its_room() {
    let tracker = tracker();
    tracker.begin(0, None);
    tracker.open(at(0), 100, None).unwrap();
    assert!(!tracker.has_room(1));
    tracker.forget(0);
    assert!(tracker.has_room(1));
    assert_eq!((tracker.pending(), tracker.settled_through(0)), (0, None));
    tracker.begin(0, Some(4));
    tracker.open(at(5), 1, None).unwrap();
}

#[test]
fn commit_is_the_last_settled_offset_not_the_next_one() {
    let tracker = tracker();
    tracker.begin(0, None);
    for offset in 0..3 {
        tracker.open(at(offset), 1, None).unwrap();
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
        tracker.open(at(offset), 1, None).unwrap();
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
    tracker.open(at(0), 1, None).unwrap();
    tracker.settle(at(0), Outcome::Delivered).unwrap();
    assert_eq!(
        tracker.settle(at(0), Outcome::Delivered),
        Err(OffsetTrackerError::NotOpen(at(0)))
    );
}

#[test]
fn offset_read_twice_is_an_error() {
    let tracker = tracker();
    tracker.open(at(5), 1, None).unwrap();
    assert!(matches!(
        tracker.open(at(5), 1, None),
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
async fn room_waits_for_open_offsets_and_not_for_settled_ones_behind() {
    let tracker = tracker();
    for offset in 0..4 {
        tracker.open(at(offset), 1, None).unwrap();
    }
    assert_eq!(tracker.full(0), Some(Full::Offsets));
    for offset in 1..4 {
        tracker.settle(at(offset), Outcome::Delivered).unwrap();
    }
    tracker.room(0).await;
    for offset in 4..10 {
        tracker.open(at(offset), 1, None).unwrap();
        tracker.settle(at(offset), Outcome::Delivered).unwrap();
    }
    assert_eq!(
        tracker.full(0),
        Some(Full::Repeats(0)),
        "a restart would read 0 to 9 again"
    );
    tracker.settle(at(0), Outcome::Delivered).unwrap();
    tracker.room(0).await;
}

#[test]
fn slow_answers_make_room_for_what_is_in_flight_at_the_same_rate() {
    let tracker = OffsetTracker::new(BufferLimits {
        slow_bytes: 400,
        ..BufferLimits::new(100, 1_000)
    });
    tracker.open(at(0), 80, None).unwrap();
    let bytes = [100, 250, 500, 1_000, 60_000].map(|millis| {
        tracker.set_answer_time(Duration::from_millis(millis));
        (tracker.max_bytes(), tracker.has_room(0))
    });
    assert_eq!(
        bytes,
        [
            (100, false),
            (100, false),
            (200, true),
            (400, true),
            (400, true)
        ]
    );
    tracker.set_answer_time(Duration::ZERO);
    assert!(!tracker.has_room(0));
}

#[test]
fn bytes_of_one_partition_hold_back_every_partition() {
    let tracker = tracker();
    tracker.open(at(0), 100, None).unwrap();
    assert!(!tracker.has_room(7));
}

#[tokio::test]
async fn offsets_set_aside_take_no_room_of_the_others_up_to_a_bound() {
    let tracker = OffsetTracker::new(BufferLimits::new(100, 1_000));
    for offset in 0..4 {
        tracker.open(at(offset), 25, None).unwrap();
    }
    assert!(!tracker.has_room(0));
    let waiting = tracker.room(0);
    for offset in 0..4 {
        tracker.set_aside(at(offset));
        tracker.set_aside(at(offset));
    }
    waiting.await;
    tracker.open(at(4), 70, None).unwrap();
    assert!(tracker.has_room(0), "the room aside is a hundred bytes");
    tracker.set_aside(at(4));
    tracker.open(at(5), 10, None).unwrap();
    assert!(!tracker.has_room(0), "what is over it counts");
    assert_eq!(tracker.progress_of_all().1, 180);
    for offset in 0..6 {
        tracker.settle(at(offset), Outcome::Delivered).unwrap();
    }
    assert_eq!(tracker.progress_of_all().1, 0);
}

#[test]
fn partition_that_is_forgotten_frees_its_bytes_and_begins_anew() {
    let tracker = tracker();
    tracker.begin(0, Some(4));
    for offset in 5..8 {
        tracker.open(at(offset), 40, None).unwrap();
    }
    tracker.settle(at(5), Outcome::Delivered).unwrap();
    assert_eq!(tracker.settled_through(0), Some(5));
    tracker.forget(0);
    assert_eq!(tracker.progress_of_all(), (Vec::new(), 0));
    tracker.begin(0, Some(5));
    tracker.open(at(6), 40, None).unwrap();
    assert_eq!(tracker.progress_of_all().1, 40);
}

#[test]
fn progress_shows_what_is_read_settled_and_pending() {
    let tracker = tracker();
    tracker.begin(0, Some(9));
    for offset in 10..13 {
        tracker.open(at(offset), 1, None).unwrap();
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
