//! The balance an event states, of the one program the profile speaks of.

use crate::catalog::key::Key;
use crate::catalog::kind::EventKind;
use crate::input::customer::is_other_entity;
use crate::input::event::Event;
use crate::json::{Number, Value};
use crate::mapping::kinds::common::number_of;
use crate::mapping::kinds::profile_parts::{of_this_program, tier_label};
use crate::mapping::notes::Notes;
use crate::mapping::xdm_writer::XdmWriter;
use crate::output::name::name;
use crate::values::coerce::{self, find, member};
use crate::values::text::Text;

/// What an event states of a program after it.
struct Balance<'e> {
    points: Option<Number<'e>>,
    lifetime: Option<Number<'e>>,
    promised: Option<Number<'e>>,
    tier: Option<i64>,
    /// Whether it is the program the event names.
    is_named: bool,
}

/// The list with an entry for each program, of kinds that have one: points of several programs can
/// go into one redemption.
const fn list_by_program(kind: EventKind) -> Option<Key> {
    match kind {
        EventKind::PointsRedeemed | EventKind::PointsTransferredInitiated => {
            Some(Key::RedemptionFromEarningPrograms)
        }
        EventKind::RedeemedPointsReversed => Some(Key::RedemptionReversalToEarningPrograms),
        EventKind::LoyaltyCustomerMerge => Some(Key::SurvivorCustomerLoyaltySummary),
        _ => None,
    }
}

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
    let list = list_by_program(event.kind).and_then(|key| event.get(key));
    let Some(balance) = (match list {
        Some(list) => of_chosen(event, list, notes),
        None => of_event(event, notes),
    }) else {
        return;
    };
    if balance.points.is_none() {
        notes.value_unreadable = event.is_unreadable(Key::ProgramCurrentPoints);
    }
    // The names in the event are those of the program it names.
    let are_named = balance.is_named || event.program.id.is_none();
    let label = balance
        .tier
        .map(|number| tier_label(event, number, are_named, notes));
    // A number in the place of a name would take the customer out of every segment of the name.
    let label = label.filter(|_| !notes.tier_name_unknown);
    let next = balance
        .tier
        .filter(|_| are_named)
        .and_then(|number| event.program.next_tier_name(number, event.params));
    xdm.object(name!("loyalty"), |xdm| {
        let start = xdm.written();
        xdm.amount(name!("points"), balance.points);
        xdm.amount(name!("lifetimePoints"), balance.lifetime);
        xdm.amount(name!("promisedPoints"), balance.promised);
        xdm.text(name!("tier"), label);
        xdm.text(name!("nextTier"), next);
        // A name alone states nothing.
        if xdm.written() > start && balance.is_named {
            xdm.shared(name!("program"), event.program.name.as_ref());
        }
    });
}

/// The event's own program, where it has no list.
fn of_event<'e>(event: &Event<'e>, notes: &mut Notes) -> Option<Balance<'e>> {
    of_this_program(event, notes).then(|| Balance {
        points: event.number(Key::ProgramCurrentPoints),
        lifetime: event.number(Key::ProgramLifetimePoints),
        promised: None,
        tier: None,
        is_named: true,
    })
}

/// The entry of the program the profile speaks of.
fn of_chosen<'e>(event: &Event<'e>, list: Value<'e>, notes: &mut Notes) -> Option<Balance<'e>> {
    let id = |entry: Value<'e>| {
        find(Some(entry), Key::ProgramId)
            .or_else(|| find(Some(entry), Key::LoyaltyProgramId))
            .and_then(coerce::numbered)
    };
    let only = only_entry(event, list);
    let wanted: Text<'_> = match (event.program.chosen_id(event.params), only.and_then(id)) {
        (Some(chosen), _) => Text::Any(chosen.into()),
        (None, Some(only)) => only,
        (None, None) => {
            of_this_program(event, notes);
            return None;
        }
    };
    let number =
        |entry: Value<'e>, keys: [Key; 2]| keys.iter().find_map(|key| number_of(Some(entry), *key));
    let balance = list
        .items()
        .filter(|entry| id(*entry).is_some_and(|id| id == wanted))
        .map(|entry| Balance {
            points: number(entry, [Key::ProgramCurrentPoints, Key::CurrentPoints]),
            lifetime: number(entry, [Key::ProgramLifetimePoints, Key::LifetimePoints]),
            promised: number_of(Some(entry), Key::PromisedPoints),
            tier: member(Some(entry), Key::TierNumber)
                .and_then(coerce::integer)
                .filter(|number| *number >= 0),
            is_named: event.program.id.as_ref() == Some(&wanted),
        })
        .filter(|balance| balance.points.or(balance.lifetime).is_some() || balance.tier.is_some())
        .last();
    notes.other_program |= balance.is_none();
    balance
}

/// The only entry of a merge's summary: whose every program is that one needs no choice. (A merge
/// rarely says which program is the default.)
fn only_entry<'e>(event: &Event<'e>, list: Value<'e>) -> Option<Value<'e>> {
    let is_open =
        event.kind == EventKind::LoyaltyCustomerMerge && event.program.is_default.is_none();
    let mut entries = list.items().filter(|_| is_open);
    entries.next().filter(|_| entries.next().is_none())
}
