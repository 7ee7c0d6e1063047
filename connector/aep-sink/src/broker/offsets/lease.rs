//! Who owns which partition, told by what processes write beside the stored offsets.
//!
//! Fluvio has no consumer groups and fences nobody. Its store of offsets has no compare-and-set
//! either: the last writer wins, and the others see it at their next look. So each partition has a
//! [`Mark`] there, which names a process, and every process gives a sign of life by changing one of
//! its marks again and again. A partition is claimed only when nobody living owns it, the claim
//! counts once it was read back, and whoever finds another's mark on his partition gives it up.
//!
//! ```text
//!            free, or its owner silent for a lease        still mine at the next look
//!  Waiting ────────────────────────────────────► Claiming ───────────────────────► Owned
//!     ▲ ▲                                            │                               │ another's mark
//!     │ └──────────────── another's mark ────────────┘                               ▼
//!     └───────────────────────────────────────────────────── given up ────────── Leaving
//! ```

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Signs of life within a lease.
const BEATS: u32 = 5;
/// How long a claim waits at most until it is read back: two that claim at the same time have both
/// written by then.
const LONGEST_CLAIM: Duration = Duration::from_millis(500);
/// So many looks within a lease must have found a process silent.
const LOOKS: u32 = 3;

/// Until when nobody else can have claimed what this process owns: a lease after its last sign of
/// life.
#[derive(Debug, Default)]
pub(crate) struct HeldUntil(Mutex<Option<Instant>>);

impl HeldUntil {
    /// A sign of life was given; the look it follows from was at this moment.
    pub(crate) fn extend(&self, looked: Instant, lease: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(looked + lease);
    }

    /// Whether that is not over.
    pub(crate) fn holds(&self, now: Instant) -> bool {
        let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| now < until)
    }
}

/// What is stored for a partition as the offset of the consumer `<id>-writer`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark(i64);

impl Mark {
    /// Nobody's: its owner has stopped.
    pub(crate) const RELEASED: Self = Self(0);

    /// As it is stored.
    pub(crate) fn value(self) -> i64 {
        self.0
    }

    pub(crate) fn from_value(value: i64) -> Self {
        Self(value)
    }

    fn of(process: u32, beat: u32) -> Self {
        Self((i64::from(process & (u32::MAX >> 1)) << 32) | i64::from(beat))
    }

    /// The process it names, or none.
    fn process(self) -> Option<u32> {
        (self != Self::RELEASED).then_some(u32::try_from(self.0 >> 32).unwrap_or_default())
    }
}

/// What a partition is to this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tenure {
    /// Another may own it.
    Waiting,
    /// This process wrote its mark and has not read it back yet.
    Claiming {
        since: Instant,
    },
    Owned,
    /// Another wrote its mark; what is under way is finished.
    Leaving,
}

/// A partition that may be this process's.
#[derive(Debug)]
struct Holding {
    tenure: Tenure,
    /// What the last claim replaced. A store that lost its newest writes shows it again.
    replaced: Option<Mark>,
}

/// Since when a process gave no sign of life.
#[derive(Debug)]
struct Silence {
    since: Instant,
    looks: u32,
}

/// What is to be done after a look.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LeaseOrders {
    /// Partitions whose mark is to be written.
    pub(crate) write: BTreeSet<u32>,
    /// Partitions that were won.
    pub(crate) begin: BTreeSet<u32>,
    /// Partitions that were lost.
    pub(crate) leave: BTreeSet<u32>,
}

/// The partitions of this process and what is known of other processes.
#[derive(Debug)]
pub(crate) struct Leases {
    process: u32,
    beat: u32,
    lease: Duration,
    holdings: BTreeMap<u32, Holding>,
    /// The marks of the last look.
    seen: HashMap<u32, Mark>,
    silences: HashMap<u32, Silence>,
    last_look: Option<Instant>,
}

