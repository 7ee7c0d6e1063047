//! customerAdded, customerUpdated.

use std::borrow::Cow;

use super::common::{id, key_values, text};
use super::{Notes, profile_tenant};
use crate::event::{Event, Trim};
use crate::json::Value;
use crate::kind::EventKind;
use crate::read;
use crate::time::{Day, epoch};
use crate::xdm::Xdm;

pub(super) fn tenant(event: &Event<'_>, trim: Trim, xdm: &mut Xdm<'_>) {
    xdm.object("customer", |xdm| {
        let status = event.get("customerStatus");
        xdm.object("status", |xdm| {
            xdm.text(
                "previous",
                text(status, "previousLabel").or_else(|| text(status, "previousStatus")),
            );
            xdm.text(
                "current",
                text(status, "currentLabel").or_else(|| text(status, "currentStatus")),
            );
            if !event.is_deleted() {
                xdm.text("reason", text(status, "reason"));
            }
        });
        if trim >= Trim::Lists || event.is_deleted() {
            return;
        }
        xdm.array("updatedFields", |xdm| {
            for field in event.get("updatedFields").into_iter().flat_map(Value::items) {
                xdm.element(|xdm| {
                    xdm.text("name", text(Some(field), "fieldName"));
                    xdm.text("type", text(Some(field), "fieldType"));
                    xdm.text("previousValue", text(Some(field), "previousValue"));
                    xdm.text("currentValue", text(Some(field), "currentValue"));
                });
            }
        });
    });
}

pub(super) fn profile(event: &Event<'_>, with_tenant: bool, _: &mut Notes, xdm: &mut Xdm<'_>) {
    let customer = &event.customer;
    let block = event.get("customerIdentifiers");
    xdm.object("person", |xdm| {
        xdm.object("name", |xdm| {
            xdm.text(
                "firstName",
                event.text("firstName").or_else(|| text(block, "firstName")),
            );
            xdm.text("lastName", event.text("lastName").or_else(|| text(block, "lastName")));
        });
        xdm.text(
            "gender",
            extended(event, &["gender"])
                .and_then(|value| gender(&value))
                .map(Cow::Borrowed),
        );
        let birth = extended(event, &["dob_date", "dob"]).filter(|day| Day::parse(day).is_some());
        xdm.text("birthDate", birth);
    });
    // An address with other letters is a fine identity, but no `email` of the XDM schema.
    let address = customer.email.clone().filter(|email| email.is_ascii());
    xdm.object("personalEmail", |xdm| xdm.text("address", address));
    xdm.object("mobilePhone", |xdm| xdm.text("number", customer.mobile.clone()));
    xdm.object("loyalty", |xdm| {
        if event.kind == EventKind::CustomerAdded {
            // `enteredAt` may lie in the future by the gap between two zones; the customer joined before we heard of it.
            let entered = event.get("enteredAt").and_then(|value| epoch(value).ok());
            xdm.instant("joinDate", Some(entered.unwrap_or(event.at).min(event.at)));
        }
        let status = event.get("customerStatus");
        xdm.text(
            "status",
            text(status, "currentLabel").or_else(|| text(status, "currentStatus")),
        );
    });
    profile_tenant(event, with_tenant, xdm, |xdm| {
        xdm.text(
            "loyaltyType",
            event
                .text("loyaltyType")
                .map(|kind| Cow::Owned(kind.to_ascii_uppercase())),
        );
        xdm.text("externalId", customer.external_id.clone());
        key_values("customFields", event.get("customFields"), xdm);
        key_values("extendedFields", event.get("extendedFields"), xdm);
    });
}

/// The value of an extended field.
fn extended<'a>(event: &Event<'a>, keys: &[&str]) -> Option<Cow<'a, str>> {
    let fields = event.get("extendedFields");
    keys.iter().find_map(|wanted| {
        fields.into_iter().flat_map(Value::items).find_map(|field| {
            let key = read::text(field.get("key")?)?;
            key.eq_ignore_ascii_case(wanted).then(|| id(Some(field), "value"))?
        })
    })
}

/// XDM knows four values; only two of them are what Capillary's field says.
fn gender(value: &str) -> Option<&'static str> {
    if value.eq_ignore_ascii_case("male") {
        Some("male")
    } else if value.eq_ignore_ascii_case("female") {
        Some("female")
    } else {
        None
    }
}
