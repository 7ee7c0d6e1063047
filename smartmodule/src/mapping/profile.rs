//! The profile record of an event.

use std::ops::Range;

use super::kinds::{
    customer, points, request, reward, source_shape, subscription, tier, transaction,
};
use super::notes::Notes;
use super::plan::PlanCache;
use super::xdm_writer::XdmWriter;
use crate::catalog::kind::{Depth, EventKind};
use crate::input::event::Event;
use crate::output::buffer::OutBuf;
use crate::output::name::name;

/// Writes the profile record, whose identityMap is the event's; `false`, and nothing, when the
/// event states no profile facts.
pub(crate) fn write_profile(
    event: &Event<'_>,
    identities: Range<usize>,
    with_tenant: bool,
    notes: &mut Notes,
    resolved: &mut PlanCache,
    out: &mut OutBuf,
) -> bool {
    use EventKind as K;
    let facts: fn(&Event<'_>, bool, &mut Notes, &mut XdmWriter<'_>) = match event.kind {
        _ if event.envelope.is_source_shaped => {
            if event.kind == K::TransactionAdded {
                transaction::note(event, notes);
            }
            source_shape::profile
        }
        K::CustomerAdded | K::CustomerUpdated => customer::profile,
        K::RequestUpdated => request::profile,
        K::PointsIssued
        | K::PointsRedeemed
        | K::IssuedPointsReversed
        | K::RedeemedPointsReversed
        | K::PromisedToCurrentPointsConversion
        | K::PointsTransferredInitiated
        | K::LoyaltyCustomerMerge => points::balance::profile,
        K::PointsExpiryReminder | K::PointsExpiryChange | K::SinglePointsExpiryUpdated => {
            points::expiration::profile
        }
        K::TierUpgraded | K::TierRenewed | K::TierDowngraded | K::TierDowngradeReminder => {
            tier::profile
        }
        K::RewardIssued | K::CouponIssue | K::CouponRedeem | K::BadgeEarned => reward::profile,
        K::CustomerSubscription => subscription::profile,
        K::TransactionAdded | K::TransactionUpdated | K::RetroBillAdded => {
            transaction::note(event, notes);
            return false;
        }
        _ => return false,
    };
    debug_assert_ne!(event.kind.depth(), Depth::Generic);
    let with_tenant = with_tenant && event.params.tenant.is_some();
    let start = out.len();
    let mut is_empty = true;
    XdmWriter::entity(out, &event.params.omit.profile, resolved, |xdm| {
        xdm.repeat(identities);
        let before = xdm.written();
        facts(event, with_tenant, notes, xdm);
        is_empty = xdm.written() == before;
        if event.params.test_profile {
            xdm.boolean(name!("testProfile"), Some(true));
        }
    });
    if is_empty {
        out.truncate(start);
    }
    !is_empty
}
