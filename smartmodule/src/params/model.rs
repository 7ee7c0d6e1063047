//! What the parameters say.

use std::borrow::Cow;

use crate::catalog::fields::own_fields;
use crate::catalog::kind::{EventKind, Kinds};
use crate::params::identity::{
    ADOBES_NAMESPACES, Identifier, IgnoredIdentities, MobileFormat, Namespace,
};
use crate::params::omit::OmittedByEntity;
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
    pub(crate) ignored_identities: IgnoredIdentities,
    pub(crate) mobile_format: MobileFormat,
    pub(crate) program_id: Option<String>,
    /// The organisational unit whose subscriptions the profile shows.
    pub(crate) org_unit: Option<String>,
    pub(crate) tenant: Option<Tenant>,
    pub(crate) tiers: Vec<(i64, String)>,
    pub(crate) time_zone: Option<Zone>,
    pub(crate) omit: OmittedByEntity,
    pub(crate) qualify_identity: bool,
    /// Events are cut down to so many bytes.
    pub(crate) max_event_bytes: usize,
    /// Whether the profiles are those of people who only test.
    pub(crate) test_profile: bool,
    /// Whether a bill without a type is a purchase.
    pub(crate) untyped_is_purchase: bool,
    /// Whether the price of a line is that before its discount.
    pub(crate) lines_before_discount: bool,
    /// The organisation's own currency, for bills that name none.
    pub(crate) currency: Option<String>,
    /// Labels of a customer's status that mean "deleted", in any case.
    pub(crate) deleted_labels: Vec<String>,
}

impl Params {
    /// Codes of the namespaces identities are written with, the primary one first.
    pub fn namespaces(&self) -> impl Iterator<Item = &str> {
        self.identities
            .iter()
            .map(|(_, namespace)| namespace.code())
    }

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

impl Params {
    /// Whether the primary identity is the e-mail address, in Adobe's namespace for it or in that of
    /// Adobe's Capillary source, which differs in its capital.
    #[must_use]
    pub fn is_email_primary(&self) -> bool {
        self.identities
            .first()
            .is_some_and(|(identifier, namespace)| {
                *identifier == Identifier::Email && matches!(namespace.code(), "Email" | "email")
            })
    }

    /// What can be used, and is hardly meant.
    #[must_use]
    pub fn doubts(&self) -> Vec<ParamError> {
        let mut doubts = Vec::new();
        for (_, namespace) in &self.identities {
            let code = namespace.code();
            let alike = |known: &&&str| known.eq_ignore_ascii_case(code) && **known != code;
            if let Some(known) = ADOBES_NAMESPACES.iter().find(alike) {
                doubts.push(ParamError {
                    name: "identities".to_owned(),
                    message: format!(
                        "`{code}` is not Adobe's namespace `{known}`: codes are case-sensitive"
                    ),
                });
            }
        }
        if self.tenant.is_none() {
            doubts.push(ParamError {
                name: "tenant".to_owned(),
                message: format!(
                    "not set, so what has no standard XDM field is left out: of every event its \
                     program, store, activity and custom fields, and {}",
                    self.left_out_without_tenant()
                ),
            });
        }
        if self.time_zone.is_none() {
            doubts.push(ParamError {
                name: "time-zone".to_owned(),
                message: "not set, so days on which points and tiers expire end in UTC, up to 14 \
                          hours off; give the organisation's zone, such as `Asia/Kolkata`"
                    .to_owned(),
            });
        }
        doubts
    }

    /// Which fields of which kinds are written only below a tenant namespace.
    fn left_out_without_tenant(&self) -> String {
        let wanted = |kind: &&EventKind| self.events.contains(**kind);
        let mut groups: Vec<(&[&str], Vec<&str>)> = Vec::new();
        for kind in EventKind::ALL.iter().filter(wanted) {
            let fields = own_fields(*kind);
            match groups.iter_mut().find(|(name, _)| *name == fields) {
                Some((_, kinds)) => kinds.push(kind.name()),
                None => groups.push((fields, vec![kind.name()])),
            }
        }
        let group = |(fields, kinds): &(&[&str], Vec<&str>)| {
            let fields = fields.join("` and `");
            match kinds.len() {
                0..=8 => format!("`{fields}` of {}", kinds.join(", ")),
                count => format!("`{fields}` of {count} other kinds"),
            }
        };
        groups.iter().map(group).collect::<Vec<_>>().join("; ")
    }
}

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
            ignored_identities: IgnoredIdentities::default(),
            mobile_format: MobileFormat::default(),
            program_id: None,
            org_unit: None,
            tenant: None,
            tiers: Vec::new(),
            time_zone: None,
            omit: OmittedByEntity::default(),
            qualify_identity: false,
            max_event_bytes: MAX_EVENT_BYTES,
            test_profile: false,
            untyped_is_purchase: true,
            lines_before_discount: false,
            currency: None,
            deleted_labels: vec!["Deleted".to_owned()],
        }
    }
}
