//! Whether records are being delivered, and if not, why and what to do, for people.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use super::snapshot::Snapshot;
use crate::broker::Ownership;
use crate::landing::{InletProgress, Look};

/// The text of `/ready`. Writing to a `String` cannot fail, hence the ignored results.
pub(super) fn report(snapshot: &Snapshot<'_>) -> String {
    let mut text = if snapshot.is_ready() {
        "ready\n".to_owned()
    } else {
        "not ready\n".to_owned()
    };
    let Ownership {
        standby, unread, ..
    } = &snapshot.ownership;
    if !standby.is_empty() {
        let _ = write!(
            text,
            "\nstanding by for {}\n  another process with consumer id {} reads what is waited for \
            and gives signs of life; once it stops, this one goes on\n",
            named(standby),
            snapshot.instance.consumer,
        );
    }
    if !unread.is_empty() {
        let _ = write!(
            text,
            "\nread by nobody: {}\n  meta.consumer.partition of this process leaves this out, and \
            no other process with consumer id {} reads it\n",
            named(unread),
            snapshot.instance.consumer,
        );
    }
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
    landing(snapshot, &mut text);
    text
}

/// What became of what was acknowledged.
fn landing(snapshot: &Snapshot<'_>, text: &mut String) {
    let Some(landing) = &snapshot.landing else {
        return;
    };
    let look = match &landing.look {
        Look::Never => "not asked yet".to_owned(),
        Look::Well(when) => format!("asked {}", at(*when)),
        Look::Forbidden(permission) => {
            format!("not known: the credential lacks the permission {permission}")
        }
        Look::Failed(reason) => format!("not known: {reason}"),
    };
    let _ = write!(
        text,
        "\nlanded in Experience Platform, since the start: {look}\n"
    );
    for inlet in snapshot.inlets() {
        let Some(InletProgress {
            acknowledged,
            landed,
            failed,
            unknown,
        }) = landing.inlets.get(&inlet)
        else {
            continue;
        };
        let _ = writeln!(
            text,
            "  {}: acknowledged {acknowledged}, landed {landed}, failed afterwards {failed}, \
            not known yet {unknown}",
            inlet.as_str(),
        );
    }
}

/// Partitions by their numbers.
fn named(partitions: &BTreeSet<u32>) -> String {
    let numbers: Vec<_> = partitions.iter().map(u32::to_string).collect();
    let word = if numbers.len() == 1 {
        "partition"
    } else {
        "partitions"
    };
    format!("{word} {}", numbers.join(", "))
}

fn at(milliseconds: i64) -> impl std::fmt::Display {
    let since = Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0));
    humantime::format_rfc3339_seconds(UNIX_EPOCH + since)
}
