//! A record, where it lies, and what the mapping makes of it.

use serde::Deserialize;
use serde_json::value::RawValue;

/// A record as it stands in the topic.
#[derive(Debug, Clone)]
pub struct Produced {
    /// Its partition.
    pub partition: u32,
    /// Its log offset.
    pub offset: i64,
    /// Its Fluvio timestamp, milliseconds since the epoch.
    pub timestamp: Option<i64>,
    /// Its value.
    pub value: Vec<u8>,
}

impl Produced {
    pub(super) fn place(&self) -> Place {
        Place {
            partition: self.partition,
            offset: self.offset,
        }
    }
}

/// What the mapping says of a record.
#[derive(Debug, Deserialize)]
pub(super) struct Answer<'a> {
    pub(super) id: Option<String>,
    pub(super) key: Option<String>,
    pub(super) at: Option<i64>,
    #[serde(borrow)]
    pub(super) event: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) profile: Option<&'a RawValue>,
    pub(super) skip: Option<String>,
    pub(super) reject: Option<Reject>,
}

/// Why the mapping rejects a record.
#[derive(Debug, Deserialize)]
pub(super) struct Reject {
    pub(super) reason: String,
}

/// Where a record lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct Place {
    pub(super) partition: u32,
    pub(super) offset: i64,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.partition, self.offset)
    }
}
