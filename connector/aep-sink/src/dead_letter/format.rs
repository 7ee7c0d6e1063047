//! What the writer and the reader of dead letters share: one JSON object per dead letter.

use serde::{Deserialize, Serialize};

/// The version of the format.
pub(super) const VERSION: u32 = 1;

/// Where the record failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Stage {
    /// The SmartModule could not map the record.
    Mapping,
    /// Experience Platform could not take it.
    Delivery,
    /// Experience Platform dropped it after the acknowledgement.
    Landing,
}

/// Which event a record became.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EventName {
    pub(crate) name: String,
    pub(crate) id: String,
    /// When it happened, milliseconds since the epoch; absent in dead letters of older connectors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<i64>,
}
