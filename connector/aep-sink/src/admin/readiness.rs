//! Whether records are being delivered, and if not, why and what to do, for people.

use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use super::snapshot::Snapshot;

/// The text of `/ready`. Writing to a `String` cannot fail, hence the ignored results.
pub(super) fn report(snapshot: &Snapshot<'_>) -> String {
    if snapshot.is_ready() {
        return "ready\n".to_owned();
    }
    let mut text = "not ready\n".to_owned();
    for condition in &snapshot.conditions {
        let _ = write!(
            text,
            "\n{}, since {}\n  whose fault: {}\n  reason: {}\n  what to do: {}\n",
            condition.place,
            at(condition.since),
            condition.fault.whose(),
            condition.reason,
            condition.remedy,
        );
    }
    text
}

fn at(milliseconds: i64) -> impl std::fmt::Display {
    let since = Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0));
    humantime::format_rfc3339_seconds(UNIX_EPOCH + since)
}
