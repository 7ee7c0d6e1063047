//! What the reading side hands to the delivery side.

use bytes::Bytes;

use crate::offset_tracker::Outcome;
use crate::offset_tracker::Position;

/// One step of progress through a partition. Within a partition, arrivals come in offset order
/// without a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceItem {
    /// A record and the SmartModule's answer to it (JSON, see [`crate::answer`]). The position has
    /// been [opened](crate::offset_tracker::OffsetTracker::open) in the tracker; whoever receives it must settle
    /// it.
    Record {
        position: Position,
        /// The record's Fluvio timestamp, milliseconds since the epoch; `None` when the producer
        /// gave none.
        timestamp: Option<i64>,
        answer: Bytes,
    },
    /// Offsets without a record. Already settled by the reading side; told so that counters can
    /// follow.
    Gap {
        partition: u32,
        first: i64,
        last: i64,
        outcome: Outcome,
    },
}
