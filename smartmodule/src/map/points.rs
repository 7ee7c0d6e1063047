//! pointsIssued, pointsRedeemed, pointsExpired, pointsExpiryReminder, pointsExpiryChange.

use super::common::{activity_id, number};
use super::{Notes, of_this_program};
use crate::event::{Event, Trim};
use crate::identity::is_other_entity;
use crate::json::{Number, Value};
use crate::keys::Key;
use crate::kind::EventKind;
use crate::read::{self, member};
use crate::xdm::{Name, Xdm, name};

/// Loyalty Event Details: one entry with the total, since the breakdown need not add up to it.
pub(super) fn standard(event: &Event<'_>, xdm: &mut Xdm<'_>) {
    let (list, total) = match event.kind {
        EventKind::PointsIssued => (name!("pointsGained"), Key::TotalPointsIssued),
        _ => (name!("pointsRedemption"), Key::TotalPointsRedeemed),
    };
    let Some(total) = event.number(total) else { return };
    xdm.object(name!("loyalty"), |xdm| {
        xdm.array(list, |xdm| {
            xdm.element(|xdm| {
                xdm.amount(name!("value"), Some(total));
                xdm.text(name!("loyaltyProgramId"), event.program.id.as_ref());
                xdm.text(
                    name!("transactionId"),
                    activity_id(event, &["BillId", "TransactionId"]).as_ref(),
                );
            });
        });
    });
}

pub(super) fn tenant(event: &Event<'_>, trim: Trim, xdm: &mut Xdm<'_>) {
    xdm.object(name!("points"), |xdm| {
        xdm.number(name!("issued"), event.get(Key::TotalPointsIssued));
        xdm.number(name!("regularIssued"), event.get(Key::RegularPointsIssued));
        xdm.number(name!("redeemed"), event.get(Key::TotalPointsRedeemed));
        xdm.number(name!("redeemedValue"), event.get(Key::RedeemedPointsCurrencyValue));
        xdm.number(name!("expired"), event.get(Key::PointsExpired));
        xdm.number(name!("expiring"), event.get(Key::PointsScheduledForExpiry));
        xdm.copy(name!("expiryDay"), event.get(Key::ScheduledExpiryDate));
        xdm.number(name!("balance"), event.get(Key::ProgramCurrentPoints));
        xdm.number(name!("lifetime"), event.get(Key::ProgramLifetimePoints));
        // Place and shape are not documented; where it is a number it is the total over all programs.
        xdm.number(name!("availableBalance"), event.get(Key::AvailablePointsBalance));
        xdm.id(name!("redemptionSummaryId"), event.get(Key::RedemptionSummaryId));
        xdm.id(name!("redemptionBillNumber"), event.get(Key::RedemptionBillNumber));
        xdm.boolean(
            name!("isGroupRedemption"),
            event.get(Key::IsGroupRedemption).and_then(read::boolean),
        );
        if trim < Trim::Activity {
            xdm.copy(name!("redemptionNotes"), event.get(Key::RedemptionNotes));
        }
        if trim < Trim::Lists {
            lists(event, xdm);
        }
    });
    let behavior = event.get(Key::BehavioralEventAttributes);
    xdm.object(name!("behavioralEvent"), |xdm| {
        xdm.copy(name!("name"), member(behavior, Key::BehaviorName));
        xdm.id(name!("webhookId"), member(behavior, Key::WebhookId));
        xdm.id(name!("requestId"), member(behavior, Key::RequestId));
    });
}

fn lists(event: &Event<'_>, xdm: &mut Xdm<'_>) {
    each(event, Key::RegularPointsBreakup, name!("regular"), xdm, |item, xdm| {
        xdm.number(name!("points"), member(item, Key::Points));
        xdm.copy(name!("expiryDay"), member(item, Key::ExpiryAt));
    });
    each(
        event,
        Key::PromotionalPointsIssued,
        name!("promotional"),
        xdm,
        |item, xdm| {
            xdm.number(name!("points"), member(item, Key::PromotionPoints));
            xdm.id(name!("promotionId"), member(item, Key::PromotionIdentifier));
            xdm.copy(name!("promotionName"), member(item, Key::PromotionName));
            xdm.copy(name!("promotionType"), member(item, Key::PromotionType));
            xdm.copy(name!("expiryDay"), member(item, Key::PromotionPointsExpiryDate));
        },
    );
    each(event, Key::PromisedPointsIssued, name!("promised"), xdm, |item, xdm| {
        xdm.number(name!("points"), member(item, Key::PromisedPoints));
        xdm.boolean(
            name!("externalTrigger"),
            member(item, Key::IsExternalTriggerBased).and_then(read::boolean),
        );
        xdm.copy(name!("conversionDay"), member(item, Key::PromisedPointsConversionDate));
        xdm.id(name!("promotionId"), member(item, Key::PromotionIdentifier));
    });
    each(
        event,
        Key::RedemptionFromEarningPrograms,
        name!("programs"),
        xdm,
        |item, xdm| {
            xdm.text(
                name!("programId"),
                member(item, Key::ProgramId).and_then(read::numbered).as_ref(),
            );
            xdm.number(name!("redeemed"), member(item, Key::PointsRedeemed));
            xdm.number(name!("balance"), member(item, Key::ProgramCurrentPoints));
        },
    );
    each(
        event,
        Key::UpdatedPointsExpiryBreakup,
        name!("expiryChanges"),
        xdm,
        |item, xdm| {
            xdm.number(name!("points"), member(item, Key::Points));
            xdm.id(name!("awardId"), member(item, Key::PointAwardedRefID));
            xdm.copy(name!("awardType"), member(item, Key::PointsAwardedRefType));
            xdm.id(name!("promotionId"), member(item, Key::PromotionID));
            xdm.copy(name!("previousExpiry"), member(item, Key::PointsPreviousExpiryDate));
            xdm.copy(name!("newExpiry"), member(item, Key::NewExpiryDate));
            xdm.copy(name!("newExpiryType"), member(item, Key::NewExpirySetType));
            xdm.copy(name!("reason"), member(item, Key::ExpiryUpdateReasonType));
            xdm.copy(name!("note"), member(item, Key::ExpiryUpdateReasonNote));
        },
    );
}

/// Writes the list `from` of the event as the list `to`.
fn each<'a>(
    event: &Event<'a>,
    from: Key,
    to: &Name,
    xdm: &mut Xdm<'_>,
    write: impl Fn(Option<Value<'a>>, &mut Xdm<'_>),
) {
    let Some(list) = event.get(from) else { return };
    xdm.array(to, |xdm| {
        for item in list.items() {
            xdm.element(|xdm| write(Some(item), xdm));
        }
    });
}

/// The balance after the event, of the one program the profile speaks of.
pub(super) fn profile(event: &Event<'_>, _: bool, notes: &mut Notes, xdm: &mut Xdm<'_>) {
    let is_group = event.get(Key::IsGroupRedemption).and_then(read::boolean) == Some(true);
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
        // Points of several programs can go into one redemption; each entry has that program's balance.
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
        xdm.text(name!("program"), name);
    });
}

fn balance_of<'a>(event: &Event<'a>, program: &str) -> Option<Number<'a>> {
    let entries = event
        .get(Key::RedemptionFromEarningPrograms)
        .into_iter()
        .flat_map(Value::items);
    entries
        .filter(|entry| member(Some(*entry), Key::ProgramId).and_then(read::numbered).as_deref() == Some(program))
        .filter_map(|entry| number(Some(entry), Key::ProgramCurrentPoints))
        .last()
}
