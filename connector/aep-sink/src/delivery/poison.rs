//! Poison records: is it the records or the target? Refused records wait here until that is known.
//!
//! A wrong dataset id refuses every record, one by one, each with a response that looks like the
//! record's own fault. So a refusal becomes a dead letter only when the inlet is seen to accept
//! something else at the same time or later, or when the stream has nothing more to tell it by.
//! When too many are refused for one reason, it is the target's fault.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::entity::Entity;
use crate::aep::Refusal;

/// This many refusals in a row for one reason are the target's fault.
const STREAK: usize = 20;
/// So is this share of the last [`WINDOW`] records.
const WINDOW: usize = 200;
const SHARE: usize = 190;
/// How long refusals wait for other evidence on an idle inlet. Long enough for the records read
/// together with them to get their responses; short, because the offset cannot be committed
/// meanwhile.
pub(super) const GRACE: Duration = Duration::from_secs(5);

/// The verdicts on the last records of one inlet.
#[derive(Debug, Default)]
pub(super) struct PoisonSuspects {
    /// `None` for an accepted record, else the pattern of its refusal.
    window: VecDeque<Option<String>>,
    counts: HashMap<String, usize>,
    /// Refusals in a row for the same reason.
    streak: usize,
    /// Records accepted since the target changed.
    accepted: usize,
    /// With the moment of their refusal, oldest first.
    waiting: Vec<(Instant, Entity, Refusal)>,
    last: Option<Instant>,
}

impl PoisonSuspects {
    /// Notes an accepted record. What was refused before it was refused for its own sake.
    pub(super) fn accepted(&mut self) {
        self.streak = 0;
        self.accepted = self.accepted.saturating_add(1);
        self.note(None);
    }

    /// Whether enough was accepted since the last change to believe that the target works.
    pub(super) fn is_target_proven(&self) -> bool {
        self.accepted >= STREAK
    }

    /// Notes a refusal. `true` when it is now clear that the target is at fault.
    pub(super) fn refused(&mut self, refusal: &Refusal) -> bool {
        let pattern = refusal.pattern();
        let same = self
            .window
            .back()
            .is_some_and(|last| last.as_ref() == Some(&pattern));
        self.streak = if same { self.streak + 1 } else { 1 };
        let count = self.note(Some(pattern));
        self.streak >= STREAK || self.is_share(count)
    }

    /// Notes a refusal inside a response that accepted others: no streak, since the target is seen
    /// to work, but it counts in the share.
    pub(super) fn refused_among_accepted(&mut self, refusal: &Refusal) -> bool {
        let count = self.note(Some(refusal.pattern()));
        self.is_share(count)
    }

    fn is_share(&self, count: usize) -> bool {
        self.window.len() >= WINDOW && count >= SHARE
    }

    fn note(&mut self, pattern: Option<String>) -> usize {
        if self.window.len() >= WINDOW
            && let Some(Some(old)) = self.window.pop_front()
            && let Some(count) = self.counts.get_mut(&old)
        {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&old);
            }
        }
        let count = pattern.as_ref().map_or(0, |pattern| {
            let count = self.counts.entry(pattern.clone()).or_default();
            *count += 1;
            *count
        });
        self.window.push_back(pattern);
        count
    }

    /// Keeps a refused entity until more is known.
    pub(super) fn keep(&mut self, entity: Entity, refusal: Refusal, now: Instant) {
        self.waiting.push((now, entity, refusal));
        self.last = Some(now);
    }

    /// Hands out all that wait.
    pub(super) fn take(&mut self) -> impl Iterator<Item = (Entity, Refusal)> + use<> {
        self.last = None;
        std::mem::take(&mut self.waiting)
            .into_iter()
            .map(|(_, entity, refusal)| (entity, refusal))
    }

    /// Hands out those refused up to this moment.
    pub(super) fn take_before(
        &mut self,
        moment: Instant,
    ) -> impl Iterator<Item = (Entity, Refusal)> + use<> {
        let later = self
            .waiting
            .partition_point(|(refused, ..)| *refused <= moment);
        let later = self.waiting.split_off(later);
        if later.is_empty() {
            self.last = None;
        }
        std::mem::replace(&mut self.waiting, later)
            .into_iter()
            .map(|(_, entity, refusal)| (entity, refusal))
    }

    /// Hands out those of a partition.
    pub(super) fn revoke(&mut self, partition: u32) -> Vec<Entity> {
        let of_it = |(_, entity, _): &mut (Instant, Entity, Refusal)| entity.is_of(partition);
        let revoked = self.waiting.extract_if(.., of_it);
        let revoked = revoked.map(|(_, entity, _)| entity).collect();
        if self.waiting.is_empty() {
            self.last = None;
        }
        revoked
    }

    /// When those that wait are given up on an idle inlet.
    pub(super) fn due(&self) -> Option<Instant> {
        self.last.map(|last| last + GRACE)
    }

    /// Forgets everything: the target has changed.
    pub(super) fn reset(&mut self) {
        self.window.clear();
        self.counts.clear();
        self.streak = 0;
        self.accepted = 0;
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refusal(text: &str) -> Refusal {
        Refusal::new(400, &json!({"message": text}))
    }

    #[test]
    fn refusals_twenty_in_a_row_for_one_reason_are_the_target_s_fault() {
        let mut suspects = PoisonSuspects::default();
        let verdicts: Vec<bool> = (0..20)
            .map(|n| suspects.refused(&refusal(&format!("bad value {n}"))))
            .collect();
        assert_eq!(verdicts.iter().position(|fault| *fault), Some(19));
    }

    #[test]
    fn refusals_for_different_reasons_are_the_records_fault() {
        let mut suspects = PoisonSuspects::default();
        assert!((0..190).all(|n| !suspects.refused(&refusal(if n % 2 == 0 {
            "bad name"
        } else {
            "bad date"
        }))));
    }

    #[test]
    fn acceptance_ends_the_streak() {
        let mut suspects = PoisonSuspects::default();
        for _ in 0..5 {
            assert!((0..19).all(|_| !suspects.refused(&refusal("bad"))));
            suspects.accepted();
        }
    }

    #[test]
    fn refusals_of_95_percent_of_the_last_200_are_the_target_s_fault() {
        let run = |every: usize| {
            let mut suspects = PoisonSuspects::default();
            (0..1000).any(|n| {
                if n % every == 0 {
                    suspects.accepted();
                    false
                } else {
                    suspects.refused(&refusal("bad"))
                }
            })
        };
        assert!(!run(18), "17 of 18 are 94.4 %");
        assert!(run(20), "19 of 20 are 95 %");
    }
}
