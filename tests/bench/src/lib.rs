//! What the connector costs, against reference points of the same run.
//!
//! The cluster, the simulated platform and the producer run in this process; the connector and the
//! clients it is compared with run in processes of their own, so that the system counts their time
//! and memory apart. Wall times depend on what else the machine does: processor time and ratios of
//! one run are what can be compared.

mod clients;
mod error;
mod feed;
mod parts;
mod report;
mod size;
mod stage;
mod usage;
mod workload;

use std::path::Path;

pub use clients::{Role, play};
pub use error::BenchError;
pub use report::{Goal, Report, Row};
pub use size::{Part, Size};
pub use workload::Description;

use parts::{cost, idle, one_by_one, outage, pace, partitions, smartmodule};

/// Runs the parts asked for, and puts the SmartModule's figures before theirs if they were
/// measured. `tell` hears what is about to be measured.
///
/// # Errors
/// When something does not start, a record is not delivered, or the SmartModule's figures cannot be
/// read.
pub async fn run(
    smartmodule: Option<&Path>,
    parts: &[Part],
    size: &Size,
    description: &Description,
    mut tell: impl FnMut(&str),
) -> Result<Report, BenchError> {
    let mut report = Report::new(description, size);
    if let Some(path) = smartmodule {
        report.add(smartmodule::read(path)?);
    }
    for part in parts {
        tell(part.what());
        let rows = match part {
            Part::Cost => cost::measure(size, description).await?,
            Part::OneByOne => one_by_one::measure(size, description).await?,
            Part::Pace => pace::measure(size, description).await?,
            Part::Partitions => partitions::measure(size, description).await?,
            Part::Outage => outage::measure(size, description).await?,
            Part::Idle => idle::measure(size, description).await?,
        };
        report.add(rows);
    }
    Ok(report)
}
