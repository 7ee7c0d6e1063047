//! Test doubles and the end-to-end suites.

pub mod browser;
pub mod cluster;
pub mod data_prep;
pub mod harness;
pub mod mock_cluster;
pub mod oracle;
pub mod progress;
pub mod samples;
pub mod scenario;
pub mod simulator;
pub mod soak;
pub mod workload;
