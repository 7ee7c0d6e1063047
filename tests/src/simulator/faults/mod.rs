//! Fault scripts: what a test wants to go wrong, in Rust or as JSON.

pub(super) mod scope;
pub(super) mod script;

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::scope::{Selector, Target, Times};
use crate::simulator::inlet::answer::Dialect;

/// A status code an answer can carry: 200 to 599.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Status(u16);

/// The number is not the status of an answer.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not a status between 200 and 599")]
pub struct NotAStatus(u16);

impl TryFrom<u16> for Status {
    type Error = NotAStatus;

    fn try_from(code: u16) -> Result<Self, Self::Error> {
        if (200..=599).contains(&code) {
            Ok(Self(code))
        } else {
            Err(NotAStatus(code))
        }
    }
}

impl From<Status> for u16 {
    fn from(status: Status) -> Self {
        status.0
    }
}

/// What goes wrong. `accept` says whether the records are accepted although the answer does not say
/// so.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    deny_unknown_fields
)]
pub enum Fault {
    /// Nothing: the usual answer. Lets requests pass between two faults, or only delays.
    #[default]
    Pass,
    /// Another status for the whole request.
    Status {
        /// The status.
        status: Status,
        /// The `Retry-After` header, as written: seconds or an HTTP date.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<String>,
        /// The body; by default the documented one of the status, empty where none is documented.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<String>,
        /// Whether the records were accepted all the same.
        #[serde(default)]
        accept: bool,
    },
    /// A page of HTML, as a proxy in between would answer.
    Html {
        /// The status.
        status: Status,
        /// Whether the records were accepted all the same.
        #[serde(default)]
        accept: bool,
    },
    /// A status for single messages of a batch; on the single endpoint, of the request.
    Message {
        /// The status inside the 207.
        status: Status,
        /// The text; by default the documented one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
        /// The form of the whole answer; by default the simulator's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dialect: Option<Dialect>,
        /// Whether the message was accepted all the same.
        #[serde(default)]
        accept: bool,
    },
    /// The usual answer in the given form.
    Dialect {
        /// The form.
        dialect: Dialect,
    },
    /// The last responses of a 207 are missing.
    ShortResponses {
        /// How many.
        missing: usize,
    },
    /// `"responses":[]`
    EmptyResponses,
    /// A 207 without `responses`.
    NoResponses,
    /// A success without a body.
    EmptyBody,
    /// A batch is answered with 200 and the body of a 207.
    OkForBatch,
    /// Responses stand in the order of the messages but their ids count backwards, as in the
    /// documents' own sample.
    MisnumberedIds,
    /// Responses stand in reverse order; each carries its true index in its id (`{uuid}-{index}`).
    ReversedResponses,
    /// Numbers are written as text.
    TextNumbers,
    /// The connection is reset before the body is read: nothing was accepted.
    ResetBeforeBody,
    /// The connection is reset after the body was consumed. The records were accepted unless told
    /// otherwise.
    ResetAfterBody {
        /// Whether the records were accepted.
        #[serde(default = "yes")]
        accept: bool,
    },
    /// No answer as long as the client waits.
    Hang {
        /// Whether the records were accepted.
        #[serde(default)]
        accept: bool,
    },
    /// The usual answer, its JSON cut in the middle.
    Truncated {
        /// Cut by losing the connection before the announced length, instead of a body that ends
        /// early but in order.
        #[serde(default)]
        lose_connection: bool,
    },
    /// The usual answer, after which the connection is closed without announcing it.
    Close,
    /// The usual answer, in small pieces over this time. A client that loses its patience had its
    /// records accepted.
    SlowAnswer {
        /// Milliseconds until the last piece.
        over_ms: u64,
    },
    /// The body of the request is read in pieces, with this pause before each. Only in steps
    /// without `when`: to choose by what is in a body, it must be read first.
    SlowReading {
        /// Milliseconds.
        pause_ms: u64,
    },
}

fn yes() -> bool {
    true
}

impl Fault {
    /// A status for the whole request, nothing accepted, no `Retry-After`.
    #[must_use]
    pub fn status(status: Status) -> Self {
        Self::Status {
            status,
            retry_after: None,
            body: None,
            accept: false,
        }
    }

    /// A status for single messages with the documented text, in the simulator's dialect.
    #[must_use]
    pub fn message(status: Status) -> Self {
        Self::Message {
            status,
            message: None,
            dialect: None,
            accept: false,
        }
    }

