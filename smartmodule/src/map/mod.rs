//! From an event to XDM: what all kinds share, and which kind is mapped by which file.

mod common;
mod customer;
mod day;
mod generic;
mod plan;
mod points;
mod promotion;
mod reward;
mod tier;
mod transaction;

use std::ops::Range;

pub(crate) use plan::Resolved;

use crate::event::{Event, Trim};
use crate::kind::{Depth, EventKind};
use crate::program::Choice;
use crate::ready::piece;
use crate::sink::Sink;
use crate::xdm::{Xdm, name};

/// Things about a mapped record that are worth counting.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Notes {
    /// The event could state profile facts, but of which program is not known.
    pub(crate) program_unknown: bool,
    /// It belongs to a program the profile does not speak of.
    pub(crate) other_program: bool,
    /// The balance or tier is that of a group, not of the customer.
    pub(crate) of_a_group: bool,
    /// The tier's number stands where its name should.
    pub(crate) tier_name_unknown: bool,
    /// Optional parts were left out to stay under the size limit.
    pub(crate) trimmed: bool,
}

impl Notes {
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        [
            (self.program_unknown, "program_unknown"),
            (self.other_program, "other_program"),
            (self.of_a_group, "of_a_group"),
            (self.tier_name_unknown, "tier_name_unknown"),
            (self.trimmed, "trimmed"),
        ]
        .into_iter()
        .filter_map(|(set, name)| set.then_some(name))
    }
}

/// Writes the ExperienceEvent.
/// Gives where the identityMap stands in it.
pub(crate) fn write_event(
    event: &Event<'_>,
    trim: Trim,
    resolved: &mut Resolved,
    out: &mut Sink,
) -> Range<usize> {
    let mut identities = 0..0;
    Xdm::entity(out, &event.params.omit, resolved, |xdm| {
        xdm.shared_here(name!("_id"), Some(&event.id));
        xdm.instant_here(name!("timestamp"), event.at);
        match event_type(event) {
            Some(word) => xdm.label(name!("eventType"), word),
            None => xdm.prefixed_member(
                name!("eventType"),
                piece!(b"capillary."),
                event.kind.event_name(),
            ),
        }
        identities.start = xdm.written();
        event.customer.write(
            xdm,
            event.params,
            event.organization.as_deref(),
            event.is_deleted(),
        );
        identities.end = xdm.written();
        match event.kind {
            EventKind::TransactionAdded | EventKind::TransactionUpdated => {
                transaction::standard(event, trim, xdm)
            }
            EventKind::PointsIssued | EventKind::PointsRedeemed => points::standard(event, xdm),
            EventKind::PromotionEarned => promotion::standard(event, xdm),
            EventKind::CouponRedeem => reward::standard(event, xdm),
            _ => {}
        }
        if let Some(tenant) = event.params.tenant.as_ref().filter(|_| trim < Trim::Tenant) {
            xdm.tenant(tenant, |xdm| {
                common::write(event, trim, xdm);
                own_fields(event, trim, xdm);
            });
        }
    });
    identities
}

/// The tenant fields of one kind.
fn own_fields(event: &Event<'_>, trim: Trim, xdm: &mut Xdm<'_>) {
    use EventKind as K;
    match event.kind {
        K::CustomerAdded | K::CustomerUpdated => customer::tenant(event, trim, xdm),
        K::TransactionAdded | K::TransactionUpdated => transaction::tenant(event, trim, xdm),
        K::PointsIssued
        | K::PointsRedeemed
        | K::PointsExpired
        | K::PointsExpiryReminder
        | K::PointsExpiryChange => {
            points::tenant(event, trim, xdm);
        }
        K::TierUpgraded | K::TierRenewed | K::TierDowngraded | K::TierDowngradeReminder => {
            tier::tenant(event, trim, xdm);
        }
        K::PromotionEarned => promotion::tenant(event, trim, xdm),
        K::RewardIssued | K::CouponIssue | K::CouponRedeem | K::BadgeEarned => {
            reward::tenant(event, trim, xdm)
        }
        _ => generic::tenant(event, trim, xdm),
    }
}

/// The `eventType` of an event that is something XDM knows, or not what its name says.
fn event_type(event: &Event<'_>) -> Option<&'static str> {
    if event.kind == EventKind::TransactionAdded {
        let bill = transaction::Bill::read(event);
        if bill.counts {
            return Some("commerce.purchases");
        }
        if bill.is_return {
            return Some("capillary.transactionReturned");
        }
    }
    None
}

/// Writes the profile record, whose identityMap is the event's; `false`, and nothing, when the
/// event states no profile facts.
pub(crate) fn write_profile(
    event: &Event<'_>,
    identities: Range<usize>,
    with_tenant: bool,
    notes: &mut Notes,
    resolved: &mut Resolved,
    out: &mut Sink,
) -> bool {
    use EventKind as K;
    let facts: fn(&Event<'_>, bool, &mut Notes, &mut Xdm<'_>) = match event.kind {
        K::CustomerAdded | K::CustomerUpdated if !event.is_deleted() => customer::profile,
        K::PointsIssued | K::PointsRedeemed => points::profile,
        K::TierUpgraded | K::TierRenewed | K::TierDowngraded => tier::profile,
        _ => return false,
    };
    debug_assert_eq!(event.kind.depth(), Depth::Core);
    let with_tenant = with_tenant && event.params.tenant.is_some();
    let start = out.len();
    let mut is_empty = true;
    Xdm::entity(out, &event.params.omit, resolved, |xdm| {
        xdm.repeat(identities);
        let before = xdm.written();
        facts(event, with_tenant, notes, xdm);
        is_empty = xdm.written() == before;
    });
    if is_empty {
        out.truncate(start);
    }
    !is_empty
}

/// Whether the profile speaks of the event's program.
fn of_this_program(event: &Event<'_>, notes: &mut Notes) -> bool {
    match event.program.choice(event.params) {
        Choice::Chosen => true,
        Choice::Other => {
            notes.other_program = true;
            false
        }
        Choice::Unknown => {
            notes.program_unknown = true;
            false
        }
    }
}

/// Writes the tenant section of a profile.
fn profile_tenant(
    event: &Event<'_>,
    with_tenant: bool,
    xdm: &mut Xdm<'_>,
    write: impl FnOnce(&mut Xdm<'_>),
) {
    if let Some(tenant) = event.params.tenant.as_ref().filter(|_| with_tenant) {
        xdm.tenant(tenant, write);
    }
}
