//! The tokens given out, and which of them are still good.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Tokens given out and not revoked.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    good_until: HashMap<String, Instant>,
    /// Everything ever given out, so that a test can search logs for it.
    issued: Vec<String>,
}

impl Tokens {
    /// A token is given out.
    pub(crate) fn add(&mut self, token: String, lifetime: Duration) {
        self.good_until
            .insert(token.clone(), Instant::now() + lifetime);
        self.issued.push(token);
    }

    pub(crate) fn is_good(&self, token: &str) -> bool {
        self.good_until
            .get(token)
            .is_some_and(|until| Instant::now() < *until)
    }

    /// Revokes all; returns how many were good.
    pub(crate) fn revoke(&mut self) -> usize {
        let now = Instant::now();
        self.good_until
            .drain()
            .filter(|(_, until)| now < *until)
            .count()
    }

    /// Which of those given out it is, from 0.
    pub(crate) fn number(&self, token: &str) -> Option<usize> {
        self.issued.iter().rposition(|issued| issued == token)
    }

    pub(crate) fn issued(&self) -> &[String] {
        &self.issued
    }
}
