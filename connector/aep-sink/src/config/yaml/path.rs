//! Where a value is in the file, as a path of keys and indices from the root.

use std::fmt;

/// Longer than any key of ours.
const MAX_KEY: usize = 40;
const HIDDEN: &str = "…";

/// One step from a node to a child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::config) enum PathSegment {
    Key(String),
    Index(usize),
}

/// Where a node is, from the root: `meta.secrets[0].name`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::config) struct KeyPath(pub(in crate::config) Vec<PathSegment>);

impl KeyPath {
    /// Reads `a.b.c`. For the paths written in this program; keys with dots or brackets in them
    /// cannot be named so.
    pub(in crate::config) fn of(text: &str) -> Self {
        Self(
            text.split('.')
                .filter(|key| !key.is_empty())
                .map(|key| PathSegment::Key(key.to_owned()))
                .collect(),
        )
    }

    pub(in crate::config) fn key(&self, key: &str) -> Self {
        self.then(PathSegment::Key(key.to_owned()))
    }

    /// Another key beside this one.
    pub(in crate::config) fn sibling(&self, key: &str) -> Self {
        Self(self.0[..self.0.len().saturating_sub(1)].to_vec()).key(key)
    }

    pub(in crate::config) fn index(&self, index: usize) -> Self {
        self.then(PathSegment::Index(index))
    }

    pub(in crate::config) fn join(&self, rest: &Self) -> Self {
        Self(self.0.iter().chain(&rest.0).cloned().collect())
    }

    pub(in crate::config) fn starts_with(&self, prefix: &Self) -> bool {
        self.0.starts_with(&prefix.0)
    }

    pub(in crate::config) fn last_key(&self) -> Option<&str> {
        match self.0.last() {
            Some(PathSegment::Key(key)) => Some(key),
            _ => None,
        }
    }

    fn then(&self, step: PathSegment) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

/// A missing blank, as in `{client-secret:hush}`, makes a key of a secret: what is not written as
/// keys are is not shown.
pub(in crate::config) fn is_plain(key: &str) -> bool {
    key.len() <= MAX_KEY
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                PathSegment::Key(key) => {
                    let dot = if position == 0 { "" } else { "." };
                    write!(f, "{dot}{}", if is_plain(key) { key } else { HIDDEN })?;
                }
                PathSegment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}
