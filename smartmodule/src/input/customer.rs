//! The customer an event is about. Never two: in one identityMap they would be linked permanently.

use std::borrow::Cow;

use crate::catalog::key::Key;
use crate::catalog::kind::EventKind;
use crate::input::envelope::Envelope;
use crate::input::nobody::{is_nobodys, is_nobodys_address, is_nobodys_number, somebodys, visible};
use crate::input::source_shape;
use crate::input::unmapped::{Reject, Unmapped};
use crate::json::{Kind, Members, Number, Value};
use crate::params::Params;
use crate::params::identity::{Identifier, MobileFormat};
use crate::simd::scan::{is_plain_address, is_plain_number};
use crate::values::coerce;
use crate::values::text::Text;

/// Identity values longer than this are refused by Identity Service (its guardrails page).
const MAX_LENGTH: usize = 1024;

/// A customer's identifiers, each only when it is usable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Customer<'a> {
    pub(crate) customer_id: Option<Text<'a>>,
    pub(crate) email: Option<Text<'a>>,
    pub(crate) mobile: Option<Text<'a>>,
    pub(crate) external_id: Option<Text<'a>>,
    pub(crate) loyalty_type: Option<Text<'a>>,
}

/// Positions of the identifiers of a `customerIdentifiers` block in its document; 0 is none.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct CustomerLocations {
    customer_id: u32,
    email: u32,
    mobile: u32,
    external_id: u32,
    loyalty_type: u32,
}

impl CustomerLocations {
    /// Looks for them.
    pub(crate) fn of(block: Value<'_>) -> Self {
        let position = |value: Option<Value<'_>>| value.map_or(0, Value::position);
        let instore = block.get_any_case(Key::Instore, "instore");
        let id = |key: Key, name: &str| {
            position(instore.and_then(|instore| instore.get_any_case(key, name)))
        };
        Self {
            customer_id: position(block.get(Key::CustomerId)),
            email: id(Key::Email, "email"),
            mobile: id(Key::Mobile, "mobile"),
            external_id: id(Key::ExternalId, "externalId"),
            loyalty_type: position(block.get(Key::LoyaltyType)),
        }
    }
}

impl<'a> Customer<'a> {
    /// Reads a `customerIdentifiers` block.
    fn read(block: Value<'a>, params: &Params) -> Self {
        Self::read_at(block, &CustomerLocations::of(block), params)
    }

    /// Reads the block whose identifiers are at these locations.
    fn read_at(block: Value<'a>, locations: &CustomerLocations, params: &Params) -> Self {
        let at = |place: u32| (place != 0).then(|| block.moved(place));
        let id = |place: u32| at(place).and_then(coerce::id_inline);
        let (email, mobile, external_id) = (
            id(locations.email),
            id(locations.mobile),
            id(locations.external_id),
        );
        // Hashed organisations and test data have one text in all three: it identifies nobody.
        let hashed = email.is_some() && email == mobile && mobile == external_id;
        let keep = |value: Option<Text<'a>>| value.filter(|_| !hashed);
        let email = keep(email).and_then(|email| match block.moved(locations.email) {
            value if value.is_word_like(is_plain_address) => Some(email),
            _ => normal_email(visible(email)),
        });
        let mobile = keep(mobile).and_then(|mobile| match block.moved(locations.mobile) {
            value if value.is_word_like(is_plain_number) => Some(mobile),
            _ => normal_mobile(visible(mobile)),
        });
        let counts = |value: &Text<'a>| !params.ignored_identities.lists(value);
        Self {
            customer_id: at(locations.customer_id).and_then(|id| customer_id(id, params)),
            email: email.filter(|email| !is_nobodys_address(email) && counts(email)),
            mobile: mobile
                .filter(|mobile| !is_nobodys_number(mobile) && counts(mobile))
                .and_then(|mobile| match params.mobile_format {
                    MobileFormat::AsItIs => Some(mobile),
                    MobileFormat::E164 => international(mobile),
                }),
            external_id: keep(external_id).and_then(somebodys).filter(counts),
            loyalty_type: at(locations.loyalty_type).and_then(coerce::text_inline),
        }
    }

    /// Reads the identityMap of a record in the shape of Adobe's Capillary source.
    #[cold]
    #[inline(never)]
    fn of_source_shape(document: Value<'a>, params: &Params) -> Self {
        let mut locations = CustomerLocations::default();
        for (identifier, id) in source_shape::identities(document, params) {
            let place = match identifier {
                Identifier::CustomerId => &mut locations.customer_id,
                Identifier::Email => &mut locations.email,
                Identifier::Mobile => &mut locations.mobile,
                Identifier::ExternalId => &mut locations.external_id,
            };
            *place = id.position();
        }
        Self::read_at(document, &locations, params)
    }

    fn is_nobody(&self) -> bool {
        self.customer_id.is_none()
            && self.email.is_none()
            && self.mobile.is_none()
            && self.external_id.is_none()
    }

    /// Whether both blocks name the same person.
    fn same(&self, other: &Self) -> bool {
        match (&self.customer_id, &other.customer_id) {
            (Some(one), Some(two)) => one == two,
            (None, None) => {
                self.email == other.email
                    && self.mobile == other.mobile
                    && self.external_id == other.external_id
            }
            _ => false,
        }
    }

