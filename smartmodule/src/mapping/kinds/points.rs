//! pointsIssued, pointsRedeemed, pointsExpired, pointsExpiryReminder, pointsExpiryChange.

use super::common::{activity_id, number_of};
use super::profile_parts::of_this_program;
use crate::catalog::key::Key;
use crate::catalog::kind::EventKind;
use crate::input::customer::is_other_entity;
use crate::input::event::{Event, Trim};
use crate::json::{Number, Value};
use crate::mapping::notes::Notes;
use crate::mapping::plan::{
    self, Plan, PlanSlot, before, boolean, each, end, id, number, numbered, object, plan, text,
    within,
};
use crate::mapping::xdm_writer::XdmWriter;
use crate::output::name::name;
use crate::values::coerce::{self, member};

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
                xdm.text(
                    name!("transactionId"),
                    activity_id(event, &["BillId", "TransactionId"]),
                );
            });
        });
    });
}

/// The fields of all five kinds; what a kind has no value for is left out.
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

/// The balance after the event, of the one program the profile speaks of.
pub(in crate::mapping) fn profile(
    event: &Event<'_>,
    _: bool,
    notes: &mut Notes,
    xdm: &mut XdmWriter<'_>,
) {
    let is_group = event.get(Key::IsGroupRedemption).and_then(coerce::boolean) == Some(true);
    if is_group || is_other_entity(event.data) {
        notes.of_a_group = true;
        return;
    }
    let (points, lifetime, name) = if event.kind == EventKind::PointsIssued {
        if !of_this_program(event, notes) {
            return;
        }
        (
            event.number(Key::ProgramCurrentPoints),
            event.number(Key::ProgramLifetimePoints),
            event.program.name.as_ref(),
        )
    } else {
        // Points of several programs can go into one redemption; each entry has that program's
        // balance.
        let Some(wanted) = event.program.chosen_id(event.params) else {
            of_this_program(event, notes);
            return;
        };
        let Some(balance) = balance_of(event, wanted) else {
            notes.other_program = true;
            return;
        };
        let name = event
            .program
            .name
            .as_ref()
            .filter(|_| event.program.id.as_deref() == Some(wanted));
        (Some(balance), None, name)
    };
    if points.is_none() && lifetime.is_none() {
        return;
    }
    xdm.object(name!("loyalty"), |xdm| {
        xdm.amount(name!("points"), points);
        xdm.amount(name!("lifetimePoints"), lifetime);
        xdm.shared(name!("program"), name);
    });
}

fn balance_of<'a>(event: &Event<'a>, program: &str) -> Option<Number<'a>> {
    let entries = event
        .get(Key::RedemptionFromEarningPrograms)
        .into_iter()
        .flat_map(Value::items);
    entries
        .filter(|entry| {
            member(Some(*entry), Key::ProgramId)
                .and_then(coerce::numbered)
                .as_deref()
                == Some(program)
        })
        .filter_map(|entry| number_of(Some(entry), Key::ProgramCurrentPoints))
        .last()
}
