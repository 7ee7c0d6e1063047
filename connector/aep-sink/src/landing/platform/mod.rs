//! The platform's API, as far as it says what became of records.

mod catalog;
mod client;
mod diagnostics;
mod runs;
mod violation;

pub(super) use catalog::FailedBatch;
pub(crate) use client::{LookError, PlatformApi};
pub(crate) use diagnostics::FailedRecord;
pub(super) use violation::Violation;
