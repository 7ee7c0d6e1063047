//! How an inlet is: well, down, or held. Reading this file is reading the state diagram.
//!
//! ```text
//!            several failures in a row                refusal of target scope
//!   well ──────────────────────────────► down    any ──────────────────────────► held
//!     ▲   one acceptance                  │       ▲      a probe is accepted        │
//!     └───────────────────────────────────┘       └── well ◄────────────────────────┘
//! ```

use tokio::time::Instant;

/// Failures in a row before an inlet counts as down. Fewer would let one bad record of a quiet
/// stream stop the rest.
pub(super) const FAILURES_BEFORE_DOWN: u32 = 5;

/// How an inlet is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Health {
    Well,
    /// It does not answer, or only with errors that heal. One request at a time asks how it is.
    Down {
        until: Instant,
        /// Otherwise a person has been told to change something.
        heals: bool,
    },
    /// Something must be changed by a person. One record at a time asks whether it was.
    Held {
        until: Instant,
    },
}

impl Health {
    pub(super) fn is_held(&self) -> bool {
        matches!(self, Self::Held { .. })
    }
}
