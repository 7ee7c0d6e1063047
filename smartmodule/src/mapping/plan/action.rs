//! What is left to do of a plan, when it is known where in the documents of one shape its values
//! stand.

use super::verbatim::Verbatim;
use crate::input::event::Shape;
use crate::output::name::Name;

/// Where a plan's actions are kept. Plans that no event needs both may share one.
#[derive(Debug, Clone, Copy)]
pub(in crate::mapping) enum PlanSlot {
    Common,
    Standard,
    Tenant,
    Profile,
    ProfileTenant,
}

impl PlanSlot {
    /// How many there are.
    pub(super) const COUNT: usize = Self::ProfileTenant as usize + 1;
}

/// The actions of each plan for events of the shape that came last.
#[derive(Debug, Default)]
pub(crate) struct PlanCache {
    pub(super) plans: [ResolvedPlan; PlanSlot::COUNT],
}

#[derive(Debug, Default)]
pub(super) struct ResolvedPlan {
    /// Of which shape, and of which plan: where its steps are.
    pub(super) of: Option<(Shape, usize)>,
    pub(super) actions: Vec<Action>,
}

/// What is left to do of a step, when it is known where in the document its value stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Action {
    pub(super) act: Act,
    /// The step's place in its plan, and its own words.
    pub(super) step: u16,
    pub(super) name: &'static Name,
    pub(super) verbatim: Verbatim,
    /// The value's position in its document, and that of the other one; 0 is none. Of what opens a
    /// container: the action behind its end.
    pub(super) value: u32,
    pub(super) other: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Field,
    OfEnvelope,
    EventName,
    OpenObject,
    OpenList,
    OpenElement,
    Pair,
    /// Of an object or an element.
    CloseObject,
    CloseList,
    Call,
}
