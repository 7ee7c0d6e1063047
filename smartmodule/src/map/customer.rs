//! customerAdded, customerUpdated.

use super::common::{id, key_values, text};
use super::{Notes, profile_tenant};
use crate::event::{Event, Trim};
use crate::json::Value;
use crate::keys::Key;
use crate::kind::EventKind;
use crate::read::{self, find};
use crate::text::Text;
use crate::time::{Day, epoch};
use crate::xdm::{Xdm, name};

pub(super) fn tenant(event: &Event<'_>, trim: Trim, xdm: &mut Xdm<'_>) {
    xdm.object(name!("customer"), |xdm| {
        let status = event.get(Key::CustomerStatus);
        xdm.object(name!("status"), |xdm| {
            xdm.text(
                name!("previous"),
                text(status, Key::PreviousLabel).or_else(|| text(status, Key::PreviousStatus)),
            );
            xdm.text(
                name!("current"),
                text(status, Key::CurrentLabel).or_else(|| text(status, Key::CurrentStatus)),
            );
            if !event.is_deleted() {
                xdm.copy(name!("reason"), find(status, Key::Reason));
            }
        });
        if trim >= Trim::Lists || event.is_deleted() {
            return;
        }
        xdm.array(name!("updatedFields"), |xdm| {
            for field in event.get(Key::UpdatedFields).into_iter().flat_map(Value::items) {
                xdm.element(|xdm| {
                    xdm.copy(name!("name"), find(Some(field), Key::FieldName));
                    xdm.copy(name!("type"), find(Some(field), Key::FieldType));
                    xdm.copy(name!("previousValue"), find(Some(field), Key::PreviousValue));
                    xdm.copy(name!("currentValue"), find(Some(field), Key::CurrentValue));
                });
            }
        });
    });
}

pub(super) fn profile(event: &Event<'_>, with_tenant: bool, _: &mut Notes, xdm: &mut Xdm<'_>) {
    let customer = &event.customer;
    let block = event.get(Key::CustomerIdentifiers);
    xdm.object(name!("person"), |xdm| {
        xdm.object(name!("name"), |xdm| {
            xdm.text(
                name!("firstName"),
                event.text(Key::FirstName).or_else(|| text(block, Key::FirstName)),
            );
            xdm.text(
                name!("lastName"),
                event.text(Key::LastName).or_else(|| text(block, Key::LastName)),
            );
        });
        xdm.text(
            name!("gender"),
            extended(event, &["gender"])
                .and_then(|value| gender(&value))
                .map(Text::Plain),
        );
        let birth = extended(event, &["dob_date", "dob"]).filter(|day| Day::parse(day).is_some());
        xdm.text(name!("birthDate"), birth);
    });
    // An address with other letters is a fine identity, but no `email` of the XDM schema.
    let address = customer.email.as_ref().filter(|email| email.is_ascii());
    xdm.object(name!("personalEmail"), |xdm| xdm.shared(name!("address"), address));
    xdm.object(name!("mobilePhone"), |xdm| {
        xdm.shared(name!("number"), customer.mobile.as_ref())
    });
    xdm.object(name!("loyalty"), |xdm| {
        if event.kind == EventKind::CustomerAdded {
            // `enteredAt` may lie in the future by the gap between two zones; the customer joined before we heard of it.
            let entered = event.get(Key::EnteredAt).and_then(|value| epoch(value).ok());
            xdm.instant(name!("joinDate"), Some(entered.unwrap_or(event.at).min(event.at)));
        }
        let status = event.get(Key::CustomerStatus);
        xdm.text(
            name!("status"),
            text(status, Key::CurrentLabel).or_else(|| text(status, Key::CurrentStatus)),
        );
    });
    profile_tenant(event, with_tenant, xdm, |xdm| {
        xdm.text(name!("loyaltyType"), event.text(Key::LoyaltyType).map(Text::upper));
        xdm.shared(name!("externalId"), customer.external_id.as_ref());
        key_values(name!("customFields"), event.get(Key::CustomFields), xdm);
        key_values(name!("extendedFields"), event.get(Key::ExtendedFields), xdm);
    });
}

/// The value of an extended field.
fn extended<'a>(event: &Event<'a>, keys: &[&str]) -> Option<Text<'a>> {
    let fields = event.get(Key::ExtendedFields);
    keys.iter().find_map(|wanted| {
        fields.into_iter().flat_map(Value::items).find_map(|field| {
            let key = read::text(field.get(Key::OfPair)?)?;
            key.eq_ignore_ascii_case(wanted).then(|| id(Some(field), Key::Value))?
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
