//! How many requests to one inlet may be in flight at once. Nobody documents what an inlet can
//! take, and it changes, so it is measured: the limit grows while the inlet keeps up and shrinks
//! when it does not.
//!
//! Responses are judged in *rounds* of as many as may be in flight, so that no single response
//! decides:
//!
//! - 429 and the like shrink the limit by half of their share in the round. One 503 or timeout in a
//!   round is ignored: it may be one record's trouble.
//! - The median latency of a round, against the baseline (the round trip of an inlet that is not
//!   congested), shrinks the limit when it has doubled. Twice the baseline is a busy inlet with a
//!   short queue before it; more requests would only wait there.
//! - Otherwise the limit grows, if it was used: it doubles until the inlet first pushed back (slow
//!   start), then it grows by half, or slowly near the limit that was too much the last time.
//!
//! From time to time the baseline is probed by some rounds at a third of the limit, which empty the
//! queue and hardly cost throughput. Without that, a queue of our own making would become the
//! baseline, and a longer network path would look like congestion forever. Batches of different
//! sizes take different times, so each size class has a baseline of its own.
//!
//! Each part is here because the comparison with other algorithms in `tests/limit-comparison` got
//! worse without it.
//!
//! Pure: moments are passed in.

use std::time::Duration;

use tokio::time::Instant;

use crate::config::Concurrency;

/// Where an adaptive limit begins.
const INITIAL: f64 = 4.0;
/// Fewest responses in a round: fewer could all be exceptions.
const MIN_ROUND: usize = 8;
/// The part of the limit at which the baseline is probed. Less than what [`SHRINK_ABOVE`] allows,
/// or a queue that was there from the beginning could stay forever: probed with it, it would be
/// part of the baseline.
const PROBE_SHARE: f64 = 0.33;
/// A round that probes is this many times longer than others.
const PROBE_ROUNDS: usize = 3;
/// How long a probing round lasts at most: this, or [`PROBE_RTTS`] times the longest baseline.
/// Where some responses take very long, the places they occupy must not prolong the round as well.
const PROBE_MAX: Duration = Duration::from_secs(3);
const PROBE_RTTS: u32 = 5;
/// Fewest responses of one size class from which its baseline is taken.
const MIN_SAMPLES: usize = 3;
/// Latency ratio above which the limit shrinks, and the one below which it may grow.
const SHRINK_ABOVE: f64 = 2.0;
const GROW_BELOW: f64 = 1.5;
/// Strongest decrease by one round.
const MAX_DECREASE: f64 = 0.5;
/// Growth by one round: in slow start, far from the limit that was too much, and near it.
const SLOW_START_FACTOR: f64 = 2.0;
const GROWTH_FACTOR: f64 = 1.5;
const NEAR_STEP: f64 = 0.5;
/// From this part of that limit on it is near, and from this one on it is passed.
const NEAR: f64 = 0.7;
const PAST: f64 = 1.25;
/// Near a limit that was found by throttling: time between two steps.
const NEAR_INTERVAL: Duration = Duration::from_millis(500);
/// How often the baseline is probed.
const PROBE_INTERVAL: Duration = Duration::from_secs(60);
/// After this many congested rounds in a row the baseline is probed at once: shrinking does not
/// help, so the baseline has changed.
const MAX_CONGESTED_ROUNDS: u32 = 3;
/// Differences below this are the machine's, not the inlet's.
const MIN_RTT: Duration = Duration::from_millis(10);
/// After this long without throttling, backpressure is over.
const BACKPRESSURE_TIMEOUT: Duration = Duration::from_secs(60);
/// Size classes: 1, 2–3, 4–7, … records.
const SIZE_CLASSES: usize = 16;

/// What an attempt shows of the inlet's load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// It did its work, so the time it took counts.
    Success,
    /// It says that it gets too many requests. That is never one record's fault.
    Throttled,
    /// Overload explains it, and so does trouble with one record: 503, no response in time.
    Overloaded,
}

/// One attempt, seen from outside.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// What the attempt shows of the inlet's load.
    pub signal: Signal,
    /// When the request was sent.
    pub started: Instant,
    /// From the request to its whole response.
    pub took: Duration,
    /// Records in the request.
    pub records: usize,
    /// Requests in flight when this one began, itself included.
    pub in_flight: usize,
}

/// Backpressure that is worth a line in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackpressureChange {
    /// The inlet throttles or is overloaded; it gets less from now on.
    Began,
    /// It has not for a while.
    Ended,
}

