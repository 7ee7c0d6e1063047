//! tierUpgraded, tierRenewed, tierDowngraded, tierDowngradeReminder.

use std::borrow::Cow;

use super::day::Expiry;
use super::{Notes, of_this_program, profile_tenant};
use crate::event::{Event, Trim};
use crate::identity::is_other_entity;
use crate::kind::EventKind;
use crate::xdm::Xdm;

fn tier_number(event: &Event<'_>, key: &str) -> Option<i64> {
    event.number(key).and_then(|number| number.integer())
}

/// The tier the customer is in after the event.
fn current(event: &Event<'_>) -> Option<i64> {
    let key = match event.kind {
        EventKind::TierUpgraded => "upgradedTierNumber",
        EventKind::TierDowngraded => "downgradedTierNumber",
        _ => "currentTierNumber",
    };
    tier_number(event, key)
}

pub(super) fn tenant(event: &Event<'_>, trim: Trim, xdm: &mut Xdm<'_>) {
    xdm.object("tier", |xdm| {
        let name = |number: Option<i64>| number.and_then(|number| event.program.tier_name(number, event.params));
        let (current, previous) = (current(event), tier_number(event, "previousTierNumber"));
        xdm.integer("number", current);
        xdm.text("name", name(current));
        xdm.integer("previousNumber", previous);
        xdm.text("previousName", name(previous));
        let expiry = Expiry::read(event, "tierExpiryDate", "tierExpiryDateInMillis");
        xdm.text("expiryDay", expiry.day);
        xdm.instant("expiresAt", expiry.instant);
        xdm.boolean("neverExpires", expiry.stated.then_some(expiry.never));
        xdm.text("downgradeDay", event.text("scheduledDowngradeDate"));
        xdm.text(
            "changeType",
            event.text("upgradeType").or_else(|| event.text("renewType")),
        );
        if trim < Trim::Activity {
            xdm.text("notes", event.text("notes"));
        }
    });
}

pub(super) fn profile(event: &Event<'_>, with_tenant: bool, notes: &mut Notes, xdm: &mut Xdm<'_>) {
    if is_other_entity(event.data) {
        notes.of_a_group = true;
        return;
    }
    if !of_this_program(event, notes) {
        return;
    }
    let Some(number) = current(event) else { return };
    let name = event.program.tier_name(number, event.params).unwrap_or_else(|| {
        notes.tier_name_unknown = true;
        Cow::Owned(number.to_string())
    });
    let expiry = Expiry::read(event, "tierExpiryDate", "tierExpiryDateInMillis");
    xdm.object("loyalty", |xdm| {
        xdm.text("tier", Some(name));
        xdm.instant("tierExpiryDate", expiry.instant);
        xdm.instant(
            "tierUpgradeDate",
            Some(event.at).filter(|_| event.kind == EventKind::TierUpgraded),
        );
        xdm.text("program", event.program.name.clone());
    });
    profile_tenant(event, with_tenant, xdm, |xdm| {
        xdm.integer("tierNumber", Some(number));
        xdm.text("tierExpiryDay", expiry.day);
        xdm.boolean("tierNeverExpires", expiry.stated.then_some(expiry.never));
    });
}
