//! What the profiles of several kinds share.

use crate::input::event::Event;
use crate::input::program::Choice;
use crate::mapping::notes::Notes;
use crate::mapping::xdm_writer::XdmWriter;
use crate::values::text::Text;

/// Whether the profile speaks of the event's program.
pub(super) fn of_this_program(event: &Event<'_>, notes: &mut Notes) -> bool {
    match event.program.choice(event.params) {
        Choice::Chosen => true,
        Choice::Other => {
            notes.other_program = true;
            false
        }
        Choice::Unknown => {
            notes.program_unknown = true;
            false
        }
    }
}

/// Writes the tenant section of a profile.
pub(super) fn profile_tenant(
    event: &Event<'_>,
    with_tenant: bool,
    xdm: &mut XdmWriter<'_>,
    write: impl FnOnce(&mut XdmWriter<'_>),
) {
    if let Some(tenant) = event.params.tenant.as_ref().filter(|_| with_tenant) {
        xdm.tenant(tenant, write);
    }
}

/// What a tier is called; its number, when that is not known. `with_event`: whether the event's own
/// tiers are those of the program.
pub(super) fn tier_label<'e>(
    event: &Event<'e>,
    number: i64,
    with_event: bool,
    notes: &mut Notes,
) -> Text<'e> {
    let name = if with_event {
        event.program.tier_name(number, event.params)
    } else {
        event.params.tier_name(number)
    };
    name.unwrap_or_else(|| {
        notes.tier_name_unknown = true;
        Text::made(number.to_string())
    })
}
