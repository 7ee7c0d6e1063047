//! The parameters of the mapping, read from the text a transform's `with` section gives.

use super::identity::{
    Identifier, IgnoredIdentities, MobileFormat, Namespace, PHONE_E164, is_namespace_code,
};
use super::model::{MAX_EVENT_BYTES, ParamError, Params};
use crate::catalog::fields::{self, Field};
use crate::catalog::kind::{EventKind, Kinds};
use crate::json::{Number, Tape, Value};
use crate::params::omit::{OmittedByEntity, OmittedFields};
use crate::params::tenant::Tenant;
use crate::values::zone::Zone;

const NAMES: &str = "events, organizations, primary-identity, identities, ignore-identities, \
                     mobile-format, program-id, org-unit, tenant, tiers, time-zone, omit-fields, \
                     qualify-identity, deleted-labels, missing-bill-type, line-price, currency, \
                     max-event-bytes, test-profile";

impl Params {
    /// Reads the parameters of a transform's `with` section.
    ///
    /// # Errors
    /// When a parameter is unknown, given twice, or has a value that cannot be used. The fault is
    /// the user's.
    pub fn from_pairs<I: IntoIterator<Item = (String, String)>>(
        pairs: I,
    ) -> Result<Self, ParamError> {
        // In the order of their names: of several faults the first one is reported.
        let mut given: Vec<(String, String)> = Vec::new();
        for (name, value) in pairs {
            let place = given
                .iter()
                .position(|(other, _)| *other >= name)
                .unwrap_or(given.len());
            if given.get(place).is_some_and(|(other, _)| *other == name) {
                return Err(ParamError {
                    name,
                    message: "given twice".to_owned(),
                });
            }
            given.insert(place, (name, value));
        }
        let mut params = Self::default();
        let mut primary = None;
        for (name, value) in &given {
            let value = value.trim();
            let read = match name.as_str() {
                "events" => events(value).map(|events| params.events = events),
                "organizations" => {
                    organizations(value).map(|list| params.organizations = Some(list))
                }
                "primary-identity" => Identifier::from_name(value)
                    .map(|identifier| primary = Some(identifier))
                    .ok_or_else(|| {
                        format!("`{value}` is none of customerId, email, mobile, externalId")
                    }),
                "identities" => identities(value).map(|identities| params.identities = identities),
                "ignore-identities" => list(value)
                    .map(|values| params.ignored_identities = IgnoredIdentities::of(values)),
                "mobile-format" => mobile_format(value).map(|format| params.mobile_format = format),
                "program-id" => program(value).map(|id| params.program_id = Some(id)),
                "org-unit" => org_unit(value).map(|unit| params.org_unit = Some(unit)),
                "tenant" => tenant(value).map(|tenant| params.tenant = Some(Tenant::new(tenant))),
                "tiers" => tiers(value).map(|tiers| params.tiers = tiers),
                "time-zone" => Zone::parse(value)
                    .map(|zone| params.time_zone = Some(zone))
                    .ok_or_else(|| {
                        format!(
                            "`{value}` is neither an offset such as `+05:30` or `Z` nor, in the \
                             connector's configuration, the IANA name of a zone"
                        )
                    }),
                "deleted-labels" => list(value).map(|labels| params.deleted_labels = labels),
                "missing-bill-type" => untyped(value).map(|is| params.untyped_is_purchase = is),
                "line-price" => line_price(value).map(|is| params.lines_before_discount = is),
                "currency" => currency(value).map(|code| params.currency = Some(code)),
                "max-event-bytes" => {
                    max_event_bytes(value).map(|bytes| params.max_event_bytes = bytes)
                }
                // Needs the tenant: read below.
                "omit-fields" => Ok(()),
                "qualify-identity" => {
                    boolean(value).map(|qualify| params.qualify_identity = qualify)
                }
                "test-profile" => boolean(value).map(|test| params.test_profile = test),
                _ => Err(format!("unknown; the parameters are {NAMES}")),
            };
            read.map_err(|message| ParamError {
                name: name.clone(),
                message,
            })?;
        }
        if let Some((_, value)) = given.iter().find(|(name, _)| name == "omit-fields") {
            params.omit = omit(value.trim(), params.tenant.as_ref().map(Tenant::name)).map_err(
                |message| ParamError {
                    name: "omit-fields".to_owned(),
                    message,
                },
            )?;
        }
        params.put_primary_first(primary)?;
        params.check_namespaces()?;
        Ok(params)
    }

    /// Whether what is sent to a namespace of Adobe's is what it holds.
    fn check_namespaces(&self) -> Result<(), ParamError> {
        for (identifier, namespace) in &self.identities {
            let message = match namespace.code() {
                "ECID" => {
                    "namespace `ECID` takes ids of 38 digits that Adobe gave; none of Capillary's \
                     identifiers is one, and Adobe refuses the records"
                }
                PHONE_E164 if *identifier != Identifier::Mobile => {
                    "namespace `Phone_E.164` takes telephone numbers: `mobile`"
                }
                PHONE_E164 if self.mobile_format != MobileFormat::E164 => {
                    "namespace `Phone_E.164` takes numbers with a plus: set `mobile-format: e164`"
                }
                _ => continue,
            };
            return Err(ParamError {
                name: "identities".to_owned(),
                message: message.to_owned(),
            });
        }
        Ok(())
    }

