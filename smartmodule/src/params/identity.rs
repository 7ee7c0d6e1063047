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

/// How telephone numbers are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum MobileFormat {
    /// Without spaces, else as Capillary writes them.
    #[default]
    AsItIs,
    /// With a plus before the country's code.
    E164,
}

/// Values an organisation knows to be nobody's.
#[derive(Debug, Clone, Default)]
pub(crate) struct IgnoredIdentities {
    /// In lower case, without blanks; those that begin with `@` are whole domains.
    values: Vec<String>,
}

impl IgnoredIdentities {
    /// These, in any case and with any blanks.
    pub(crate) fn of(values: Vec<String>) -> Self {
        let values = values.iter().map(|value| comparable(value)).collect();
        Self { values }
    }

    /// Whether it is one of them.
    #[inline(always)]
    pub(crate) fn lists(&self, value: &str) -> bool {
        !self.values.is_empty() && self.finds(value)
    }

    #[inline(never)]
    fn finds(&self, value: &str) -> bool {
        let value = comparable(value);
        self.values.iter().any(|ignored| {
            *ignored == value || ignored.starts_with('@') && value.ends_with(ignored.as_str())
        })
    }
}

/// Without case and blanks, and without the plus of a telephone number.
fn comparable(value: &str) -> String {
    let lower = value.to_lowercase();
    let dense: String = lower.split_whitespace().collect();
    match dense.strip_prefix('+') {
        Some(number) => number.to_owned(),
        None => dense,
    }
}

/// Whether Identity Service admits a code for a namespace: letters and digits. One of Adobe's own
/// has other characters, too.
pub(crate) fn is_namespace_code(code: &str) -> bool {
    !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_alphanumeric()) || code == PHONE_E164
}

/// Adobe's namespace of telephone numbers with their plus.
pub(crate) const PHONE_E164: &str = "Phone_E.164";

/// Codes of namespaces that every organisation has, which hold what they say.
pub(crate) const ADOBES_NAMESPACES: &[&str] = &[
    "AAID", "AdCloud", "APNS", "CORE", "ECID", "Email", "FCM", "GAID", "IDFA", "Phone", "TNTID",
    "WAID",
];

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
