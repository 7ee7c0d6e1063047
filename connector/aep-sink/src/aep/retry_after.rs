//! `Retry-After`: whole seconds or an HTTP date (RFC 9110, 10.2.3).

use std::time::{Duration, UNIX_EPOCH};

/// The pause the header asks for, or `None` when it is not usable. A date in the past is a
/// pause of zero.
pub(super) fn parse(value: &str, now_ms: i64) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a u64 holds means "very long"; the caller clamps it.
        return Some(Duration::from_secs(
            value.parse().unwrap_or(u64::from(u32::MAX)),
        ));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    let now = UNIX_EPOCH + Duration::from_millis(u64::try_from(now_ms).unwrap_or(0));
    Some(date.duration_since(now).unwrap_or_default())
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    /// 1994-11-06T08:49:37Z
    const NOV_6: i64 = 784_111_777_000;

    #[test]
    fn retry_after_seconds_are_taken_as_they_are() {
        assert_eq!(parse("2", 0), Some(Duration::from_secs(2)));
        assert_eq!(parse(" 120 ", 0), Some(Duration::from_secs(120)));
        assert!(
            parse("99999999999999999999999", 0)
                .is_some_and(|pause| pause > Duration::from_secs(1_000_000))
        );
    }

    #[test]
    fn retry_after_date_is_a_pause_from_now() {
        assert_eq!(
            parse("Sun, 06 Nov 1994 08:49:37 GMT", NOV_6 - 1500),
            Some(Duration::from_millis(1500))
        );
        assert_eq!(
            parse("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            Some(Duration::ZERO)
        );
        assert_eq!(
            parse("Thu, 29 Feb 2024 00:00:00 GMT", 1_709_164_800_000 - 7),
            Some(Duration::from_millis(7))
        );
    }

    #[test]
    fn retry_after_date_in_the_past_is_no_pause() {
        assert_eq!(
            parse("Sun, 06 Nov 1994 08:49:37 GMT", NOV_6 + 1),
            Some(Duration::ZERO)
        );
    }

    #[test]
    fn retry_after_nonsense_is_no_pause() {
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
