//! tierUpgraded, tierRenewed, tierDowngraded, tierDowngradeReminder.

use super::expiry::Expiry;
use super::profile_parts::{of_this_program, profile_tenant, tier_label};
use crate::catalog::key::Key;
use crate::catalog::kind::EventKind;
use crate::input::customer::is_other_entity;
use crate::input::event::{Event, Trim};
use crate::mapping::notes::Notes;
use crate::mapping::plan::{self, Plan, PlanSlot, before, call, end, object, plan, text};
use crate::mapping::xdm_writer::XdmWriter;
use crate::output::name::name;
use crate::values::coerce;

fn tier_number(event: &Event<'_>, key: Key) -> Option<i64> {
    // -1 means none.
    let number = event.find(key).and_then(coerce::integer);
    number.filter(|number| *number >= 0)
}

/// The tier the customer is in after the event.
fn current(event: &Event<'_>) -> Option<i64> {
    let key = match event.kind {
        EventKind::TierUpgraded => Key::UpgradedTierNumber,
        EventKind::TierDowngraded => Key::DowngradedTierNumber,
        _ => Key::CurrentTierNumber,
    };
    tier_number(event, key)
}

static TENANT: Plan = Plan {
    slot: PlanSlot::Tenant,
    steps: &plan([
        object(name!("tier")),
        call(|event, xdm| {
            let name = |number: Option<i64>| {
                number.and_then(|number| event.program.tier_name(number, event.params))
            };
            let (current, previous) = (current(event), tier_number(event, Key::PreviousTierNumber));
            xdm.integer(name!("number"), current);
            xdm.text(name!("name"), name(current));
            xdm.integer(name!("previousNumber"), previous);
            xdm.text(name!("previousName"), name(previous));
            let expiry = Expiry::read(event, Key::TierExpiryDate, Key::TierExpiryDateInMillis);
            xdm.text(name!("expiryDay"), expiry.day);
            xdm.instant(name!("expiresAt"), expiry.instant);
            xdm.boolean(name!("neverExpires"), expiry.stated.then_some(expiry.never));
        }),
        text(name!("downgradeDay"), Key::ScheduledDowngradeDate),
        text(name!("changeType"), Key::UpgradeType).or(Key::RenewType),
        before(Trim::Activity),
        text(name!("notes"), Key::Notes),
        end(),
        end(),
    ]),
};

pub(in crate::mapping) fn tenant(event: &Event<'_>, trim: Trim, xdm: &mut XdmWriter<'_>) {
    plan::write(&TENANT, event, trim, xdm);
}

pub(in crate::mapping) fn profile(
    event: &Event<'_>,
    with_tenant: bool,
    notes: &mut Notes,
    xdm: &mut XdmWriter<'_>,
) {
    if is_other_entity(event.data) {
        notes.of_a_group = true;
        return;
    }
    if !of_this_program(event, notes) {
        return;
    }
    let Some(number) = current(event) else { return };
    let name = tier_label(event, number, true, notes);
    // A tier that is to be taken away on a day ends then.
    let (key, twin) = match event.kind {
        EventKind::TierDowngradeReminder => (
            Key::ScheduledDowngradeDate,
            Key::ScheduledDowngradeDateInMillis,
        ),
        _ => (Key::TierExpiryDate, Key::TierExpiryDateInMillis),
    };
    let expiry = Expiry::read(event, key, twin);
    xdm.object(name!("loyalty"), |xdm| {
        xdm.text(name!("tier"), Some(name));
        xdm.text(
            name!("nextTier"),
            event.program.next_tier_name(number, event.params),
        );
        xdm.instant(name!("tierExpiryDate"), expiry.instant);
        xdm.instant(
            name!("tierUpgradeDate"),
            Some(event.at).filter(|_| event.kind == EventKind::TierUpgraded),
        );
        xdm.shared(name!("program"), event.program.name.as_ref());
    });
    profile_tenant(event, with_tenant, xdm, |xdm| {
        xdm.integer(name!("tierNumber"), Some(number));
        xdm.text(name!("tierExpiryDay"), expiry.day);
        xdm.boolean(
            name!("tierNeverExpires"),
            expiry.stated.then_some(expiry.never),
        );
    });
}
