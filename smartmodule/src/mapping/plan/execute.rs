//! Works through plans.

use super::action::PlanSlot;
use super::resolve::resolve;
use super::run::{run, run_omitting};
use super::step::Step;
use crate::input::event::{Event, Trim};
use crate::mapping::xdm_writer::XdmWriter;

/// A plan, and where in the [`PlanCache`](super::action::PlanCache) its actions are kept.
#[derive(Debug)]
pub(in crate::mapping) struct Plan {
    pub(in crate::mapping) slot: PlanSlot,
    pub(in crate::mapping) steps: &'static [Step],
}

/// Works through a plan.
#[inline(never)]
pub(in crate::mapping) fn write(
    plan: &Plan,
    event: &Event<'_>,
    trim: Trim,
    xdm: &mut XdmWriter<'_>,
) {
    let of = (event.shape(), plan.steps.as_ptr().addr());
    let Some(known) = xdm.resolved.plans.get_mut(plan.slot as usize) else {
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
    if let Some(known) = xdm.resolved.plans.get_mut(plan.slot as usize) {
        known.actions = actions;
    }
}
