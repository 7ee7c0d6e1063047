//! Checks from time to time which partitions there are, and whether the stored offsets are this
//! process's own.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;
use tracing::{debug, error, info, warn};

use crate::config::{Partitions, Start};
use crate::confirmations::Confirmations;
use crate::error::{Fault, Retry};
use crate::telemetry::{Component, Condition};

use super::context::ConsumerContext;
use super::start_position::PartitionStart;
use crate::backoff::ReconnectBackoff;
use crate::broker::error::BrokerError;
use crate::broker::offsets::{StoredOffsets, Verdict};

/// How often the stored offsets are read back and new partitions are looked for.
const INTERVAL: Duration = Duration::from_secs(30);
/// A second look decides: the first may have met an instance that was just being replaced, or a
/// controller that was just started.
const LOOKS: u32 = 2;
/// While this process holds the writer's lease, another one with the same id is about to end by
/// itself.
const PATIENT_LOOKS: u32 = 4;

/// Compares the cluster with what this process reads and commits.
pub(super) struct Reconciler {
    context: Arc<ConsumerContext>,
    offsets: StoredOffsets,
    starts: mpsc::Sender<PartitionStart>,
    /// The partitions that are read.
    started: BTreeSet<u32>,
    foreign: Confirmations,
    unlisted: Confirmations,
    list_backoff: ReconnectBackoff,
    read_backoff: ReconnectBackoff,
}

impl Reconciler {
    /// Partitions that are to be read go to `starts`.
    pub(super) fn new(context: Arc<ConsumerContext>, starts: mpsc::Sender<PartitionStart>) -> Self {
        let offsets = StoredOffsets::new(
            Arc::clone(&context.metadata),
            context.topic.clone(),
            context.consumer.clone(),
        );
        Self {
            context,
            offsets,
            starts,
            started: BTreeSet::new(),
            foreign: Confirmations::spaced(INTERVAL),
            unlisted: Confirmations::spaced(INTERVAL),
            list_backoff: ReconnectBackoff::new(),
            read_backoff: ReconnectBackoff::new(),
        }
    }

    /// Ends only with an error that does not pass.
    pub(super) async fn run(mut self) -> BrokerError {
        loop {
            match self.reconcile().await {
                Ok(None) => sleep(INTERVAL).await,
                Ok(Some(pause)) => sleep(pause).await,
                Err(error) => return error,
            }
        }
    }

    /// One round. `Some` when a part of it failed in passing: the pause before it is repeated.
    async fn reconcile(&mut self) -> Result<Option<Duration>, BrokerError> {
        // Two parts: SPUs give the stored offsets also while the controller is down.
        let listed = self.listed().await;
        let listed = self.after_listing(listed)?;
        let stored = self.stored(listed.as_ref().ok()).await;
        let stored = self.after_reading(stored)?;
        match (listed, stored) {
            (Ok(listed), Ok(stored)) => {
                self.begin(&listed, &stored).await;
                Ok(None)
            }
            (Err(pause), Ok(_)) | (Ok(_), Err(pause)) => Ok(Some(pause)),
            (Err(one), Err(other)) => Ok(Some(one.min(other))),
        }
    }

    /// The partitions the cluster lists. One that is read and is not among them counts as a doubt:
    /// its reader may wait for room and hear of nothing.
    async fn listed(&mut self) -> Result<BTreeSet<u32>, BrokerError> {
        let topic = &self.context.topic;
        let listed = self.context.metadata.partitions(topic).await?;
        let listed: BTreeSet<u32> = listed.into_iter().collect();
        let Some(missing) = self.started.difference(&listed).next() else {
            self.unlisted.reset();
            return Ok(listed);
        };
        if self.unlisted.suffice(LOOKS) {
            return Err(BrokerError::TopicDeleted {
                topic: topic.clone(),
            });
        }
        let replica = self.context.replica(*missing);
        let doubt = BrokerError::NotListed { replica };
        warn!("{doubt}");
        self.context
            .conditions
            .put(Component::Partitions, Condition::of(doubt.fault(), &doubt));
        Ok(listed)
    }

    /// Reports how listing ended. An inner error is the pause before the next attempt.
    fn after_listing<T>(
        &mut self,
        ended: Result<T, BrokerError>,
    ) -> Result<Result<T, Duration>, BrokerError> {
        let conditions = &self.context.conditions;
        match ended {
            Ok(listed) => {
                if self.list_backoff.failures() > 0 {
                    info!("the partitions can be listed again");
                    self.list_backoff.reset();
                }
                if self.unlisted.is_empty() {
                    conditions.clear(Component::Partitions);
                }
                Ok(Ok(listed))
            }
            Err(error) if error.retry() == Retry::Never => Err(error),
            Err(error) => {
                if self.list_backoff.failures() > 0 {
                    debug!(%error, "the partitions still cannot be listed");
                } else {
                    warn!(%error, "the partitions of the topic cannot be listed");
                }
                conditions.put(Component::Partitions, Condition::of(error.fault(), &error));
                Ok(Err(self.list_backoff.pause()))
            }
        }
    }

