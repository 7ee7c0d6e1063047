//! Which identities a record carries, and in which namespaces.

use crate::output::padded::PaddedBytes;

/// Which of a customer's identifiers an identity is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identifier {
    CustomerId,
    Email,
    Mobile,
    ExternalId,
}

impl Identifier {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "customerId" => Some(Self::CustomerId),
            "email" => Some(Self::Email),
            "mobile" => Some(Self::Mobile),
            "externalId" => Some(Self::ExternalId),
            _ => None,
        }
    }
}

/// An identity namespace.
#[derive(Debug, Clone)]
pub(crate) struct Namespace {
    code: String,
    before: PaddedBytes,
}

impl Namespace {
    /// The namespace with this code, which has nothing that needs an escape.
    pub(crate) fn new(code: String) -> Self {
        let before = PaddedBytes::new(format!(",\"{code}\":[{{\"id\":\"").as_bytes());
        Self { code, before }
    }

    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    /// The JSON before the value of an identity of this namespace.
    pub(crate) fn before(&self) -> &PaddedBytes {
        &self.before
    }
}
