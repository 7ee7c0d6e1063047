//! The organisation's time zone: an offset, or one with the instants at which it changes.

/// Offsets from UTC, in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Zone {
    /// Before the first change.
    first: i64,
    /// The instants of the changes, ascending, and the offset from then on.
    changes: Vec<(i64, i64)>,
}

impl Zone {
    /// `Z`, or `±HH:MM` up to 14 hours; where that changes, `<epoch seconds>=<offset>` for each
    /// change behind it, all separated by blanks.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split_ascii_whitespace();
        let mut zone = Self {
            first: offset(parts.next()?)?,
            changes: Vec::new(),
        };
        for part in parts {
            let (at, next) = part.split_once('=')?;
            let change = (at.parse::<i64>().ok()?.checked_mul(1000)?, offset(next)?);
            if zone.changes.last().is_some_and(|last| last.0 >= change.0) {
                return None;
            }
            zone.changes.push(change);
        }
        Some(zone)
    }

    /// The offset at an instant.
    pub(crate) fn offset(&self, at: i64) -> i64 {
        let past = self.changes.partition_point(|(change, _)| *change <= at);
        past.checked_sub(1)
            .and_then(|last| self.changes.get(last))
            .map_or(self.first, |(_, offset)| *offset)
    }

    /// The instant of a wall time. (Days end far from the hours that a change skips or repeats.)
    pub(crate) fn utc(&self, wall: i64) -> i64 {
        let near = wall - self.offset(wall);
        wall - self.offset(near)
    }
}

/// `Z`, or `±HH:MM` up to 14 hours, in milliseconds.
pub(crate) fn offset(text: &str) -> Option<i64> {
    if text == "Z" {
        return Some(0);
    }
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    (hours * 60 + minutes <= 14 * 60 && minutes < 60)
        .then_some(sign * (hours * 60 + minutes) * 60_000)
}

/// A number of exactly so many digits.
pub(super) fn digits(text: &str, length: usize) -> Option<i64> {
    if text.len() != length {
        return None;
    }
    text.bytes().try_fold(0, |number, digit| {
        digit
            .is_ascii_digit()
            .then(|| number * 10 + i64::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zone_with_changes_ends_days_by_the_offset_of_their_evening() {
        // Berlin in 2026: summer time from 29 March to 25 October, 01:00 UTC.
        let zone = Zone::parse("+01:00 1774746000=+02:00 1792890000=+01:00").unwrap();
        let hour = 3_600_000;
        for (wall, offset) in [
            (1_767_225_600_000, 1), // 2026-01-01 00:00
            (1_774_742_399_000, 1), // 2026-03-28 23:59:59
            (1_774_828_799_000, 2), // 2026-03-29 23:59:59
            (1_792_886_399_000, 2), // 2026-10-24 23:59:59
            (1_792_972_799_000, 1), // 2026-10-25 23:59:59
        ] {
            assert_eq!(zone.utc(wall), wall - offset * hour, "{wall}");
        }
        for wrong in [
            "",
            "Berlin",
            "+01:00 5",
            "+01:00 5=+02:00 4=+01:00",
            "+01:00 x=+02:00",
        ] {
            assert_eq!(Zone::parse(wrong), None, "{wrong}");
        }
    }
}
