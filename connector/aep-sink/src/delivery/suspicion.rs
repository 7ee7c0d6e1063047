//! A record fails again and again: is it the record or the inlet?
//!
//! An innocent record fails as often as the requests of others do, at the times at which it is
//! tried. So the chance that it fails each time is the inlet's failure rate, to the power of how
//! often others were accepted between its failures. In an outage nobody is, and nothing is proven
//! however long it lasts; in a brownout the rate is nearly one, and little is. What was proven
//! stays proven: when the stream has nothing more to compare with, the record is still given up in
//! time.

use std::time::Duration;

use tokio::time::Instant;

/// A record is given up after no fewer failures alone.
const GUILTY_FAILURES: u32 = 20;
/// Nor sooner than this after the first of them: a part of the platform may be away for minutes.
const PATIENCE: Duration = Duration::from_secs(600);
/// Of this many innocent records one is given up wrongly.
const GUILTY: f64 = 1e6;
/// A suspect stands in nobody's way any more, which costs less than a wrong dead letter.
const SUSPECTED: f64 = 1e4;
/// Cutting a batch costs some requests.
const CUT: f64 = 1e2;
/// A batch that hangs while others pass lets all its customers wait, so little is asked for.
const HUNG: f64 = 50.0;
/// Fewer failures in a shorter time are a moment's trouble.
const FAILURES: u32 = 5;
const LASTING: Duration = Duration::from_secs(30);
/// Others that passed at one moment prove no more than this rate, however many they are: it may be
/// the last moment before an outage.
const LEAST_RATE: f64 = 0.005;
/// The failures of others that are assumed besides those that were seen.
const DOUBT: f64 = 0.1;
/// Acceptances before this say nothing of now.
const RECENT: Duration = Duration::from_secs(5);

/// What became of the requests of one inlet since the start, those of suspects left out: they are
/// what is judged by it. Sums, so that two of them give what happened in between.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    accepted: f64,
    failed: f64,
    /// How long the inlet was unavailable: few requests are made then, and all would fail.
    unavailable: Duration,
    accepted_at: Option<Instant>,
}

impl Tally {
    /// Counts one request by what became of its records. A request counts once, whatever its size:
    /// a suspect is alone in its own.
    pub(super) fn add(&mut self, accepted: usize, failed: usize, now: Instant) {
        let all = accepted + failed;
        if all == 0 {
            return;
        }
        let share = accepted as f64 / all as f64;
        self.accepted += share;
        self.failed += 1.0 - share;
        if accepted > 0 {
            self.accepted_at = Some(now);
        }
    }

    /// Counts a time in which the inlet was unavailable.
    pub(super) fn add_unavailable(&mut self, time: Duration) {
        self.unavailable += time;
    }

    /// The share of failures since an earlier tally, in this time, `own` of them left out. A few
    /// acceptances are no rate of zero.
    fn failure_rate(&self, before: &Self, time: Duration, own: f64) -> f64 {
        let accepted = self.accepted - before.accepted;
        let failed = (self.failed - before.failed - own).max(0.0);
        let unavailable = (self.unavailable - before.unavailable).as_secs_f64();
        let available = 1.0 - (unavailable / time.as_secs_f64().max(1.0)).min(1.0);
        1.0 - available * accepted / (accepted + failed + DOUBT)
    }
}

/// Since when a record, or a whole request, is watched.
#[derive(Debug, Clone, Copy)]
struct Watch {
    since: Instant,
    before: Tally,
    /// The tally when others were last seen accepted between two of its failures.
    seen: Tally,
}

/// What is held against a record, or against the records of a request.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Suspicion {
    watch: Option<Watch>,
    /// Failures between which others were accepted.
    contradicted: u32,
    /// The same, of those it had alone.
    alone: u32,
    failures: u32,
    /// Failures of it that the tally counts.
    own: f64,
    first: Option<Instant>,
    /// The logarithm of one over the chance that an innocent one would have failed each time.
    weight: f64,
}