    /// The name it is counted under.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Status { .. } => "status",
            Self::Html { .. } => "html",
            Self::Message { .. } => "message",
            Self::Dialect { .. } => "dialect",
            Self::ShortResponses { .. } => "short-responses",
            Self::EmptyResponses => "empty-responses",
            Self::NoResponses => "no-responses",
            Self::EmptyBody => "empty-body",
            Self::OkForBatch => "ok-for-batch",
            Self::MisnumberedIds => "misnumbered-ids",
            Self::ReversedResponses => "reversed-responses",
            Self::TextNumbers => "text-numbers",
            Self::ResetBeforeBody => "reset-before-body",
            Self::ResetAfterBody { .. } => "reset-after-body",
            Self::Hang { .. } => "hang",
            Self::Truncated { .. } => "truncated",
            Self::Close => "close",
            Self::SlowAnswer { .. } => "slow-answer",
            Self::SlowReading { .. } => "slow-reading",
        }
    }

    /// Whether the request is processed as usual although something goes wrong with its answer.
    pub(crate) fn accepts(&self) -> bool {
        match self {
            Self::Status { accept, .. }
            | Self::Html { accept, .. }
            | Self::ResetAfterBody { accept }
            | Self::Hang { accept } => *accept,
            Self::ResetBeforeBody => false,
            _ => true,
        }
    }
}

/// One step of a script: a fault for the next requests that match.
///
/// Delays belong to steps that concern a whole request; [`Fault::Message`] does not use them (put a
/// [`Fault::Pass`] with the delay next to it).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Step {
    /// Whom it concerns.
    pub target: Target,
    /// How many requests.
    pub times: Times,
    /// Only requests that hold such a message; never matches the token server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<Selector>,
    /// Milliseconds before the request is processed. A client that gives up meanwhile had nothing
    /// accepted.
    pub delay_ms: u64,
    /// Milliseconds between accepting and answering.
    pub answer_delay_ms: u64,
    /// What happens.
    pub fault: Fault,
}

impl Step {
    /// One request to `target` meets `fault`.
    #[must_use]
    pub fn new(target: Target, fault: Fault) -> Self {
        Self {
            target,
            fault,
            ..Self::default()
        }
    }

    /// The next `count` requests that match; 0 counts as 1.
    #[must_use]
    pub fn times(mut self, count: u32) -> Self {
        self.times = Times::Count(NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN));
        self
    }

    /// Every request that matches.
    #[must_use]
    pub fn forever(mut self) -> Self {
        self.times = Times::Forever;
        self
    }

    /// Only requests (or messages, for [`Fault::Message`]) that the selector means.
    #[must_use]
    pub fn when(mut self, selector: Selector) -> Self {
        self.when = Some(selector);
        self
    }

    /// Waits before anything is accepted.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self
    }

    /// Waits between accepting and answering.
    #[must_use]
    pub fn answer_delay(mut self, delay: Duration) -> Self {
        self.answer_delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self
    }
}

/// A probability: 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Probability(f64);

/// The number is not a probability.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not a probability between 0 and 1")]
pub struct NotAProbability(f64);

impl TryFrom<f64> for Probability {
    type Error = NotAProbability;

    fn try_from(value: f64) -> Result<Self, Self::Error> {
        if (0.0..=1.0).contains(&value) {
            Ok(Self(value))
        } else {
            Err(NotAProbability(value))
        }
    }
}

impl From<Probability> for f64 {
    fn from(probability: Probability) -> Self {
        probability.0
    }
}

/// A fault that strikes by chance. [`Fault::Message`] is drawn for every message, the others once
/// per request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Chance {
    /// Whom it concerns.
    #[serde(default)]
    pub target: Target,
    /// How often.
    pub probability: Probability,
    /// Milliseconds before the request is processed.
    #[serde(default)]
    pub delay_ms: u64,
    /// Milliseconds between accepting and answering.
    #[serde(default)]
    pub answer_delay_ms: u64,
    /// What happens.
    #[serde(default)]
    pub fault: Fault,
}

/// A range of delays in milliseconds, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(u64, u64)", into = "(u64, u64)")]
pub struct Latency {
    min: u64,
    max: u64,
}

/// The range is empty.
#[derive(Debug, thiserror::Error)]
#[error("[{0}, {1}] is not a range: the first number must not exceed the second")]
pub struct NotARange(u64, u64);

impl TryFrom<(u64, u64)> for Latency {
    type Error = NotARange;

    fn try_from((min, max): (u64, u64)) -> Result<Self, Self::Error> {
        if min <= max {
            Ok(Self { min, max })
        } else {
            Err(NotARange(min, max))
        }
    }
}

impl From<Latency> for (u64, u64) {
    fn from(latency: Latency) -> Self {
        (latency.min, latency.max)
    }
}

impl Latency {
    pub(crate) fn draw(self, rng: &mut fastrand::Rng) -> Duration {
        Duration::from_millis(rng.u64(self.min..=self.max))
    }
}

/// Faults by chance, the same for the same seed and the same order of requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RandomFaults {
    /// Seeds every draw.
    pub seed: u64,
    /// Tried in order; the first that strikes decides a request.
    #[serde(default)]
    pub chances: Vec<Chance>,
    /// Milliseconds, evenly spread, that every request waits before it is processed; 20 to 300 is
    /// normal for the real service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<Latency>,
}

/// A fault script: steps in order, then chance.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct FaultScript {
    /// For each request the first step that matches and is not used up decides; message faults add
    /// up.
    pub steps: Vec<Step>,
    /// For requests that no step decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub random: Option<RandomFaults>,
}
