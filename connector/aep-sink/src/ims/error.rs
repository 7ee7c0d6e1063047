//! Why there is no token: whose fault it is, and whether it heals.

use std::fmt;
use std::time::Duration;

use super::answer::{Failure, Part};
use crate::config::CredentialNames;
use crate::error::{Fault, Retry};

/// Why there is no token. Says nothing that was sent to IMS.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{failure}")]
pub struct TokenError {
    failure: Explained,
    /// How long IMS is left alone from now on.
    pause: Duration,
}

/// A failure and the names of what to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Explained {
    failure: Failure,
    /// The parts of the credential to look at, by the operator's names.
    names: String,
}

impl TokenError {
    /// `names` are what the operator calls the parts of the credential; `pause` is how long IMS is
    /// left alone.
    pub fn new(failure: Failure, names: &CredentialNames, pause: Duration) -> Self {
        let secrets = match &names.client_secret_next {
            Some(next) => format!("{} (and {next})", names.client_secret),
            None => names.client_secret.clone(),
        };
        let names = match failure {
            Failure::Credential(Part::Id) => names.client_id.clone(),
            Failure::Credential(Part::Secret) => secrets,
            _ => format!("{} and {secrets}", names.client_id),
        };
        Self {
            failure: Explained { failure, names },
            pause,
        }
    }

    /// The same error, told again when some of the pause is over.
    pub(super) fn with_pause(&self, pause: Duration) -> Self {
        Self {
            pause,
            ..self.clone()
        }
    }

    pub(crate) fn fault(&self) -> Fault {
        match self.failure.failure {
            Failure::Credential(_) | Failure::Refused { .. } => Fault::User,
            Failure::Unavailable { .. } | Failure::Network(_) | Failure::Unusable(_) => {
                Fault::External
            }
            Failure::Defect => Fault::Internal,
        }
    }

    /// [`Retry::Never`] when somebody must change the credential; a long-running process may still
    /// ask again, as IMS is asked at most once in a minute then.
    pub(crate) fn retry(&self) -> Retry {
        match self.fault() {
            Fault::User => Retry::Never,
            Fault::External | Fault::Internal => Retry::After(self.pause),
        }
    }
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = &self.names;
        match &self.failure {
            Failure::Credential(Part::Id) => {
                write!(f, "Adobe IMS does not know the client id: check {names}")
            }
            Failure::Credential(Part::Secret) => {
                write!(f, "Adobe IMS refuses the client secret: check {names}")
            }
            Failure::Credential(Part::Unknown) => {
                write!(f, "Adobe IMS refuses the credential: check {names}")
            }
            Failure::Refused { status, code } if code == "invalid_scope" => {
                write!(
                    f,
                    "Adobe IMS refuses the scope ({status} {code}): the credential of {names} lacks a scope that \
                     experience-platform.ims.scope names"
                )
            }
            Failure::Refused { status, code } => write!(
                f,
                "Adobe IMS refuses to give a token ({status}, {code}): check experience-platform.ims.token-url and \
                 the credential of {names}"
            ),
            Failure::Unavailable { status, .. } => write!(f, "Adobe IMS answers {status}"),
            Failure::Network(reason) => write!(f, "Adobe IMS cannot be reached: {reason}"),
            Failure::Defect => f.write_str(
                "asking Adobe IMS for a token ended in a panic, a defect of this program",
            ),
            Failure::Unusable(reason) => {
                write!(f, "the answer of Adobe IMS cannot be used: {reason}")
            }
        }
    }
}