    /// The primary identity: the parameter, else `customerId`.
    fn put_primary_first(&mut self, primary: Option<Identifier>) -> Result<(), ParamError> {
        let (name, wanted) = match primary {
            Some(primary) => ("primary-identity", primary),
            None => ("identities", Identifier::CustomerId),
        };
        match self.identities.iter().position(|(identifier, _)| *identifier == wanted) {
            Some(index) => {
                let first = self.identities.remove(index);
                self.identities.insert(0, first);
                Ok(())
            }
            None => Err(ParamError {
                name: name.to_owned(),
                message: "the primary identity (customerId unless `primary-identity` says otherwise) has no namespace \
                          in `identities`"
                    .to_owned(),
            }),
        }
    }
}

/// The items of a list: JSON text, or separated by commas.
fn list(value: &str) -> Result<Vec<String>, String> {
    if value.starts_with('[') {
        let mut tape = Tape::default();
        let list = tape
            .parse(value)
            .map_err(|_| "is not a JSON list".to_owned())?;
        return items(list.root());
    }
    if value.starts_with('{') {
        return Err("is a map, not a list".to_owned());
    }
    let parts = value.split(',').map(|item| item.trim().to_owned());
    without_empty(parts.collect())
}

/// The items of a JSON list.
fn items(list: Value<'_>) -> Result<Vec<String>, String> {
    let item = |item| scalar(item).ok_or_else(|| "may hold text and numbers only".to_owned());
    without_empty(list.items().map(item).collect::<Result<_, _>>()?)
}

fn without_empty(items: Vec<String>) -> Result<Vec<String>, String> {
    if items.is_empty() || items.iter().any(String::is_empty) {
        return Err("has no value, or an empty one".to_owned());
    }
    Ok(items)
}

fn scalar(value: Value<'_>) -> Option<String> {
    match value.string() {
        Some(text) => Some(text.trim().to_owned()),
        None => Number::parse(value.raw())?
            .whole()
            .map(std::borrow::Cow::into_owned),
    }
}

/// The members of a JSON object of texts.
fn pairs(value: &str) -> Result<Vec<(String, String)>, String> {
    let mut tape = Tape::default();
    let object = tape
        .parse(value)
        .ok()
        .filter(|document| document.root().is_object())
        .ok_or_else(|| "is not a JSON object".to_owned())?;
    let mut members: Vec<(String, String)> = Vec::new();
    for value in object.root().members() {
        let name = value.name().trim().to_owned();
        let text = value
            .string()
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty());
        let text = text.ok_or_else(|| format!("`{name}` must have a text"))?;
        if members.iter().any(|(other, _)| *other == name) {
            return Err(format!("`{name}` is there twice"));
        }
        members.push((name, text));
    }
    if members.is_empty() {
        Err("is empty".to_owned())
    } else {
        Ok(members)
    }
}

fn events(value: &str) -> Result<Kinds, String> {
    let names = list(value)?;
    if names == ["all"] {
        return Ok(EventKind::ALL.iter().copied().collect());
    }
    names
        .iter()
        .map(|name| {
            EventKind::from_name(name).ok_or_else(|| format!("`{name}` is no documented event"))
        })
        .collect()
}

fn organizations(value: &str) -> Result<Vec<String>, String> {
    let ids = list(value)?;
    match ids
        .iter()
        .find(|id| !id.bytes().all(|b| b.is_ascii_digit()))
    {
        Some(id) => Err(format!("`{id}` is no organisation id (digits)")),
        None => Ok(ids),
    }
}

fn boolean(value: &str) -> Result<bool, String> {
    value
        .parse()
        .map_err(|_| format!("`{value}` is neither true nor false"))
}

/// Whether a bill without a type is a purchase.
fn untyped(value: &str) -> Result<bool, String> {
    match value {
        "purchase" => Ok(true),
        "none" => Ok(false),
        _ => Err(format!("`{value}` is neither purchase nor none")),
    }
}

/// Whether the price of a line is that before its discount.
fn line_price(value: &str) -> Result<bool, String> {
    match value {
        "after-discount" => Ok(false),
        "before-discount" => Ok(true),
        _ => Err(format!(
            "`{value}` is neither after-discount nor before-discount"
        )),
    }
}

fn program(value: &str) -> Result<String, String> {
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        Ok(value.to_owned())
    } else {
        Err(format!("`{value}` is no program id (digits)"))
    }
}

fn org_unit(value: &str) -> Result<String, String> {
    if value.is_empty() {
        Err("is empty; it takes the id or code of an organisational unit".to_owned())
    } else {
        Ok(value.to_owned())
    }
}

