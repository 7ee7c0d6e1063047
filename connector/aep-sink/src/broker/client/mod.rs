//! Connections to the cluster, what it holds, and requests to it.

mod connection;
mod connection_slot;
mod error_code;
mod fetch;
mod metadata;
mod profile;
mod replica_map;
pub(super) mod smartmodule;
mod tls;

pub(super) use connection::{Connection, Responses};
pub(super) use error_code::{ErrorClass, stream_error};
pub(super) use fetch::{Fetch, LogPart};
pub(super) use metadata::{ClusterMetadata, Purpose};
pub(super) use profile::{Cluster, load_profile};
pub(super) use replica_map::Replica;
