//! Which inlets refused tokens, and how soon another one is worth requesting.
//!
//! A refusal (401 or 403) says either that the token is no good any more, which a fresh one
//! repairs, or that the credential may not do this here, which none does. The first refusal is
//! taken for the former. An inlet that goes on refusing fresh tokens gets them at growing
//! intervals, and the other inlet is not concerned.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::backoff;
use crate::config::RetryLimits;
use crate::inlet_name::InletName;

/// A token refused at a younger age counts as one more in a row, also when others were accepted
/// meanwhile: one record may draw a refusal of its own each time it is sent.
const CALM_AGE: Duration = Duration::from_secs(60);
/// Longest pause between two tokens for an inlet that accepts none. A right that was granted may
/// show with a fresh token only, so it is asked for again from time to time; Adobe throttles
/// clients that ask for too many.
const LONGEST: Duration = Duration::from_secs(300);

/// Refusals in a row.
#[derive(Debug, Default, Clone, Copy)]
struct RefusalCounts {
    /// Of young tokens.
    young: u32,
    /// Of any tokens, none accepted in between.
    unbroken: u32,
}

/// The refusals of each inlet.
#[derive(Debug, Default)]
pub(super) struct Refusals(BTreeMap<InletName, RefusalCounts>);

impl Refusals {
    /// A token of this age was refused. Gives how long to wait before the next one; the first
    /// replacement is immediate.
    pub(super) fn refused(
        &mut self,
        inlet: InletName,
        age: Duration,
        retry: RetryLimits,
    ) -> Duration {
        let counts = self.0.entry(inlet).or_default();
        counts.young = if age < CALM_AGE {
            counts.young.saturating_add(1)
        } else {
            1
        };
        counts.unbroken = counts.unbroken.saturating_add(1);
        let pause = |refusals: u32, longest: Duration| match refusals {
            0 | 1 => Duration::ZERO,
            more => {
                let limits = RetryLimits {
                    max: longest,
                    ..retry
                };
                backoff::ceiling(limits, more - 1)
            }
        };
        pause(counts.young, retry.max).max(pause(counts.unbroken, LONGEST.max(retry.max)))
    }

    /// A token was accepted.
    pub(super) fn accepted(&mut self, inlet: InletName) {
        if let Some(counts) = self.0.get_mut(&inlet) {
            counts.unbroken = 0;
        }
    }

    /// Whether an inlet refuses one token after the other, so that getting one more is not worth a
    /// line at the level `info`.
    pub(super) fn any_persistent(&self) -> bool {
        self.0.values().any(|counts| counts.unbroken > 1)
    }
}
