//! Test doubles and the end-to-end suites.

pub mod answer;
pub mod bench;
pub mod browser;
pub mod cluster;
pub mod harness;
pub mod mock_cluster;
pub mod oracle;
pub mod progress;
pub mod samples;
pub mod scenario;
pub mod simulator;
pub mod soak;
pub mod tls;
pub mod workload;
pub mod xdm;
