//! Test doubles and the end-to-end suites.

pub mod harness;
pub mod oracle;
pub mod scenario;
pub mod simulator;
pub mod workload;
