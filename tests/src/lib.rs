//! Test doubles and the end-to-end suites.

pub mod mock_cluster;
