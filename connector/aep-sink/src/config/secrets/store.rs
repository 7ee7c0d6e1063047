//! Where the values of secrets come from: the file of `--secrets`, or the environment.

use std::fmt;

use crate::secret::Secret;

/// A source of secrets.
#[derive(Clone)]
pub enum SecretStore {
    /// Pairs of a file, in its order.
    File(Vec<(String, Secret)>),
    /// The process environment: a variable of the secret's name.
    Environment,
}

impl SecretStore {
    /// Reads the form every Fluvio connector reads: one `NAME=VALUE` per line, split at the first
    /// `=`, both sides trimmed. There are no quotes, escapes or comments; a line without `=` says
    /// nothing.
    pub fn from_text(text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        Self::File(
            pairs
                .map(|(name, value)| (name.trim().to_owned(), Secret::new(value.trim())))
                .collect(),
        )
    }

    /// The value of a name; of several in a file, the first.
    pub fn get(&self, name: &str) -> Option<Secret> {
        match self {
            Self::File(pairs) => pairs
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.clone()),
            Self::Environment => std::env::var(name).ok().map(Secret::new),
        }
    }

    /// Where somebody would put a missing one.
    pub(in crate::config) fn place(&self) -> &'static str {
        match self {
            Self::File(_) => "the secrets file (a line `NAME=VALUE`)",
            Self::Environment => "the environment (no `--secrets` file was given)",
        }
    }
}

impl fmt::Debug for SecretStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(_) => f.write_str("SecretStore::File(***)"),
            Self::Environment => f.write_str("SecretStore::Environment"),
        }
    }
}

/// Whether a text may name a secret: letters, digits and underscores, not beginning with a digit.
pub(in crate::config) fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str, name: &str) -> Option<String> {
        SecretStore::from_text(text)
            .get(name)
            .map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn secrets_file_is_read_as_the_stock_connectors_read_it() {
        let text = "A = one=1 \r\n\n# note\nno equals sign\nB=\"two\"\nA=later\nC=";
        assert_eq!(
            value(text, "A").as_deref(),
            Some("one=1"),
            "split at the first =, trimmed, first match wins"
        );
        assert_eq!(
            value(text, "B").as_deref(),
            Some("\"two\""),
            "quotes belong to the value"
        );
        assert_eq!(value(text, "C").as_deref(), Some(""));
        assert_eq!(value(text, "D"), None);
    }

    #[test]
    fn any_bytes_are_a_secrets_file_and_none_of_them_are_printed() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..500 {
            let bytes: Vec<u8> = (0..random.usize(..80)).map(|_| random.u8(..)).collect();
            let text = format!("{}\nNAME=hush-hush", String::from_utf8_lossy(&bytes));
            assert!(!format!("{:?}", SecretStore::from_text(&text)).contains("hush"));
        }
    }
}
