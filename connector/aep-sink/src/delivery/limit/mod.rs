//! How many requests to one inlet may be under way at once. Nobody documents what an inlet can
//! take, and it changes, so it is found by trying: the limit grows while the inlet is well and
//! shrinks when it is asked too much.
//!
//! Answers are judged in *rounds*, as many of them as requests may be under way, so that no single
//! answer decides:
//!
//! - 429 and the like shrink the limit by half of their share in the round. One 503 or timeout in a
//!   round is left out of account: it may be one record's trouble.
//! - The median time of a round, against the time the inlet takes when it is not crowded, shrinks
//!   the limit when it has doubled. Twice the time is a full inlet with a short queue before it;
//!   more requests would only wait there.
//! - Otherwise the limit grows, if it was used: it doubles until something was too much, then it
//!   grows by half, or slowly near the limit that was too much the last time.
//!
//! What "not crowded" takes is asked anew from time to time by some rounds at a third of the limit,
//! which empty the queue and hardly cost throughput. Without that, a queue of our own making would
//! become what is usual, and a slower road to the inlet would look like a crowd for ever. Batches
//! of different sizes take different times, so each size is compared with its own kind.
//!
//! Each part is here because the comparison with other algorithms in `limit/comparison.rs` got
//! worse without it.
//!
//! Pure: moments are passed in.

use std::time::Duration;

use tokio::time::Instant;

use crate::config::Concurrency;

/// Where an adaptive limit begins.
const FIRST: f64 = 4.0;
/// Fewest answers in a round: fewer could all be exceptions.
const ROUND: usize = 8;
/// The part of the limit at which is measured. Less than what [`CROWDED`] allows, or a queue that
/// was there from the beginning could stay for ever: measured with it, it would look usual.
const LOOK_SHARE: f64 = 0.33;
/// How many times longer a round that measures is.
const LOOK_ROUND: usize = 3;
/// How long it lasts at most, or so many of the longest usual times. Where some answers take very
/// long, the places they hold must not make it long as well.
const LOOK_MOST: Duration = Duration::from_secs(3);
const LOOK_TIMES: u32 = 5;
/// Fewest answers of one size that tell how long that size takes.
const SAMPLES: usize = 3;
/// So many times the uncrowded time is too long; below the other the limit may grow.
const CROWDED: f64 = 2.0;
const ROOMY: f64 = 1.5;
/// Strongest shrinking by one round.
const HALF: f64 = 0.5;
/// Growth by one round: while nothing was too much yet, far from the limit that was, and near it.
const FASTEST: f64 = 2.0;
const FAST: f64 = 1.5;
const SLOW: f64 = 0.5;
/// From this part of that limit on it is near, and from this one on it is passed.
const NEAR: f64 = 0.7;
const PAST: f64 = 1.25;
/// Near a limit that was found by refusals, how long between two steps.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often the uncrowded time is measured anew.
const LOOK: Duration = Duration::from_secs(60);
/// After so many crowded rounds in a row it is measured at once: shrinking does not help, so the
/// time has changed.
const IN_VAIN: u32 = 3;
/// Differences below this are the machine's, not the inlet's.
const LEAST_TIME: Duration = Duration::from_millis(10);
/// Without a refusal for so long, an inlet counts as not pressed any more.
const CALM: Duration = Duration::from_secs(60);
/// Sizes: 1, 2–3, 4–7, … records.
const SIZES: usize = 16;

/// What an attempt tells of how much the inlet can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// It did its work, so the time it took counts.
    Served,
    /// It says that it is asked too much. That is never one record's fault.
    Refused,
    /// Overload explains it, and so does trouble with one record: 503, no answer in time.
    Strained,
}

/// One attempt, seen from outside.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    pub(super) sign: Sign,
    pub(super) started: Instant,
    pub(super) took: Duration,
    pub(super) records: usize,
    /// Requests under way when this one began, itself included.
    pub(super) together: usize,
}

/// A change worth a line in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// The inlet refuses or strains; it gets less from now on.
    Pressed,
    /// It has not for a while.
    Relieved,
}

