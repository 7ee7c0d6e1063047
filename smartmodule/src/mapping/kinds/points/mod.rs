//! Points: issued, redeemed, expired, about to expire, taken back, converted, transferred; and what
//! a merge leaves of them.

pub(in crate::mapping) mod balance;
pub(in crate::mapping) mod expiration;

use super::common::activity_id;
use crate::catalog::key::Key;
use crate::catalog::kind::EventKind;
use crate::input::event::{Event, Trim};
use crate::mapping::plan::{
    self, Plan, PlanSlot, before, boolean, each, end, id, integer, number, numbered, object, plan,
    text, within,
};
use crate::mapping::xdm_writer::XdmWriter;
use crate::output::name::name;
use crate::values::coerce;
use crate::values::text::Text;

/// Loyalty Event Details: one entry with the total, since the breakdown need not add up to it.
pub(in crate::mapping) fn standard(event: &Event<'_>, xdm: &mut XdmWriter<'_>) {
    let (list, total) = match event.kind {
        EventKind::PointsIssued => (name!("pointsGained"), Key::TotalPointsIssued),
        _ => (name!("pointsRedemption"), Key::TotalPointsRedeemed),
    };
    let Some(total) = event.number(total) else {
        return;
    };
    xdm.object(name!("loyalty"), |xdm| {
        xdm.array(list, |xdm| {
            xdm.element(|xdm| {
                xdm.amount(name!("value"), Some(total));
                xdm.shared(name!("loyaltyProgramId"), event.program.id.as_ref());
                xdm.text(name!("transactionId"), transaction_id(event));
            });
        });
    });
}

/// The transaction that gained the points, or that redeemed them: not the bill it paid for.
fn transaction_id<'a>(event: &Event<'a>) -> Option<Text<'a>> {
    match event.kind {
        EventKind::PointsIssued => activity_id(event, &["BillId", "TransactionId"]),
        _ => event
            .find(Key::RedemptionSummaryId)
            .and_then(coerce::numbered)
            .or_else(|| activity_id(event, &["redemptionId"])),
    }
}

/// The fields of all these kinds; what a kind has no value for is left out.
static TENANT: Plan = Plan {
    slot: PlanSlot::Tenant,
    steps: &plan([
        object(name!("points")),
        number(name!("issued"), Key::TotalPointsIssued),
        number(name!("regularIssued"), Key::RegularPointsIssued),
        number(name!("redeemed"), Key::TotalPointsRedeemed),
        number(name!("redeemedValue"), Key::RedeemedPointsCurrencyValue),
        number(name!("expired"), Key::PointsExpired),
        number(name!("expiring"), Key::PointsScheduledForExpiry),
        text(name!("expiryDay"), Key::ScheduledExpiryDate),
        number(name!("balance"), Key::ProgramCurrentPoints),
        number(name!("lifetime"), Key::ProgramLifetimePoints),
        // Place and shape are not documented; where it is a number it is the total over all
        // programs.
        number(name!("availableBalance"), Key::AvailablePointsBalance),
        number(name!("reversed"), Key::CurrentEventTotalPointsReturned),
        number(name!("reversedOfBill"), Key::TotalIssuedPointsReversed),
        number(name!("restored"), Key::RedeemedPointsReversed),
        within(Key::RedeemedPointsReversedDetails),
        number(name!("restoredExpired"), Key::Expired),
        end(),
        number(name!("converted"), Key::PointsConverted),
        text(name!("conversionSource"), Key::PointsConversionSource),
        number(name!("transferred"), Key::TotalPointsTransferred),
        id(name!("redemptionSummaryId"), Key::RedemptionSummaryId),
        id(name!("redemptionBillNumber"), Key::RedemptionBillNumber),
        boolean(name!("isGroupRedemption"), Key::IsGroupRedemption),
        before(Trim::Activity),
        text(name!("redemptionNotes"), Key::RedemptionNotes),
        end(),
        before(Trim::Lists),
        each(name!("regular"), Key::RegularPointsBreakup),
        number(name!("points"), Key::Points),
        text(name!("expiryDay"), Key::ExpiryAt),
        end(),
        each(name!("promotional"), Key::PromotionalPointsIssued),
        number(name!("points"), Key::PromotionPoints),
        id(name!("promotionId"), Key::PromotionIdentifier),
        text(name!("promotionName"), Key::PromotionName),
        text(name!("promotionType"), Key::PromotionType),
        text(name!("expiryDay"), Key::PromotionPointsExpiryDate),
        end(),
        each(name!("promised"), Key::PromisedPointsIssued),
        number(name!("points"), Key::PromisedPoints),
        boolean(name!("externalTrigger"), Key::IsExternalTriggerBased),
        text(name!("conversionDay"), Key::PromisedPointsConversionDate),
        id(name!("promotionId"), Key::PromotionIdentifier),
        end(),
        each(name!("programs"), Key::RedemptionFromEarningPrograms),
        numbered(name!("programId"), Key::ProgramId),
        number(name!("redeemed"), Key::PointsRedeemed),
        number(name!("balance"), Key::ProgramCurrentPoints),
        end(),
        each(
            name!("restoredPrograms"),
            Key::RedemptionReversalToEarningPrograms,
        ),
        numbered(name!("programId"), Key::ProgramId),
        number(name!("restored"), Key::RedeemedPointsReversed),
        number(name!("balance"), Key::ProgramCurrentPoints),
        end(),
        each(name!("mergedPrograms"), Key::SurvivorCustomerLoyaltySummary),
        numbered(name!("programId"), Key::LoyaltyProgramId),
        number(name!("balance"), Key::CurrentPoints),
        number(name!("lifetime"), Key::LifetimePoints),
        number(name!("promised"), Key::PromisedPoints),
        integer(name!("tierNumber"), Key::TierNumber),
        end(),
        each(name!("newExpiries"), Key::UpdatedPointsExpiry),
        numbered(name!("programId"), Key::ProgramId),
        number(name!("points"), Key::Points),
        text(name!("type"), Key::PointsType),
        text(name!("previousExpiry"), Key::OldExpiryDate),
        text(name!("newExpiry"), Key::NewExpiryDate),
        end(),
        each(name!("expiryChanges"), Key::UpdatedPointsExpiryBreakup),
        number(name!("points"), Key::Points),
        id(name!("awardId"), Key::PointAwardedRefID),
        text(name!("awardType"), Key::PointsAwardedRefType),
        id(name!("promotionId"), Key::PromotionID),
        text(name!("previousExpiry"), Key::PointsPreviousExpiryDate),
        text(name!("newExpiry"), Key::NewExpiryDate),
        text(name!("newExpiryType"), Key::NewExpirySetType),
        text(name!("reason"), Key::ExpiryUpdateReasonType),
        text(name!("note"), Key::ExpiryUpdateReasonNote),
        end(),
        end(),
        end(),
        within(Key::BehavioralEventAttributes),
        object(name!("behavioralEvent")),
        text(name!("name"), Key::BehaviorName),
        id(name!("webhookId"), Key::WebhookId),
        id(name!("requestId"), Key::RequestId),
        end(),
        end(),
    ]),
};

pub(in crate::mapping) fn tenant(event: &Event<'_>, trim: Trim, xdm: &mut XdmWriter<'_>) {
    plan::write(&TENANT, event, trim, xdm);
}
