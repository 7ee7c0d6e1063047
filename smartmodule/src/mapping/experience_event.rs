//! The ExperienceEvent of an event: which kind is mapped by which file.

use std::ops::Range;

use super::kinds::{
    common, customer, generic, points, promotion, request, reward, subscription, tier, transaction,
};
use super::plan::PlanCache;
use super::xdm_writer::XdmWriter;
use crate::catalog::kind::EventKind;
use crate::input::event::{Event, Trim};
use crate::mapping::identity_map::write_identity_map;
use crate::output::buffer::OutBuf;
use crate::output::name::name;
use crate::output::padded::padded;

/// Writes the ExperienceEvent.
/// Gives where the identityMap stands in it.
pub(crate) fn write_event(
    event: &Event<'_>,
    trim: Trim,
    resolved: &mut PlanCache,
    out: &mut OutBuf,
) -> Range<usize> {
    let mut identities = 0..0;
    XdmWriter::entity(out, &event.params.omit.event, resolved, |xdm| {
        if trim == Trim::Lines {
            xdm.limit(event.params.max_event_bytes);
        }
        xdm.shared_inline(name!("_id"), Some(&event.id));
        xdm.instant_inline(name!("timestamp"), event.at);
        match event_type(event) {
            Some(word) => xdm.label(name!("eventType"), word),
            None => xdm.prefixed_member(
                name!("eventType"),
                padded!(b"capillary."),
                event.kind.event_name(),
            ),
        }
        identities.start = xdm.written();
        write_identity_map(
            event.customer,
            xdm,
            event.params,
            event.organization.as_deref(),
            event.is_deleted(),
        );
        identities.end = xdm.written();
        match event.kind {
            EventKind::TransactionAdded if event.envelope.is_source_shaped => {
                transaction::source_shaped(event, xdm);
            }
            EventKind::TransactionAdded
            | EventKind::TransactionUpdated
            | EventKind::RetroBillAdded => transaction::standard(event, trim, xdm),
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
fn own_fields(event: &Event<'_>, trim: Trim, xdm: &mut XdmWriter<'_>) {
    use EventKind as K;
    match event.kind {
        K::CustomerAdded | K::CustomerUpdated => customer::tenant(event, trim, xdm),
        K::TransactionAdded | K::TransactionUpdated | K::RetroBillAdded => {
            transaction::tenant(event, trim, xdm)
        }
        K::PointsIssued
        | K::PointsRedeemed
        | K::PointsExpired
        | K::PointsExpiryReminder
        | K::PointsExpiryChange => {
            points::tenant(event, trim, xdm);
        }
        K::IssuedPointsReversed
        | K::RedeemedPointsReversed
        | K::PromisedToCurrentPointsConversion
        | K::PointsTransferredInitiated
        | K::SinglePointsExpiryUpdated
        | K::LoyaltyCustomerMerge => {
            points::tenant(event, trim, xdm);
            generic::tenant(event, trim, xdm);
        }
        K::TierUpgraded | K::TierRenewed | K::TierDowngraded | K::TierDowngradeReminder => {
            tier::tenant(event, trim, xdm);
        }
        K::PromotionEarned => promotion::tenant(event, trim, xdm),
        K::RewardIssued | K::CouponIssue | K::CouponRedeem | K::BadgeEarned => {
            reward::tenant(event, trim, xdm)
        }
        K::RequestUpdated => request::tenant(event, trim, xdm),
        K::CustomerSubscription => subscription::tenant(event, trim, xdm),
        _ => generic::tenant(event, trim, xdm),
    }
}

/// The `eventType` of an event that is something XDM knows, or not what its name says.
fn event_type(event: &Event<'_>) -> Option<&'static str> {
    if matches!(
        event.kind,
        EventKind::TransactionAdded | EventKind::RetroBillAdded
    ) {
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
