//! What tells one log from another of the same name: when the record at an offset was produced.
//!
//! Offsets alone do not. A topic that was created again, or a log that lost its end in a crash, has
//! other records at the same offsets as soon as it has grown as far.

use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

/// How many of an offset's bits are stored.
const OFFSET_BITS: u32 = 31;

/// A record that was read: where it is, and the low 32 bits of its timestamp in milliseconds, as
/// many as fit beside the offset in what the broker stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogAnchor {
    pub(crate) offset: i64,
    timestamp: u32,
}

impl LogAnchor {
    /// Stored where no record is known.
    pub(crate) const NONE: i64 = -1;

    pub(crate) fn new(offset: i64, timestamp: i64) -> Self {
        Self {
            offset,
            timestamp: low_bits(timestamp),
        }
    }

    /// The consumer under whose name anchors are stored.
    pub(crate) fn consumer(consumer: &str) -> String {
        format!("{consumer}-log")
    }

    /// As it is stored.
    pub(crate) fn value(self) -> i64 {
        let offset = self.offset & ((1 << OFFSET_BITS) - 1);
        (offset << 32) | i64::from(self.timestamp)
    }

    /// From what is stored; its offset is the one nearest to the stored offset of the partition,
    /// beside which it was written. `None` when it cannot be of that one: it is never after it.
    pub(crate) fn from_value(value: i64, stored: i64) -> Option<Self> {
        if value < 0 {
            return None;
        }
        let span = 1_i64 << OFFSET_BITS;
        let ahead = ((value >> 32) - stored).rem_euclid(span);
        let offset = if ahead > span / 2 {
            stored + ahead - span
        } else {
            stored + ahead
        };
        (offset <= stored).then_some(Self {
            offset,
            timestamp: low_bits(value),
        })
    }

    /// Whether a record that is found at its offset is the one that was read.
    pub(crate) fn is_of(self, timestamp: i64) -> bool {
        self.timestamp == low_bits(timestamp)
    }

    /// The whole timestamp, for messages: the one nearest to another.
    pub(crate) fn timestamp_near(self, other: i64) -> i64 {
        let difference = self.timestamp.wrapping_sub(low_bits(other)).cast_signed();
        other + i64::from(difference)
    }
}

/// A moment for a person.
pub(crate) fn moment(timestamp: i64) -> impl fmt::Display {
    let since = Duration::from_millis(u64::try_from(timestamp).unwrap_or_default());
    humantime::format_rfc3339_millis(UNIX_EPOCH + since)
}

/// The low 32 bits.
fn low_bits(number: i64) -> u32 {
    let [.., a, b, c, d] = number.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchor_is_read_back_near_the_stored_offset() {
        let now = 1_780_000_000_123;
        for offset in [0, 1, 99, (1 << 31) - 1, 1 << 31, (5 << 31) + 7, 1 << 50] {
            let anchor = LogAnchor::new(offset, now);
            assert!(anchor.value() >= 0);
            for stored in [offset, offset + 1, offset + 100_000] {
                assert_eq!(LogAnchor::from_value(anchor.value(), stored), Some(anchor));
            }
            let before = LogAnchor::from_value(anchor.value(), offset - 1);
            assert_eq!(before, None, "of an offset that was stored before");
        }
        assert_eq!(LogAnchor::from_value(LogAnchor::NONE, 5), None);
    }

    #[test]
    fn anchor_knows_its_record_by_its_time() {
        let now = 1_780_000_000_123;
        let anchor = LogAnchor::new(7, now);
        assert!(anchor.is_of(now));
        assert!(!anchor.is_of(now + 1));
        for other in [now - 90_000_000, now, now + 90_000_000] {
            assert_eq!(anchor.timestamp_near(other), now);
        }
    }
}