/// A request takes 1 MB, envelope included.
const LARGEST_EVENT: usize = 900_000;

fn max_event_bytes(value: &str) -> Result<usize, String> {
    let bytes = value.parse().ok();
    bytes
        .filter(|bytes| (MAX_EVENT_BYTES..=LARGEST_EVENT).contains(bytes))
        .ok_or_else(|| format!("`{value}` is no number from {MAX_EVENT_BYTES} to {LARGEST_EVENT}"))
}

fn currency(value: &str) -> Result<String, String> {
    if value.len() == 3 && value.bytes().all(|b| b.is_ascii_alphabetic()) {
        Ok(value.to_ascii_uppercase())
    } else {
        Err(format!("`{value}` is no currency code of three letters"))
    }
}

fn tenant(value: &str) -> Result<String, String> {
    let name = value.strip_prefix('_').unwrap_or(value);
    if !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    {
        Ok(format!("_{name}"))
    } else {
        Err(format!(
            "`{value}` is no tenant namespace (lower-case letters and digits)"
        ))
    }
}

fn mobile_format(value: &str) -> Result<MobileFormat, String> {
    match value {
        "as-it-is" => Ok(MobileFormat::AsItIs),
        "e164" => Ok(MobileFormat::E164),
        _ => Err(format!("`{value}` is neither as-it-is nor e164")),
    }
}

fn tiers(value: &str) -> Result<Vec<(i64, String)>, String> {
    let number = |(name, tier): (String, String)| match name.parse::<i64>() {
        Ok(number) => Ok((number, tier)),
        Err(_) => Err(format!("`{name}` is no tier number")),
    };
    pairs(value)?.into_iter().map(number).collect()
}

fn identities(value: &str) -> Result<Vec<(Identifier, Namespace)>, String> {
    let mut identities: Vec<(Identifier, String)> = Vec::new();
    for (name, namespace) in pairs(value)? {
        let identifier = Identifier::from_name(&name)
            .ok_or_else(|| format!("`{name}` is none of customerId, email, mobile, externalId"))?;
        if !is_namespace_code(&namespace) {
            return Err(format!(
                "`{namespace}` is no namespace code: Identity Service admits letters and digits"
            ));
        }
        // Two values in one namespace would look like two people in one record.
        if identities.iter().any(|(_, other)| *other == namespace) {
            return Err(format!("namespace `{namespace}` is used twice"));
        }
        identities.push((identifier, namespace));
    }
    let ready = |(identifier, code)| (identifier, Namespace::new(code));
    Ok(identities.into_iter().map(ready).collect())
}

/// A list for both entities, or an object with one for each.
fn omit(value: &str, tenant: Option<&str>) -> Result<OmittedByEntity, String> {
    let (events, profiles) = (fields::event_paths(tenant), fields::profile_paths(tenant));
    let mut omit = OmittedByEntity::default();
    if !value.starts_with('{') {
        let all = [events, profiles].concat();
        let paths = omitted_paths(list(value)?, &all)?;
        (omit.event, omit.profile) = (OmittedFields::of(&paths), OmittedFields::of(&paths));
        return Ok(omit);
    }
    for (name, paths) in lists(value)? {
        match name.as_str() {
            "event" => omit.event = OmittedFields::of(&omitted_paths(paths, &events)?),
            "profile" => omit.profile = OmittedFields::of(&omitted_paths(paths, &profiles)?),
            _ => return Err(format!("`{name}` is neither event nor profile")),
        }
    }
    Ok(omit)
}

/// The paths without `[]`, each of one of these fields or of what they are below.
fn omitted_paths(paths: Vec<String>, of: &[Field]) -> Result<Vec<String>, String> {
    let checked = |path: String| {
        // `productListItems[].name` and `productListItems.name` both name the field of every item.
        let path = path.replace("[*]", "").replace("[]", "");
        if fields::is_required(&path) {
            return Err(format!("`{path}` cannot be left out"));
        }
        if !fields::is_known(&path, of) {
            return Err(format!("`{path}` is no field this mapping writes there"));
        }
        Ok(path)
    };
    paths.into_iter().map(checked).collect()
}

/// The members of a JSON object of lists, or of texts with commas.
fn lists(value: &str) -> Result<Vec<(String, Vec<String>)>, String> {
    let mut tape = Tape::default();
    let object = tape
        .parse(value)
        .map_err(|_| "is not a JSON object".to_owned())?;
    let mut members: Vec<(String, Vec<String>)> = Vec::new();
    for member in object.root().members() {
        let name = member.name().trim().to_owned();
        let items = match member.string() {
            Some(text) => list(&text),
            None => items(member),
        };
        if members.iter().any(|(other, _)| *other == name) {
            return Err(format!("`{name}` is there twice"));
        }
        let items = items.map_err(|fault| format!("`{name}` {fault}"))?;
        members.push((name, items));
    }
    if members.is_empty() {
        return Err("is empty".to_owned());
    }
    Ok(members)
}
