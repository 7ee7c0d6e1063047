//! Where reading a partition begins.

use crate::config::Start;

/// What a partition's log holds: offsets from `start` up to, but not including, `end`.
/// `end` is the high watermark: only replicated records are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Log {
    pub(super) start: i64,
    pub(super) end: i64,
}

/// The first offset to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beginning {
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

impl Log {
    /// Where an offset stands in this log.
    pub(super) fn place(&self, wanted: i64) -> Beginning {
        if wanted > self.end {
            Beginning::BeyondEnd { wanted }
        } else if wanted < self.start {
            let available = self.start;
            Beginning::Evicted { wanted, available }
        } else {
            Beginning::At(wanted)
        }
    }

    /// The beginning, given the stored offset (the last processed one) or else the configured
    /// start.
    pub(super) fn beginning(&self, stored: Option<i64>, configured: Start) -> Beginning {
        if let Some(processed) = stored {
            return self.place(processed.saturating_add(1));
        }
        match configured {
            Start::Beginning => Beginning::At(self.start),
            Start::End => Beginning::At(self.end),
            Start::Absolute(offset) => self.place(offset),
            Start::FromBeginning(count) => {
                Beginning::At((self.start + i64::from(count)).min(self.end))
            }
            Start::FromEnd(count) => Beginning::At((self.end - i64::from(count)).max(self.start)),
        }
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: Log = Log { start: 10, end: 20 };

    #[test]
    fn a_stored_offset_is_the_last_processed_one() {
        assert_eq!(LOG.beginning(Some(14), Start::End), Beginning::At(15));
        assert_eq!(LOG.beginning(Some(19), Start::Beginning), Beginning::At(20));
    }

    #[test]
    fn relative_starts_do_not_shift_a_stored_offset() {
        assert_eq!(
            LOG.beginning(Some(14), Start::FromBeginning(3)),
            Beginning::At(15)
        );
        assert_eq!(
            LOG.beginning(Some(14), Start::FromEnd(3)),
            Beginning::At(15)
        );
        assert_eq!(
            LOG.beginning(Some(14), Start::Absolute(11)),
            Beginning::At(15)
        );
    }

    #[test]
    fn a_stored_offset_beyond_the_end_is_never_clamped() {
        assert_eq!(
            LOG.beginning(Some(20), Start::Beginning),
            Beginning::BeyondEnd { wanted: 21 }
        );
    }

    #[test]
    fn a_stored_offset_before_the_log_means_evicted_records() {
        let evicted = Beginning::Evicted {
            wanted: 5,
            available: 10,
        };
        assert_eq!(LOG.beginning(Some(4), Start::End), evicted);
        assert_eq!(LOG.beginning(Some(9), Start::End), Beginning::At(10));
    }

    #[test]
    fn without_a_stored_offset_the_configured_start_counts_within_the_log() {
        assert_eq!(LOG.beginning(None, Start::Beginning), Beginning::At(10));
        assert_eq!(LOG.beginning(None, Start::End), Beginning::At(20));
        assert_eq!(
            LOG.beginning(None, Start::FromBeginning(3)),
            Beginning::At(13)
        );
        assert_eq!(
            LOG.beginning(None, Start::FromBeginning(99)),
            Beginning::At(20)
        );
        assert_eq!(LOG.beginning(None, Start::FromEnd(3)), Beginning::At(17));
        assert_eq!(LOG.beginning(None, Start::FromEnd(99)), Beginning::At(10));
        assert_eq!(
            LOG.beginning(None, Start::Absolute(99)),
            Beginning::BeyondEnd { wanted: 99 }
        );
    }
}
