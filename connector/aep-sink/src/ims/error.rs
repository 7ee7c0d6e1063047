//! Why there is no token: whose fault it is, and when a new request is worth it.

use std::fmt;
use std::time::Duration;

use super::response::{CredentialPart, RequestError};
use crate::config::CredentialNames;
use crate::error::{Fault, Retry};

/// Why there is no token. Says nothing that was sent to IMS.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct TokenError {
    error: RequestError,
    /// The parts of the credential to look at, by the operator's names.
    names: String,
    /// No request to IMS before this is over.
    pause: Duration,
}

impl TokenError {
    /// `names` are what the operator calls the parts of the credential; `pause` is how long IMS is
    /// left alone.
    pub fn new(error: RequestError, names: &CredentialNames, pause: Duration) -> Self {
        let secrets = match &names.client_secret_next {
            Some(next) => format!("{} (and {next})", names.client_secret),
            None => names.client_secret.clone(),
        };
        let names = match error {
            RequestError::InvalidClient(CredentialPart::Id) => names.client_id.clone(),
            RequestError::InvalidClient(CredentialPart::Secret) => secrets,
            _ => format!("{} and {secrets}", names.client_id),
        };
        Self {
            error,
            names,
            pause,
        }
    }

    /// The same error when some of the pause is over.
    pub(super) fn with_pause(&self, pause: Duration) -> Self {
        Self {
            pause,
            ..self.clone()
        }
    }

    /// Whether the way to IMS is well and IMS asks to wait.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self.error, RequestError::Unavailable { .. })
    }

    pub(crate) fn fault(&self) -> Fault {
        match self.error {
            RequestError::InvalidClient(_) | RequestError::Refused { .. } => Fault::User,
            RequestError::Unavailable { .. }
            | RequestError::Interposed { .. }
            | RequestError::Proxy(_)
            | RequestError::Network(_)
            | RequestError::Unusable(_) => Fault::External,
            RequestError::Defect => Fault::Internal,
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

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = &self.names;
        match &self.error {
            RequestError::InvalidClient(CredentialPart::Id) => {
                write!(f, "Adobe IMS does not know the client id: check {names}")
            }
            RequestError::InvalidClient(CredentialPart::Secret) => {
                write!(f, "Adobe IMS refuses the client secret: check {names}")
            }
            RequestError::InvalidClient(CredentialPart::Unknown) => {
                write!(f, "Adobe IMS refuses the credential: check {names}")
            }
            RequestError::Refused { status, code } if code == "invalid_scope" => {
                write!(
                    f,
                    "Adobe IMS refuses the scope ({status} {code}): the credential of {names} \
                    lacks a scope that experience-platform.ims.scope names"
                )
            }
            RequestError::Refused { status, code } => write!(
                f,
                "Adobe IMS refuses to give a token ({status}, {code}): check \
                experience-platform.ims.token-url and the credential of {names}"
            ),
            RequestError::Interposed { status } => write!(
                f,
                "something in between answers {status} in place of Adobe IMS: check \
                experience-platform.http.proxy, the firewall and experience-platform.ims.token-url"
            ),
            RequestError::Proxy(407) => f.write_str(
                "the proxy answers 407 to CONNECT: it asks for a credential, check \
                experience-platform.http.proxy",
            ),
            RequestError::Proxy(status) => write!(
                f,
                "the proxy answers {status} to CONNECT: check experience-platform.http.proxy, and \
                that the proxy allows and reaches the host of experience-platform.ims.token-url"
            ),
            RequestError::Unavailable {
                status: status @ 429,
                ..
            } => write!(f, "Adobe IMS answers {status}: it asks to wait"),
            RequestError::Unavailable { status, .. } => write!(f, "Adobe IMS answers {status}"),
            RequestError::Network(reason) => write!(f, "Adobe IMS cannot be reached: {reason}"),
            RequestError::Defect => f.write_str(
                "asking Adobe IMS for a token ended in a panic, a defect of this program",
            ),
            RequestError::Unusable(reason) => {
                write!(f, "the answer of Adobe IMS cannot be used: {reason}")
            }
        }
    }
}
