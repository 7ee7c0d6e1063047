//! Test doubles and the end-to-end suites.

pub mod cluster;
pub mod mock_cluster;
