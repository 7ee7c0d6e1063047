//! The rules of an IANA time zone, as the SmartModule takes them: it has no table of zones.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// No event is older than Capillary's notifications, and from 2100 on a day means "never".
const FROM: i64 = 1_420_070_400;
const UNTIL: i64 = 4_102_444_800;

/// The offset of a zone in 2015 and every change of it, `<epoch seconds>=<offset>`; `None` when the
/// text is no name of a zone.
pub(super) fn offsets(name: &str) -> Option<String> {
    // Offsets are for the SmartModule itself.
    if name == "Z" || !name.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
        return None;
    }
    let zone = TimeZone::get(name).ok()?;
    let start = Timestamp::from_second(FROM).ok()?;
    let mut last = zone.to_offset(start).seconds();
    let mut text = offset(last);
    let changes = zone.following(start);
    for change in changes.take_while(|change| change.timestamp().as_second() < UNTIL) {
        let next = change.offset().seconds();
        if next != last {
            // Writing to a text cannot fail.
            let _ = write!(text, " {}={}", change.timestamp().as_second(), offset(next));
            last = next;
        }
    }
    Some(text)
}

fn offset(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.unsigned_abs() / 60;
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_with_rules_have_their_changes_and_others_an_offset() {
        let berlin = offsets("Europe/Berlin").unwrap();
        assert!(
            berlin.starts_with("+01:00 1427590800=+02:00 1445734800=+01:00 "),
            "{berlin}"
        );
        assert_eq!(berlin.split(' ').count(), 1 + 2 * 85);
        assert_eq!(offsets("Asia/Kolkata").as_deref(), Some("+05:30"));
        assert_eq!(offsets("UTC").as_deref(), Some("+00:00"));
        for other in ["Z", "+05:30", "", "Mars/Olympus", "05:30"] {
            assert_eq!(offsets(other), None, "{other}");
        }
    }

    #[test]
    fn every_zone_is_understood_by_the_mapping() {
        for name in jiff::tz::db().available() {
            let Some(offsets) = offsets(name.as_str()) else {
                panic!("{name:?} is no zone")
            };
            let pair = ("time-zone".to_owned(), offsets.clone());
            let params = capillary_xdm::Params::from_pairs([pair]);
            assert!(params.is_ok(), "{name:?}: {params:?}");
            assert!(
                offsets.len() < 8_000,
                "{name:?} has {} bytes",
                offsets.len()
            );
        }
    }
}
