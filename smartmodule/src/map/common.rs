//! The tenant fields that all kinds share.

use crate::event::{Event, Trim};
use crate::json::{Number, Value};
use crate::keys::Key;
use crate::read::{self, find, member};
use crate::text::Text;
use crate::time::{Moment, epoch};
use crate::xdm::{Name, Xdm, name};

pub(super) fn write(event: &Event<'_>, trim: Trim, xdm: &mut Xdm<'_>) {
    let envelope = &event.envelope;
    xdm.label(name!("eventName"), event.kind.name());
    xdm.shared(name!("organizationId"), event.organization.as_ref());
    xdm.copy(name!("refId"), envelope.get(Key::RefId));
    xdm.copy(name!("apiRequestId"), envelope.get(Key::ApiRequestId));
    // The newest pointsIssued has it inside `data`.
    xdm.text(
        name!("loyaltyEventId"),
        envelope
            .get(Key::LoyaltyEventId)
            .and_then(read::id)
            .or_else(|| event.get(Key::LoyaltyEventId).and_then(read::id)),
    );
    xdm.id(name!("eventLogId"), envelope.get(Key::EventLogId));
    if event.is_deleted() {
        return;
    }
    xdm.instant(
        name!("enteredAt"),
        event.get(Key::EnteredAt).and_then(|value| epoch(value).ok()),
    );
    xdm.text(
        name!("loyaltyType"),
        event
            .text(Key::LoyaltyType)
            .or_else(|| event.customer.loyalty_type.as_ref().map(Text::shared))
            .map(Text::upper),
    );
    xdm.text(name!("source"), event.text(Key::Source).map(Text::upper));
    xdm.id(name!("accountId"), event.find(Key::AccountId));
    xdm.object(name!("program"), |xdm| {
        xdm.shared(name!("id"), event.program.id.as_ref());
        xdm.shared(name!("name"), event.program.name.as_ref());
        xdm.boolean(name!("isDefault"), event.program.is_default);
    });
    let entered_by = event.get(Key::EnteredBy).or_else(|| event.get(Key::AddedBy));
    place(entered_by, xdm);
    if trim < Trim::Activity {
        activity(event.get(Key::TriggeringActivity), xdm);
    }
    if trim < Trim::Fields {
        key_values(name!("customFields"), event.get(Key::CustomFields), xdm);
        key_values(name!("extendedFields"), event.get(Key::ExtendedFields), xdm);
    }
}

fn place(entered_by: Option<Value<'_>>, xdm: &mut Xdm<'_>) {
    let store = member(entered_by, Key::Store);
    xdm.object(name!("store"), |xdm| {
        xdm.copy(name!("code"), find(store, Key::Code));
        xdm.copy(name!("name"), find(store, Key::Name));
        xdm.id(name!("externalId"), find(store, Key::ExternalId));
    });
    let till = member(entered_by, Key::Till);
    xdm.object(name!("till"), |xdm| {
        xdm.copy(name!("code"), find(till, Key::Code));
        xdm.copy(name!("name"), find(till, Key::Name));
    });
}

fn activity(activity: Option<Value<'_>>, xdm: &mut Xdm<'_>) {
    xdm.object(name!("activity"), |xdm| {
        xdm.copy(name!("name"), find(activity, Key::Name));
        let identifiers = member(activity, Key::Identifiers);
        // -1 is a value like any other in a field, but "none" where an id is meant.
        pairs(name!("identifiers"), identifiers, read::id, xdm);
    });
}

/// A list of `{key, value}`. A value that says nothing takes its key along.
pub(super) fn key_values(name: &Name, list: Option<Value<'_>>, xdm: &mut Xdm<'_>) {
    pairs(name, list, read::text, xdm);
}

fn pairs<'a>(name: &Name, list: Option<Value<'a>>, read_value: fn(Value<'a>) -> Option<Text<'a>>, xdm: &mut Xdm<'_>) {
    let Some(list) = list else { return };
    xdm.array(name, |xdm| {
        for item in list.items() {
            let key = item.get(Key::OfPair).and_then(read::text);
            let value = item.get(Key::Value).and_then(read_value);
            if let (Some(key), Some(value)) = (key, value) {
                xdm.element(|xdm| {
                    xdm.text(name!("key"), Some(key));
                    xdm.text(name!("value"), Some(value));
                });
            }
        }
    });
}

/// The value of the first identifier of the triggering activity with one of these keys, compared without case and blanks.
pub(super) fn activity_id<'a>(event: &Event<'a>, keys: &[&str]) -> Option<Text<'a>> {
    let identifiers = member(event.get(Key::TriggeringActivity), Key::Identifiers)?;
    identifiers.items().find_map(|item| {
        let key = read::text(item.get(Key::OfPair)?)?.map(|key| {
            key.contains(char::is_whitespace)
                .then(|| key.split_whitespace().collect())
        });
        keys.iter()
            .any(|wanted| wanted.eq_ignore_ascii_case(&key))
            .then(|| read::numbered(item.get(Key::Value)?))?
    })
}

/// A member as text, if it says something.
pub(super) fn text<'a>(value: Option<Value<'a>>, key: Key) -> Option<Text<'a>> {
    member(value, key).and_then(read::text)
}

/// A member as an id, if it is one.
pub(super) fn id<'a>(value: Option<Value<'a>>, key: Key) -> Option<Text<'a>> {
    member(value, key).and_then(read::id)
}

/// A member as a number, if it is one.
pub(super) fn number<'a>(value: Option<Value<'a>>, key: Key) -> Option<Number<'a>> {
    member(value, key).and_then(read::number)
}

/// A member as an instant; far-future values ("never") are left out.
pub(super) fn instant(value: Option<Value<'_>>, key: Key) -> Option<i64> {
    match member(value, key).and_then(Moment::read)? {
        moment if moment.is_never() => None,
        Moment::Instant(ms) => Some(ms),
        Moment::Day(_) | Moment::Local(_) => None,
    }
}
