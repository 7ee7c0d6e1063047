//! What a simulator serves: its credential, its organisation and its inlets.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::inlet::answer::Dialect;
use super::platform::settings::OrganizationConfig;

/// An inlet's id: 64 lower-case hexadecimal digits, the last segment of its URL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct InletId(String);

/// The text is not the id of an inlet.
#[derive(Debug, thiserror::Error)]
#[error("an inlet id is 64 lower-case hexadecimal digits")]
pub struct NotAnInletId;

impl InletId {
    /// Reads an id.
    ///
    /// # Errors
    /// [`NotAnInletId`] unless the text is 64 digits of `0-9a-f`.
    pub fn new(id: impl Into<String>) -> Result<Self, NotAnInletId> {
        let id = id.into();
        let hex = id
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if id.len() == 64 && hex {
            Ok(Self(id))
        } else {
            Err(NotAnInletId)
        }
    }

    /// The id whose bytes are these.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InletId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What kind of record an inlet's dataset holds; it decides what the back end does with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Records {
    /// Time series: every copy stays, Profile keeps the first of an `_id`.
    Events,
    /// Profile records: the last statement of an identity stands.
    Profiles,
}

/// The inlet's `dataType`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataType {
    /// XDM envelopes, checked against one schema.
    Xdm {
        /// `https://ns.adobe.com/{tenant}/schemas/{id}`
        schema_id: String,
        /// `None` accepts any version of the content type.
        content_type: Option<String>,
    },
    /// Any JSON object, or a streaming upsert envelope, to the flow named by header or query.
    Raw {
        /// Whether `/collection/batch/` takes raw messages too. No document says so, hence `false`
        /// by default.
        batches: bool,
    },
}

/// One HTTP inlet.
#[derive(Debug, Clone)]
pub struct InletConfig {
    /// What fault scripts and read-backs may call it besides its id.
    pub name: String,
    /// The last segment of its URL.
    pub id: InletId,
    /// `authenticationRequired`.
    pub authenticated: bool,
    /// `dataType`.
    pub data_type: DataType,
    /// What its dataset holds.
    pub records: Records,
    /// The dataset a message must name; `None` accepts any.
    pub dataset_id: Option<String>,
    /// The dataflow a message must name when it names one (XDM), and must name (raw).
    pub flow_id: String,
    /// The dataset that upserts create identities in. Shown in the configuration section; any is
    /// accepted.
    pub identity_dataset_id: Option<String>,
}

/// How an inlet refuses a token that IMS does not vouch for (any more). The documents contradict
/// each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenRefusal {
    /// 401 with the problem body whose `status` is text (the HTTP API page).
    #[default]
    Unauthorized,
    /// 403 with the same problem body (the batch page gives the status, not the body).
    Forbidden,
    /// 403 without a body, as the IP allow-list answers.
    ForbiddenWithoutBody,
}

/// How the body of a token answer writes `expires_in`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExpiresIn {
    /// As documented for the path: seconds on `/ims/token/v3`, milliseconds on the others.
    #[default]
    ByPath,
    /// A number of seconds whatever the path.
    Seconds,
    /// A number of milliseconds whatever the path.
    Milliseconds,
    /// The path's unit, as text.
    Text,
    /// Not there at all: only the token's own claims tell.
    Absent,
}

/// The shape of a token answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct TokenShape {
    /// Whether `token_type` is there; one of Adobe's samples lacks it.
    pub token_type: bool,
    /// Unit and type of `expires_in`.
    pub expires_in: ExpiresIn,
    /// Whether the token is a JWT with `created_at` and `expires_in` claims, or an opaque string.
    pub jwt: bool,
    /// How long a token is good for.
    pub lifetime_ms: u64,
}

impl Default for TokenShape {
    fn default() -> Self {
        Self {
            token_type: true,
            expires_in: ExpiresIn::ByPath,
            jwt: true,
            lifetime_ms: 86_400_000,
        }
    }
}

/// The credential that IMS knows. Its `Debug` shows no secret.
#[derive(Clone)]
pub struct Credential {
    /// `client_id`.
    pub client_id: String,
    /// `client_secret`.
    pub client_secret: String,
    /// A second secret that is valid as well: a credential may hold two while one is rotated.
    pub second_secret: Option<String>,
    /// Scopes the credential owns; asking for another is `invalid_scope`.
    pub scopes: BTreeSet<String>,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// What is kept of accepted messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keeping {
    /// Everything: each message is checked, and can be read back.
    #[default]
    Everything,
    /// Counts alone, so that it is the client that is measured; fault scripts have no effect on
    /// inlets then. See [`Tally`](super::Tally).
    Counts {
        /// How long each answer takes.
        answer_time: Duration,
    },
}

