//! The tenant fields that all kinds share.

use crate::catalog::key::Key;
use crate::input::event::{Event, Trim};
use crate::json::{Kind, Number, Value};
use crate::mapping::plan::{
    self, Plan, PlanSlot, before, call, end, epoch_time, event_name, id, id_pairs, object,
    organization, pairs, plan, text, unless_deleted, upper, within,
};
use crate::mapping::xdm_writer::XdmWriter;
use crate::output::name::name;
use crate::values::coerce::{self, member};
use crate::values::text::Text;
use crate::values::time::instant_of;

/// What all events have under the tenant.
static COMMON: Plan = Plan {
    slot: PlanSlot::Common,
    steps: &plan([
        event_name(name!("eventName")),
        organization(name!("organizationId")),
        text(name!("refId"), Key::RefId).of_envelope(),
        text(name!("apiRequestId"), Key::ApiRequestId).of_envelope(),
        // The newest pointsIssued has it inside `data`.
        id(name!("loyaltyEventId"), Key::LoyaltyEventId)
            .of_envelope()
            .or(Key::LoyaltyEventId),
        id(name!("eventLogId"), Key::EventLogId).of_envelope(),
        unless_deleted(),
        epoch_time(name!("enteredAt"), Key::EnteredAt),
        call(loyalty_type),
        upper(name!("source"), Key::Source),
        id(name!("accountId"), Key::AccountId),
        call(program),
        within(Key::EnteredBy).or(Key::AddedBy),
        within(Key::Store),
        object(name!("store")),
        text(name!("code"), Key::Code),
        text(name!("name"), Key::Name),
        id(name!("externalId"), Key::ExternalId),
        end(),
        end(),
        within(Key::Till),
        object(name!("till")),
        text(name!("code"), Key::Code),
        text(name!("name"), Key::Name),
        end(),
        end(),
        end(),
        before(Trim::Activity),
        within(Key::TriggeringActivity),
        object(name!("activity")),
        text(name!("name"), Key::Name),
        // -1 is a value like any other in a field, but "none" where an id is meant.
        id_pairs(name!("identifiers"), Key::Identifiers),
        end(),
        end(),
        end(),
        before(Trim::Fields),
        pairs(name!("customFields"), Key::CustomFields),
        pairs(name!("extendedFields"), Key::ExtendedFields),
        end(),
        end(),
    ]),
};

pub(in crate::mapping) fn write(event: &Event<'_>, trim: Trim, xdm: &mut XdmWriter<'_>) {
    plan::write(&COMMON, event, trim, xdm);
}

fn loyalty_type(event: &Event<'_>, xdm: &mut XdmWriter<'_>) {
    if let Some(value) = event
        .find(Key::LoyaltyType)
        .filter(|value| value.kind() == Kind::Word)
    {
        return xdm.uppercase(name!("loyaltyType"), value);
    }
    xdm.text(
        name!("loyaltyType"),
        event
            .text(Key::LoyaltyType)
            .or_else(|| event.customer.loyalty_type.as_ref().map(Text::shared))
            .map(Text::upper),
    );
}

fn program(event: &Event<'_>, xdm: &mut XdmWriter<'_>) {
    let Some(open) = xdm.open_inline(name!("program")) else {
        return;
    };
    xdm.shared_inline(name!("id"), event.program.id.as_ref());
    xdm.shared(name!("name"), event.program.name.as_ref());
    xdm.boolean(name!("isDefault"), event.program.is_default);
    xdm.close_inline(open, *b"{}");
}

/// The value of the first identifier of the triggering activity with one of these keys, compared
/// without case and blanks.
pub(in crate::mapping) fn activity_id<'a>(event: &Event<'a>, keys: &[&str]) -> Option<Text<'a>> {
    let identifiers = member(event.get(Key::TriggeringActivity), Key::Identifiers)?;
    identifiers.items().find_map(|item| {
        let key = coerce::text(item.get(Key::OfPair)?)?.map(|key| {
            key.contains(char::is_whitespace)
                .then(|| key.split_whitespace().collect())
        });
        keys.iter()
            .any(|wanted| wanted.eq_ignore_ascii_case(&key))
            .then(|| coerce::numbered(item.get(Key::Value)?))?
    })
}

/// A member as text, if it says something.
pub(in crate::mapping) fn text_of<'a>(value: Option<Value<'a>>, key: Key) -> Option<Text<'a>> {
    member(value, key).and_then(coerce::text)
}

/// A member as an id, if it is one.
pub(in crate::mapping) fn id_of<'a>(value: Option<Value<'a>>, key: Key) -> Option<Text<'a>> {
    member(value, key).and_then(coerce::id)
}

/// A member as a number, if it is one.
pub(in crate::mapping) fn number_of<'a>(value: Option<Value<'a>>, key: Key) -> Option<Number<'a>> {
    member(value, key).and_then(coerce::number)
}

/// A member as an instant; far-future values ("never") are left out.
pub(in crate::mapping) fn instant_at(value: Option<Value<'_>>, key: Key) -> Option<i64> {
    member(value, key).and_then(instant_of)
}
