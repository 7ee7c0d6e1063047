//! Who an event is about: one customer, or nobody. Two customers in one identityMap would be linked for good.

use std::borrow::Cow;

use crate::envelope::Envelope;
use crate::json::Value;
use crate::kind::EventKind;
use crate::params::{Identifier, Params};
use crate::read;
use crate::verdict::{Reject, Verdict};
use crate::xdm::Xdm;

/// Identity values longer than this are refused by Identity Service (its guardrails page).
const MAX_LENGTH: usize = 1024;

/// A customer's identifiers, each only when it is usable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Customer<'a> {
    pub(crate) customer_id: Option<Cow<'a, str>>,
    pub(crate) email: Option<Cow<'a, str>>,
    pub(crate) mobile: Option<Cow<'a, str>>,
    pub(crate) external_id: Option<Cow<'a, str>>,
    pub(crate) loyalty_type: Option<Cow<'a, str>>,
}

impl<'a> Customer<'a> {
    /// Reads a `customerIdentifiers` block.
    fn read(block: Value<'a>) -> Self {
        let instore = block.get_any_case("instore");
        let id = |key: &str| instore.and_then(|instore| instore.get_any_case(key)).and_then(read::id);
        let (email, mobile, external_id) = (id("email"), id("mobile"), id("externalId"));
        // Hashed organisations and test data have one text in all three: it identifies nobody.
        let hashed = email.is_some() && email == mobile && mobile == external_id;
        let keep = |value: Option<Cow<'a, str>>| value.filter(|_| !hashed);
        Self {
            customer_id: block.get("customerId").and_then(read::numbered),
            email: keep(email).and_then(normal_email),
            mobile: keep(mobile).and_then(normal_mobile),
            external_id: keep(external_id),
            loyalty_type: block.get("loyaltyType").and_then(read::text),
        }
    }

    fn is_nobody(&self) -> bool {
        self.customer_id.is_none() && self.email.is_none() && self.mobile.is_none() && self.external_id.is_none()
    }

    /// Whether both blocks name the same person.
    fn same(&self, other: &Self) -> bool {
        match (&self.customer_id, &other.customer_id) {
            (Some(one), Some(two)) => one == two,
            (None, None) => {
                self.email == other.email && self.mobile == other.mobile && self.external_id == other.external_id
            }
            _ => false,
        }
    }

    /// The value of an identity, qualified by the organisation when the parameter says so.
    fn value(&self, identifier: Identifier, params: &Params, org: Option<&str>) -> Option<Cow<'_, str>> {
        let value = match identifier {
            Identifier::CustomerId => match (&self.customer_id, params.qualify_identity) {
                (Some(id), true) => org.map(|org| Cow::Owned(format!("{org}-{id}"))),
                (Some(id), false) => Some(Cow::Borrowed(id.as_ref())),
                (None, _) => None,
            },
            Identifier::Email => self.email.as_deref().map(Cow::Borrowed),
            Identifier::Mobile => self.mobile.as_deref().map(Cow::Borrowed),
            Identifier::ExternalId => self.external_id.as_deref().map(Cow::Borrowed),
        };
        value.filter(|value| value.len() <= MAX_LENGTH || value.chars().count() <= MAX_LENGTH)
    }

    /// The value of the primary identity.
    pub(crate) fn primary(&self, params: &Params, org: Option<&str>) -> Option<Cow<'_, str>> {
        let (identifier, _) = params.identities.first()?;
        self.value(*identifier, params, org)
    }

    /// Writes the identityMap: the primary identity, and the others unless `only_primary`.
    pub(crate) fn write(&self, xdm: &mut Xdm<'_>, params: &Params, org: Option<&str>, only_primary: bool) {
        let count = if only_primary { 1 } else { params.identities.len() };
        xdm.object("identityMap", |xdm| {
            for (index, (identifier, namespace)) in params.identities.iter().take(count).enumerate() {
                let Some(value) = self.value(*identifier, params, org) else {
                    continue;
                };
                xdm.array(namespace, |xdm| {
                    xdm.element(|xdm| {
                        xdm.text("id", Some(value));
                        xdm.boolean("primary", Some(index == 0));
                    });
                });
            }
        });
    }
}

