//! Where the partitions of the cluster are, as the controller listed them last.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fluvio::metadata::objects::Metadata;
use fluvio::metadata::partition::PartitionSpec;
use fluvio::metadata::spu::SpuSpec;
use tokio::time::Instant;

/// Where a server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SpuAddress {
    pub(crate) id: i32,
    pub(crate) name: String,
    pub(crate) address: String,
}

/// A partition as it was listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Replica {
    /// `None` when the controller knows no address of the SPU that leads it.
    pub(crate) leader: Option<SpuAddress>,
    /// Offset after the last replicated record. An SPU reports it, and the log's end, every 0.4 s
    /// (`MIN_SC_SINK_TIME` of its dispatcher).
    pub(crate) high_watermark: i64,
    /// Offset after the last record of the leader's log.
    pub(crate) log_end: i64,
    /// The SPUs that have, or should have, the log.
    pub(crate) spus: Vec<i32>,
    /// Those of them that the controller has lost.
    pub(crate) offline: Vec<i32>,
}

/// The last list.
#[derive(Debug, Default)]
pub(super) struct ReplicaMap(Mutex<Listed>);

#[derive(Debug, Default)]
struct Listed {
    replicas: Arc<HashMap<String, Replica>>,
    at: Option<Instant>,
}

impl ReplicaMap {
    fn listed(&self) -> MutexGuard<'_, Listed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, replica: &str) -> Option<Replica> {
        self.listed().replicas.get(replica).cloned()
    }

    pub(super) fn all(&self) -> Arc<HashMap<String, Replica>> {
        Arc::clone(&self.listed().replicas)
    }

    pub(super) fn replace(&self, replicas: HashMap<String, Replica>) {
        *self.listed() = Listed {
            replicas: Arc::new(replicas),
            at: Some(Instant::now()),
        };
    }

    /// Whether the list is older than this.
    pub(super) fn is_older_than(&self, age: Duration) -> bool {
        self.listed().at.is_none_or(|at| at.elapsed() > age)
    }
}

/// Joins what the controller lists.
pub(super) fn join(
    partitions: Vec<Metadata<PartitionSpec>>,
    spus: &[Metadata<SpuSpec>],
    local_addresses: bool,
) -> HashMap<String, Replica> {
    let spus: HashMap<i32, &Metadata<SpuSpec>> =
        spus.iter().map(|spu| (spu.spec.id, spu)).collect();
    let replica = |partition: Metadata<PartitionSpec>| {
        let leader = spus.get(&partition.spec.leader).map(|spu| SpuAddress {
            id: spu.spec.id,
            name: spu.name.clone(),
            address: match &spu.spec.public_endpoint_local {
                Some(local) if local_addresses => format!("{}:{}", local.host, local.port),
                _ => spu.spec.public_endpoint.addr(),
            },
        });
        let offline = partition.spec.replicas.iter().copied();
        let offline = offline.filter(|id| spus.get(id).is_none_or(|spu| spu.status.is_offline()));
        let replica = Replica {
            leader,
            high_watermark: partition.status.leader.hw,
            log_end: partition.status.leader.leo,
            offline: offline.collect(),
            spus: partition.spec.replicas,
        };
        (partition.name, replica)
    };
    partitions.into_iter().map(replica).collect()
}