/// The limit of one inlet.
#[derive(Debug, Clone)]
pub(super) struct Limit {
    least: f64,
    most: f64,
    /// A fraction, so that slow growth adds up.
    now: f64,
    /// What was too much the last time.
    ceiling: Option<f64>,
    /// Whether nothing was too much yet.
    is_unproven: bool,
    /// Answers to requests from before say nothing of the present limit.
    settled: Instant,
    round: Round,
    /// Whether this round is at half the limit, to measure.
    looking: bool,
    looked: Instant,
    /// Rounds in a row that were crowded.
    crowded: u32,
    /// The uncrowded time of each size.
    usual: [Option<Duration>; SIZES],
    /// The last refusal, while the inlet counts as pressed.
    pressed: Option<Instant>,
}

#[derive(Debug, Clone, Default)]
struct Round {
    refused: usize,
    strained: usize,
    times: Vec<(usize, Duration)>,
    together: usize,
}

impl Limit {
    pub(super) fn new(concurrency: Concurrency, now: Instant) -> Self {
        let (least, most) = match concurrency {
            Concurrency::Fixed(number) => (number.get(), number.get()),
            Concurrency::UpTo(most) => (1, most.get()),
        };
        let (least, most) = (as_fraction(least), as_fraction(most));
        Self {
            least,
            most,
            now: FIRST.clamp(least, most),
            ceiling: None,
            is_unproven: true,
            settled: now,
            round: Round::default(),
            looking: false,
            looked: now,
            crowded: 0,
            usual: [None; SIZES],
            pressed: None,
        }
    }

    /// Requests that may be under way.
    pub(super) fn get(&self) -> usize {
        let limit = if self.looking {
            self.now * LOOK_SHARE
        } else {
            self.now
        };
        // In range: clamped at every change.
        limit.max(self.least) as usize
    }

    /// Takes an attempt into account.
    pub(super) fn landed(&mut self, reading: &Reading, now: Instant) -> Option<Change> {
        let limit = self.get();
        if reading.started >= self.settled {
            let round = &mut self.round;
            round.together = round.together.max(reading.together);
            match reading.sign {
                Sign::Served => round.times.push((size(reading.records), reading.took)),
                Sign::Refused => {
                    round.refused += 1;
                    // A round may take long when every attempt waits for its turn.
                    self.pressed = self.pressed.and(Some(now));
                }
                Sign::Strained => round.strained += 1,
            }
        }
        let wanted = limit.max(ROUND) * if self.looking { LOOK_ROUND } else { 1 };
        if self.round.answers() >= wanted || (self.looking && now - self.settled >= self.patience())
        {
            let round = std::mem::take(&mut self.round);
            return self.judge(&round, now);
        }
        self.calm(now)
    }

    /// The inlet went down: it gets little when it comes back, and soon more.
    pub(super) fn restart(&mut self, now: Instant) {
        self.ceiling = Some(self.now);
        self.is_unproven = false;
        self.set(FIRST.min(self.now), now);
    }

    fn patience(&self) -> Duration {
        let longest = self.usual.iter().flatten().max();
        longest.map_or(LOOK_MOST, |longest| LOOK_MOST.max(*longest * LOOK_TIMES))
    }

    fn judge(&mut self, round: &Round, now: Instant) -> Option<Change> {
        let limit = self.get();
        let refused = round.refused
            + if round.strained > 1 {
                round.strained
            } else {
                0
            };
        let looked = std::mem::take(&mut self.looking);
        let before = self.now;
        if refused > 0 {
            let share = as_fraction(refused) / as_fraction(round.answers());
            self.too_much(1.0 - share * HALF, now);
            let begins = self.pressed.is_none() && self.now < before;
            if begins || self.pressed.is_some() {
                self.pressed = Some(now);
            }
            return begins.then_some(Change::Pressed);
        }
        if looked {
            self.measure(round, true);
            self.looked = now;
            self.settled = now;
            return self.calm(now);
        }
        // Alone, a request is never crowded by others of ours.
        let alone = limit <= 1;
        let crowding = if alone { None } else { self.crowding(round) };
        self.measure(round, alone);
        match crowding {
            Some(crowding) if crowding > CROWDED => {
                self.too_much((CROWDED / crowding).max(HALF), now);
                self.crowded += 1;
            }
            Some(crowding) if crowding > ROOMY => {}
            _ if round.together >= limit => self.grow(now),
            _ => {}
        }
        if crowding.is_none_or(|crowding| crowding <= CROWDED) {
            self.crowded = 0;
        }
        if now - self.looked >= LOOK || self.crowded >= IN_VAIN {
            self.crowded = 0;
            self.looking = true;
            self.settled = now;
        }
        self.calm(now)
    }

