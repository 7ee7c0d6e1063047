//! Whose profile a statement is about, and when it was stated.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Deserialize;

use super::json_fields::fields;
use super::record::Record;

/// Whose profile it is: never left out, whatever its age.
pub(crate) const IDENTITY: &str = "identityMap";

/// Whose profile a statement is about: partition, customer and primary identity. Two statements of
/// one customer with different primary identities are about different profiles, and merging them
/// would give one the other's facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subject(pub(in crate::delivery) u64);

/// Event time and offset.
pub type Stamp = (i64, i64);

#[derive(Deserialize)]
struct Identity {
    id: String,
    #[serde(default)]
    primary: bool,
}

impl Subject {
    /// `None` when the statement has not exactly one primary identity, or no fields that can be
    /// told apart: it then is sent alone.
    pub fn read(record: &Record, json: &[u8]) -> Option<Self> {
        let mut primary = None;
        for (path, value) in fields(json)? {
            let [IDENTITY, namespace] = path.names() else {
                continue;
            };
            let identities: Vec<Identity> = serde_json::from_str(value).ok()?;
            for identity in identities.into_iter().filter(|identity| identity.primary) {
                if primary.replace((*namespace, identity.id)).is_some() {
                    return None;
                }
            }
        }
        let mut hasher = DefaultHasher::new();
        (record.position.partition, &record.key, primary?).hash(&mut hasher);
        Some(Self(hasher.finish()))
    }
}
