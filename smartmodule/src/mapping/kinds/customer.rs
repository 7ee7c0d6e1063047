//! customerAdded, customerUpdated.

use super::common::{id_of, text_of};
use super::profile_parts::profile_tenant;
use crate::catalog::key::Key;
use crate::catalog::kind::EventKind;
use crate::input::event::{Event, Trim};
use crate::json::Value;
use crate::mapping::notes::Notes;
use crate::mapping::plan::{
    self, Plan, PlanSlot, before, call, each, end, object, pairs, plan, text, unless_deleted,
    upper, within,
};
use crate::mapping::xdm_writer::XdmWriter;
use crate::output::name::name;
use crate::values::coerce::{self, find};
use crate::values::text::Text;
use crate::values::time::{Day, epoch, instant_of};

static TENANT: Plan = Plan {
    slot: PlanSlot::Tenant,
    steps: &plan([
        object(name!("customer")),
        within(Key::CustomerStatus),
        object(name!("status")),
        text(name!("previous"), Key::PreviousLabel).or(Key::PreviousStatus),
        text(name!("current"), Key::CurrentLabel).or(Key::CurrentStatus),
        unless_deleted(),
        text(name!("reason"), Key::Reason),
        end(),
        end(),
        end(),
        unless_deleted(),
        before(Trim::Lists),
        each(name!("updatedFields"), Key::UpdatedFields),
        text(name!("name"), Key::FieldName),
        text(name!("type"), Key::FieldType),
        text(name!("previousValue"), Key::PreviousValue),
        text(name!("currentValue"), Key::CurrentValue),
        end(),
        end(),
        end(),
        end(),
    ]),
};

pub(in crate::mapping) fn tenant(event: &Event<'_>, trim: Trim, xdm: &mut XdmWriter<'_>) {
    plan::write(&TENANT, event, trim, xdm);
}

static PROFILE: Plan = Plan {
    slot: PlanSlot::Profile,
    steps: &plan([
        object(name!("person")),
        object(name!("name")),
        call(|event, xdm| {
            let block = event.get(Key::CustomerIdentifiers);
            let name = |key: Key| event.text(key).or_else(|| text_of(block, key));
            xdm.text(name!("firstName"), name(Key::FirstName));
            xdm.text(name!("lastName"), name(Key::LastName));
        }),
        end(),
        call(|event, xdm| {
            let gender = extended(event, &["gender"]).and_then(|value| gender(&value));
            xdm.text(name!("gender"), gender.map(Text::Plain));
            let birth = extended(event, &["dob_date", "dob"]);
            xdm.text(
                name!("birthDate"),
                birth.and_then(|day| birth_day(day, event.at)),
            );
        }),
        end(),
        object(name!("personalEmail")),
        call(|event, xdm| {
            // An address with other letters is a fine identity, but no `email` of the XDM schema.
            let address = event
                .customer
                .email
                .as_ref()
                .filter(|email| email.is_ascii());
            xdm.shared(name!("address"), address);
        }),
        end(),
        object(name!("mobilePhone")),
        call(|event, xdm| xdm.shared(name!("number"), event.customer.mobile.as_ref())),
        end(),
        object(name!("loyalty")),
        call(join_date),
        call(loyalty_ids),
        call(cards),
        within(Key::CustomerStatus),
        text(name!("status"), Key::CurrentLabel).or(Key::CurrentStatus),
        end(),
        end(),
    ]),
};

static PROFILE_TENANT: Plan = Plan {
    slot: PlanSlot::ProfileTenant,
    steps: &plan([
        upper(name!("loyaltyType"), Key::LoyaltyType),
        call(|event, xdm| xdm.shared(name!("externalId"), event.customer.external_id.as_ref())),
        pairs(name!("customFields"), Key::CustomFields),
        pairs(name!("extendedFields"), Key::ExtendedFields),
    ]),
};

