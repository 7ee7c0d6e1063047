//! The moment at which something is decided.

use tokio::time::Instant;

/// Now, on both clocks.
#[derive(Debug, Clone, Copy)]
pub(in crate::delivery) struct Now {
    pub(in crate::delivery) instant: Instant,
    /// Milliseconds since the epoch.
    pub(in crate::delivery) wall: i64,
}
