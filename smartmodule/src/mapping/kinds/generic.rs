//! Every other documented kind: what `data` says at its top level, as keys and values; and what is
//! left over of the companions of the core kinds.

use crate::catalog::key::Key;
use crate::catalog::kind::Depth;
use crate::input::envelope::ENVELOPE_KEYS;
use crate::input::event::{Event, Trim};
use crate::mapping::xdm_writer::XdmWriter;
use crate::output::name::name;
use crate::values::coerce;
use crate::values::text::Text;

/// Members that have a place of their own among the common fields.
const MAPPED: &[Key] = &[
    Key::EnteredAt,
    Key::LoyaltyType,
    Key::Source,
    Key::AccountId,
    Key::LoyaltyProgramId,
    Key::LoyaltyEventId,
    Key::FirstName,
    Key::LastName,
];

/// Members that a companion kind has in fields of its own.
const OF_COMPANIONS: &[Key] = &[
    Key::ProgramCurrentPoints,
    Key::ProgramLifetimePoints,
    Key::CurrentEventTotalPointsReturned,
    Key::TotalIssuedPointsReversed,
    Key::RedeemedPointsReversed,
    Key::RedemptionSummaryId,
    Key::PointsConverted,
    Key::PointsConversionSource,
    Key::TotalPointsTransferred,
];

// Asked for by few.
#[cold]
pub(in crate::mapping) fn tenant(event: &Event<'_>, trim: Trim, xdm: &mut XdmWriter<'_>) {
    if trim >= Trim::Fields {
        return;
    }
    let is_companion = event.kind.depth() == Depth::Companion;
    xdm.array(name!("details"), |xdm| {
        for member in event.data.object().members() {
            let is_one_of = |keys: &[Key]| keys.iter().any(|key| *key as u8 == member.key());
            if is_one_of(MAPPED)
                || is_companion && is_one_of(OF_COMPANIONS)
                || event.envelope.broken && is_one_of(ENVELOPE_KEYS)
            {
                continue;
            }
            if let Some(value) = coerce::id(member)
                .or_else(|| coerce::text(member))
                .filter(|value| **value != *"-1")
            {
                xdm.element(|xdm| {
                    xdm.text(name!("key"), Some(Text::Any(member.name())));
                    xdm.text(name!("value"), Some(value));
                });
            }
        }
    });
}