/// The limit of one inlet.
#[derive(Debug, Clone)]
pub struct ConcurrencyLimit {
    min: f64,
    max: f64,
    /// A fraction, so that slow growth adds up.
    current: f64,
    /// What was too much the last time.
    ceiling: Option<f64>,
    /// Whether nothing was too much yet.
    is_slow_start: bool,
    /// Responses to requests sent before this moment do not concern the present limit.
    changed_at: Instant,
    round: Round,
    /// Whether this round is at [`PROBE_SHARE`] of the limit, to probe the baseline.
    is_probing: bool,
    probed_at: Instant,
    /// Congested rounds in a row.
    congested_rounds: u32,
    /// The round trip of each size class while the inlet is not congested.
    baseline_rtt: [Option<Duration>; SIZE_CLASSES],
    /// The last throttled response, while there is backpressure.
    backpressure: Option<Instant>,
}

/// The responses of a round so far.
#[derive(Debug, Clone, Default)]
struct Round {
    throttled: usize,
    overloaded: usize,
    /// Of successes: size class and time.
    round_trips: Vec<(usize, Duration)>,
    /// Most requests that were in flight at once.
    in_flight: usize,
}

impl ConcurrencyLimit {
    /// The limit that the configuration asks for: fixed, or found by measuring.
    pub fn new(concurrency: Concurrency, now: Instant) -> Self {
        let (min, max) = match concurrency {
            Concurrency::Fixed(number) => (number.get(), number.get()),
            Concurrency::UpTo(max) => (1, max.get()),
        };
        let (min, max) = (as_f64(min), as_f64(max));
        Self {
            min,
            max,
            current: INITIAL.clamp(min, max),
            ceiling: None,
            is_slow_start: true,
            changed_at: now,
            round: Round::default(),
            is_probing: false,
            probed_at: now,
            congested_rounds: 0,
            baseline_rtt: [None; SIZE_CLASSES],
            backpressure: None,
        }
    }

    /// Requests that may be in flight.
    pub fn get(&self) -> usize {
        let limit = if self.is_probing {
            self.current * PROBE_SHARE
        } else {
            self.current
        };
        // In range: clamped at every change.
        limit.max(self.min) as usize
    }

    /// Takes an attempt into account.
    pub fn on_response(&mut self, sample: &Sample, now: Instant) -> Option<BackpressureChange> {
        let limit = self.get();
        if sample.started >= self.changed_at {
            let round = &mut self.round;
            round.in_flight = round.in_flight.max(sample.in_flight);
            match sample.signal {
                Signal::Success => round
                    .round_trips
                    .push((size_class(sample.records), sample.took)),
                Signal::Throttled => {
                    round.throttled += 1;
                    // A round may take long when every attempt waits for the rate.
                    self.backpressure = self.backpressure.and(Some(now));
                }
                Signal::Overloaded => round.overloaded += 1,
            }
        }
        let wanted = limit.max(MIN_ROUND) * if self.is_probing { PROBE_ROUNDS } else { 1 };
        if self.round.responses() >= wanted
            || (self.is_probing && now - self.changed_at >= self.probe_timeout())
        {
            let round = std::mem::take(&mut self.round);
            return self.end_round(&round, now);
        }
        self.backpressure_ended(now)
    }

    /// The inlet went down: it gets little when it comes back, and soon more.
    pub fn restart(&mut self, now: Instant) {
        self.ceiling = Some(self.current);
        self.is_slow_start = false;
        self.set(INITIAL.min(self.current), now);
    }

    fn probe_timeout(&self) -> Duration {
        let longest = self.baseline_rtt.iter().flatten().max();
        longest.map_or(PROBE_MAX, |longest| PROBE_MAX.max(*longest * PROBE_RTTS))
    }

    fn end_round(&mut self, round: &Round, now: Instant) -> Option<BackpressureChange> {
        let limit = self.get();
        let throttled = round.throttled
            + if round.overloaded > 1 {
                round.overloaded
            } else {
                0
            };
        let was_probing = std::mem::take(&mut self.is_probing);
        let before = self.current;
        if throttled > 0 {
            let share = as_f64(throttled) / as_f64(round.responses());
            self.shrink(1.0 - share * MAX_DECREASE, now);
            let begins = self.backpressure.is_none() && self.current < before;
            if begins || self.backpressure.is_some() {
                self.backpressure = Some(now);
            }
            return begins.then_some(BackpressureChange::Began);
        }
        if was_probing {
            self.update_baseline(round, true);
            self.probed_at = now;
            self.changed_at = now;
            return self.backpressure_ended(now);
        }
        // Alone, a request never waits for others of ours.
        let alone = limit <= 1;
        let latency_ratio = if alone {
            None
        } else {
            self.latency_ratio(round)
        };
        self.update_baseline(round, alone);
        match latency_ratio {
            Some(latency_ratio) if latency_ratio > SHRINK_ABOVE => {
                self.shrink((SHRINK_ABOVE / latency_ratio).max(MAX_DECREASE), now);
                self.congested_rounds += 1;
            }
            Some(latency_ratio) if latency_ratio > GROW_BELOW => {}
            _ if round.in_flight >= limit => self.grow(now),
            _ => {}
        }
        if latency_ratio.is_none_or(|latency_ratio| latency_ratio <= SHRINK_ABOVE) {
            self.congested_rounds = 0;
        }
        if now - self.probed_at >= PROBE_INTERVAL || self.congested_rounds >= MAX_CONGESTED_ROUNDS {
            self.congested_rounds = 0;
            self.is_probing = true;
            self.changed_at = now;
        }
        self.backpressure_ended(now)
    }