impl Leases {
    /// Draws the number of this process.
    pub(crate) fn new(lease: Duration, random: &mut fastrand::Rng) -> Self {
        Self {
            process: random.u32(1..=u32::MAX >> 1),
            beat: 0,
            lease,
            holdings: BTreeMap::new(),
            seen: HashMap::new(),
            silences: HashMap::new(),
            last_look: None,
        }
    }

    /// Whether a mark names this process.
    pub(crate) fn is_mine(&self, mark: Mark) -> bool {
        mark.process() == Some(self.process)
    }

    /// The consumer under whose name the marks are stored.
    pub(crate) fn consumer(consumer: &str) -> String {
        format!("{consumer}-writer")
    }

    /// Between two looks.
    pub(crate) fn interval(&self) -> Duration {
        let beat = self.lease / BEATS;
        if self.is_claiming() {
            self.claim_wait()
        } else {
            beat
        }
    }

    /// Whether a partition is claimed that was not won yet.
    pub(crate) fn is_claiming(&self) -> bool {
        let mut holdings = self.holdings.values();
        holdings.any(|holding| matches!(holding.tenure, Tenure::Claiming { .. }))
    }

    fn claim_wait(&self) -> Duration {
        (self.lease / BEATS).min(LONGEST_CLAIM)
    }

    /// The next mark of this process; each differs from the one before.
    pub(crate) fn next_mark(&mut self) -> Mark {
        self.beat = self.beat.wrapping_add(1);
        Mark::of(self.process, self.beat)
    }

    /// Partitions this process owns.
    pub(crate) fn owned(&self) -> BTreeSet<u32> {
        self.with(|tenure| tenure == Tenure::Owned)
    }

    /// Partitions that another process owns, as far as is known.
    pub(crate) fn waiting(&self) -> BTreeSet<u32> {
        self.with(|tenure| tenure == Tenure::Waiting)
    }

    fn with(&self, is: impl Fn(Tenure) -> bool) -> BTreeSet<u32> {
        let found = self
            .holdings
            .iter()
            .filter(|(_, holding)| is(holding.tenure));
        found.map(|(partition, _)| *partition).collect()
    }

    /// A partition that was lost is given up by now: it is waited for like any other.
    pub(crate) fn left(&mut self, partition: u32) {
        if let Some(holding) = self.holdings.get_mut(&partition) {
            holding.tenure = Tenure::Waiting;
        }
    }

    /// Another may have given signs of life that were not seen: whoever was silent has to be silent
    /// for another lease.
    pub(crate) fn interrupted(&mut self) {
        self.last_look = None;
        self.silences.clear();
    }

    /// Whether a living process says that a partition is its own.
    pub(crate) fn is_held_elsewhere(&self, partition: u32) -> bool {
        self.seen
            .get(&partition)
            .and_then(|mark| mark.process())
            .is_some_and(|process| process != self.process && !self.is_silent(process))
    }

    /// Judges the marks that a look found for the partitions this process may own.
    pub(crate) fn look(
        &mut self,
        now: Instant,
        wanted: &BTreeSet<u32>,
        marks: &HashMap<u32, Mark>,
    ) -> LeaseOrders {
        self.listen(now, marks);
        for partition in wanted {
            let new = || Holding {
                tenure: Tenure::Waiting,
                replaced: None,
            };
            self.holdings.entry(*partition).or_insert_with(new);
        }
        let claim_wait = self.claim_wait();
        let mut orders = LeaseOrders::default();
        let mut holdings = std::mem::take(&mut self.holdings);
        for (partition, holding) in &mut holdings {
            let mark = marks.get(partition).copied();
            let owner = mark.and_then(Mark::process);
            let is_mine = owner == Some(self.process);
            // What this process replaced comes back when the store lost its newest writes.
            let is_lost = owner.is_none() || mark == holding.replaced;
            let is_free = owner.is_none_or(|owner| self.is_silent(owner));
            match holding.tenure {
                Tenure::Waiting if is_mine => holding.tenure = Tenure::Claiming { since: now },
                Tenure::Waiting if is_free => {
                    holding.tenure = Tenure::Claiming { since: now };
                    holding.replaced = mark;
                    orders.write.insert(*partition);
                }
                Tenure::Claiming { since } if is_mine => {
                    if now.duration_since(since) >= claim_wait {
                        holding.tenure = Tenure::Owned;
                        orders.begin.insert(*partition);
                    }
                }
                Tenure::Claiming { .. } if is_lost => {
                    holding.tenure = Tenure::Claiming { since: now };
                    orders.write.insert(*partition);
                }
                Tenure::Owned if is_lost && !is_mine => {
                    orders.write.insert(*partition);
                }
                Tenure::Claiming { .. } => holding.tenure = Tenure::Waiting,
                Tenure::Owned if !is_mine => {
                    holding.tenure = Tenure::Leaving;
                    orders.leave.insert(*partition);
                }
                Tenure::Waiting | Tenure::Owned | Tenure::Leaving => {}
            }
        }
        self.holdings = holdings;
        orders
    }

