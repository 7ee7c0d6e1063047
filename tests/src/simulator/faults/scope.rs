//! Whom a fault concerns: which server, how many requests, which messages.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// What a step aims at.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Target {
    /// Every request: `any`.
    #[default]
    Any,
    /// The token server: `ims`.
    Ims,
    /// The services an organisation is set up with: `platform`.
    Platform,
    /// Every inlet: `inlets`.
    Inlets,
    /// One inlet, by its name or its id.
    Inlet(String),
}

impl From<String> for Target {
    fn from(text: String) -> Self {
        match text.as_str() {
            "any" => Self::Any,
            "ims" => Self::Ims,
            "platform" => Self::Platform,
            "inlets" => Self::Inlets,
            _ => Self::Inlet(text),
        }
    }
}

impl From<Target> for String {
    fn from(target: Target) -> Self {
        match target {
            Target::Any => "any".to_owned(),
            Target::Ims => "ims".to_owned(),
            Target::Platform => "platform".to_owned(),
            Target::Inlets => "inlets".to_owned(),
            Target::Inlet(name) => name,
        }
    }
}

/// How many requests a step applies to: a number, or `"forever"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Times {
    /// As long as the script stands.
    Forever,
    /// This many.
    #[serde(untagged)]
    Count(NonZeroU32),
}

impl Default for Times {
    fn default() -> Self {
        Self::Count(NonZeroU32::MIN)
    }
}

/// Which messages are meant. Every list that is not empty must match; in a list, one entry
/// suffices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Selector {
    /// Positions in the request, from 0.
    pub indexes: BTreeSet<usize>,
    /// `_id` of an event.
    pub ids: BTreeSet<String>,
    /// Any id of the message's `identityMap`, in any namespace: a customer.
    pub identities: BTreeSet<String>,
    /// `eventType`.
    pub event_types: BTreeSet<String>,
}

impl Selector {
    /// The messages at these positions of a request.
    pub fn indexes(indexes: impl IntoIterator<Item = usize>) -> Self {
        Self {
            indexes: indexes.into_iter().collect(),
            ..Self::default()
        }
    }

    /// The events with these `_id`s.
    pub fn ids<T: Into<String>>(ids: impl IntoIterator<Item = T>) -> Self {
        Self {
            ids: ids.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }

    /// Whatever concerns these customers.
    pub fn identities<T: Into<String>>(ids: impl IntoIterator<Item = T>) -> Self {
        Self {
            identities: ids.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }
}
