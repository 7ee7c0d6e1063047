//! Dates in HTTP headers (RFC 9110, 5.6.7).

use std::time::UNIX_EPOCH;

/// Milliseconds since the epoch of a date such as `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let date = httpdate::parse_http_date(text).ok()?;
    i64::try_from(date.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_every_kind_of_year_are_read() {
        for (text, expected) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777_000),
            ("Thu, 29 Feb 2024 23:59:59 GMT", 1_709_251_199_000),
            ("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400_000),
        ] {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "now",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "784111777",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