/// Everything a [`Simulator`](super::Simulator) is told at start.
#[derive(Debug, Clone)]
pub struct SimulatorConfig {
    /// Loopback port; 0 takes a free one.
    pub port: u16,
    /// `XXXX@AdobeOrg`.
    pub organization_id: String,
    /// What IMS knows.
    pub credential: Credential,
    /// What IMS answers; can be changed while it runs.
    pub token: TokenShape,
    /// How inlets refuse a bad token; can be changed while it runs.
    pub token_refusal: TokenRefusal,
    /// In which of the two forms batches are answered, unless a fault says otherwise.
    pub dialect: Dialect,
    /// The inlets; the first of each kind of record is what
    /// [`experience_platform_section`](super::Simulator::experience_platform_section) shows.
    pub inlets: Vec<InletConfig>,
    /// Most bytes of a request's body. "1 MB" in the documents; the smaller reading, so that who
    /// passes here passes there.
    pub max_body_bytes: usize,
    /// Seeds transaction ids and tokens, which are not secret but must differ between simulators of
    /// one test.
    pub seed: u64,
    /// After the start, for this long, what is acknowledged is lost: a scaled version of the five
    /// minutes that a new dataflow needs. Zero by default.
    pub flow_settles_after: Duration,
    /// Two statements about one identity that are acknowledged within this time are applied by
    /// Profile in the wrong order, the worst case of none that Adobe promises: the older one wins.
    /// Zero by default: in the order of their acknowledgements.
    pub reordered_within: Duration,
    /// Whether `syncValidation=true` is served; only one data centre does, the others answer 501.
    pub sync_validation: bool,
    /// What is kept of accepted messages.
    pub keeping: Keeping,
    /// What is shown of records that fail after they were acknowledged.
    pub landing: LandingConfig,
    /// The organisation to be set up, and how its services behave.
    pub organization: OrganizationConfig,
}

/// How the services behave that tell what became of acknowledged records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LandingConfig {
    /// How long after the acknowledgement a batch is seen. Zero by default.
    pub visible_after: Duration,
    /// Batches of a page; a hundred by default.
    pub page: Option<usize>,
}

/// The demo's client id.
pub const DEMO_CLIENT_ID: &str = "demo-client-id";
/// The demo's client secret; not a secret. Holds what a client that forgets percent-encoding breaks
/// on.
pub const DEMO_CLIENT_SECRET: &str = "demo&secret+with%signs=";
/// The demo's organisation, the placeholder of Adobe's public samples.
pub const DEMO_ORGANIZATION_ID: &str = "0A7D42FC5DB9D3360A495FD3@AdobeOrg";

const DEMO_SCOPES: [&str; 5] = [
    "openid",
    "AdobeID",
    "read_organizations",
    "additional_info.projectedProductContext",
    "session",
];

impl Default for SimulatorConfig {
    fn default() -> Self {
        Self {
            port: 0,
            organization_id: DEMO_ORGANIZATION_ID.to_owned(),
            credential: Credential {
                client_id: DEMO_CLIENT_ID.to_owned(),
                client_secret: DEMO_CLIENT_SECRET.to_owned(),
                second_secret: None,
                scopes: DEMO_SCOPES
                    .iter()
                    .map(|scope| (*scope).to_owned())
                    .collect(),
            },
            token: TokenShape::default(),
            token_refusal: TokenRefusal::default(),
            dialect: Dialect::default(),
            inlets: vec![InletConfig::events(), InletConfig::profiles()],
            max_body_bytes: 1_000_000,
            seed: 7,
            flow_settles_after: Duration::ZERO,
            reordered_within: Duration::ZERO,
            sync_validation: false,
            keeping: Keeping::default(),
            landing: LandingConfig::default(),
            organization: OrganizationConfig::default(),
        }
    }
}

impl InletConfig {
    /// The demo's inlet for events: authenticated, XDM, named `events`.
    #[must_use]
    pub fn events() -> Self {
        Self {
            name: "events".to_owned(),
            id: InletId::from_bytes([0xe7; 32]),
            authenticated: true,
            data_type: DataType::Xdm {
                schema_id: "https://ns.adobe.com/demo/schemas/5f1c3a8e7b2d4906a1c4e8f0d3b59726"
                    .to_owned(),
                content_type: None,
            },
            records: Records::Events,
            dataset_id: Some("65a1f0c2d4b8e9a7c3f10e01".to_owned()),
            flow_id: "3a6f4c1e-8d27-4b50-9e1f-6c0a7d2b9e01".to_owned(),
            identity_dataset_id: None,
        }
    }

    /// The demo's inlet for profile upserts: authenticated, raw, named `profiles`.
    #[must_use]
    pub fn profiles() -> Self {
        Self {
            name: "profiles".to_owned(),
            id: InletId::from_bytes([0x9f; 32]),
            authenticated: true,
            data_type: DataType::Raw { batches: false },
            records: Records::Profiles,
            dataset_id: Some("65a1f0c2d4b8e9a7c3f10e02".to_owned()),
            flow_id: "b41d7e90-52c8-4f3a-8b6d-1e9f0c3a5d02".to_owned(),
            identity_dataset_id: Some("65a1f0c2d4b8e9a7c3f10e03".to_owned()),
        }
    }

    /// The schema of an XDM inlet.
    #[must_use]
    pub fn schema_id(&self) -> Option<&str> {
        match &self.data_type {
            DataType::Xdm { schema_id, .. } => Some(schema_id),
            DataType::Raw { .. } => None,
        }
    }
}
