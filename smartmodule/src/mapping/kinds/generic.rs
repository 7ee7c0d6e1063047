//! Every other documented kind: what `data` says at its top level, as keys and values; and what is
//! left over of the companions of the core kinds.

use std::borrow::Cow;

use crate::catalog::key::Key;
use crate::catalog::kind::Depth;
use crate::input::envelope::ENVELOPE_KEYS;
use crate::input::event::{Event, Trim};
use crate::json::Value;
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
        for member in last_of_each_name(event.data.object()) {
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

/// The members of an object in the order of the document; of a repeated name, the last.
fn last_of_each_name(object: Value<'_>) -> Vec<Value<'_>> {
    let mut members: Vec<(Cow<'_, str>, Value<'_>)> = object
        .members()
        .map(|member| (member.name(), member))
        .collect();
    members.sort_unstable_by(|(a, one), (b, two)| {
        let later_first = || two.position().cmp(&one.position());
        a.cmp(b).then_with(later_first)
    });
    members.dedup_by(|(a, _), (b, _)| a == b);
    let mut members: Vec<_> = members.into_iter().map(|(_, member)| member).collect();
    members.sort_unstable_by_key(|member| member.position());
    members
}
