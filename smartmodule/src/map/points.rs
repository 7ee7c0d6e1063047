//! pointsIssued, pointsRedeemed, pointsExpired, pointsExpiryReminder, pointsExpiryChange.

use super::common::{activity_id, id, number, text};
use super::{Notes, of_this_program};
use crate::event::{Event, Trim};
use crate::identity::is_other_entity;
use crate::json::{Number, Value};
use crate::kind::EventKind;
use crate::read;
use crate::xdm::Xdm;

/// Loyalty Event Details: one entry with the total, since the breakdown need not add up to it.
pub(super) fn standard(event: &Event<'_>, xdm: &mut Xdm<'_>) {
    let (list, total) = match event.kind {
        EventKind::PointsIssued => ("pointsGained", "totalPointsIssued"),
        _ => ("pointsRedemption", "totalPointsRedeemed"),
    };
    let Some(total) = event.number(total) else { return };
    xdm.object("loyalty", |xdm| {
        xdm.array(list, |xdm| {
            xdm.element(|xdm| {
                xdm.number("value", Some(total));
                xdm.text("loyaltyProgramId", event.program.id.clone());
                xdm.text("transactionId", activity_id(event, &["BillId", "TransactionId"]));
            });
        });
    });
}

pub(super) fn tenant(event: &Event<'_>, trim: Trim, xdm: &mut Xdm<'_>) {
    xdm.object("points", |xdm| {
        xdm.number("issued", event.number("totalPointsIssued"));
        xdm.number("regularIssued", event.number("regularPointsIssued"));
        xdm.number("redeemed", event.number("totalPointsRedeemed"));
        xdm.number("redeemedValue", event.number("redeemedPointsCurrencyValue"));
        xdm.number("expired", event.number("pointsExpired"));
        xdm.number("expiring", event.number("pointsScheduledForExpiry"));
        xdm.text("expiryDay", event.text("scheduledExpiryDate"));
        xdm.number("balance", event.number("programCurrentPoints"));
        xdm.number("lifetime", event.number("programLifetimePoints"));
        // Place and shape are not documented; where it is a number it is the total over all programs.
        xdm.number("availableBalance", event.number("AvailablePointsBalance"));
        xdm.text("redemptionSummaryId", event.id("redemptionSummaryId"));
        xdm.text("redemptionBillNumber", event.id("redemptionBillNumber"));
        xdm.boolean(
            "isGroupRedemption",
            event.get("isGroupRedemption").and_then(read::boolean),
        );
        if trim < Trim::Activity {
            xdm.text("redemptionNotes", event.text("redemptionNotes"));
        }
        if trim < Trim::Lists {
            lists(event, xdm);
        }
    });
    let behavior = event.get("behavioralEventAttributes");
    xdm.object("behavioralEvent", |xdm| {
        xdm.text("name", text(behavior, "event_name"));
        xdm.text("webhookId", id(behavior, "webhookId"));
        xdm.text("requestId", id(behavior, "requestId"));
    });
}

fn lists(event: &Event<'_>, xdm: &mut Xdm<'_>) {
    each(event, "regularPointsBreakup", "regular", xdm, |item, xdm| {
        xdm.number("points", number(item, "points"));
        xdm.text("expiryDay", text(item, "expiryAt"));
    });
    each(event, "promotionalPointsIssued", "promotional", xdm, |item, xdm| {
        xdm.number("points", number(item, "promotionPoints"));
        xdm.text("promotionId", id(item, "promotionIdentifier"));
        xdm.text("promotionName", text(item, "promotionName"));
        xdm.text("promotionType", text(item, "promotionType"));
        xdm.text("expiryDay", text(item, "promotionPointsExpiryDate"));
    });
    each(event, "promisedPointsIssued", "promised", xdm, |item, xdm| {
        xdm.number("points", number(item, "promisedPoints"));
        xdm.boolean(
            "externalTrigger",
            read::member(item, "isExternalTriggerBased").and_then(read::boolean),
        );
        xdm.text("conversionDay", text(item, "promisedPointsConversionDate"));
        xdm.text("promotionId", id(item, "promotionIdentifier"));
    });
    each(event, "redemptionFromEarningPrograms", "programs", xdm, |item, xdm| {
        xdm.text("programId", read::member(item, "programId").and_then(read::numbered));
        xdm.number("redeemed", number(item, "pointsRedeemed"));
        xdm.number("balance", number(item, "programCurrentPoints"));
    });
    each(
        event,
        "updatedPointsExpiryBreakup",
        "expiryChanges",
        xdm,
        |item, xdm| {
            xdm.number("points", number(item, "points"));
            xdm.text("awardId", id(item, "pointAwardedRefID"));
            xdm.text("awardType", text(item, "pointsAwardedRefType"));
            xdm.text("promotionId", id(item, "promotionID"));
            xdm.text("previousExpiry", text(item, "pointsPreviousExpiryDate"));
            xdm.text("newExpiry", text(item, "newExpiryDate"));
            xdm.text("newExpiryType", text(item, "newExpirySetType"));
            xdm.text("reason", text(item, "expiryUpdateReasonType"));
            xdm.text("note", text(item, "expiryUpdateReasonNote"));
        },
    );
}

/// Writes the list `from` of the event as the list `to`.
fn each<'a>(
    event: &Event<'a>,
    from: &str,
    to: &str,
    xdm: &mut Xdm<'_>,
    write: impl Fn(Option<Value<'a>>, &mut Xdm<'_>),
) {
    xdm.array(to, |xdm| {
        for item in event.get(from).into_iter().flat_map(Value::items) {
            xdm.element(|xdm| write(Some(item), xdm));
        }
    });
}

/// The balance after the event, of the one program the profile speaks of.
pub(super) fn profile(event: &Event<'_>, _: bool, notes: &mut Notes, xdm: &mut Xdm<'_>) {
    let is_group = event.get("isGroupRedemption").and_then(read::boolean) == Some(true);
    if is_group || is_other_entity(event.data) {
        notes.group_balance = true;
        return;
    }
    let (points, lifetime, name) = if event.kind == EventKind::PointsIssued {
        if !of_this_program(event, notes) {
            return;
        }
        (
            event.number("programCurrentPoints"),
            event.number("programLifetimePoints"),
            event.program.name.clone(),
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
            .clone()
            .filter(|_| event.program.id.as_deref() == Some(wanted));
        (Some(balance), None, name)
    };
    if points.is_none() && lifetime.is_none() {
        return;
    }
    xdm.object("loyalty", |xdm| {
        xdm.number("points", points);
        xdm.number("lifetimePoints", lifetime);
        xdm.text("program", name);
    });
}

fn balance_of<'a>(event: &Event<'a>, program: &str) -> Option<Number<'a>> {
    let entries = event
        .get("redemptionFromEarningPrograms")
        .into_iter()
        .flat_map(Value::items);
    entries
        .filter(|entry| {
            read::member(Some(*entry), "programId")
                .and_then(read::numbered)
                .as_deref()
                == Some(program)
        })
        .filter_map(|entry| number(Some(entry), "programCurrentPoints"))
        .last()
}
