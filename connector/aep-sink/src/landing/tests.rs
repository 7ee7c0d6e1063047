//! The watch against a platform and topics that do what a test says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use capillary_xdm::Params;
use serde_json::{Value, json};

use super::fingerprint::Fingerprint;
use super::journal::{Entry, Journal, decode, encode};
use super::known::KnownDeadLetters;
use super::matching::Candidates;
use super::platform::{FailedBatch, FailedRecord, LookError, Violation};
use super::progress::{LandingProgress, Look};
use super::storage::{SourceRecord, Storage};
use super::target::Target;
use super::watch::{Platform, Watch, WatchParts};
use crate::broker::{BrokerError, Ownership, PartitionStatuses};
use crate::clock::Clock;
use crate::config::{DeadLetterTopic, Landed};
use crate::inlet_name::InletName;
use crate::offset_tracker::Position;
use crate::telemetry::{Component, Conditions, Metrics};

const NOW: i64 = 1_760_000_000_000;
/// A Capillary event as it is produced, and the `_id` of its XDM event.
const EVENT: &str = include_str!("../../../../tests/fixtures/capillary/pointsIssued.json");

/// What outlives a process, and the platform.
#[derive(Debug, Default)]
struct World {
    journal: Mutex<Vec<Vec<u8>>>,
    dead_letters: Mutex<Vec<Vec<u8>>>,
    source: Mutex<BTreeMap<i64, Bytes>>,
    batches: Mutex<Vec<(FailedBatch, Vec<FailedRecord>)>>,
    failing_since: Mutex<Option<i64>>,
    forbidden: Mutex<bool>,
}

impl Storage for Arc<World> {
    async fn append(&self, chunks: Vec<Vec<u8>>) -> Result<(), BrokerError> {
        self.journal.lock().unwrap().extend(chunks);
        Ok(())
    }

    async fn scan(&self, candidates: &mut Candidates) -> Result<(), BrokerError> {
        for chunk in self.journal.lock().unwrap().iter() {
            assert!(decode(chunk, |entry| candidates.offer(entry)));
        }
        Ok(())
    }

    async fn follow(&self, known: &mut KnownDeadLetters) -> Result<(), BrokerError> {
        let dead_letters = self.dead_letters.lock().unwrap();
        for dead_letter in dead_letters
            .iter()
            .skip(usize::try_from(known.next).unwrap())
        {
            known.read(dead_letter);
            known.next += 1;
        }
        Ok(())
    }

    async fn source(&self, position: Position) -> Result<Option<SourceRecord>, BrokerError> {
        let value = self.source.lock().unwrap().get(&position.offset).cloned();
        Ok(value.map(|value| SourceRecord {
            timestamp: Some(NOW),
            value,
        }))
    }

    async fn write(&self, dead_letters: Vec<(String, Vec<u8>)>) -> Result<(), BrokerError> {
        let values = dead_letters.into_iter().map(|(_, value)| value);
        self.dead_letters.lock().unwrap().extend(values);
        Ok(())
    }
}

impl Platform for Arc<World> {
    async fn failed_batches(&self, dataset: &str, _: i64) -> Result<Vec<FailedBatch>, LookError> {
        if *self.forbidden.lock().unwrap() {
            return Err(LookError::Forbidden {
                what: "batches of datasets",
                permission: "View Datasets",
                status: 403,
                reason: "403025".to_owned(),
            });
        }
        let batches = self.batches.lock().unwrap();
        let of_dataset = batches.iter().filter(|_| dataset == "events");
        Ok(of_dataset.map(|(batch, _)| batch.clone()).collect())
    }

    async fn failed_records(&self, id: &str) -> Result<Vec<FailedRecord>, LookError> {
        let batches = self.batches.lock().unwrap();
        let found = batches.iter().find(|(batch, _)| batch.id == id);
        Ok(found
            .map(|(_, records)| records.clone())
            .unwrap_or_default())
    }

    async fn failing_since(&self, _: &str) -> Result<Option<i64>, LookError> {
        Ok(*self.failing_since.lock().unwrap())
    }
}

