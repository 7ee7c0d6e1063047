//! requestUpdated: above all, that a customer asks to be deleted.

use crate::catalog::key::Key;
use crate::input::event::{Event, Trim};
use crate::mapping::notes::Notes;
use crate::mapping::plan::{
    self, Plan, PlanSlot, before, end, id, object, plan, text, unless_deleted,
};
use crate::mapping::xdm_writer::XdmWriter;
use crate::output::name::name;
use crate::values::coerce;
use crate::values::text::Text;

static TENANT: Plan = Plan {
    slot: PlanSlot::Tenant,
    steps: &plan([
        object(name!("request")),
        text(name!("type"), Key::RequestType)
            .of_envelope()
            .or(Key::RequestType),
        text(name!("baseType"), Key::RequestBaseType)
            .of_envelope()
            .or(Key::RequestBaseType),
        id(name!("trackingId"), Key::RequestTrackingId)
            .of_envelope()
            .or(Key::RequestTrackingId),
        text(name!("status"), Key::Status)
            .of_envelope()
            .or(Key::Status),
        unless_deleted(),
        before(Trim::Activity),
        text(name!("comments"), Key::Comments),
        end(),
        end(),
        end(),
    ]),
};

pub(in crate::mapping) fn tenant(event: &Event<'_>, trim: Trim, xdm: &mut XdmWriter<'_>) {
    plan::write(&TENANT, event, trim, xdm);
}

/// A deletion that is done shows in the status; one that is asked for is not yet true.
#[cold]
pub(in crate::mapping) fn profile(
    event: &Event<'_>,
    _: bool,
    _: &mut Notes,
    xdm: &mut XdmWriter<'_>,
) {
    let status = event
        .text(Key::Status)
        .or_else(|| coerce::text(event.envelope.get(Key::Status)?));
    let is_done = status.is_some_and(|status| {
        ["SUCCESS", "COMPLETED", "DONE"]
            .iter()
            .any(|done| done.eq_ignore_ascii_case(&status))
    });
    let label = event.params.deleted_labels.first();
    if let Some(label) = label.filter(|_| is_done && event.is_deleted()) {
        xdm.object(name!("loyalty"), |xdm| {
            xdm.text(name!("status"), Some(Text::Any(label.into())));
        });
    }
}
