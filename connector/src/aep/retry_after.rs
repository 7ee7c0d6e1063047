//! `Retry-After`: whole seconds or an HTTP date (RFC 9110, 10.2.3).

use std::time::Duration;

/// The pause the header asks for, or `None` when it says nothing usable. A date in the past is a pause of zero.
pub(super) fn parse(value: &str, now_ms: i64) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a u64 holds means "very long"; the caller clamps it.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::from(u32::MAX))));
    }
    let pause = http_date_ms(value)?.saturating_sub(now_ms).max(0);
    Some(Duration::from_millis(u64::try_from(pause).ok()?))
}

/// Milliseconds since the epoch of an IMF-fixdate, `Sun, 06 Nov 1994 08:49:37 GMT`. The two obsolete forms are not
/// read: no server sends them, and "unusable" only means our own backoff is taken.
fn http_date_ms(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (_, date) = text.split_once(", ")?;
    let mut parts = date.split(' ');
    let day: i64 = parts.next()?.parse().ok().filter(|day| (1..=31).contains(day))?;
    let name = parts.next()?;
    let month = i64::try_from(MONTHS.iter().position(|month| *month == name)?).ok()? + 1;
    let year: i64 = parts.next()?.parse().ok().filter(|year| (1970..=9999).contains(year))?;
    let mut time = parts.next()?.split(':');
    let mut field = |most: i64| time.next()?.parse().ok().filter(|number| (0..=most).contains(number));
    let (hour, minute, second) = (field(23)?, field(59)?, field(60)?);
    if time.next().is_some() || parts.next() != Some("GMT") || parts.next().is_some() {
        return None;
    }
    Some((((days_from_epoch(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1000)
}

/// Days since 1970-01-01 in the Gregorian calendar, with years counted from March so that the leap day comes last.
fn days_from_epoch(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    /// 1994-11-06T08:49:37Z
    const NOV_6: i64 = 784_111_777_000;

    #[test]
    fn seconds_are_taken_as_they_are() {
        assert_eq!(parse("2", 0), Some(Duration::from_secs(2)));
        assert_eq!(parse(" 120 ", 0), Some(Duration::from_secs(120)));
        assert!(parse("99999999999999999999999", 0).is_some_and(|pause| pause > Duration::from_secs(1_000_000)));
    }

    #[test]
    fn a_date_is_a_pause_from_now() {
        assert_eq!(
            parse("Sun, 06 Nov 1994 08:49:37 GMT", NOV_6 - 1500),
            Some(Duration::from_millis(1500))
        );
        assert_eq!(parse("Thu, 01 Jan 1970 00:00:00 GMT", 0), Some(Duration::ZERO));
        assert_eq!(
            parse("Thu, 29 Feb 2024 00:00:00 GMT", 1_709_164_800_000 - 7),
            Some(Duration::from_millis(7))
        );
    }

    #[test]
    fn a_date_in_the_past_is_no_pause() {
        assert_eq!(parse("Sun, 06 Nov 1994 08:49:37 GMT", NOV_6 + 1), Some(Duration::ZERO));
    }

    #[test]
    fn nonsense_is_not_a_pause() {
        for text in [
            "",
            "soon",
            "-1",
            "1.5",
            "Sun, 06 Nov 1994",
            "Sun, 99 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 CET",
        ] {
            assert_eq!(parse(text, 0), None, "{text}");
        }
    }
}
