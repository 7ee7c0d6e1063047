//! Which fault comes next: dealt like cards, so that each comes before any comes twice, with kills
//! in between.

use std::collections::BTreeSet;
use std::time::Duration;

use fastrand::Rng;

use super::fault::FaultKind;
use crate::scenario::Scenario;

/// Every so often a kill, whatever else is picked.
const KILL_EVERY: usize = 4;
/// A soak this long plays every kind at least once, even if that takes longer than asked.
const WHOLE: Duration = Duration::from_secs(15 * 60);
/// What takes more than this part of the whole time is left out of a shorter one; what goes on
/// beside the others, only when it takes longer.
const SHARE: u32 = 4;
/// Every partition costs the connector a stream: hours must not add them for ever.
const MOST_PARTITIONS: u32 = 12;

/// The deck of a soak.
pub(super) struct Deck {
    lasts: Duration,
    cards: Vec<FaultKind>,
    dealt: BTreeSet<FaultKind>,
}

impl Deck {
    pub(super) fn new(lasts: Duration) -> Self {
        Self {
            lasts,
            cards: Vec::new(),
            dealt: BTreeSet::new(),
        }
    }

    /// The kinds that fit into this soak on this cluster.
    fn kinds(&self, scenario: &Scenario) -> impl Iterator<Item = FaultKind> {
        let cluster = &scenario.cluster;
        let short = self.lasts < WHOLE;
        FaultKind::ALL.into_iter().filter(move |kind| {
            let share = if is_poison(*kind) { 1 } else { SHARE };
            kind.is_possible(cluster) && !(short && kind.takes(cluster) > self.lasts / share)
        })
    }

    /// What a soak of this length must not end without.
    pub(super) fn missing(&self, scenario: &Scenario) -> Vec<FaultKind> {
        if self.lasts < WHOLE {
            return Vec::new();
        }
        self.kinds(scenario)
            .filter(|kind| !self.dealt.contains(kind))
            .collect()
    }

    /// The next one. `kills` so far, after `elapsed`: at least one a minute.
    pub(super) fn deal(
        &mut self,
        rng: &mut Rng,
        scenario: &Scenario,
        kills: usize,
        elapsed: Duration,
    ) -> FaultKind {
        if u64::try_from(kills).unwrap_or(u64::MAX) < elapsed.as_secs() / 60 {
            return FaultKind::Killed;
        }
        if self.cards.is_empty() {
            let mut cards: Vec<_> = self
                .kinds(scenario)
                .filter(|kind| {
                    *kind != FaultKind::PartitionsAdded || scenario.partitions() < MOST_PARTITIONS
                })
                .filter(|kind| !is_poison(*kind))
                .collect();
            rng.shuffle(&mut cards);
            let mut at = KILL_EVERY;
            while at < cards.len() {
                cards.insert(at, FaultKind::Killed);
                at += KILL_EVERY + 1;
            }
            // It goes on beside the others, for the longest time of all.
            if self.dealt.is_empty() && self.kinds(scenario).any(is_poison) {
                cards.push(FaultKind::PoisonRecords);
            }
            self.cards = cards;
        }
        let kind = self.cards.pop().unwrap_or(FaultKind::Killed);
        self.dealt.insert(kind);
        kind
    }
}

fn is_poison(kind: FaultKind) -> bool {
    kind == FaultKind::PoisonRecords
}
