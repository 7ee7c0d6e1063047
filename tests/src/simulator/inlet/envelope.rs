//! Reads and checks what inlets are sent: XDM envelopes, streaming upserts and raw objects, alone
//! or in batches.
//!
//! A message is parsed once, with its entity kept as a slice of the request, because the simulator
//! has to keep up with ten thousand records a second next to the connector under test.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::answer::{Dialect, about};
use crate::simulator::config::{DataType, InletConfig};

/// One entry of a record's `identityMap`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// Its namespace code.
    pub namespace: String,
    /// Its value.
    pub id: String,
    /// Whether it is marked primary.
    pub primary: bool,
}

/// What the simulator reads of an entity.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) id: Option<String>,
    pub(crate) event_type: Option<String>,
    pub(crate) identities: Vec<Identity>,
    pub(crate) timestamp: bool,
    /// Whether these members have the types XDM gives them.
    pub(crate) well_typed: bool,
}

/// What a message asks to be done with its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// Adds an event; replaces the profile fragment of the identity.
    #[default]
    Create,
    /// Patches the profile, and only the profile.
    Merge,
    /// Removes the profile fragment.
    Delete,
}

/// A message that passed every check.
#[derive(Debug, Clone)]
pub(crate) struct Checked {
    pub(crate) entity: Bytes,
    pub(crate) operation: Operation,
    pub(crate) dataset_id: Option<String>,
}

/// One message of a request.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) raw: Bytes,
    pub(crate) facts: Facts,
    pub(crate) outcome: Result<Checked, Refusal>,
}

/// Why a message is refused, always with 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    MissingHeader,
    MissingBody,
    UnknownFormat,
    WrongOrganization,
    /// No document shows this one's text.
    WrongDataset,
    /// No document shows this one's text.
    WrongFlow,
    /// No document shows this one's text.
    UnsupportedOperation,
}

impl Refusal {
    pub(crate) fn text(
        self,
        dialect: Dialect,
        inlet: &InletConfig,
        organization_id: &str,
    ) -> String {
        let message = match (self, dialect) {
            // Adobe's connector has this text among its fixtures, without the frame.
            (Self::MissingHeader, Dialect::Status) => {
                return "The 'header' field is mandatory. Provide a valid 'header' value and try \
                    again."
                    .to_owned();
            }
            (Self::MissingBody, Dialect::Status) => {
                return "The 'body' field is mandatory. Provide a valid 'body' value and try \
                    again."
                    .to_owned();
            }
            (Self::MissingHeader | Self::MissingBody | Self::UnknownFormat, _) => {
                "Message has unknown xdm format"
            }
            (Self::WrongOrganization, _) => "Message has an absent or wrong ims org in the header",
            (Self::WrongDataset, _) => "Message has an absent or wrong dataset in the header",
            (Self::WrongFlow, _) => "Message has an absent, disabled or wrong flow",
            (Self::UnsupportedOperation, _) => "Message has unsupported operations in the header",
        };
        about(inlet.id.as_str(), organization_id, message)
    }
}

/// What the messages of a request are checked against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules<'a> {
    pub(crate) inlet: &'a InletConfig,
    pub(crate) organization_id: &'a str,
    /// Whether the dataflow is enabled.
    pub(crate) flow_enabled: bool,
}

#[derive(Deserialize)]
struct BatchBody<'a> {
    #[serde(borrow)]
    messages: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    header: Option<Header<'a>>,
    #[serde(borrow)]
    body: Option<Body<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header<'a> {
    #[serde(borrow)]
    schema_ref: Option<SchemaRef<'a>>,
    #[serde(borrow)]
    ims_org_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    dataset_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    flow_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    operations: Option<Operations<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Operations<'a> {
    #[serde(default)]
    data: Operation,
    #[serde(borrow)]
    identity: Option<Cow<'a, str>>,
    #[serde(borrow)]
    identity_dataset_id: Option<Cow<'a, str>>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