/// One process.
struct Process {
    watch: Watch<Arc<World>, Arc<World>>,
    looks: super::watch::Looks,
    progress: Arc<LandingProgress>,
    conditions: Arc<Conditions>,
    partitions: Arc<PartitionStatuses>,
    now: Arc<AtomicI64>,
}

impl Process {
    fn start(world: &Arc<World>, owned: &[u32]) -> Self {
        let now = Arc::new(AtomicI64::new(NOW));
        let progress = Arc::new(LandingProgress::new(Duration::from_secs(3600)));
        let conditions = Arc::<Conditions>::default();
        let partitions = Arc::<PartitionStatuses>::default();
        let watch = Watch::new(WatchParts {
            settings: Landed {
                interval: Duration::from_secs(300),
                within: Duration::from_secs(3600),
                journal: DeadLetterTopic {
                    topic: "landing".to_owned(),
                    retention: Duration::from_secs(24 * 3600),
                    replicas: None,
                    accept: Vec::new(),
                },
            },
            topic: "loyalty".to_owned(),
            params: Params::from_pairs([("primary-identity".to_owned(), "customerId".to_owned())])
                .unwrap(),
            targets: vec![Target {
                inlet: InletName::Events,
                dataset: "events".to_owned(),
                flow: Some("flow".to_owned()),
            }],
            platform: Arc::clone(world),
            storage: Arc::clone(world),
            journal: Arc::<Journal>::default(),
            progress: Arc::clone(&progress),
            partitions: Arc::clone(&partitions),
            conditions: Arc::clone(&conditions),
            metrics: Arc::<Metrics>::default(),
            recent: Arc::default(),
            clock: Clock::Fixed(Arc::clone(&now)),
        });
        let process = Self {
            looks: watch.looks(),
            watch,
            progress,
            conditions,
            partitions,
            now,
        };
        process.own(owned);
        process
    }

    fn own(&self, owned: &[u32]) {
        self.partitions.set_ownership(Ownership {
            owned: owned.iter().copied().collect(),
            ..Ownership::default()
        });
    }

    async fn look(&mut self) {
        self.watch.look(&mut self.looks).await;
    }
}

fn entry(id: &str, offset: i64) -> Entry {
    Entry {
        inlet: InletName::Events,
        position: Position {
            partition: 0,
            offset,
        },
        sent: NOW - 1_000,
        fingerprint: Fingerprint::of_event(id),
    }
}

/// A world in which an event with this `_id` at offset 7 was acknowledged, and failed afterwards.
fn world(id: &str) -> Arc<World> {
    let world = World::default();
    world
        .journal
        .lock()
        .unwrap()
        .extend(encode(&[entry(id, 7)]));
    world
        .source
        .lock()
        .unwrap()
        .insert(7, Bytes::from_static(EVENT.as_bytes()));
    let world = Arc::new(world);
    fail(&world, "B1", id);
    world
}

fn fail(world: &World, batch: &str, id: &str) {
    let batch = FailedBatch {
        id: batch.to_owned(),
        created: NOW,
        records: Some(1),
        codes: Vec::new(),
    };
    let record = FailedRecord {
        entity: Some(json!({"_id": id})),
        violations: vec![Violation {
            reason: "unknown_field",
            field: Some("/loyalty".to_owned()),
            message: "extraneous key [loyalty] is not permitted".to_owned(),
        }],
    };
    world.batches.lock().unwrap().push((batch, vec![record]));
}

fn dead_letters(world: &World) -> Vec<Value> {
    let dead_letters = world.dead_letters.lock().unwrap();
    dead_letters
        .iter()
        .map(|dead_letter| serde_json::from_slice(dead_letter).unwrap())
        .collect()
}

