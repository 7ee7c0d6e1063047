//! Mappings as tables: which key of the event becomes which field, step by step.
//!
//! Where its values stand is found out once for all events of one shape, one after the other; what
//! is left to do is a list of actions, which one loop works through. In the broker's engine every
//! call costs dozens of instructions (its own limits are checked at each), and an event has some
//! hundred fields: so whatever most values need is done in the loop itself, and only what few need
//! is called.

mod action;
mod builder;
mod execute;
mod resolve;
mod run;
mod step;
mod verbatim;

pub(crate) use action::PlanCache;
pub(super) use action::PlanSlot;
pub(super) use builder::{
    before, boolean, call, each, end, epoch_time, event_name, id, id_pairs, instant, integer,
    number, numbered, object, organization, pairs, plan, text, unless_deleted, upper, within,
};
pub(super) use execute::{Plan, write};
