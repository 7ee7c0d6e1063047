//! The state as the controller tells it to clients: topics, partitions, SPUs and SmartModules.

use fluvio_controlplane_metadata::spu::{
    Endpoint, IngressPort, SpuSpec, SpuStatus, SpuStatusResolution,
};
use fluvio_controlplane_metadata::topic::TopicSpec;
use fluvio_protocol::{Decoder, Encoder};
use fluvio_sc_schema::AdminSpec;
use fluvio_sc_schema::objects::Metadata;
use fluvio_sc_schema::partition::{PartitionResolution, PartitionSpec, PartitionStatus};
use fluvio_sc_schema::smartmodule::SmartModuleSpec;
use fluvio_sc_schema::topic::{TopicResolution, TopicStatus};

use crate::mock_cluster::state::{Spu, State};

/// A kind of object clients can list and watch.
pub(crate) trait Listed: AdminSpec<Status: Encoder + Decoder> {
    /// Every object of this kind, system ones included.
    fn list(state: &State) -> Vec<Metadata<Self>>;
}

impl Listed for TopicSpec {
    fn list(state: &State) -> Vec<Metadata<TopicSpec>> {
        let provisioned = |name: &String, spec: &TopicSpec| {
            let mut status = TopicStatus {
                resolution: TopicResolution::Provisioned,
                ..TopicStatus::default()
            };
            for ((topic, partition), placed) in &state.partitions {
                if topic == name {
                    status.replica_map.insert(*partition, placed.spus.clone());
                }
            }
            Metadata {
                name: name.clone(),
                spec: spec.clone(),
                status,
            }
        };
        state
            .topics
            .iter()
            .map(|(name, spec)| provisioned(name, spec))
            .collect()
    }
}

impl Listed for PartitionSpec {
    fn list(state: &State) -> Vec<Metadata<PartitionSpec>> {
        let described = state
            .partitions
            .iter()
            .filter_map(|((topic, partition), placed)| {
                let spec = PartitionSpec::from_replicas(
                    placed.spus.clone(),
                    state.topics.get(topic)?,
                    None,
                );
                let (start, end) = placed.replica.range();
                let (_, high_watermark) = placed.replica.told_range();
                // Without other replicas nobody can be elected, so the partition waits for its
                // leader to come back.
                let resolution = if state.is_online(placed.leader) {
                    PartitionResolution::Online
                } else {
                    PartitionResolution::LeaderOffline
                };
                let leader = (placed.leader, high_watermark, end);
                let status = PartitionStatus::new2(
                    leader,
                    Vec::new(),
                    PartitionStatus::SIZE_NOT_SUPPORTED,
                    resolution,
                    start,
                );
                Some(Metadata {
                    name: format!("{topic}-{partition}"),
                    spec,
                    status,
                })
            });
        described.collect()
    }
}

impl Listed for SpuSpec {
    fn list(state: &State) -> Vec<Metadata<SpuSpec>> {
        let described = |spu: &Spu| {
            let public_endpoint = IngressPort::from_port_host(spu.port, "127.0.0.1".to_owned());
            let private_endpoint = Endpoint::from_port_host(spu.port, "127.0.0.1".to_owned());
            let spec = SpuSpec {
                id: spu.id,
                public_endpoint,
                private_endpoint,
                ..SpuSpec::default()
            }
            .set_custom();
            let resolution = if spu.online {
                SpuStatusResolution::Online
            } else {
                SpuStatusResolution::Offline
            };
            Metadata {
                name: format!("custom-spu-{}", spu.id),
                spec,
                status: SpuStatus { resolution },
            }
        };
        state.spus.iter().map(described).collect()
    }
}

impl Listed for SmartModuleSpec {
    fn list(state: &State) -> Vec<Metadata<SmartModuleSpec>> {
        let described = state.smartmodules.iter();
        described
            .map(|(name, spec)| Metadata {
                name: name.clone(),
                spec: spec.clone(),
                status: Default::default(),
            })
            .collect()
    }
}
