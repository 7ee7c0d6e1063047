//! Real servers: processes of `fluvio-run`, or containers, and what stands between them and tests.

#[cfg_attr(not(feature = "docker"), path = "docker_absent.rs")]
pub(super) mod docker;
pub(super) mod link;
mod metadata_files;
pub(crate) mod ports;
pub(super) mod processes;
mod registration;
