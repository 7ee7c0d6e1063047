//! Test doubles and the end-to-end suites.

pub mod answer;
pub mod samples;
pub mod smartmodule;
pub mod xdm;
