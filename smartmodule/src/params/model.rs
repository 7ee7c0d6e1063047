//! What the parameters say.

use std::borrow::Cow;

use crate::catalog::kind::{EventKind, Kinds};
use crate::params::identity::{Identifier, Namespace};
use crate::params::omit::OmittedFields;
use crate::params::tenant::Tenant;
use crate::values::text::Text;
use crate::values::zone::Zone;

/// Profile drops a larger event silently, after it was acknowledged (Adobe's Profile guardrails: 10
/// KB).
pub const MAX_EVENT_BYTES: usize = 10_000;

/// The parameters of the mapping; [`Default`] is what an empty `with` gives.
#[derive(Debug, Clone)]
pub struct Params {
    pub(crate) events: Kinds,
    pub(crate) organizations: Option<Vec<String>>,
    /// Identifier and namespace code; the first one is the primary identity.
    pub(crate) identities: Vec<(Identifier, Namespace)>,
    pub(crate) program_id: Option<String>,
    pub(crate) tenant: Option<Tenant>,
    pub(crate) tiers: Vec<(i64, String)>,
    pub(crate) time_zone: Option<Zone>,
    pub(crate) omit: OmittedFields,
    pub(crate) qualify_identity: bool,
    /// Events are cut down to so many bytes.
    pub(crate) max_event_bytes: usize,
    /// Whether the profiles are those of people who only test.
    pub(crate) test_profile: bool,
    /// Whether a bill without a type is a purchase.
    pub(crate) untyped_is_purchase: bool,
    /// The organisation's own currency, for bills that name none.
    pub(crate) currency: Option<String>,
    /// Labels of a customer's status that mean "deleted", in any case.
    pub(crate) deleted_labels: Vec<String>,
}

impl Params {
    /// The name the parameters give a tier.
    pub(crate) fn tier_name(&self, number: i64) -> Option<Text<'_>> {
        let given = self.tiers.iter().find(|(tier, _)| *tier == number);
        given.map(|(_, name)| Text::Any(Cow::Borrowed(name)))
    }
}

/// A parameter that is not known or whose value cannot be used. The fault is the user's and does
/// not heal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamError {
    /// The parameter's name, as given.
    pub name: String,
    /// What is wrong with it, for a person.
    pub message: String,
}

impl std::fmt::Display for ParamError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "parameter `{}`: {}", self.name, self.message)
    }
}

impl std::error::Error for ParamError {}

impl Default for Params {
    fn default() -> Self {
        Self {
            events: EventKind::ALL
                .iter()
                .copied()
                .filter(|kind| kind.is_default())
                .collect(),
            organizations: None,
            identities: vec![
                (
                    Identifier::CustomerId,
                    Namespace::new("CapillaryId".to_owned()),
                ),
                (Identifier::Email, Namespace::new("Email".to_owned())),
            ],
            program_id: None,
            tenant: None,
            tiers: Vec::new(),
            time_zone: None,
            omit: OmittedFields::default(),
            qualify_identity: false,
            max_event_bytes: MAX_EVENT_BYTES,
            test_profile: false,
            untyped_is_purchase: true,
            currency: None,
            deleted_labels: vec!["Deleted".to_owned()],
        }
    }
}
