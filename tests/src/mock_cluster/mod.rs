//! A Fluvio cluster inside the test process: a Streaming Controller and several SPUs on loopback
//! ports, speaking the real protocol to the unmodified client crates and running SmartModules in
//! the SPU's own engine.
//!
//! It exists because a fault (a lost commit answer, a moved leader, an evicted log) can be produced
//! here at an exact moment, and because nobody has to install anything to run the tests. Behaviour
//! follows SPU and SC 0.18.1, oddities included: where the broker loses records, so does this. It
//! keeps everything in memory, never elects, and knows no TLS: a test double, nothing to run in
//! production.

mod connection;
mod controller;
mod controls;
mod faults;
mod ids;
mod lock;
mod log;
mod replica;
mod smartmodules;
mod spu;
mod state;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use fluvio::FluvioClusterConfig;
use fluvio_smartengine::SmartEngine;

pub use controls::StoredRecord;
pub use faults::CommitFault;
pub use ids::{CONSUMER_OFFSETS, FIRST_SPU};

use connection::Listener;
use ids::spu_id;
use state::Shared;

/// A running mock cluster; dropping it closes every connection and port.
pub struct MockCluster {
    shared: Arc<Shared>,
    sc: Listener,
    spus: Vec<Listener>,
}

impl MockCluster {
    /// Starts a controller and `spus` SPUs (at least one) on free loopback ports.
    ///
    /// # Errors
    /// When a loopback port cannot be bound.
    pub async fn start(spus: usize) -> io::Result<MockCluster> {
        let mut listeners = Vec::new();
        for _ in 0..spus.max(1) {
            listeners.push(Listener::bind().await?);
        }
        let ports = listeners.iter().map(Listener::port).collect::<Vec<_>>();
        let shared = Arc::new(Shared::new(&ports, SmartEngine::new()));
        let cluster = MockCluster {
            sc: Listener::bind().await?,
            spus: listeners,
            shared,
        };
        cluster.serve_controller().await?;
        for index in 0..cluster.spus.len() {
            cluster.serve_spu(index).await?;
        }
        Ok(cluster)
    }

    /// Address of the controller, what a profile calls the endpoint.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("127.0.0.1:{}", self.sc.port())
    }

    /// Configuration for the client crates.
    #[must_use]
    pub fn config(&self) -> FluvioClusterConfig {
        FluvioClusterConfig::new(self.endpoint())
    }

    /// Where an SPU listens.
    #[must_use]
    pub fn spu_address(&self, spu: usize) -> Option<SocketAddr> {
        let port = self.spus.get(spu)?.port();
        Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }

    /// Tells clients to reach an SPU at another loopback port, where something stands before it.
    pub fn advertise(&self, spu: usize, port: u16) {
        self.shared.change(|state| {
            if let Some(spu) = state.spus.get_mut(spu) {
                spu.port = port;
            }
        });
    }

    /// How many SPUs the cluster has, running or not.
    #[must_use]
    pub fn spu_count(&self) -> usize {
        self.spus.len()
    }

    async fn serve_controller(&self) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        self.sc
            .serve(move |stream| controller::serve(Arc::clone(&shared), stream))
            .await
    }

    async fn serve_spu(&self, index: usize) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let id = spu_id(index);
        self.spus[index]
            .serve(move |stream| spu::serve(Arc::clone(&shared), id, stream))
            .await
    }
}
