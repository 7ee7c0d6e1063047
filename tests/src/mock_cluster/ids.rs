//! The numbers of SPUs and the names of system topics, as Fluvio gives them.

/// Id of the first SPU; the others follow. The number `fluvio cluster start` begins with as well.
pub const FIRST_SPU: i32 = 5001;
/// The system topic that holds the consumers' offsets.
pub const CONSUMER_OFFSETS: &str = "consumer-offset";

/// Fluvio's id of the SPU with this index.
pub(super) fn spu_id(index: usize) -> i32 {
    FIRST_SPU + i32::try_from(index).unwrap_or(i32::MAX - FIRST_SPU)
}