#[tokio::test]
async fn failed_record_is_named_with_field_kind_and_its_original() {
    let world = world("e-1");
    let mut process = Process::start(&world, &[0]);
    process.look().await;
    let [dead_letter] = &dead_letters(&world)[..] else {
        panic!("{:?}", dead_letters(&world));
    };
    assert_eq!(dead_letter["stage"], "landing");
    assert_eq!(dead_letter["reason"], "unknown_field");
    assert_eq!(dead_letter["pointer"], "/loyalty");
    assert_eq!(dead_letter["message"], "the schema has no field /loyalty");
    assert_eq!(dead_letter["source"]["offset"], 7);
    assert_eq!(dead_letter["event"]["name"], "pointsIssued");
    assert_eq!(dead_letter["target"]["failedBatch"], "B1");
    assert_eq!(dead_letter["record"]["raw"], EVENT);
    let condition = &process.conditions.all()[0];
    assert_eq!(condition.place, Component::Landing("events"));
    assert!(
        condition
            .reason
            .contains("the schema has no field /loyalty")
    );
    // An hour after the last failed batch it is not said any more.
    process.now.store(NOW + 3_600_001, Ordering::Relaxed);
    process.look().await;
    assert!(process.conditions.all().is_empty());
}

#[tokio::test]
async fn failed_record_is_named_once_by_any_number_of_processes() {
    let world = world("e-1");
    for _ in 0..2 {
        let mut process = Process::start(&world, &[0]);
        process.look().await;
        process.look().await;
    }
    assert_eq!(dead_letters(&world).len(), 1);
    // The same record in another batch has failed again.
    fail(&world, "B2", "e-1");
    Process::start(&world, &[0]).look().await;
    assert_eq!(dead_letters(&world).len(), 2);
}

#[tokio::test]
async fn failed_record_is_named_by_the_owner_of_its_partition_alone() {
    let world = world("e-1");
    let mut other = Process::start(&world, &[3]);
    other.look().await;
    assert!(dead_letters(&world).is_empty());
    // It takes the partition over before its owner has written anything.
    other.own(&[0, 3]);
    other.look().await;
    assert_eq!(dead_letters(&world).len(), 1);
}

#[tokio::test]
async fn record_that_retention_removed_is_named_with_what_came_back() {
    let world = world("e-1");
    world.source.lock().unwrap().clear();
    Process::start(&world, &[0]).look().await;
    assert_eq!(
        dead_letters(&world)[0]["record"],
        json!({"event": {"_id": "e-1"}})
    );
}

#[tokio::test]
async fn record_of_others_is_counted_once_and_not_named() {
    let world = world("e-1");
    world.journal.lock().unwrap().clear();
    let mut process = Process::start(&world, &[0]);
    process.look().await;
    // It may be in what another process has not written yet.
    assert_eq!(process.progress.count_of_unmatched(), 0);
    process.now.store(NOW + 61_000, Ordering::Relaxed);
    process.look().await;
    process.look().await;
    assert_eq!(process.progress.count_of_unmatched(), 1);
    assert!(dead_letters(&world).is_empty());
}

#[tokio::test]
async fn permission_that_is_missing_makes_landing_unknown_and_nothing_else() {
    let world = world("e-1");
    *world.forbidden.lock().unwrap() = true;
    let mut process = Process::start(&world, &[0]);
    process.look().await;
    assert_eq!(process.progress.look(), Look::Forbidden("View Datasets"));
    assert!(process.conditions.all().is_empty());
    *world.forbidden.lock().unwrap() = false;
    process.look().await;
    assert_eq!(dead_letters(&world).len(), 1);
}

#[tokio::test]
async fn dataflow_that_fails_for_days_is_told_before_adobe_disables_it() {
    let world = Arc::<World>::default();
    let mut process = Process::start(&world, &[0]);
    let day = 24 * 3600 * 1000;
    for (days, told) in [
        (0, None),
        (2, Some("disables it in 28")),
        (31, Some("disables it in 0")),
    ] {
        *world.failing_since.lock().unwrap() = Some(NOW - days * day - 1);
        process.look().await;
        let conditions = process.conditions.all();
        let reasons: BTreeSet<&str> = conditions
            .iter()
            .filter(|condition| condition.place == Component::Dataflow("events"))
            .map(|condition| condition.reason.as_str())
            .collect();
        assert_eq!(reasons.len(), usize::from(told.is_some()));
        assert!(
            reasons
                .iter()
                .all(|reason| reason.contains(told.unwrap_or_default()))
        );
    }
    *world.failing_since.lock().unwrap() = None;
    process.look().await;
    assert!(process.conditions.all().is_empty());
}