    /// Reads the stored offsets and judges them.
    async fn stored(
        &mut self,
        listed: Option<&BTreeSet<u32>>,
    ) -> Result<HashMap<u32, i64>, BrokerError> {
        let acknowledged = self.context.commit_history.snapshot();
        let stored = self.offsets.read().await?;
        match self.judge(&stored, &acknowledged, listed).await? {
            Some(foreign) => {
                let looks = self.foreign.add();
                if let Some(look) = looks {
                    error!(look, "{foreign}");
                }
                let condition = Condition {
                    fault: Fault::User,
                    reason: foreign.to_string(),
                    remedy:
                        "stop the other process, or give each its own meta.consumer.id and its \
                        own partitions"
                            .to_owned(),
                };
                self.context.conditions.put(Component::Writer, condition);
                let enough = if self.context.writer_lease.is_held() {
                    PATIENT_LOOKS
                } else {
                    LOOKS
                };
                if looks.is_some_and(|looks| looks >= enough) {
                    return Err(foreign);
                }
            }
            None => self.context.conditions.clear(Component::Writer),
        }
        Ok(stored)
    }

    /// Reports how reading the stored offsets ended. An inner error is the pause before the next
    /// attempt.
    fn after_reading<T>(
        &mut self,
        ended: Result<T, BrokerError>,
    ) -> Result<Result<T, Duration>, BrokerError> {
        let conditions = &self.context.conditions;
        match ended {
            Ok(stored) => {
                if self.read_backoff.failures() > 0 {
                    info!("the stored offsets can be read again");
                    self.read_backoff.reset();
                    conditions.clear(Component::StoredOffsets);
                }
                Ok(Ok(stored))
            }
            Err(error) if error.retry() == Retry::Never => Err(error),
            Err(error) => {
                if self.read_backoff.failures() > 0 {
                    debug!(%error, "the stored offsets still cannot be read");
                } else if self.started.is_empty() {
                    // Never taken for "none": beginning again would deliver everything twice.
                    warn!(%error, "waiting for the stored offsets before reading begins");
                } else {
                    warn!(%error, "the stored offsets cannot be read back");
                }
                conditions.put(
                    Component::StoredOffsets,
                    Condition::of(error.fault(), &error),
                );
                Ok(Err(self.read_backoff.pause()))
            }
        }
    }

    /// Begins the partitions that are new.
    async fn begin(&mut self, listed: &BTreeSet<u32>, stored: &HashMap<u32, i64>) {
        let first_round = self.started.is_empty();
        let partitions = match &self.context.partitions {
            Partitions::Only(list) => list.clone(),
            Partitions::All => listed.iter().copied().collect(),
        };
        // Before any of them is opened.
        self.context.fetch_budget.set_partitions(partitions.len());
        let mut starting = Vec::new();
        for partition in partitions {
            if !self.started.insert(partition) {
                continue;
            }
            // What was produced to a partition before it was noticed is new, whatever the
            // configured start.
            let start = if first_round {
                self.context.start
            } else {
                Start::Beginning
            };
            let stored = stored.get(&partition).copied();
            info!(partition, stored, "reading this partition from now on");
            starting.push(PartitionStart {
                partition,
                stored,
                start,
                startup_slot: self.context.startup_order.enter(),
            });
        }
        // All have entered before the first of them looks whether it may go.
        for start in starting {
            if self.starts.send(start).await.is_err() {
                break; // reading is about to end
            }
        }
    }

    /// Compares the stored offsets with what this process wrote; the first one it did not write is
    /// returned.
    async fn judge(
        &self,
        stored: &HashMap<u32, i64>,
        acknowledged: &HashMap<u32, i64>,
        listed: Option<&BTreeSet<u32>>,
    ) -> Result<Option<BrokerError>, BrokerError> {
        let mut foreign = None;
        for partition in self.context.commit_history.partitions() {
            let found = stored.get(&partition).copied();
            let floor = acknowledged.get(&partition).copied();
            let lost = match (
                self.context.commit_history.judge(partition, found, floor),
                found,
                floor,
            ) {
                (Verdict::Rewound, ..) => true,
                (Verdict::Gone, _, Some(floor)) => self.is_in_log(partition, floor, listed).await?,
                (Verdict::Foreign, Some(found), _) => {
                    foreign.get_or_insert(BrokerError::OtherWriter {
                        consumer: self.context.consumer.clone(),
                        partition,
                        found,
                    });
                    false
                }
                (Verdict::Ours | Verdict::Foreign | Verdict::Gone, ..) => false,
            };
            if lost {
                warn!(
                    partition,
                    found,
                    committed = floor,
                    "the broker lost the newest commits; sending them again"
                );
                self.context.commit_history.send_again(partition);
            }
        }
        Ok(foreign)
    }

    /// Whether a partition still has the record of an offset whose commit is gone.
    ///
    /// The broker removes the stored offsets of a topic with the topic. Stored again, one would be
    /// waiting for the next topic of that name, and as many of its first records would never be
    /// read.
    async fn is_in_log(
        &self,
        partition: u32,
        committed: i64,
        listed: Option<&BTreeSet<u32>>,
    ) -> Result<bool, BrokerError> {
        // While the partitions cannot be listed, nothing is known.
        if !listed.is_some_and(|listed| listed.contains(&partition)) {
            return Ok(false);
        }
        let context = &self.context;
        let connection = context
            .metadata
            .connect_leader(&context.topic, partition)
            .await?;
        let log = context.log(&connection, partition).await?;
        if log.end <= committed {
            warn!(
                partition,
                committed,
                end = log.end,
                "the stored offset is gone, and the log does not reach it; it is not stored again"
            );
        }
        Ok(log.end > committed)
    }
}
