//! Connections to the cluster, what it holds, and requests to it.

mod connection;
mod error_code;
mod fetch;
mod metadata;
mod profile;
pub(super) mod smartmodule;
mod tls;

pub(super) use connection::{Connection, Responses};
pub(super) use error_code::{ErrorClass, stream_error};
pub(super) use fetch::Fetch;
pub(super) use metadata::ClusterMetadata;
pub(super) use profile::{Cluster, load_profile};
