//! What the controller and the SPUs of one mock cluster share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use fluvio_controlplane_metadata::topic::TopicSpec;
use fluvio_protocol::link::ErrorCode;
use fluvio_protocol::record::Offset;
use fluvio_sc_schema::smartmodule::SmartModuleSpec;
use fluvio_sc_schema::topic::ReplicaSpec;
use fluvio_smartengine::SmartEngine;
use tokio::sync::watch;

use super::faults::Faults;
use super::ids::CONSUMER_OFFSETS;
use super::ids::spu_id;
use super::lock::lock;
use super::replica::Replica;
use super::smartmodules::chains::IdleChains;

/// Topic and partition.
pub(super) type PartitionKey = (String, u32);
/// Consumer id, topic and partition.
pub(super) type ConsumerKey = (String, String, u32);

/// A stored consumer offset.
#[derive(Clone, Copy, Debug)]
pub(super) struct StoredOffset {
    /// The last processed offset.
    pub(super) offset: Offset,
    /// Seconds since the epoch.
    pub(super) modified: u64,
}

/// One SPU as the controller knows it.
#[derive(Clone, Debug)]
pub(super) struct Spu {
    pub(super) id: i32,
    pub(super) port: u16,
    pub(super) online: bool,
}

/// A partition as the controller knows it.
#[derive(Clone, Debug)]
pub(super) struct Partition {
    pub(super) leader: i32,
    /// SPUs that should have it, the leader first. Only the leader's copy exists; the others decide
    /// whether it counts as replicated.
    pub(super) spus: Vec<i32>,
    pub(super) replica: Arc<Replica>,
}

/// Everything a cluster knows.
#[derive(Debug)]
pub(super) struct State {
    pub(super) topics: BTreeMap<String, TopicSpec>,
    pub(super) partitions: BTreeMap<PartitionKey, Partition>,
    pub(super) spus: Vec<Spu>,
    /// By store id: `name-group-version`, or the plain name without package data.
    pub(super) smartmodules: BTreeMap<String, SmartModuleSpec>,
    pub(super) offsets: BTreeMap<ConsumerKey, StoredOffset>,
    pub(super) faults: Faults,
    /// Where the first partition of the next topic goes, so that leaders spread.
    next_leader: usize,
}

impl State {
    /// Creates a topic and its partitions, leaders in turn over the SPUs (or as the specification
    /// assigns them).
    pub(super) fn create_topic(&mut self, name: &str, spec: TopicSpec) {
        self.topics.insert(name.to_owned(), spec);
        self.provision(name);
        self.next_leader += 1;
    }

    /// Adds the partitions the topic's specification asks for and that do not exist yet.
    pub(super) fn provision(&mut self, name: &str) {
        let Some(spec) = self.topics.get(name) else {
            return;
        };
        let assigned = match spec.replicas() {
            ReplicaSpec::Assigned(maps) => maps.maps().clone(),
            _ => Vec::new(),
        };
        for partition in 0..spec.partitions() {
            let turn = usize::try_from(partition).unwrap_or_default() + self.next_leader;
            let copies = spec.replication_factor().unwrap_or(1);
            let computed = (0..usize::try_from(copies).unwrap_or(1))
                .map(|copy| self.spus[(turn + copy) % self.spus.len()].id)
                .take(self.spus.len());
            let spus: Vec<i32> = assigned
                .iter()
                .find(|map| map.id == partition)
                .map_or_else(|| computed.collect(), |map| map.replicas.clone());
            let leader = spus.first().copied().unwrap_or(self.spus[0].id);
            let replica = || {
                Arc::new(Replica::new(
                    name,
                    partition,
                    spec.get_deduplication().cloned(),
                ))
            };
            self.partitions
                .entry((name.to_owned(), partition))
                .or_insert_with(|| Partition {
                    leader,
                    spus,
                    replica: replica(),
                });
        }
    }

    /// Deletes a topic, its records, and the offsets stored for it.
    pub(super) fn delete_topic(&mut self, name: &str) {
        self.topics.remove(name);
        self.partitions.retain(|(topic, _), partition| {
            if topic == name {
                partition.replica.delete();
            }
            topic != name
        });
        self.offsets.retain(|(_, topic, _), _| topic != name);
    }

    /// The partition, if the SPU `id` leads it.
    pub(super) fn led_by(&self, id: i32, topic: &str, partition: u32) -> Option<Arc<Replica>> {
        let found = self.partitions.get(&(topic.to_owned(), partition))?;
        (found.leader == id).then(|| Arc::clone(&found.replica))
    }

    /// Replication stands still while a follower is away.
    pub(super) fn set_online(&mut self, spu: usize, online: bool) {
        self.spus[spu].online = online;
        let changed = self.spus[spu].id;
        for partition in self.partitions.values() {
            if partition.leader != changed && partition.spus.contains(&changed) {
                let followers = partition.spus.iter().filter(|id| **id != partition.leader);
                let replicated = followers.copied().all(|id| self.is_online(id));
                partition.replica.set_replicated(replicated);
            }
        }
    }

    pub(super) fn is_online(&self, id: i32) -> bool {
        self.spus.iter().any(|spu| spu.id == id && spu.online)
    }

    /// Leader of the partition that stores the consumers' offsets.
    pub(super) fn offsets_leader(&self) -> Option<i32> {
        self.partitions
            .get(&(CONSUMER_OFFSETS.to_owned(), 0))
            .map(|partition| partition.leader)
    }
}

/// The cluster's state, the signal that its metadata changed, and the engine SmartModules run in.
pub(super) struct Shared {
    state: Mutex<State>,
    changes: watch::Sender<u64>,
    pub(super) engine: SmartEngine,
    pub(super) chains: Arc<IdleChains>,
}

impl Shared {
    pub(super) fn new(ports: &[u16], engine: SmartEngine) -> Shared {
        let spus = ports
            .iter()
            .enumerate()
            .map(|(index, port)| Spu {
                id: spu_id(index),
                port: *port,
                online: true,
            })
            .collect();
        let mut state = State {
            topics: BTreeMap::new(),
            partitions: BTreeMap::new(),
            spus,
            smartmodules: BTreeMap::new(),
            offsets: BTreeMap::new(),
            faults: Faults::default(),
            next_leader: 0,
        };
        let mut spec = TopicSpec::new_computed(1, 1, None);
        spec.set_system(true);
        state.create_topic(CONSUMER_OFFSETS, spec);
        Shared {
            state: Mutex::new(state),
            changes: watch::Sender::new(0),
            engine,
            chains: Arc::default(),
        }
    }

    /// Reads or changes the state; metadata watchers are not told.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Changes the metadata and tells the watchers.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state());
        self.changes.send_modify(|epoch| *epoch += 1);
        result
    }

    pub(super) fn watch_metadata(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Finds a SmartModule by `group/name@version`, `group/name` or `name`, as an SPU does.
    pub(super) fn smartmodule(&self, name: &str) -> Result<Option<SmartModuleSpec>, ErrorCode> {
        use fluvio_controlplane_metadata::smartmodule::SmartModulePackageKey;
        let key = SmartModulePackageKey::from_qualified_name(name).map_err(|error| {
            ErrorCode::Other(format!("error parsing SmartModule name: {error}"))
        })?;
        let state = self.state();
        if state.faults.unknown_smartmodules {
            return Ok(None);
        }
        let found = state
            .smartmodules
            .iter()
            .find(|(id, spec)| key.is_match(id, spec.meta.as_ref().map(|meta| &meta.package)));
        Ok(found.map(|(_, spec)| spec.clone()))
    }
}