impl Suspicion {
    /// Of a request that is sent now.
    pub(super) fn sent(tally: Tally, now: Instant) -> Self {
        Self {
            watch: Some(Watch {
                since: now,
                before: tally,
                seen: tally,
            }),
            ..Self::default()
        }
    }

    /// A part of the request goes alone now: what was held against the whole is held against it,
    /// but it has not failed alone.
    pub(super) fn of_part(self) -> Self {
        Self {
            alone: 0,
            failures: 0,
            first: None,
            ..self
        }
    }

    /// The tally counts its next failure as well.
    pub(super) fn counted(&mut self) {
        self.own += 1.0;
    }

    /// It failed once more. Unless others were accepted since its last failure, this says nothing.
    pub(super) fn failed(&mut self, tally: Tally, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        self.first.get_or_insert(now);
        let watch = self.watch.get_or_insert(Watch {
            since: now,
            before: tally,
            seen: tally,
        });
        if tally.accepted > watch.seen.accepted {
            watch.seen = tally;
            self.contradicted = self.contradicted.saturating_add(1);
            self.alone = self.alone.saturating_add(1);
            let rate = tally.failure_rate(&watch.before, now - watch.since, self.own);
            self.weight = -rate.max(LEAST_RATE).ln() * f64::from(self.contradicted);
        }
    }

    /// Whether it failed before.
    pub(super) fn has_failed(&self) -> bool {
        self.failures > 0
    }

    /// Whether others were accepted where it failed.
    pub(super) fn is_contradicted(&self) -> bool {
        self.alone > 0
    }

    /// Whether it is worth telling of.
    pub(super) fn is_lasting(&self, now: Instant) -> bool {
        let lasts = self.first.is_some_and(|first| now - first >= LASTING);
        self.is_contradicted() && (self.failures >= FAILURES || lasts)
    }

    /// Whether a batch is to be cut to find the record that makes it fail.
    pub(super) fn is_to_cut(&self, now: Instant) -> bool {
        self.is_lasting(now) && self.weight >= CUT.ln()
    }

    /// Whether a batch hangs while others do not.
    pub(super) fn hangs_alone(&self, tally: Tally, now: Instant) -> bool {
        let passes = tally.accepted_at.is_some_and(|at| now - at <= RECENT);
        passes && self.weight >= HUNG.ln()
    }

    /// Whether a record should stand in nobody's way.
    pub(super) fn is_suspected(&self, now: Instant) -> bool {
        self.is_lasting(now) && self.weight >= SUSPECTED.ln()
    }

    /// Whether a record is to blame for failures that may as well be the inlet's.
    pub(super) fn is_guilty(&self, now: Instant) -> bool {
        self.weight >= GUILTY.ln() && self.is_refused(PATIENCE, now)
    }