    /// The value of an identity, qualified by the organisation when the parameter says so.
    #[inline(always)]
    pub(crate) fn value(
        &self,
        identifier: Identifier,
        params: &Params,
        org: Option<&str>,
    ) -> Option<Text<'_>> {
        let value = match identifier {
            Identifier::CustomerId => match (&self.customer_id, params.qualify_identity) {
                (Some(id), true) => org.map(|org| Text::made(format!("{org}-{}", &**id))),
                (Some(id), false) => Some(id.shared()),
                (None, _) => None,
            },
            Identifier::Email => self.email.as_ref().map(Text::shared),
            Identifier::Mobile => self.mobile.as_ref().map(Text::shared),
            Identifier::ExternalId => self.external_id.as_ref().map(Text::shared),
        };
        value.filter(|value| value.len() <= MAX_LENGTH || value.chars().count() <= MAX_LENGTH)
    }

    /// The value of the primary identity.
    pub(crate) fn primary(&self, params: &Params, org: Option<&str>) -> Option<Text<'_>> {
        let (identifier, _) = params.identities.first()?;
        self.value(*identifier, params, org)
    }
}

/// The one customer the event is about; `locations` are those of the block `customerIdentifiers`.
#[inline(always)]
pub(crate) fn subject<'a>(
    kind: EventKind,
    data: Members<'_, 'a>,
    locations: &CustomerLocations,
    envelope: &Envelope<'_>,
    params: &Params,
) -> Result<Customer<'a>, Unmapped> {
    let read = |block: Value<'a>| Customer::read(block, params);
    let block = |key: Key| data.get(key).and_then(Value::as_object).map(read);
    let member = |key: Key| coerce::member(data.get(key), Key::CustomerIdentifiers).map(read);
    let found = match kind {
        // The victim's id belongs to the survivor from now on, but the two must not be linked by
        // us.
        EventKind::LoyaltyCustomerMerge => block(Key::SurvivorCustomerIdentifiers),
        EventKind::GroupCreated | EventKind::GroupUpdated => member(Key::PrimaryMember),
        EventKind::GroupMemberAdded => member(Key::MemberAdded),
        EventKind::GroupMemberRemoved => member(Key::MemberRemoved),
        EventKind::PointsContributionToGroup => member(Key::ContributingMember),
        EventKind::CouponIssue => {
            let coupons = data.get(Key::Coupons).into_iter().flat_map(Value::items);
            let customers =
                coupons.filter_map(|coupon| coerce::member(Some(coupon), Key::CustomerIdentifiers));
            let found = only(customers.map(read), envelope, "/data/coupons")?;
            found.or_else(|| block(Key::CustomerIdentifiers))
        }
        EventKind::UpdateRewardTransaction => {
            let updates = data
                .get(Key::TransactionUpdates)
                .into_iter()
                .flat_map(Value::items);
            let customer = |id| Customer {
                customer_id: Some(id),
                ..Customer::default()
            };
            let customers = updates.filter_map(|update| {
                update
                    .get(Key::CustomerId)
                    .and_then(|id| customer_id(id, params))
                    .map(customer)
            });
            only(customers, envelope, "/data/transactionUpdates")?
        }
        // An older form has the customer's id beside `data`.
        EventKind::RequestUpdated => own(data, locations, params).or_else(|| {
            let id = envelope.get(Key::CustomerId);
            let id = id.and_then(|id| customer_id(id, params));
            id.map(|id| Customer {
                customer_id: Some(Text::made(id.to_string())),
                ..Customer::default()
            })
        }),
        _ => own(data, locations, params).or_else(|| {
            envelope
                .is_source_shaped
                .then(|| Customer::of_source_shape(data.object(), params))
        }),
    };
    found
        .filter(|customer| !customer.is_nobody())
        .ok_or(Unmapped::Skip("no_identity"))
}

/// The customer of nearly every kind of event.
#[inline(always)]
fn own<'a>(
    data: Members<'_, 'a>,
    locations: &CustomerLocations,
    params: &Params,
) -> Option<Customer<'a>> {
    let block = data
        .get(Key::CustomerIdentifiers)
        .and_then(Value::as_object);
    let mut customer = match block {
        Some(block) => Customer::read_at(block, locations, params),
        None => Customer::default(),
    };
    // The same customer's id once more; group pools and other entities have another type.
    if customer.customer_id.is_none() {
        customer.customer_id = user_entity(data, params);
    }
    if customer.is_nobody() {
        None
    } else {
        Some(customer)
    }
}

fn user_entity<'a>(data: Members<'_, 'a>, params: &Params) -> Option<Text<'a>> {
    let entity = data.get(Key::EntityInformation)?;
    let kind = coerce::text(entity.get(Key::EntityType)?)?;
    if !kind.eq_ignore_ascii_case("USER") {
        return None;
    }
    customer_id(entity.get(Key::EntityId)?, params)
}

