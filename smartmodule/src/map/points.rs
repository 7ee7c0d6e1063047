//! pointsIssued, pointsRedeemed, pointsExpired, pointsExpiryReminder, pointsExpiryChange.

use super::common::{activity_id, number};
use super::{Notes, of_this_program};
use crate::event::{Event, Trim};
use crate::identity::is_other_entity;
use crate::json::{Number, Value};
use crate::keys::Key;
use crate::kind::EventKind;
use crate::read::{self, find, member};
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
                xdm.shared(name!("loyaltyProgramId"), event.program.id.as_ref());
                xdm.text(name!("transactionId"), activity_id(event, &["BillId", "TransactionId"]));
            });
        });
    });
}

pub(super) fn tenant(event: &Event<'_>, trim: Trim, xdm: &mut Xdm<'_>) {
    xdm.object(name!("points"), |xdm| {
        xdm.number(name!("issued"), event.find(Key::TotalPointsIssued));
        xdm.number(name!("regularIssued"), event.find(Key::RegularPointsIssued));
        xdm.number(name!("redeemed"), event.find(Key::TotalPointsRedeemed));
        xdm.number(name!("redeemedValue"), event.find(Key::RedeemedPointsCurrencyValue));
        xdm.number(name!("expired"), event.find(Key::PointsExpired));
        xdm.number(name!("expiring"), event.find(Key::PointsScheduledForExpiry));
        xdm.copy(name!("expiryDay"), event.find(Key::ScheduledExpiryDate));
        xdm.number(name!("balance"), event.find(Key::ProgramCurrentPoints));
        xdm.number(name!("lifetime"), event.find(Key::ProgramLifetimePoints));
        // Place and shape are not documented; where it is a number it is the total over all programs.
        xdm.number(name!("availableBalance"), event.find(Key::AvailablePointsBalance));
        xdm.id(name!("redemptionSummaryId"), event.find(Key::RedemptionSummaryId));
        xdm.id(name!("redemptionBillNumber"), event.find(Key::RedemptionBillNumber));
        xdm.boolean(
            name!("isGroupRedemption"),
            event.get(Key::IsGroupRedemption).and_then(read::boolean),
        );
        if trim < Trim::Activity {
            xdm.copy(name!("redemptionNotes"), event.find(Key::RedemptionNotes));
        }
        if trim < Trim::Lists {
            lists(event, xdm);
        }
    });
    let behavior = event.get(Key::BehavioralEventAttributes);
    xdm.object(name!("behavioralEvent"), |xdm| {
        xdm.copy(name!("name"), find(behavior, Key::BehaviorName));
        xdm.id(name!("webhookId"), find(behavior, Key::WebhookId));
        xdm.id(name!("requestId"), find(behavior, Key::RequestId));
    });
}

fn lists(event: &Event<'_>, xdm: &mut Xdm<'_>) {
    each(event, Key::RegularPointsBreakup, name!("regular"), xdm, |item, xdm| {
        xdm.number(name!("points"), find(item, Key::Points));
        xdm.copy(name!("expiryDay"), find(item, Key::ExpiryAt));
    });
    each(
        event,
        Key::PromotionalPointsIssued,
        name!("promotional"),
        xdm,
        |item, xdm| {
            xdm.number(name!("points"), find(item, Key::PromotionPoints));
            xdm.id(name!("promotionId"), find(item, Key::PromotionIdentifier));
            xdm.copy(name!("promotionName"), find(item, Key::PromotionName));
            xdm.copy(name!("promotionType"), find(item, Key::PromotionType));
            xdm.copy(name!("expiryDay"), find(item, Key::PromotionPointsExpiryDate));
        },
    );
    each(event, Key::PromisedPointsIssued, name!("promised"), xdm, |item, xdm| {
        xdm.number(name!("points"), find(item, Key::PromisedPoints));
        xdm.boolean(
            name!("externalTrigger"),
            member(item, Key::IsExternalTriggerBased).and_then(read::boolean),
        );
        xdm.copy(name!("conversionDay"), find(item, Key::PromisedPointsConversionDate));
        xdm.id(name!("promotionId"), find(item, Key::PromotionIdentifier));
    });
    each(
        event,
        Key::RedemptionFromEarningPrograms,
        name!("programs"),
        xdm,
        |item, xdm| {
            xdm.text(
                name!("programId"),
                member(item, Key::ProgramId).and_then(read::numbered),
            );
            xdm.number(name!("redeemed"), find(item, Key::PointsRedeemed));
            xdm.number(name!("balance"), find(item, Key::ProgramCurrentPoints));
        },
    );
    each(
        event,
        Key::UpdatedPointsExpiryBreakup,
        name!("expiryChanges"),
        xdm,
        |item, xdm| {
            xdm.number(name!("points"), find(item, Key::Points));
            xdm.id(name!("awardId"), find(item, Key::PointAwardedRefID));
            xdm.copy(name!("awardType"), find(item, Key::PointsAwardedRefType));
            xdm.id(name!("promotionId"), find(item, Key::PromotionID));
            xdm.copy(name!("previousExpiry"), find(item, Key::PointsPreviousExpiryDate));
            xdm.copy(name!("newExpiry"), find(item, Key::NewExpiryDate));
            xdm.copy(name!("newExpiryType"), find(item, Key::NewExpirySetType));
            xdm.copy(name!("reason"), find(item, Key::ExpiryUpdateReasonType));
            xdm.copy(name!("note"), find(item, Key::ExpiryUpdateReasonNote));
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
        xdm.shared(name!("program"), name);
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