    /// Whether it is to blame for refusals, which say what they refuse it for, while others were
    /// accepted at all.
    pub(super) fn is_refused(&self, patience: Duration, now: Instant) -> bool {
        self.is_contradicted()
            && self.failures >= GUILTY_FAILURES
            && self.first.is_some_and(|first| now - first >= patience)
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays an inlet that fails this share of all requests, `others` of them between two attempts
    /// on the record, and tells at which attempt, one each 15 s, the record was found guilty.
    fn guilty_after(
        share: f64,
        others: u32,
        attempts: u32,
        random: &mut fastrand::Rng,
        is_poison: bool,
    ) -> Option<u32> {
        let start = Instant::now();
        let (mut tally, mut suspicion) =
            (Tally::default(), Suspicion::sent(Tally::default(), start));
        for attempt in 0..attempts {
            let now = start + Duration::from_secs(15) * attempt;
            for _ in 0..others {
                let fails = random.f64() < share;
                tally.add(usize::from(!fails), usize::from(fails), now);
            }
            if !is_poison && random.f64() >= share {
                return None; // accepted
            }
            suspicion.failed(tally, now);
            if suspicion.is_guilty(now) {
                return Some(attempt);
            }
        }
        None
    }

    #[test]
    fn poison_record_is_found_at_the_first_attempt_after_ten_minutes() {
        let mut random = fastrand::Rng::with_seed(1);
        for others in [5, 100, 100_000] {
            assert_eq!(guilty_after(0.0, others, 100, &mut random, true), Some(40));
        }
    }

    #[test]
    fn poison_record_of_a_quiet_stream_is_found_by_a_few_others() {
        let mut random = fastrand::Rng::with_seed(1);
        assert_eq!(guilty_after(0.0, 1, 100, &mut random, true), Some(40));
    }

    #[test]
    fn record_alone_with_an_inlet_that_fails_is_never_guilty() {
        let mut random = fastrand::Rng::with_seed(1);
        assert_eq!(guilty_after(0.0, 0, 10_000, &mut random, true), None);
        assert_eq!(guilty_after(1.0, 50, 10_000, &mut random, true), None);
    }

    #[test]
    fn evidence_of_the_first_minute_is_enough() {
        let start = Instant::now();
        let (mut tally, mut suspicion) = (Tally::default(), Suspicion::default());
        for attempt in 0..60 {
            let now = start + Duration::from_secs(15) * attempt;
            if attempt < 4 {
                (0..1000).for_each(|_| tally.add(1, 0, now));
            }
            suspicion.failed(tally, now);
            assert_eq!(
                suspicion.is_guilty(now),
                now >= start + PATIENCE,
                "{attempt}"
            );
        }
    }

    #[test]
    fn brownout_of_an_hour_finds_no_innocent_record_guilty() {
        let mut random = fastrand::Rng::with_seed(7);
        for share in [0.5, 0.9, 0.97, 0.99] {
            for others in [1, 10, 100] {
                for _ in 0..3_000 {
                    let found = guilty_after(share, others, 240, &mut random, false);
                    assert_eq!(found, None, "{share}, {others}");
                }
            }
        }
    }

    #[test]
    fn record_deferred_inside_responses_is_weighed_by_its_neighbours() {
        // 97 % of the records of every response are deferred: no request fails as a whole.
        let (now, mut tally, mut suspicion) =
            (Instant::now(), Tally::default(), Suspicion::default());
        for _ in 0..40 {
            tally.add(3, 97, now);
            suspicion.failed(tally, now);
        }
        assert!(suspicion.is_contradicted() && !suspicion.is_suspected(now));
    }

    #[test]
    fn short_moments_of_an_outage_prove_little() {
        // One second of each half minute: hundreds are accepted, and nobody asks meanwhile.
        let start = Instant::now();
        let (mut tally, mut suspicion) =
            (Tally::default(), Suspicion::sent(Tally::default(), start));
        let mut now = start;
        for attempt in 1..60 {
            now = start + Duration::from_secs(30) * attempt;
            tally.add_unavailable(Duration::from_secs(29));
            (0..600).for_each(|_| tally.add(1, 0, now));
            suspicion.failed(tally, now);
        }
        assert!(suspicion.is_contradicted() && !suspicion.is_suspected(now));
    }

    #[test]
    fn outage_between_two_acceptances_counts_as_one_failure() {
        let start = Instant::now();
        let (mut tally, mut suspicion) =
            (Tally::default(), Suspicion::sent(Tally::default(), start));
        for attempt in 0..1_000 {
            let now = start + Duration::from_secs(15) * attempt;
            if attempt % 500 == 1 {
                (0..100).for_each(|_| tally.add(1, 0, now));
            }
            suspicion.failed(tally, now);
        }
        assert!(
            suspicion.is_lasting(start)
                && !suspicion.is_guilty(start + Duration::from_secs(15_000))
        );
    }

    #[test]
    fn suspect_is_one_that_failed_a_few_times_while_many_passed() {
        let (now, mut tally, mut suspicion) =
            (Instant::now(), Tally::default(), Suspicion::default());
        for attempt in 1..=6 {
            (0..10).for_each(|_| tally.add(1, 0, now));
            suspicion.failed(tally, now);
            assert_eq!(suspicion.is_suspected(now), attempt >= 5, "{attempt}");
        }
        let part = suspicion.of_part();
        assert!(!part.has_failed() && !part.is_contradicted());
    }
}
