//! A token, and what is known of the one in use.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use reqwest::header::HeaderValue;
use tokio::time::Instant;

use super::refusals::Holder;

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

/// The token in use.
pub(super) struct Held {
    pub(super) token: Token,
    pub(super) since: Instant,
    pub(super) renew_at: Instant,
    pub(super) ends_at: Instant,
    /// Who was given it, and whether they refused it.
    pub(super) holders: BTreeMap<Holder, bool>,
}

impl Held {
    /// Whether nobody has a use for it. As long as one holder does not refuse it, the token is
    /// good, and the others lack rights.
    pub(super) fn is_refused(&self) -> bool {
        !self.holders.is_empty() && self.holders.values().all(|refused| *refused)
    }
}