struct SchemaRef<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    content_type: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(borrow)]
    xdm_meta: Option<XdmMeta<'a>>,
    #[serde(borrow)]
    xdm_entity: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct XdmMeta<'a> {
    #[serde(borrow)]
    schema_ref: Option<SchemaRef<'a>>,
}

#[derive(Deserialize)]
struct MaybeUpsert<'a> {
    #[serde(borrow)]
    header: Option<&'a RawValue>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entity<'a> {
    #[serde(rename = "_id")]
    id: Option<String>,
    timestamp: Option<Cow<'a, str>>,
    event_type: Option<String>,
    #[serde(default)]
    identity_map: BTreeMap<String, Vec<Entry>>,
}

#[derive(Deserialize)]
struct Entry {
    id: Option<String>,
    #[serde(default)]
    primary: bool,
}

/// The messages of a batch, or `None` when the body is not `{"messages":[…]}`.
pub(crate) fn batch(body: &Bytes, rules: Rules<'_>) -> Option<Vec<Message>> {
    let text = std::str::from_utf8(body).ok()?;
    let parsed: BatchBody<'_> = serde_json::from_str(text).ok()?;
    let raw_refused = matches!(rules.inlet.data_type, DataType::Raw { batches: false });
    let read = |message: &&RawValue| {
        let mut read = one(body, message.get(), rules);
        if raw_refused {
            let upsert = serde_json::from_str::<MaybeUpsert<'_>>(message.get())
                .is_ok_and(|it| it.header.is_some());
            read.outcome = Err(if upsert {
                Refusal::UnknownFormat
            } else {
                Refusal::MissingHeader
            });
        }
        read
    };
    Some(parsed.messages.iter().map(read).collect())
}

/// The message of a single request, or `None` when the body is not JSON.
pub(crate) fn single(body: &Bytes, rules: Rules<'_>) -> Option<Message> {
    let text = std::str::from_utf8(body).ok()?;
    let parsed: &RawValue = serde_json::from_str(text).ok()?;
    Some(one(body, parsed.get(), rules))
}

fn one(body: &Bytes, text: &str, rules: Rules<'_>) -> Message {
    let (facts, outcome) = match &rules.inlet.data_type {
        DataType::Xdm {
            schema_id,
            content_type,
        } => xdm(body, text, rules, schema_id, content_type.as_deref()),
        DataType::Raw { .. } => raw(body, text, rules),
    };
    Message {
        raw: slice(body, text),
        facts,
        outcome,
    }
}

fn xdm(
    body: &Bytes,
    text: &str,
    rules: Rules<'_>,
    schema_id: &str,
    content_type: Option<&str>,
) -> (Facts, Result<Checked, Refusal>) {
    let Ok(envelope) = serde_json::from_str::<Envelope<'_>>(text) else {
        return (Facts::default(), Err(Refusal::UnknownFormat));
    };
    let entity = envelope.body.as_ref().and_then(|body| body.xdm_entity);
    let facts = entity.map(|entity| facts(entity.get())).unwrap_or_default();
    let check = || {
        let header = envelope.header.as_ref().ok_or(Refusal::MissingHeader)?;
        let message_body = envelope.body.as_ref().ok_or(Refusal::MissingBody)?;
        let entity = entity
            .filter(|entity| entity.get().starts_with('{'))
            .ok_or(Refusal::UnknownFormat)?;
        let schema = header.schema_ref.as_ref().ok_or(Refusal::UnknownFormat)?;
        let meta = message_body
            .xdm_meta
            .as_ref()
            .and_then(|meta| meta.schema_ref.as_ref());
        let expected_type =
            content_type.is_none_or(|content_type| schema.content_type == content_type);
        if meta != Some(schema) || schema.id != schema_id || !expected_type {
            return Err(Refusal::UnknownFormat);
        }
        common(header, rules)?;
        Ok(Checked {
            entity: slice(body, entity.get()),
            operation: Operation::Create,
            dataset_id: header.dataset_id.as_deref().map(str::to_owned),
        })
    };
    let outcome = check();
    (facts, outcome)
}

