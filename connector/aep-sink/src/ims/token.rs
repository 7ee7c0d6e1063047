//! A token, and the state of the one in use.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use hyper::header::HeaderValue;
use tokio::time::Instant;

use crate::inlet_name::InletName;

/// An access token. Cheap to clone; shows its value to the sender only.
#[derive(Clone)]
pub(crate) struct Token(Arc<HeaderValue>);

impl Token {
    pub(super) fn new(bearer: HeaderValue) -> Self {
        Self(Arc::new(bearer))
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The value of the `Authorization` header; marked sensitive, so HTTP layers do not print it
    /// either.
    pub(crate) fn bearer(&self) -> &HeaderValue {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The token in use, and when it is replaced.
pub(super) struct CurrentToken {
    pub(super) token: Token,
    pub(super) since: Instant,
    pub(super) renew_at: Instant,
    pub(super) ends_at: Instant,
    /// The inlets it was given to, and whether they refused it.
    pub(super) inlets: BTreeMap<InletName, bool>,
}

impl CurrentToken {
    /// Whether every inlet refused it. As long as one does not, the token is good, and the others
    /// lack rights.
    pub(super) fn is_refused(&self) -> bool {
        !self.inlets.is_empty() && self.inlets.values().all(|refused| *refused)
    }
}