pub(in crate::mapping) fn profile(
    event: &Event<'_>,
    with_tenant: bool,
    _: &mut Notes,
    xdm: &mut XdmWriter<'_>,
) {
    // Nothing personal; but that it is so must be seen.
    if let Some(label) = event.deleted_label() {
        return xdm.object(name!("loyalty"), |xdm| {
            xdm.text(name!("status"), Some(label));
        });
    }
    plan::write(&PROFILE, event, Trim::Nothing, xdm);
    profile_tenant(event, with_tenant, xdm, |xdm| {
        plan::write(&PROFILE_TENANT, event, Trim::Nothing, xdm);
    });
}

fn join_date(event: &Event<'_>, xdm: &mut XdmWriter<'_>) {
    if event.kind == EventKind::CustomerAdded {
        // `enteredAt` may lie in the future by the gap between two zones; the customer joined
        // before we heard of it.
        let entered = event
            .get(Key::EnteredAt)
            .and_then(|value| epoch(value).ok().or_else(|| instant_of(value)));
        xdm.instant(
            name!("joinDate"),
            Some(entered.unwrap_or(event.at).min(event.at)),
        );
    }
}

/// The organisation's own id of the member.
fn loyalty_ids(event: &Event<'_>, xdm: &mut XdmWriter<'_>) {
    let Some(id) = &event.customer.external_id else {
        return;
    };
    xdm.array(name!("loyaltyID"), |xdm| xdm.item(id));
}

/// Of a card an event says the number alone.
fn cards(event: &Event<'_>, xdm: &mut XdmWriter<'_>) {
    let block = event.find(Key::CustomerIdentifiers);
    let Some(instore) = block.and_then(|block| block.get_any_case(Key::Instore, "instore")) else {
        return;
    };
    let numbers = find(Some(instore), Key::CardNumbers)
        .into_iter()
        .flat_map(Value::items);
    let numbers = numbers.chain(find(Some(instore), Key::CardNumber));
    let mut known: Vec<Text<'_>> = Vec::new();
    xdm.array(name!("cardsDetails"), |xdm| {
        for number in numbers.filter_map(coerce::id).take(MAX_CARDS) {
            if !known.contains(&number) {
                xdm.element(|xdm| xdm.shared(name!("number"), Some(&number)));
                known.push(number);
            }
        }
    });
}

/// Nobody has more; test accounts do.
const MAX_CARDS: usize = 50;

/// The value of an extended field.
fn extended<'a>(event: &Event<'a>, keys: &[&str]) -> Option<Text<'a>> {
    let fields = event.get(Key::ExtendedFields);
    keys.iter().find_map(|wanted| {
        fields.into_iter().flat_map(Value::items).find_map(|field| {
            let key = coerce::text(field.get(Key::OfPair)?)?;
            key.eq_ignore_ascii_case(wanted)
                .then(|| id_of(Some(field), Key::Value))?
        })
    })
}

/// The day of birth, also where midnight follows it; nobody is born in the future.
fn birth_day(text: Text<'_>, now: i64) -> Option<Text<'_>> {
    let (day, rest) = text.split_at_checked(10)?;
    let is_midnight = rest.is_empty()
        || ["T00:00:00", " 00:00:00"]
            .iter()
            .any(|at| rest.starts_with(at));
    let is_past = Day::parse(day).is_some_and(|day| day.start() <= now);
    let whole = rest.is_empty();
    (is_midnight && is_past)
        .then(|| text.map(|text| text.get(..10).filter(|_| !whole).map(str::to_owned)))
}

/// XDM knows four values; only two of them are what Capillary's field says.
fn gender(value: &str) -> Option<&'static str> {
    let is = |words: [&str; 2]| words.iter().any(|word| word.eq_ignore_ascii_case(value));
    if is(["male", "m"]) {
        Some("male")
    } else if is(["female", "f"]) {
        Some("female")
    } else {
        None
    }
}
