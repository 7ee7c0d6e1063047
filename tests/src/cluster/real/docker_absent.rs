//! Stands in for the containers where the feature `docker` is off, so that nobody who does without
//! a container engine compiles its client.

use std::convert::Infallible;
use std::time::Duration;

use crate::cluster::error::ClusterError;

/// Never started.
pub(crate) struct Containers(Infallible);

impl Containers {
    pub(crate) async fn start(_image: &str, _count: usize) -> Result<Containers, ClusterError> {
        Err(ClusterError::Missing(
            "the docker backend is not built in; `cargo xtask test` builds it when \
             FLUVIO_TEST_CLUSTER=docker, cargo by hand with --features conformance/docker"
                .to_owned(),
        ))
    }

    pub(crate) fn endpoint(&self) -> &str {
        match self.0 {}
    }

    pub(crate) fn spu_count(&self) -> usize {
        match self.0 {}
    }

    pub(crate) async fn stop_spu(&self, _index: usize) -> Result<(), ClusterError> {
        match self.0 {}
    }

    pub(crate) async fn start_spu(&self, _index: usize) -> Result<(), ClusterError> {
        match self.0 {}
    }

    pub(crate) async fn restart(&self) -> Result<(), ClusterError> {
        match self.0 {}
    }

    pub(crate) async fn without_controller(&self, _lasts: Duration) -> Result<(), ClusterError> {
        match self.0 {}
    }
}