/// Capillary's id of a customer.
#[inline(always)]
fn customer_id<'a>(value: Value<'a>, params: &Params) -> Option<Text<'a>> {
    let id = match value.kind() {
        Kind::Integer => coerce::numbered(value)?,
        _ => written_customer_id(value)?,
    };
    (!params.ignored_identities.lists(&id)).then_some(id)
}

/// As [`customer_id`], of one that is no plain number.
#[inline(never)]
fn written_customer_id(value: Value<'_>) -> Option<Text<'_>> {
    let id = visible(coerce::numbered(value)?);
    let id = id.map(|id| Number::parse(id)?.whole().map(Cow::into_owned));
    (!is_nobodys(&id)).then_some(id)
}

/// Whether the event is about something other than a customer: a group's pool, for instance.
pub(crate) fn is_other_entity(data: Members<'_, '_>) -> bool {
    let kind = data
        .get(Key::EntityInformation)
        .and_then(|entity| coerce::text(entity.get(Key::EntityType)?));
    kind.is_some_and(|kind| !kind.eq_ignore_ascii_case("USER"))
}

/// The one customer of a list of them.
fn only<'a>(
    customers: impl Iterator<Item = Customer<'a>>,
    envelope: &Envelope<'_>,
    path: &str,
) -> Result<Option<Customer<'a>>, Unmapped> {
    let mut found: Option<Customer<'a>> = None;
    for customer in customers.filter(|customer| !customer.is_nobody()) {
        match &found {
            None => found = Some(customer),
            Some(first) if first.same(&customer) => {}
            Some(_) => {
                let message =
                    "the event belongs to several customers, whom one record would link for good";
                return Err(Reject::new("many_customers", &envelope.at(path), message).into());
            }
        }
    }
    Ok(found)
}

/// Trimmed and in lower case; `None` when it cannot be an address.
fn normal_email(text: Text<'_>) -> Option<Text<'_>> {
    let (local, domain) = text.split_once('@')?;
    let fits = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && !part.ends_with('.')
            && !part.contains("..")
            && !part.contains(|c: char| {
                c.is_whitespace() || c.is_control() || "\"(),:;<>[]\\@*".contains(c)
            })
    };
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    if !fits(local)
        || local.len() > 64
        || !fits(domain)
        || domain.len() > 253
        || !domain.split('.').all(label)
    {
        return None;
    }
    Some(text.map(|text| {
        text.chars()
            .any(char::is_uppercase)
            .then(|| text.to_lowercase())
    }))
}

/// Without spaces, as text; `None` when it cannot be a number people call. No plus is added.
fn normal_mobile(text: Text<'_>) -> Option<Text<'_>> {
    if is_mobile(&text) {
        return Some(text);
    }
    let text = text.map(|text| {
        text.contains(char::is_whitespace)
            .then(|| text.split_whitespace().collect())
    });
    is_mobile(&text).then_some(text)
}

/// In the form of E.164: a plus, the country's code, the number. `None` where the country is not
/// known: a number that begins with a zero is one for calls at home.
#[inline(never)]
fn international(number: Text<'_>) -> Option<Text<'_>> {
    let digits = match number.strip_prefix('+') {
        Some(digits) => digits,
        None => number.strip_prefix("00").unwrap_or(&number),
    };
    if digits.starts_with('0') || digits.len() < 7 {
        return None;
    }
    let written = format!("+{digits}");
    Some(number.map(|number| (number != written).then_some(written)))
}

fn is_mobile(text: &str) -> bool {
    let digits = match text.as_bytes() {
        [b'+', digits @ ..] => digits,
        digits => digits,
    };
    (5..=15).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_addresses_and_numbers_pass_the_full_check_unchanged() {
        let mut random = fastrand::Rng::with_seed(3);
        let (mut addresses, mut numbers) = (0, 0);
        for _ in 0..400_000 {
            let letters = random
                .choice(["ab1.@-_+", "a@.", "0123456789+ ", "az{`09:/@A é"])
                .unwrap();
            let letters: Vec<char> = letters.chars().collect();
            let text: String = (0..random.usize(..36))
                .map(|_| *random.choice(&letters).unwrap())
                .collect();
            // There must be something behind it.
            let document = format!("\"{text}{}", "\"".repeat(40));
            let (start, end) = (1, 1 + text.len());
            if is_plain_address(document.as_bytes(), start, end) {
                addresses += 1;
                assert_eq!(normal_email(Text::Plain(&text)).as_deref(), Some(&*text));
            }
            if is_plain_number(document.as_bytes(), start, end) {
                numbers += 1;
                assert_eq!(normal_mobile(Text::Plain(&text)).as_deref(), Some(&*text));
            }
        }
        assert!(addresses > 300 && numbers > 300, "{addresses} {numbers}");
        let address = "first.last_2+tag@sub-domain.shop.example";
        let text = format!("{address}\"{}", "\"".repeat(40));
        assert!(
            !is_plain_address(text.as_bytes(), 0, address.len()),
            "longer than a look"
        );
        let short = "last_2+tag@sub-domain.example";
        let text = format!("{short}\"{}", "\"".repeat(40));
        assert!(is_plain_address(text.as_bytes(), 0, short.len()));
    }
}
