//! Where reading a partition begins.

use super::startup_order::StartupSlot;
use crate::broker::offsets::LogAnchor;
use crate::broker::partition_log::LogBounds;
use crate::config::Start;

/// A partition that is to be read.
pub(crate) struct PartitionStart {
    pub(crate) partition: u32,
    pub(crate) stored: Option<i64>,
    /// What the stored offset is an offset of, if that is known.
    pub(crate) anchor: Option<LogAnchor>,
    pub(crate) startup_slot: StartupSlot,
}

/// The first offset to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StartPosition {
    At(i64),
    /// The wanted records are gone; the log begins later.
    Evicted {
        wanted: i64,
        available: i64,
    },
    /// The log ends before it. Never clamped: the offsets would belong to another log.
    BeyondEnd {
        wanted: i64,
    },
}

impl StartPosition {
    /// Where an offset is in a log.
    pub(super) fn at(log: LogBounds, wanted: i64) -> Self {
        if wanted > log.end {
            Self::BeyondEnd { wanted }
        } else if wanted < log.start {
            let available = log.start;
            Self::Evicted { wanted, available }
        } else {
            Self::At(wanted)
        }
    }

    /// Where reading begins: after the stored offset, which is the last processed one, or else at
    /// the configured start.
    pub(crate) fn choose(log: LogBounds, stored: Option<i64>, configured: Start) -> Self {
        if let Some(processed) = stored {
            return Self::at(log, processed.saturating_add(1));
        }
        match configured {
            Start::Beginning => Self::At(log.start),
            Start::End => Self::At(log.end),
            Start::Absolute(offset) => Self::at(log, offset),
            Start::FromBeginning(count) => Self::At((log.start + i64::from(count)).min(log.end)),
            Start::FromEnd(count) => Self::At((log.end - i64::from(count)).max(log.start)),
        }
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: LogBounds = LogBounds { start: 10, end: 20 };

    #[test]
    fn stored_offset_is_the_last_processed_one() {
        assert_eq!(
            StartPosition::choose(LOG, Some(14), Start::End),
            StartPosition::At(15)
        );
        assert_eq!(
            StartPosition::choose(LOG, Some(19), Start::Beginning),
            StartPosition::At(20)
        );
    }

    #[test]
    fn stored_offset_is_not_shifted_by_relative_starts() {
        assert_eq!(
            StartPosition::choose(LOG, Some(14), Start::FromBeginning(3)),
            StartPosition::At(15)
        );
        assert_eq!(
            StartPosition::choose(LOG, Some(14), Start::FromEnd(3)),
            StartPosition::At(15)
        );
        assert_eq!(
            StartPosition::choose(LOG, Some(14), Start::Absolute(11)),
            StartPosition::At(15)
        );
    }

    #[test]
    fn stored_offset_beyond_the_end_is_never_clamped() {
        assert_eq!(
            StartPosition::choose(LOG, Some(20), Start::Beginning),
            StartPosition::BeyondEnd { wanted: 21 }
        );
    }

    #[test]
    fn stored_offset_before_the_log_means_evicted_records() {
        let evicted = StartPosition::Evicted {
            wanted: 5,
            available: 10,
        };
        assert_eq!(StartPosition::choose(LOG, Some(4), Start::End), evicted);
        assert_eq!(
            StartPosition::choose(LOG, Some(9), Start::End),
            StartPosition::At(10)
        );
    }

    #[test]
    fn configured_start_counts_within_the_log_without_stored_offset() {
        assert_eq!(
            StartPosition::choose(LOG, None, Start::Beginning),
            StartPosition::At(10)
        );
        assert_eq!(
            StartPosition::choose(LOG, None, Start::End),
            StartPosition::At(20)
        );
        assert_eq!(
            StartPosition::choose(LOG, None, Start::FromBeginning(3)),
            StartPosition::At(13)
        );
        assert_eq!(
            StartPosition::choose(LOG, None, Start::FromBeginning(99)),
            StartPosition::At(20)
        );
        assert_eq!(
            StartPosition::choose(LOG, None, Start::FromEnd(3)),
            StartPosition::At(17)
        );
        assert_eq!(
            StartPosition::choose(LOG, None, Start::FromEnd(99)),
            StartPosition::At(10)
        );
        assert_eq!(
            StartPosition::choose(LOG, None, Start::Absolute(99)),
            StartPosition::BeyondEnd { wanted: 99 }
        );
    }
}