    fn too_much(&mut self, factor: f64, now: Instant) {
        self.ceiling = Some(self.now);
        self.is_unproven = false;
        self.set(self.now * factor, now);
    }

    fn grow(&mut self, now: Instant) {
        let grown = match self.ceiling {
            Some(ceiling) if self.now > ceiling * PAST => {
                self.ceiling = None;
                fast(self.now)
            }
            // Found by refusals, it is tried again less often: each trial costs some.
            Some(ceiling) if self.now >= ceiling * NEAR && self.pressed.is_some() => {
                if now - self.settled < PATIENCE {
                    return;
                }
                self.settled = now;
                self.now + SLOW
            }
            Some(ceiling) if self.now >= ceiling * NEAR => self.now + SLOW,
            Some(ceiling) => fast(self.now).min(ceiling * NEAR),
            None if self.is_unproven => self.now * FASTEST,
            None => fast(self.now),
        };
        self.now = grown.clamp(self.least, self.most);
    }

    fn set(&mut self, limit: f64, now: Instant) {
        self.now = limit.clamp(self.least, self.most);
        self.settled = now;
        self.round = Round::default();
        self.looking = false;
    }

    fn calm(&mut self, now: Instant) -> Option<Change> {
        let since = self.pressed?;
        (now - since >= CALM).then(|| {
            self.pressed = None;
            Change::Relieved
        })
    }

    /// How many times the usual time a round took.
    fn crowding(&self, round: &Round) -> Option<f64> {
        let times = round.times.iter();
        let ratios = times.filter_map(|(size, took)| {
            let usual = self.usual[*size]?.max(LEAST_TIME);
            Some(took.as_secs_f64() / usual.as_secs_f64())
        });
        median(ratios.collect())
    }

    /// Takes the times of a round as usual: all of them, or those of sizes that were not seen
    /// before.
    fn measure(&mut self, round: &Round, anew: bool) {
        for (size, usual) in self.usual.iter_mut().enumerate() {
            if usual.is_some() && !anew {
                continue;
            }
            let times = round.times.iter().filter(|(other, _)| *other == size);
            let times: Vec<f64> = times.map(|(_, took)| took.as_secs_f64()).collect();
            if times.len() >= SAMPLES
                && let Some(median) = median(times)
            {
                *usual = Some(Duration::from_secs_f64(match usual {
                    // Close to what was known, the difference is mostly chance.
                    Some(usual) if (median / usual.as_secs_f64()).log2().abs() < 1.0 => {
                        (median * usual.as_secs_f64()).sqrt()
                    }
                    _ => median,
                }));
            }
        }
    }
}

impl Round {
    fn answers(&self) -> usize {
        self.times.len() + self.refused + self.strained
    }
}

fn fast(limit: f64) -> f64 {
    (limit * FAST).max(limit + 1.0)
}

/// Which size a request with so many records has.
fn size(records: usize) -> usize {
    records
        .checked_ilog2()
        .map_or(0, |log| (log as usize).min(SIZES - 1))
}

fn median(mut numbers: Vec<f64>) -> Option<f64> {
    let middle = numbers.len() / 2;
    numbers.sort_by(f64::total_cmp);
    numbers.get(middle).copied()
}

/// Counts here are small; above four billion nothing depends on them.
fn as_fraction(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod comparison;
#[cfg(test)]
mod rivals;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
