//! The profile in the shape of Adobe's Capillary source: totals and labels, in the fields of XDM.

use crate::input::event::Event;
use crate::input::source_shape::member;
use crate::mapping::notes::Notes;
use crate::mapping::xdm_writer::XdmWriter;
use crate::output::name::name;
use crate::values::coerce;

pub(in crate::mapping) fn profile(
    event: &Event<'_>,
    _with_tenant: bool,
    _notes: &mut Notes,
    xdm: &mut XdmWriter<'_>,
) {
    let loyalty = event.envelope.of_source_shape("loyalty");
    let text = |name: &str| member(loyalty, name).and_then(coerce::text);
    let number = |name: &str| member(loyalty, name).and_then(coerce::number);
    xdm.object(name!("loyalty"), |xdm| {
        xdm.amount(name!("points"), number("points"));
        xdm.amount(name!("lifetimePoints"), number("lifetimePoints"));
        xdm.amount(name!("pointsRedeemed"), number("pointsRedeemed"));
        xdm.amount(name!("expiredPoints"), number("expiredPoints"));
        xdm.text(name!("program"), text("program"));
        xdm.text(name!("tier"), text("tier"));
        xdm.text(name!("status"), text("status"));
    });
}
