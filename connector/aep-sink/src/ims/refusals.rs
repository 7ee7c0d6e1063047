//! Who refused tokens, and how soon another one is worth asking for.
//!
//! A refusal (401 or 403) says either that the token is no good any more, which a fresh one mends,
//! or that the credential may not do this here, which none does. The first refusal is taken for the
//! former. An inlet that goes on refusing fresh tokens gets them at growing intervals, and the
//! other inlet is not concerned.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::RetryLimits;

/// Who is given tokens: the name of an inlet.
pub(crate) type Holder = &'static str;

/// A token refused at a younger age continues a streak of refusals, also when others were accepted
/// meanwhile: one record may draw a refusal of its own each time it is sent.
const CALM_AGE: Duration = Duration::from_secs(60);
/// Longest pause between two tokens for a holder that accepts none. A right that was granted may
/// show with a fresh token only, so it is asked for again from time to time; Adobe throttles
/// clients that ask for too many.
const LONGEST: Duration = Duration::from_secs(300);

/// Refusals in a row.
#[derive(Debug, Default, Clone, Copy)]
struct Streak {
    /// Of young tokens.
    young: u32,
    /// Of any tokens, none accepted in between.
    unbroken: u32,
}

/// The refusals of each holder.
#[derive(Debug, Default)]
pub(super) struct Refusals(BTreeMap<Holder, Streak>);

impl Refusals {
    /// A token of this age was refused. Gives how long to wait before the next one; the first
    /// replacement is immediate.
    pub(super) fn refused(
        &mut self,
        holder: Holder,
        age: Duration,
        retry: RetryLimits,
    ) -> Duration {
        let streak = self.0.entry(holder).or_default();
        streak.young = if age < CALM_AGE {
            streak.young.saturating_add(1)
        } else {
            1
        };
        streak.unbroken = streak.unbroken.saturating_add(1);
        let pause = |refusals: u32, longest: Duration| match refusals {
            0 | 1 => Duration::ZERO,
            more => grown(retry.initial, more - 1, longest),
        };
        pause(streak.young, retry.max).max(pause(streak.unbroken, LONGEST.max(retry.max)))
    }

    /// A token was accepted.
    pub(super) fn accepted(&mut self, holder: Holder) {
        if let Some(streak) = self.0.get_mut(holder) {
            streak.unbroken = 0;
        }
    }

    /// Whether somebody accepts no token, so that one more is no news.
    pub(super) fn go_on(&self) -> bool {
        self.0.values().any(|streak| streak.unbroken > 1)
    }
}

/// A pause that doubles with each attempt.
pub(super) fn grown(initial: Duration, attempt: u32, longest: Duration) -> Duration {
    initial
        .saturating_mul(1 << attempt.saturating_sub(1).min(30))
        .min(longest)
}
