//! Mappings as tables: which key of the event becomes which field, step by step.
//!
//! Where its values stand is found out once for all events of one shape, one after the other; what
//! is left to do is a list of actions, which one loop works through. In the broker's engine every
//! call costs dozens of instructions (its own limits are checked at each), and an event has some
//! hundred fields: so whatever most values need is done in the loop itself, and only what few need
//! is called.

mod resolved;
mod run;
mod step;

pub(crate) use resolved::Resolved;
pub(super) use step::*;

use resolved::resolve;
use run::{run, run_omitting};

use crate::event::{Event, Trim};
use crate::xdm::Xdm;

/// How deep plans nest.
const DEPTH: usize = 8;

/// Joins every start with its end. Only for constants: a plan that does not come out even does not
/// compile.
#[allow(clippy::indexing_slicing, clippy::panic)] // While compiling.
pub(super) const fn plan<const N: usize>(mut steps: [Step; N]) -> [Step; N] {
    let (mut open, mut depth, mut at) = ([0; DEPTH], 0, 0);
    while at < N {
        match steps[at].op {
            Op::Object | Op::Within | Op::Each | Op::Before(_) | Op::OfLiving => {
                open[depth] = at;
                depth += 1;
            }
            Op::End => {
                depth -= 1;
                let start = open[depth];
                steps[start].jump = at as u16 + 1;
                steps[at].jump = start as u16 + 1;
                steps[at].op = match steps[start].op {
                    Op::Object => Op::EndObject,
                    Op::Within => Op::EndWithin,
                    Op::Each => Op::EndEach,
                    Op::Before(_) => Op::EndBefore,
                    Op::OfLiving => Op::EndOfLiving,
                    _ => panic!("an end of nothing"),
                };
            }
            _ => {}
        }
        at += 1;
    }
    assert!(depth == 0);
    steps
}

/// A plan, and its place among the [`Resolved`] ones.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) place: Place,
    pub(super) steps: &'static [Step],
}

/// Where a plan's actions are kept. Plans that no event needs both may share one.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    Common,
    Standard,
    Tenant,
    Profile,
    ProfileTenant,
}

impl Place {
    /// How many there are.
    pub(super) const COUNT: usize = Self::ProfileTenant as usize + 1;
}

/// Works through a plan.
#[inline(never)]
pub(super) fn write(plan: &Plan, event: &Event<'_>, trim: Trim, xdm: &mut Xdm<'_>) {
    let of = (event.shape(), plan.steps.as_ptr().addr());
    let Some(known) = xdm.resolved.plans.get_mut(plan.place as usize) else {
        return;
    };
    if trim > Trim::Nothing || known.of != Some(of) {
        let is_for_all = resolve(plan.steps, event, trim, &mut known.actions);
        known.of = (is_for_all && trim == Trim::Nothing).then_some(of);
    }
    let actions = std::mem::take(&mut known.actions);
    if xdm.omits_nothing() {
        run(&actions, plan.steps, event, xdm);
    } else {
        run_omitting(&actions, plan.steps, event, xdm);
    }
    if let Some(known) = xdm.resolved.plans.get_mut(plan.place as usize) {
        known.actions = actions;
    }
}
