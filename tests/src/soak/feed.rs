//! The producer of a soak: a modest, steady stream of raw events, and it remembers where each one
//! lies.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fastrand::Rng;
use fluvio::Compression;
use serde_json::{Value, json};

use crate::cluster::ProducedRecord;
use crate::oracle::Produced;
use crate::scenario::{Scenario, ScenarioError};
use crate::simulator::{Dialect, Fault, Selector, Step, Target};
use crate::workload::{Expected, Mix, RawEvent, Workload};

use super::script::status;

/// Between two portions.
pub(super) const EVERY: Duration = Duration::from_millis(250);
/// Customers of the made-up programme.
const CUSTOMERS: u64 = 40;
/// Kinds that state no profile facts: a statement ahead of its time would rightly win over later
/// ones.
const EVENT_ONLY: [&str; 3] = [
    "transactionAdded",
    "pointsExpiryReminder",
    "promotionEarned",
];

/// Produces, one portion at a time. Broker faults hold it back: a producer that does not know
/// whether its record was stored would produce it twice, and that is no fault of the connector.
pub(super) struct Feed {
    workload: Workload,
    rng: Rng,
    produced: Vec<Produced>,
    /// Steps that refuse single records for as long as the soak runs.
    refusals: Vec<Step>,
    /// The faults of the next events.
    doomed: Vec<Fault>,
    /// How far ahead of the clock the next events lie, milliseconds.
    ahead: Vec<i64>,
}

impl Feed {
    pub(super) fn new(seed: u64) -> Result<Self, ScenarioError> {
        Self::with_mix(seed, Mix::default())
    }

    /// The same with another share of records that are not delivered.
    pub(super) fn with_mix(seed: u64, mix: Mix) -> Result<Self, ScenarioError> {
        let workload = Workload::new(seed, CUSTOMERS, mix, now_ms())
            .map_err(|error| ScenarioError::Waited(error.to_string()))?;
        Ok(Self {
            workload,
            rng: Rng::with_seed(seed.wrapping_add(1)),
            produced: Vec::new(),
            refusals: Vec::new(),
            doomed: Vec::new(),
            ahead: Vec::new(),
        })
    }

    /// All that was produced.
    pub(super) fn produced(&self) -> &[Produced] {
        &self.produced
    }

    /// The next events are refused for good; a profile statement in the same record is not.
    pub(super) fn refuse(&mut self, dialect: Dialect, count: usize) {
        // A text of the target's scope among accepted records, and one about the record.
        let texts = [
            None,
            Some("Message is invalid: required key [channel] not found".to_owned()),
        ];
        let fault = || Fault::Message {
            status: status(400),
            message: texts[self.rng.usize(..2)].clone(),
            dialect: Some(dialect),
            accept: false,
        };
        let faults = std::iter::repeat_with(fault).take(count).collect();
        self.doom(faults);
    }

    /// Each of the next events meets one of these faults whenever it is sent.
    pub(super) fn doom(&mut self, faults: Vec<Fault>) {
        self.doomed = faults;
    }

    /// What was produced so far was judged.
    pub(super) fn forget(&mut self) {
        self.produced.clear();
    }

    /// So many of the next events that are nothing but events lie a few seconds ahead of the clock,
    /// which is no reason to wait, one so far that it has to wait, and one an hour.
    pub(super) fn put_ahead(&mut self, count: usize) {
        let near = std::iter::repeat_with(|| self.rng.i64(2_000..7_000)).take(count);
        self.ahead = near.chain([3_600_000, 33_000]).collect();
    }

    /// The refusals that outlast a fault.
    pub(super) fn refusals(&self) -> &[Step] {
        &self.refusals
    }

    /// Produces so many events, each partition's in batches, compressed in whichever way.
    pub(super) async fn produce(
        &mut self,
        scenario: &Scenario,
        count: usize,
    ) -> Result<(), ScenarioError> {
        let mut portions: BTreeMap<u32, Vec<ProducedRecord>> = BTreeMap::new();
        for _ in 0..count {
            let mut event = self.workload.next_event();
            self.may_be_doomed(scenario, &event);
            if is_nothing_but_an_event(&event) {
                self.may_lie_ahead(&mut event);
            }
            let mut hasher = DefaultHasher::new();
            event.key.hash(&mut hasher);
            let partition = u32::try_from(hasher.finish() % u64::from(scenario.partitions()))
                .unwrap_or_default();
            portions.entry(partition).or_default().push(ProducedRecord {
                key: Some(event.key.into_bytes()),
                value: event.value,
            });
        }
        self.send(scenario, portions).await
    }

    /// Produces an event to each partition, none of which is refused or lies ahead, and gives their
    /// ids.
    pub(super) async fn produce_to_every_partition(
        &mut self,
        scenario: &Scenario,
    ) -> Result<Vec<String>, ScenarioError> {
        let (mut portions, mut ids) = (BTreeMap::new(), Vec::new());
        for partition in 0..scenario.partitions() {
            // Statements of one profile must not lie in two partitions: nothing would order them.
            let (id, event) = loop {
                let event = self.workload.next_event();
                match &event.expected {
                    Expected::Delivered { id } if is_nothing_but_an_event(&event) => {
                        break (id.clone(), event);
                    }
                    _ => {}
                }
            };
            ids.push(id);
            let record = ProducedRecord {
                key: Some(event.key.into_bytes()),
                value: event.value,
            };
            portions.insert(partition, vec![record]);
        }
        self.send(scenario, portions).await?;
        Ok(ids)
    }

    async fn send(
        &mut self,
        scenario: &Scenario,
        portions: BTreeMap<u32, Vec<ProducedRecord>>,
    ) -> Result<(), ScenarioError> {
        for (partition, records) in portions {
            let compressions = [
                Compression::None,
                Compression::Gzip,
                Compression::Lz4,
                Compression::Snappy,
            ];
            let compression = compressions[self.rng.usize(..compressions.len())];
            let values: Vec<_> = records.iter().map(|record| record.value.clone()).collect();
            let base = scenario
                .cluster
                .produce_batch(&scenario.topic, partition, records, compression)
                .await?;
            self.produced.extend(
                values
                    .into_iter()
                    .zip(base..)
                    .map(|(value, offset)| Produced {
                        partition,
                        offset,
                        timestamp: None,
                        value,
                    }),
            );
        }
        Ok(())
    }

    fn may_be_doomed(&mut self, scenario: &Scenario, event: &RawEvent) {
        let Expected::Delivered { id } = &event.expected else {
            return;
        };
        let Some(fault) = self.doomed.pop() else {
            return;
        };
        let step = Step::new(Target::Inlet("events".to_owned()), fault)
            .when(Selector::ids([id.as_str()]))
            .forever();
        scenario.simulator.add_fault(step.clone());
        self.refusals.push(step);
    }

    fn may_lie_ahead(&mut self, event: &mut RawEvent) {
        let Some(ahead) = self.ahead.pop() else {
            return;
        };
        let Ok(mut value) = serde_json::from_slice::<Value>(&event.value) else {
            return;
        };
        value["createdAt"] = json!(now_ms() + ahead);
        event.value = value.to_string().into_bytes();
    }
}

/// Whether it is delivered, and as an event only.
fn is_nothing_but_an_event(event: &RawEvent) -> bool {
    let text = String::from_utf8_lossy(&event.value);
    let named = |kind: &str| text.contains(&format!("\"eventName\":\"{kind}\""));
    matches!(event.expected, Expected::Delivered { .. })
        && EVENT_ONLY.iter().any(|kind| named(kind))
}

/// Milliseconds since the epoch.
fn now_ms() -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
