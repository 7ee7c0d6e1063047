//! How the life of a record ends.

/// The end of one offset. Every offset of the topic ends in exactly one of these, or it is pending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Acknowledged by every inlet it was meant for.
    Delivered,
    /// Written to the dead-letter topic, with its reason.
    DeadLettered,
    /// Not wanted: the SmartModule answered "skipped".
    Skipped,
    /// No record exists at this offset (topics with deduplication have such gaps).
    Absent,
    /// Removed by the topic's retention before it could be read.
    Evicted,
    /// Its batch cannot be decoded, and the operator decided to pass over it.
    PassedOver,
}

impl Outcome {
    /// How many there are.
    pub const ALL: usize = Self::PassedOver as usize + 1;
}
