//! Every other documented kind: what `data` says at its top level, as keys and values.

use crate::event::{Event, Trim};
use crate::read;
use crate::xdm::Xdm;

/// Members that have a place of their own among the common fields.
const MAPPED: &[&str] = &[
    "enteredAt",
    "loyaltyType",
    "source",
    "accountId",
    "loyaltyProgramId",
    "loyaltyEventId",
    "firstName",
    "lastName",
];

pub(super) fn tenant(event: &Event<'_>, trim: Trim, xdm: &mut Xdm<'_>) {
    if trim >= Trim::Fields {
        return;
    }
    xdm.array("details", |xdm| {
        for (name, value) in event.data.members() {
            let Some(name) = name.string().filter(|name| !MAPPED.contains(&name.as_ref())) else {
                continue;
            };
            if event.envelope.broken && crate::envelope::ENVELOPE_KEYS.contains(&name.as_ref()) {
                continue;
            }
            if let Some(value) = read::id(value)
                .or_else(|| read::text(value))
                .filter(|value| value != "-1")
            {
                xdm.element(|xdm| {
                    xdm.text("key", Some(name));
                    xdm.text("value", Some(value));
                });
            }
        }
    });
}
