//! Test doubles and the end-to-end suites.

pub mod harness;
pub mod workload;