/// The one customer the event is about.
pub(crate) fn subject<'a>(kind: EventKind, data: Value<'a>, envelope: &Envelope<'_>) -> Result<Customer<'a>, Verdict> {
    let block = |key: &str| data.get(key).filter(Value::is_object).map(Customer::read);
    let member = |key: &str| read::member(data.get(key), "customerIdentifiers").map(Customer::read);
    let found = match kind {
        // The victim's id belongs to the survivor from now on, but the two must not be linked by us.
        EventKind::LoyaltyCustomerMerge => block("survivorCustomerIdentifiers"),
        EventKind::GroupCreated | EventKind::GroupUpdated => member("primaryMember"),
        EventKind::GroupMemberAdded => member("memberAdded"),
        EventKind::GroupMemberRemoved => member("memberRemoved"),
        EventKind::PointsContributionToGroup => member("contributingMember"),
        EventKind::CouponIssue => {
            let coupons = data.get("coupons").into_iter().flat_map(Value::items);
            let customers = coupons.filter_map(|coupon| read::member(Some(coupon), "customerIdentifiers"));
            let found = only(customers.map(Customer::read), envelope, "/data/coupons")?;
            found.or_else(|| block("customerIdentifiers"))
        }
        EventKind::UpdateRewardTransaction => {
            let updates = data.get("transactionUpdates").into_iter().flat_map(Value::items);
            let customer = |id| Customer {
                customer_id: Some(id),
                ..Customer::default()
            };
            let customers =
                updates.filter_map(|update| update.get("customerId").and_then(read::numbered).map(customer));
            only(customers, envelope, "/data/transactionUpdates")?
        }
        _ => {
            let mut customer = block("customerIdentifiers").unwrap_or_default();
            // The same customer's id once more; group pools and other entities have another type.
            if customer.customer_id.is_none() {
                customer.customer_id = user_entity(data);
            }
            Some(customer)
        }
    };
    found
        .filter(|customer| !customer.is_nobody())
        .ok_or(Verdict::Skip("no_identity"))
}

fn user_entity<'a>(data: Value<'a>) -> Option<Cow<'a, str>> {
    let entity = read::member(Some(data), "entityInformation")?;
    let kind = read::text(entity.get("entityType")?)?;
    if !kind.eq_ignore_ascii_case("USER") {
        return None;
    }
    read::numbered(entity.get("entityId")?)
}

/// Whether the event is about something other than a customer: a group's pool, for instance.
pub(crate) fn is_other_entity(data: Value<'_>) -> bool {
    let kind = read::member(Some(data), "entityInformation").and_then(|entity| read::text(entity.get("entityType")?));
    kind.is_some_and(|kind| !kind.eq_ignore_ascii_case("USER"))
}

/// The one customer of a list of them.
fn only<'a>(
    customers: impl Iterator<Item = Customer<'a>>,
    envelope: &Envelope<'_>,
    path: &str,
) -> Result<Option<Customer<'a>>, Verdict> {
    let mut found: Option<Customer<'a>> = None;
    for customer in customers.filter(|customer| !customer.is_nobody()) {
        match &found {
            None => found = Some(customer),
            Some(first) if first.same(&customer) => {}
            Some(_) => {
                let message = "the event belongs to several customers, whom one record would link for good";
                return Err(Reject::new("many_customers", envelope.at(path), message).into());
            }
        }
    }
    Ok(found)
}

/// Trimmed and in lower case; `None` when it cannot be an address.
fn normal_email(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    let (local, domain) = text.split_once('@')?;
    let fits = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && !part.ends_with('.')
            && !part.contains("..")
            && !part.contains(|c: char| c.is_whitespace() || c.is_control() || "\"(),:;<>[]\\@".contains(c))
    };
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    if !fits(local) || local.len() > 64 || !fits(domain) || domain.len() > 253 || !domain.split('.').all(label) {
        return None;
    }
    if text.chars().any(char::is_uppercase) {
        Some(Cow::Owned(text.to_lowercase()))
    } else {
        Some(text)
    }
}

/// Without spaces, as text; `None` when it cannot be a number people call. No plus is added.
fn normal_mobile(text: Cow<'_, str>) -> Option<Cow<'_, str>> {
    let text = match text.contains(char::is_whitespace) {
        true => Cow::Owned(text.split_whitespace().collect()),
        false => text,
    };
    let digits = text.strip_prefix('+').unwrap_or(&text);
    ((5..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())).then_some(text)
}
