//! Whether the pace keeps to what Profile takes.

use super::report::{Finding, Status};
use crate::config::Platform;

const STEP: &str = "pace";
/// Records a second into Profile that an organisation begins with, enforced since January 2026.
const CONTRACT: u32 = 1_500;

/// Nothing tells a sender what its contract is: above it records queue or are skipped although they
/// are acknowledged.
pub(super) fn finding(platform: &Platform) -> Finding {
    let advice = "where the datasets are enabled for Profile, set pace.records-per-second to your \
        share of the contract; docs/tuning.md#throughput";
    match platform.pace.records_per_second {
        None => Finding::skipped(
            STEP,
            "no pace.records-per-second is set; above the contract's capacity (1 500 records a second \
            into Profile at first) records are acknowledged, and queue or are skipped",
        )
        .advise(advice),
        Some(pace) if pace.get() > CONTRACT => Finding::new(
            STEP,
            Status::Warning,
            format!(
                "this instance may send {pace} records a second; contracts begin with {CONTRACT} into \
                Profile, and above yours records are acknowledged, and queue or are skipped"
            ),
        )
        .advise(advice),
        Some(pace) => Finding::ok(STEP, format!("at most {pace} records a second")),
    }
}
