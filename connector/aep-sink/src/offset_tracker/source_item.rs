//! What the reading side hands to the delivery side.

use bytes::Bytes;

use super::outcome::Outcome;
use super::position::Position;

/// One step of progress through a partition. Within a partition, items come in the order of offsets
/// without a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceItem {
    /// A record and the SmartModule's answer to it (JSON, see [`crate::answer`]). The position has
    /// been [opened](crate::offset_tracker::OffsetTracker::open) in the tracker; the receiver must
    /// settle it.
    Record {
        /// Where the record is.
        position: Position,
        /// The record's Fluvio timestamp, milliseconds since the epoch; `None` when the producer
        /// gave none.
        timestamp: Option<i64>,
        /// The answer, JSON.
        answer: Bytes,
    },
    /// Offsets without a record. Already settled by the reading side; reported so that counters can
    /// follow.
    Gap {
        /// The partition of the source topic.
        partition: u32,
        /// The first offset of the gap.
        first: i64,
        /// The last one, inclusive.
        last: i64,
        /// Why there is no record.
        outcome: Outcome,
    },
}