    fn shrink(&mut self, factor: f64, now: Instant) {
        self.ceiling = Some(self.current);
        self.is_slow_start = false;
        self.set(self.current * factor, now);
    }

    fn grow(&mut self, now: Instant) {
        let grown = match self.ceiling {
            Some(ceiling) if self.current > ceiling * PAST => {
                self.ceiling = None;
                fast(self.current)
            }
            // Found by throttling, it is tried again less often: each trial costs some.
            Some(ceiling) if self.current >= ceiling * NEAR && self.backpressure.is_some() => {
                if now - self.changed_at < NEAR_INTERVAL {
                    return;
                }
                self.changed_at = now;
                self.current + NEAR_STEP
            }
            Some(ceiling) if self.current >= ceiling * NEAR => self.current + NEAR_STEP,
            Some(ceiling) => fast(self.current).min(ceiling * NEAR),
            None if self.is_slow_start => self.current * SLOW_START_FACTOR,
            None => fast(self.current),
        };
        self.current = grown.clamp(self.min, self.max);
    }

    fn set(&mut self, limit: f64, now: Instant) {
        self.current = limit.clamp(self.min, self.max);
        self.changed_at = now;
        self.round = Round::default();
        self.is_probing = false;
    }

    fn backpressure_ended(&mut self, now: Instant) -> Option<BackpressureChange> {
        let since = self.backpressure?;
        (now - since >= BACKPRESSURE_TIMEOUT).then(|| {
            self.backpressure = None;
            BackpressureChange::Ended
        })
    }

    /// The median latency of a round, as a multiple of the baseline.
    fn latency_ratio(&self, round: &Round) -> Option<f64> {
        let round_trips = round.round_trips.iter();
        let ratios = round_trips.filter_map(|(size_class, took)| {
            let baseline_rtt = self.baseline_rtt[*size_class]?.max(MIN_RTT);
            Some(took.as_secs_f64() / baseline_rtt.as_secs_f64())
        });
        median(ratios.collect())
    }

    /// Takes the times of a round as the baseline: all of them, or those of size classes that have
    /// none yet.
    fn update_baseline(&mut self, round: &Round, all: bool) {
        for (size_class, baseline_rtt) in self.baseline_rtt.iter_mut().enumerate() {
            if baseline_rtt.is_some() && !all {
                continue;
            }
            let round_trips = round
                .round_trips
                .iter()
                .filter(|(other, _)| *other == size_class);
            let round_trips: Vec<f64> = round_trips.map(|(_, took)| took.as_secs_f64()).collect();
            if round_trips.len() >= MIN_SAMPLES
                && let Some(median) = median(round_trips)
            {
                *baseline_rtt = Some(Duration::from_secs_f64(match baseline_rtt {
                    // Close to what was known, the difference is mostly chance.
                    Some(baseline_rtt)
                        if (median / baseline_rtt.as_secs_f64()).log2().abs() < 1.0 =>
                    {
                        (median * baseline_rtt.as_secs_f64()).sqrt()
                    }
                    _ => median,
                }));
            }
        }
    }
}

impl Round {
    fn responses(&self) -> usize {
        self.round_trips.len() + self.throttled + self.overloaded
    }
}

fn fast(limit: f64) -> f64 {
    (limit * GROWTH_FACTOR).max(limit + 1.0)
}

/// The size class of a request with this many records.
fn size_class(records: usize) -> usize {
    records
        .checked_ilog2()
        .map_or(0, |log| (log as usize).min(SIZE_CLASSES - 1))
}

fn median(mut numbers: Vec<f64>) -> Option<f64> {
    let middle = numbers.len() / 2;
    numbers.sort_by(f64::total_cmp);
    numbers.get(middle).copied()
}

/// Counts here are small; above four billion nothing depends on them.
fn as_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests;