fn raw(body: &Bytes, text: &str, rules: Rules<'_>) -> (Facts, Result<Checked, Refusal>) {
    if !text.starts_with('{') {
        return (Facts::default(), Err(Refusal::UnknownFormat));
    }
    let upsert = serde_json::from_str::<MaybeUpsert<'_>>(text)
        .ok()
        .and_then(|it| {
            let entity = it.body.filter(|body| body.get().starts_with('{'))?;
            let header: Header<'_> = serde_json::from_str(it.header?.get()).ok()?;
            // A raw object may well have a `header` of its own; the platform's names its flow or
            // its dataset.
            (header.flow_id.is_some() || header.dataset_id.is_some() || header.operations.is_some())
                .then_some((header, entity))
        });
    match upsert {
        Some((header, entity)) => (
            facts(entity.get()),
            check_upsert(body, &header, entity, rules),
        ),
        None if rules.flow_enabled => {
            let checked = Checked {
                entity: slice(body, text),
                operation: Operation::Create,
                dataset_id: rules.inlet.dataset_id.clone(),
            };
            (facts(text), Ok(checked))
        }
        None => (facts(text), Err(Refusal::WrongFlow)),
    }
}

fn check_upsert(
    body: &Bytes,
    header: &Header<'_>,
    entity: &RawValue,
    rules: Rules<'_>,
) -> Result<Checked, Refusal> {
    common(header, rules)?;
    let operation = match &header.operations {
        None => Operation::Create,
        Some(operations) => {
            match (
                operations.identity.as_deref(),
                &operations.identity_dataset_id,
            ) {
                (None, _) | (Some("create"), Some(_)) => {}
                // `create` needs a dataset to put the identity in, and is the only operation there
                // is.
                _ => return Err(Refusal::UnsupportedOperation),
            }
            operations.data
        }
    };
    Ok(Checked {
        entity: slice(body, entity.get()),
        operation,
        dataset_id: header.dataset_id.as_deref().map(str::to_owned),
    })
}

/// The checks of every header: organisation, dataset, flow.
fn common(header: &Header<'_>, rules: Rules<'_>) -> Result<(), Refusal> {
    // An absent organisation is filled in by the platform.
    if header
        .ims_org_id
        .as_deref()
        .is_some_and(|org| org != rules.organization_id)
    {
        return Err(Refusal::WrongOrganization);
    }
    let dataset = header
        .dataset_id
        .as_deref()
        .filter(|id| !id.is_empty())
        .ok_or(Refusal::WrongDataset)?;
    if rules
        .inlet
        .dataset_id
        .as_deref()
        .is_some_and(|expected| expected != dataset)
    {
        return Err(Refusal::WrongDataset);
    }
    // Older tutorials have no flow id in the envelope.
    let wrong_flow = header
        .flow_id
        .as_deref()
        .is_some_and(|flow| flow != rules.inlet.flow_id);
    if wrong_flow || !rules.flow_enabled {
        Err(Refusal::WrongFlow)
    } else {
        Ok(())
    }
}

fn facts(entity: &str) -> Facts {
    let Ok(entity) = serde_json::from_str::<Entity<'_>>(entity) else {
        return Facts::default();
    };
    let identities = entity
        .identity_map
        .into_iter()
        .flat_map(|(namespace, entries)| {
            entries.into_iter().filter_map(move |entry| {
                Some(Identity {
                    namespace: namespace.clone(),
                    id: entry.id?,
                    primary: entry.primary,
                })
            })
        });
    Facts {
        id: entity.id,
        event_type: entity.event_type,
        identities: identities.collect(),
        timestamp: entity.timestamp.is_some(),
        well_typed: true,
    }
}

fn slice(body: &Bytes, part: &str) -> Bytes {
    body.slice_ref(part.as_bytes())
}
