//! When points expire, as the profile shows it: what the newest statement says.

use crate::catalog::key::Key;
use crate::catalog::kind::EventKind;
use crate::input::customer::is_other_entity;
use crate::input::event::Event;
use crate::json::{Number, Value};
use crate::mapping::kinds::common::number_of;
use crate::mapping::kinds::expiry::Expiry;
use crate::mapping::kinds::profile_parts::of_this_program;
use crate::mapping::notes::Notes;
use crate::mapping::xdm_writer::XdmWriter;
use crate::output::name::name;
use crate::values::coerce::{self, find, member};

/// More entries than this are of no use to anyone, and a profile has a limit.
const MAX_ENTRIES: usize = 50;

pub(in crate::mapping) fn profile(
    event: &Event<'_>,
    _: bool,
    notes: &mut Notes,
    xdm: &mut XdmWriter<'_>,
) {
    if is_other_entity(event.data) {
        notes.of_a_group = true;
        return;
    }
    match event.kind {
        EventKind::PointsExpiryReminder if of_this_program(event, notes) => {
            let points = event.number(Key::PointsScheduledForExpiry);
            let (key, twin) = (Key::ScheduledExpiryDate, Key::ScheduledExpiryDateInMillis);
            write(xdm, |xdm| {
                entry(points, &Expiry::read(event, key, twin), notes, xdm)
            });
        }
        EventKind::PointsExpiryChange if of_this_program(event, notes) => {
            let list = event.get(Key::UpdatedPointsExpiryBreakup);
            entries(event, list.into_iter().flat_map(Value::items), notes, xdm);
        }
        EventKind::SinglePointsExpiryUpdated => of_each_program(event, notes, xdm),
        _ => {}
    }
}

/// A list whose entries name their program.
fn of_each_program(event: &Event<'_>, notes: &mut Notes, xdm: &mut XdmWriter<'_>) {
    let list = event.get(Key::UpdatedPointsExpiry);
    let items = || list.into_iter().flat_map(Value::items);
    let id = |item: Value<'_>| {
        member(Some(item), Key::ProgramId)
            .and_then(|id| coerce::numbered(id).map(|id| id.to_string()))
    };
    let first = items().next().and_then(id);
    let wanted = match event.program.chosen_id(event.params) {
        Some(chosen) => Some(chosen.to_owned()),
        // All of one program: it needs no choice.
        None => first.filter(|first| items().all(|item| id(item).as_ref() == Some(first))),
    };
    let Some(wanted) = wanted else {
        notes.program_unknown = true;
        return;
    };
    let mut of_program = items()
        .filter(|item| id(*item).as_ref() == Some(&wanted))
        .peekable();
    notes.other_program |= of_program.peek().is_none();
    entries(event, of_program, notes, xdm);
}

fn entries<'e>(
    event: &Event<'e>,
    items: impl Iterator<Item = Value<'e>>,
    notes: &mut Notes,
    xdm: &mut XdmWriter<'_>,
) {
    write(xdm, |xdm| {
        for (index, item) in items.enumerate() {
            if index == MAX_ENTRIES {
                notes.trimmed = true;
                break;
            }
            let item = Some(item);
            let twin = find(item, Key::NewExpiryDateInMillis);
            let expiry = Expiry::of(member(item, Key::NewExpiryDate), twin, event.params);
            entry(number_of(item, Key::Points), &expiry, notes, xdm);
        }
    });
}

fn write(xdm: &mut XdmWriter<'_>, entries: impl FnOnce(&mut XdmWriter<'_>)) {
    xdm.object(name!("loyalty"), |xdm| {
        xdm.array(name!("pointsExpiration"), entries);
    });
}

/// Points that expire. Such that never do are no entry, nor is a day without points, nor are points
/// without a day: they would take the place of an entry that says more.
fn entry(
    points: Option<Number<'_>>,
    expiry: &Expiry<'_>,
    notes: &mut Notes,
    xdm: &mut XdmWriter<'_>,
) {
    if expiry.never {
        return;
    }
    match (points, expiry.instant) {
        (Some(_), Some(_)) => xdm.element(|xdm| {
            xdm.amount(name!("pointsExpiring"), points);
            xdm.instant(name!("pointsExpirationDate"), expiry.instant);
        }),
        _ => notes.value_unreadable = true,
    }
}
