//! The tenant fields that all kinds share.

use crate::event::{Event, Trim};
use crate::json::Value;
use crate::read;
use crate::time::{Moment, epoch};
use crate::xdm::Xdm;

pub(super) fn write(event: &Event<'_>, trim: Trim, xdm: &mut Xdm<'_>) {
    let envelope = &event.envelope;
    xdm.label("eventName", event.kind.name());
    xdm.text("organizationId", event.organization.clone());
    xdm.text("refId", envelope.text("refId"));
    xdm.text("apiRequestId", envelope.text("apiRequestId"));
    // The newest pointsIssued has it inside `data`.
    xdm.text(
        "loyaltyEventId",
        envelope.id("loyaltyEventId").or_else(|| event.id("loyaltyEventId")),
    );
    xdm.text("eventLogId", envelope.id("eventLogId"));
    if event.is_deleted() {
        return;
    }
    xdm.instant("enteredAt", event.get("enteredAt").and_then(|value| epoch(value).ok()));
    xdm.text(
        "loyaltyType",
        event
            .text("loyaltyType")
            .or_else(|| event.customer.loyalty_type.clone())
            .map(upper),
    );
    xdm.text("source", event.text("source").map(upper));
    xdm.text("accountId", event.id("accountId"));
    xdm.object("program", |xdm| {
        xdm.text("id", event.program.id.clone());
        xdm.text("name", event.program.name.clone());
        xdm.boolean("isDefault", event.program.is_default);
    });
    let entered_by = event.get("enteredBy").or_else(|| event.get("addedBy"));
    place(entered_by, xdm);
    if trim < Trim::Activity {
        activity(event.get("triggeringActivity"), xdm);
    }
    if trim < Trim::Fields {
        key_values("customFields", event.get("customFields"), xdm);
        key_values("extendedFields", event.get("extendedFields"), xdm);
    }
}

/// `LOYALTY` and `loyalty` are the same word.
fn upper(text: std::borrow::Cow<'_, str>) -> std::borrow::Cow<'_, str> {
    if text.bytes().any(|b| b.is_ascii_lowercase()) {
        text.to_ascii_uppercase().into()
    } else {
        text
    }
}

fn place(entered_by: Option<Value<'_>>, xdm: &mut Xdm<'_>) {
    for key in ["store", "till"] {
        let block = read::member(entered_by, key);
        xdm.object(key, |xdm| {
            xdm.text("code", read::member(block, "code").and_then(read::text));
            xdm.text("name", read::member(block, "name").and_then(read::text));
            if key == "store" {
                xdm.text("externalId", read::member(block, "externalId").and_then(read::id));
            }
        });
    }
}

fn activity(activity: Option<Value<'_>>, xdm: &mut Xdm<'_>) {
    xdm.object("activity", |xdm| {
        xdm.text("name", read::member(activity, "name").and_then(read::text));
        key_values("identifiers", read::member(activity, "identifiers"), xdm);
    });
}

/// A list of `{key, value}`. A value that says nothing takes its key along.
pub(super) fn key_values(name: &str, list: Option<Value<'_>>, xdm: &mut Xdm<'_>) {
    xdm.array(name, |xdm| {
        for item in list.into_iter().flat_map(Value::items) {
            let key = read::member(Some(item), "key").and_then(read::text);
            let value = read::member(Some(item), "value").and_then(read::id);
            if let (Some(key), Some(value)) = (key, value) {
                xdm.element(|xdm| {
                    xdm.text("key", Some(key));
                    xdm.text("value", Some(value));
                });
            }
        }
    });
}

/// The value of the first identifier of the triggering activity with one of these keys, compared without case and blanks.
pub(super) fn activity_id<'a>(event: &Event<'a>, keys: &[&str]) -> Option<std::borrow::Cow<'a, str>> {
    let identifiers = read::member(event.get("triggeringActivity"), "identifiers");
    identifiers.into_iter().flat_map(Value::items).find_map(|item| {
        let key: String = read::text(item.get("key")?)?.split_whitespace().collect();
        keys.iter()
            .any(|wanted| wanted.eq_ignore_ascii_case(&key))
            .then(|| read::numbered(item.get("value")?))?
    })
}

/// A member as text, if it says something.
pub(super) fn text<'a>(value: Option<Value<'a>>, key: &str) -> Option<std::borrow::Cow<'a, str>> {
    read::member(value, key).and_then(read::text)
}

/// A member as an id, if it is one.
pub(super) fn id<'a>(value: Option<Value<'a>>, key: &str) -> Option<std::borrow::Cow<'a, str>> {
    read::member(value, key).and_then(read::id)
}

/// A member as a number, if it is one.
pub(super) fn number<'a>(value: Option<Value<'a>>, key: &str) -> Option<crate::json::Number<'a>> {
    read::member(value, key).and_then(read::number)
}

/// A member as an instant; far-future values ("never") are left out.
pub(super) fn instant(value: Option<Value<'_>>, key: &str) -> Option<i64> {
    match read::member(value, key).and_then(Moment::read)? {
        moment if moment.is_never() => None,
        Moment::Instant(ms) => Some(ms),
        Moment::Day(_) | Moment::Local(_) => None,
    }
}
