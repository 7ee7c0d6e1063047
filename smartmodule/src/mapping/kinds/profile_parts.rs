//! What the profiles of several kinds share.

use crate::input::event::Event;
use crate::input::program::Choice;
use crate::mapping::notes::Notes;
use crate::mapping::xdm_writer::XdmWriter;

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