    /// Takes in which processes gave a sign of life.
    fn listen(&mut self, now: Instant, marks: &HashMap<u32, Mark>) {
        // A process that slept cannot tell how long others were silent.
        let slept = self
            .last_look
            .is_none_or(|last| now.duration_since(last) > self.lease / 2);
        if slept {
            self.silences.clear();
        }
        self.last_look = Some(now);
        for silence in self.silences.values_mut() {
            silence.looks += 1;
        }
        for (partition, mark) in marks {
            let Some(process) = mark.process() else {
                continue;
            };
            let moved = self.seen.get(partition) != Some(mark);
            if moved || !self.silences.contains_key(&process) {
                let silence = Silence {
                    since: now,
                    looks: 0,
                };
                self.silences.insert(process, silence);
            }
        }
        self.seen.clone_from(marks);
        let named: BTreeSet<u32> = marks.values().filter_map(|mark| mark.process()).collect();
        self.silences.retain(|process, _| named.contains(process));
    }

    fn is_silent(&self, process: u32) -> bool {
        let (Some(silence), Some(now)) = (self.silences.get(&process), self.last_look) else {
            return false;
        };
        silence.looks >= LOOKS && now.duration_since(silence.since) >= self.lease
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(10);
    const BEAT: Duration = Duration::from_secs(2);
    const CLAIM: Duration = Duration::from_millis(500);

    /// The store, a clock, and processes that look when they are told to.
    struct World {
        now: Instant,
        marks: HashMap<u32, Mark>,
        wanted: BTreeSet<u32>,
    }

    fn process(seed: u64) -> Leases {
        Leases::new(LEASE, &mut fastrand::Rng::with_seed(seed))
    }

    impl World {
        fn new(partitions: u32) -> Self {
            Self {
                now: Instant::now(),
                marks: HashMap::new(),
                wanted: (0..partitions).collect(),
            }
        }

        fn pass(&mut self, time: Duration) {
            self.now += time;
        }

        /// A look that writes nothing yet.
        fn look(&self, process: &mut Leases) -> LeaseOrders {
            process.look(self.now, &self.wanted, &self.marks)
        }

        fn write(&mut self, process: &mut Leases, orders: &LeaseOrders) {
            for partition in &orders.write {
                self.marks.insert(*partition, process.next_mark());
            }
        }

        /// A whole round: a look, what it orders, and a sign of life.
        fn round(&mut self, process: &mut Leases) -> LeaseOrders {
            let orders = self.look(process);
            self.write(process, &orders);
            if let Some(partition) = process.owned().first() {
                self.marks.insert(*partition, process.next_mark());
            }
            orders
        }

        /// Rounds of these processes, one beat apart, for a time.
        fn rounds(&mut self, processes: &mut [&mut Leases], time: Duration) {
            let end = self.now + time;
            while self.now < end {
                for process in &mut *processes {
                    self.round(process);
                }
                self.pass(BEAT);
            }
        }

        /// A process that owns everything.
        fn owner(&mut self, seed: u64) -> Leases {
            let mut owner = process(seed);
            self.round(&mut owner);
            self.pass(CLAIM);
            self.round(&mut owner);
            assert_eq!(owner.owned(), self.wanted);
            owner
        }

        fn release(&mut self, process: &Leases) {
            for partition in process.owned() {
                self.marks.insert(partition, Mark::RELEASED);
            }
        }
    }

    #[test]
    fn free_partition_is_owned_once_the_claim_was_read_back() {
        let mut world = World::new(2);
        let mut first = process(1);
        assert_eq!(world.round(&mut first).write, world.wanted);
        assert_eq!(first.interval(), CLAIM);
        world.pass(CLAIM / 2);
        assert!(world.round(&mut first).begin.is_empty(), "too soon");
        world.pass(CLAIM / 2);
        assert_eq!(world.round(&mut first).begin, world.wanted);
        assert_eq!(first.interval(), BEAT);
    }

    #[test]
    fn two_that_start_together_have_one_owner_for_each_partition() {
        let mut world = World::new(3);
        let (mut one, mut other) = (process(1), process(2));
        let (of_one, of_other) = (world.look(&mut one), world.look(&mut other));
        assert_eq!(of_one.write, of_other.write, "both find nobody");
        world.write(&mut one, &of_one);
        world.write(&mut other, &of_other);
        world.marks.insert(1, one.next_mark());
        world.rounds(&mut [&mut one, &mut other], LEASE * 3);
        assert_eq!(one.owned(), BTreeSet::from([1]));
        assert_eq!(other.owned(), BTreeSet::from([0, 2]));
        assert_eq!(one.waiting(), BTreeSet::from([0, 2]));
    }

    #[test]
    fn standby_waits_as_long_as_the_owner_gives_signs_of_life() {
        let mut world = World::new(3);
        let mut owner = world.owner(1);
        let mut standby = process(2);
        world.rounds(&mut [&mut owner, &mut standby], LEASE * 10);
        assert_eq!(
            owner.owned(),
            world.wanted,
            "one sign of life speaks for all"
        );
        assert_eq!(standby.waiting(), world.wanted);
        assert!(standby.is_held_elsewhere(0));
    }

    #[test]
    fn standby_takes_over_what_was_released_at_its_next_look() {
        let mut world = World::new(1);
        let mut owner = world.owner(1);
        let mut standby = process(2);
        world.rounds(&mut [&mut owner, &mut standby], LEASE);
        world.release(&owner);
        assert_eq!(world.round(&mut standby).write, world.wanted);
        world.pass(CLAIM);
        assert_eq!(world.round(&mut standby).begin, world.wanted);
    }

    #[test]
    fn standby_takes_over_after_a_lease_of_silence() {
        let mut world = World::new(2);
        let mut owner = world.owner(1);
        let mut standby = process(2);
        world.rounds(&mut [&mut owner, &mut standby], LEASE);
        world.rounds(&mut [&mut standby], LEASE - BEAT);
        assert!(standby.owned().is_empty(), "not before the lease is over");
        world.rounds(&mut [&mut standby], BEAT * 3);
        assert_eq!(standby.owned(), world.wanted);
    }

    #[test]
    fn silence_that_was_not_watched_does_not_count() {
        let mut world = World::new(1);
        let _owner = world.owner(1);
        let mut standby = process(2);
        world.round(&mut standby);
        world.pass(LEASE * 2);
        assert!(
            world.round(&mut standby).write.is_empty(),
            "it slept itself"
        );
        world.rounds(&mut [&mut standby], LEASE - BEAT);
        standby.interrupted();
        world.rounds(&mut [&mut standby], LEASE);
        assert!(standby.owned().is_empty(), "the store could not be read");
        world.rounds(&mut [&mut standby], BEAT * 3);
        assert_eq!(standby.owned(), world.wanted);
    }

    #[test]
    fn owner_gives_up_the_partition_with_anothers_mark_and_no_other() {
        let mut world = World::new(3);
        let mut owner = world.owner(1);
        let mut other = process(2);
        world.marks.insert(1, other.next_mark());
        assert_eq!(world.round(&mut owner).leave, BTreeSet::from([1]));
        assert_eq!(owner.owned(), BTreeSet::from([0, 2]));
        world.pass(BEAT);
        assert!(world.round(&mut owner).leave.is_empty(), "told once");
        owner.left(1);
        assert_eq!(owner.waiting(), BTreeSet::from([1]));
    }

    #[test]
    fn partition_lost_to_a_ghost_comes_back_after_a_lease() {
        let mut world = World::new(2);
        let mut owner = world.owner(1);
        let mut ghost = process(2);
        world.marks.insert(1, ghost.next_mark());
        world.round(&mut owner);
        owner.left(1);
        world.rounds(&mut [&mut owner], LEASE);
        assert_eq!(owner.waiting(), BTreeSet::from([1]));
        world.rounds(&mut [&mut owner], BEAT * 3);
        assert_eq!(owner.owned(), world.wanted);
    }

    #[test]
    fn marks_lost_by_the_store_are_written_again() {
        let mut world = World::new(2);
        let mut ghost = process(3);
        world.marks.insert(0, ghost.next_mark());
        let old = world.marks.clone();
        let mut owner = process(1);
        world.rounds(&mut [&mut owner], LEASE * 2);
        assert_eq!(owner.owned(), world.wanted);
        world.marks.clear();
        let orders = world.round(&mut owner);
        assert_eq!(
            (orders.write, orders.leave.len()),
            (world.wanted.clone(), 0)
        );
        world.pass(BEAT);
        world.marks = old;
        let orders = world.round(&mut owner);
        assert!(orders.leave.is_empty(), "it replaced that one itself");
        assert_eq!(orders.write, world.wanted);
    }

    #[test]
    fn mark_that_comes_back_returns_the_partition_to_its_process() {
        let mut world = World::new(2);
        let mut owner = world.owner(1);
        let mut other = process(2);
        let old = world.marks[&1];
        world.marks.insert(1, other.next_mark());
        world.round(&mut other);
        world.round(&mut owner);
        owner.left(1);
        world.pass(CLAIM);
        world.round(&mut other);
        assert_eq!(other.owned(), BTreeSet::from([1]));
        world.marks.insert(1, old);
        world.rounds(&mut [&mut owner, &mut other], BEAT * 3);
        assert_eq!(owner.owned(), world.wanted);
        assert!(other.owned().is_empty());
    }

    #[test]
    fn mark_of_a_version_without_signs_of_life_is_one_of_the_dead() {
        let mut world = World::new(1);
        world.marks.insert(0, Mark::from_value(999_999_999_999));
        let mut newer = process(1);
        world.rounds(&mut [&mut newer], LEASE * 2);
        assert_eq!(newer.owned(), world.wanted);
    }

    #[test]
    fn lease_is_over_when_no_sign_of_life_was_given_for_as_long() {
        let (held, now) = (HeldUntil::default(), Instant::now());
        assert!(!held.holds(now), "before the first sign");
        held.extend(now, LEASE);
        assert!(held.holds(now + LEASE - BEAT));
        assert!(!held.holds(now + LEASE), "another may have claimed it");
        held.extend(now + LEASE, LEASE);
        assert!(held.holds(now + LEASE));
    }

    #[test]
    fn marks_of_processes_differ_and_fit_an_offset() {
        let (mut one, mut other) = (process(1), process(2));
        let first = one.next_mark();
        assert!(first.value() > 0);
        assert_ne!(first, one.next_mark());
        assert_ne!(first.process(), other.next_mark().process());
        assert_eq!(Mark::from_value(first.value()), first);
        assert_eq!(Mark::RELEASED.process(), None);
        assert_eq!(Mark::of(u32::MAX, u32::MAX).value(), i64::MAX);
    }
}
