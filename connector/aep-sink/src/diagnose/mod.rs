//! Subcommand `diagnose`: what Experience Platform dropped after it acknowledged it, by field,
//! reason and kind. Asks the platform alone; needs no cluster and changes nothing.

mod report;

use std::process::ExitCode;

use tracing::error;

use crate::clock::Clock;
use crate::config::Config;
use crate::http;
use crate::ims::TokenSource;
use crate::landing::{FailedRecord, LookError, PlatformApi, Target, violation_of};
use crate::telemetry::log;

use report::Cause;
pub use report::Report;

/// Somebody must change something.
const WRONG: u8 = 2;

/// Looks at failed batches created at this time or later, milliseconds since the epoch.
///
/// # Errors
/// The process's exit code; why is in the log.
pub async fn run(config: Config, since: crate::replay::Since) -> Result<Report, ExitCode> {
    log::start(config.platform.observability.log);
    let clients = match http::clients(&config.platform) {
        Ok(clients) => clients,
        Err(error) => {
            error!("{error}");
            return Err(ExitCode::from(WRONG));
        }
    };
    let api = clients.api.clone();
    let tokens = TokenSource::new(&config.platform.ims, clients.api, config.platform.retry);
    let platform = PlatformApi::new(&config.platform, api, tokens);
    let after = since.time(Clock::System.now_ms()).saturating_sub(1);
    match look(&platform, &Target::all(&config.platform), after).await {
        Ok(report) => Ok(report),
        Err(error) => {
            error!("{error}");
            Err(match error {
                LookError::Forbidden { .. } => ExitCode::from(WRONG),
                LookError::Failed { .. } => ExitCode::FAILURE,
            })
        }
    }
}

async fn look(platform: &PlatformApi, targets: &[Target], after: i64) -> Result<Report, LookError> {
    let mut report = Report::default();
    for target in targets {
        for batch in platform.failed_batches(&target.dataset, after).await? {
            let records = platform.failed_records(&batch.id).await?;
            report.batch(batch.records, records.len());
            for record in &records {
                report.add(cause(target, record), &batch.id);
            }
        }
    }
    Ok(report)
}

fn cause(target: &Target, record: &FailedRecord) -> Cause {
    let mut violation = violation_of(record);
    violation.field = violation.field.as_deref().map(general);
    let kind = record.entity.as_ref();
    let kind = kind.and_then(|entity| entity["eventType"].as_str());
    Cause {
        inlet: target.inlet.as_str(),
        reason: violation.reason,
        words: violation.words(),
        field: violation.field,
        // An event's type is a word of ours; a statement has none.
        kind: kind.unwrap_or("-").to_owned(),
    }
}

/// A path for all elements of a list.
fn general(field: &str) -> String {
    let steps = field.split('/').map(|step| {
        let is_index = !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit());
        if is_index { "*" } else { step }
    });
    steps.collect::<Vec<_>>().join("/")
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_is_the_same_for_all_elements_of_a_list() {
        assert_eq!(
            general("/loyalty/pointsGained/12/value"),
            "/loyalty/pointsGained/*/value"
        );
        assert_eq!(general("/x1/2a"), "/x1/2a");
    }
}
