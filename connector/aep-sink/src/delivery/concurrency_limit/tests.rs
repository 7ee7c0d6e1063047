use std::num::NonZeroUsize;

use super::*;

const TIME: Duration = Duration::from_millis(100);

/// A limit and a clock; answers land in rounds.
struct Rounds {
    limit: ConcurrencyLimit,
    now: Instant,
    changes: Vec<BackpressureChange>,
}

impl Rounds {
    fn new(concurrency: Concurrency) -> Self {
        let now = Instant::now();
        Self {
            limit: ConcurrencyLimit::new(concurrency, now),
            now,
            changes: Vec::new(),
        }
    }

    fn up_to(most: usize) -> Self {
        Self::new(Concurrency::UpTo(NonZeroUsize::new(most).unwrap()))
    }

    fn response(&mut self, signal: Signal, took: Duration, records: usize, in_flight: usize) {
        let sample = Sample {
            signal,
            started: self.now - took,
            took,
            records,
            in_flight,
        };
        let changes = self.limit.on_response(&sample, self.now);
        self.changes.extend(changes);
    }

    /// A full house of requests, answered after `took` with these signs in turn.
    fn round(&mut self, signals: &[Signal], took: Duration) {
        let in_flight = self.limit.get();
        self.now += took;
        for index in 0..in_flight.max(MIN_ROUND) {
            self.response(signals[index % signals.len()], took, 500, in_flight);
        }
    }

    fn rounds(&mut self, count: usize, took: Duration) -> usize {
        for _ in 0..count {
            self.round(&[Signal::Success], took);
        }
        self.limit.get()
    }
}

#[test]
fn limit_grows_to_its_bound_and_no_further() {
    let mut rounds = Rounds::up_to(64);
    assert_eq!(rounds.limit.get(), 4);
    assert_eq!(rounds.rounds(30, TIME), 64);
}

#[test]
fn limit_does_not_grow_while_it_is_not_used() {
    let mut rounds = Rounds::up_to(64);
    for _ in 0..1000 {
        rounds.now += TIME;
        rounds.response(Signal::Success, TIME, 500, 2);
    }
    assert_eq!(rounds.limit.get(), 4);
}

#[test]
fn limit_shrinks_by_half_of_the_throttled_share() {
    let mut rounds = Rounds::up_to(64);
    rounds.rounds(30, TIME);
    rounds.round(&[Signal::Throttled], TIME);
    assert_eq!(rounds.limit.get(), 32);
    rounds.round(
        &[
            Signal::Throttled,
            Signal::Success,
            Signal::Success,
            Signal::Success,
        ],
        TIME,
    );
    assert_eq!(rounds.limit.get(), 28);
}

#[test]
fn limit_shrinks_once_by_one_burst_of_throttling() {
    let mut rounds = Rounds::up_to(64);
    rounds.rounds(30, TIME);
    rounds.now += TIME;
    // Sent together: those that land after the first half were sent before anything was known.
    for _ in 0..128 {
        rounds.response(Signal::Throttled, TIME, 500, 64);
    }
    assert_eq!(rounds.limit.get(), 32);
}

#[test]
fn limit_never_falls_below_one() {
    let mut rounds = Rounds::up_to(64);
    for _ in 0..50 {
        rounds.round(&[Signal::Throttled], TIME);
    }
    assert_eq!(rounds.limit.get(), 1);
    assert!(rounds.rounds(10, TIME) > 1, "and it comes back");
}

#[test]
fn limit_ignores_a_single_503_or_timeout_in_a_round() {
    let mut rounds = Rounds::up_to(8);
    rounds.rounds(10, TIME);
    let one = [[Signal::Overloaded].as_slice(), &[Signal::Success; 7]].concat();
    for _ in 0..10 {
        rounds.round(&one, TIME);
    }
    assert_eq!(rounds.limit.get(), 8);
    rounds.round(&[Signal::Overloaded, Signal::Success], TIME);
    assert_eq!(rounds.limit.get(), 6);
}

#[test]
fn limit_shrinks_above_twice_the_baseline_latency() {
    let mut rounds = Rounds::up_to(64);
    rounds.rounds(10, TIME);
    let before = rounds.limit.get();
    rounds.round(&[Signal::Success], TIME * 19 / 10);
    assert_eq!(rounds.limit.get(), before, "not yet");
    rounds.round(&[Signal::Success], TIME * 4);
    assert_eq!(rounds.limit.get(), before / 2);
}

#[test]
fn limit_ignores_a_few_slow_responses_in_a_round() {
    let mut rounds = Rounds::up_to(64);
    let before = rounds.rounds(10, TIME);
    rounds.now += TIME * 300;
    for index in 0..before {
        rounds.response(
            Signal::Success,
            if index % 3 == 0 { TIME * 300 } else { TIME },
            500,
            before,
        );
    }
    assert!(rounds.limit.get() >= before);
}

#[test]
fn limit_compares_batches_with_their_own_size_class() {
    let mut rounds = Rounds::up_to(64);
    for _ in 0..20 {
        let in_flight = rounds.limit.get();
        for (records, times) in [(1, 1), (500, 10)] {
            rounds.now += TIME * times;
            for _ in 0..in_flight.max(MIN_ROUND) {
                rounds.response(Signal::Success, TIME * times, records, in_flight);
            }
        }
    }
    assert_eq!(rounds.limit.get(), 64);
}

#[test]
fn limit_recovers_when_the_network_path_gets_longer() {
    let mut rounds = Rounds::up_to(64);
    rounds.rounds(30, TIME);
    let slow = TIME * 10;
    assert!(rounds.rounds(2, slow) < 64, "it looks like a crowd");
    assert_eq!(rounds.rounds(100, slow), 64);
}

#[test]
fn limit_finds_a_queue_that_was_there_from_the_beginning() {
    // One worker: each answer takes as long as the requests before it.
    let mut rounds = Rounds::up_to(64);
    let mut longest = 0;
    for round in 0..6000 {
        let in_flight = u32::try_from(rounds.limit.get()).unwrap();
        rounds.round(&[Signal::Success], TIME * in_flight);
        if round > 3000 {
            longest = longest.max(in_flight);
        }
    }
    assert!(longest <= 3, "{longest} requests before one worker");
}

#[test]
fn limit_begins_small_after_an_outage_and_is_soon_back() {
    let mut rounds = Rounds::up_to(64);
    rounds.rounds(30, TIME);
    rounds.limit.restart(rounds.now);
    assert_eq!(rounds.limit.get(), 4);
    assert!(rounds.rounds(10, TIME) > 40);
}

#[test]
fn limit_that_is_fixed_stays() {
    let mut rounds = Rounds::new(Concurrency::Fixed(NonZeroUsize::new(16).unwrap()));
    for signals in [[Signal::Success], [Signal::Throttled], [Signal::Overloaded]] {
        for _ in 0..500 {
            rounds.round(&signals, TIME);
            assert_eq!(rounds.limit.get(), 16);
        }
    }
    rounds.limit.restart(rounds.now);
    assert_eq!(rounds.limit.get(), 16);
    assert!(rounds.changes.is_empty());
}

#[test]
fn backpressure_is_reported_once_and_so_is_its_end() {
    let mut rounds = Rounds::up_to(64);
    rounds.rounds(30, TIME);
    for _ in 0..5 {
        rounds.round(&[Signal::Throttled], TIME);
        rounds.rounds(5, TIME);
    }
    assert_eq!(rounds.changes, [BackpressureChange::Began]);
    rounds.rounds(700, TIME);
    assert_eq!(
        rounds.changes,
        [BackpressureChange::Began, BackpressureChange::Ended]
    );
}
