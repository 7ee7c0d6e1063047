//! Looks at an interval for records that did not land, and names them.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use capillary_xdm::{Mapper, Params};
use tokio::sync::Mutex;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{debug, warn};

use super::dead_letter;
use super::journal::{Entry, Journal, encode};
use super::known::{Failure, KnownDeadLetters};
use super::matching::Candidates;
use super::platform::{FailedBatch, FailedRecord, LookError, PlatformApi};
use super::progress::{LandingProgress, Look};
use super::storage::Storage;
use super::target::Target;
use crate::broker::{BrokerError, PartitionStatuses};
use crate::clock::Clock;
use crate::config::Landed;
use crate::dead_letter::{DeadLetter, RecentDeadLetters};
use crate::error::Fault;
use crate::inlet_name::InletName;
use crate::telemetry::{Component, Condition, Conditions, Metrics};

/// Between two writes of the journal.
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);
/// After the first look, which goes back as far as the journal, a batch that is older than this
/// does not begin to fail any more.
const LOOK_BACK: Duration = Duration::from_secs(4 * 3600);
/// What was acknowledged is in the journal within seconds: what is not there then, never will be.
/// In milliseconds.
const SETTLED_MS: i64 = 60 * 1000;
/// Dead letters of one write.
const DEAD_LETTERS: usize = 200;
/// Adobe disables a dataflow that has failed for thirty days on end.
const DISABLED_AFTER_DAYS: i64 = 30;
const DAY_MS: i64 = 24 * 3600 * 1000;

/// What is asked for failed records.
pub(crate) trait Platform: Send + Sync {
    /// Batches of a dataset with failed records, created after this time, oldest first.
    fn failed_batches(
        &self,
        dataset: &str,
        after: i64,
    ) -> impl Future<Output = Result<Vec<FailedBatch>, LookError>> + Send;
    /// The failed records of a batch.
    fn failed_records(
        &self,
        batch: &str,
    ) -> impl Future<Output = Result<Vec<FailedRecord>, LookError>> + Send;
    /// Since when all runs of a flow have failed.
    fn failing_since(
        &self,
        flow: &str,
    ) -> impl Future<Output = Result<Option<i64>, LookError>> + Send;
}

impl Platform for PlatformApi {
    async fn failed_batches(
        &self,
        dataset: &str,
        after: i64,
    ) -> Result<Vec<FailedBatch>, LookError> {
        Self::failed_batches(self, dataset, after).await
    }

    async fn failed_records(&self, batch: &str) -> Result<Vec<FailedRecord>, LookError> {
        Self::failed_records(self, batch).await
    }

    async fn failing_since(&self, flow: &str) -> Result<Option<i64>, LookError> {
        Self::failing_since(self, flow).await
    }
}

/// What the watch works with.
pub(crate) struct WatchParts<P, S> {
    pub(crate) settings: Landed,
    /// The source topic.
    pub(crate) topic: String,
    pub(crate) params: Params,
    /// The inlets whose datasets and flows are known.
    pub(crate) targets: Vec<Target>,
    pub(crate) platform: P,
    pub(crate) storage: S,
    pub(crate) journal: Arc<Journal>,
    pub(crate) progress: Arc<LandingProgress>,
    pub(crate) partitions: Arc<PartitionStatuses>,
    pub(crate) conditions: Arc<Conditions>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) recent: Arc<RecentDeadLetters>,
    pub(crate) clock: Clock,
}

/// Looks for records that did not land. Delivery knows of it by its [`Journal`] alone.
pub(crate) struct Watch<P, S> {
    parts: WatchParts<P, S>,
    /// One write of the journal at a time: who waits for it knows that the one before is through.
    flushing: Mutex<()>,
}

/// A failed batch that is not dealt with.
#[derive(Debug)]
struct PendingBatch {
    inlet: InletName,
    batch: FailedBatch,
    records: Vec<FailedRecord>,
}

/// What failed of one batch.
struct BatchFailures {
    created: i64,
    inlet: InletName,
    /// One for each failed record.
    words: Vec<String>,
}

/// What is remembered from one look to the next.
pub(super) struct Looks {
    mapper: Mapper,
    known: KnownDeadLetters,
    pending: BTreeMap<String, PendingBatch>,
    /// Batches that are dealt with, as long as the platform lists them.
    done: BTreeSet<String>,
    /// What failed of each batch, in words.
    failures: BTreeMap<String, BatchFailures>,
    /// Permissions that were told to be missing.
    told: BTreeSet<&'static str>,
    is_first: bool,
}

impl<P: Platform, S: Storage> Watch<P, S> {
    pub(crate) fn new(parts: WatchParts<P, S>) -> Self {
        Self {
            parts,
            flushing: Mutex::default(),
        }
    }

    /// Writes the journal and looks, for ever.
    pub(crate) async fn run(&self) {
        let flushing = async {
            let mut ticks = interval(FLUSH_INTERVAL);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut was_failing = false;
            loop {
                ticks.tick().await;
                let flushed = self.flush().await;
                if let Err(error) = &flushed
                    && !was_failing
                {
                    warn!(%error, "the journal of what was sent cannot be written; delivery goes \
                        on, and records that do not land may not be named");
                }
                was_failing = flushed.is_err();
            }
        };
        let looking = async {
            let mut looks = self.looks();
            let mut ticks = interval(self.parts.settings.interval);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                self.look(&mut looks).await;
            }
        };
        tokio::join!(flushing, looking);
    }

    pub(super) fn looks(&self) -> Looks {
        Looks {
            mapper: Mapper::new(self.parts.params.clone()),
            known: KnownDeadLetters::default(),
            pending: BTreeMap::new(),
            done: BTreeSet::new(),
            failures: BTreeMap::new(),
            told: BTreeSet::new(),
            is_first: true,
        }
    }

    /// Writes what the journal holds in memory.
    pub(crate) async fn flush(&self) -> Result<(), BrokerError> {
        let _only = self.flushing.lock().await;
        let (entries, dropped) = self.parts.journal.take();
        if dropped > 0 {
            warn!(
                dropped,
                "the journal of what was sent found no room; these records cannot be named if \
                they do not land"
            );
        }
        if entries.is_empty() {
            return Ok(());
        }
        let written = self.parts.storage.append(encode(&entries)).await;
        if written.is_err() {
            self.parts.journal.put_back(entries);
        }
        written
    }

    /// One look. What goes wrong is told, and tried again at the next.
    pub(super) async fn look(&self, looks: &mut Looks) {
        // A standby reads nothing, so it has nothing to name.
        if self.parts.partitions.ownership().owned.is_empty() {
            return;
        }
        let now = self.parts.clock.now_ms();
        let targets = self.parts.targets.iter();
        let acknowledged: Vec<_> = targets
            .map(|target| (target.inlet, self.parts.journal.count(target.inlet)))
            .collect();
        match self.list(looks, now).await {
            Ok(()) => self.parts.progress.looked(now, &acknowledged),
            Err(error) => self.not_looked(looks, &error),
        }
        if !looks.pending.is_empty()
            && let Err(error) = self.name(looks, now).await
        {
            warn!(%error, "records that did not land cannot be named yet; it is tried again");
        }
        self.tell(looks, now);
        self.flows(looks, now).await;
    }

    fn not_looked(&self, looks: &mut Looks, error: &LookError) {
        match error {
            LookError::Forbidden { permission, .. } => {
                self.parts.progress.not_looked(Look::Forbidden(permission));
                if looks.told.insert(*permission) {
                    warn!(
                        %error,
                        permission,
                        "whether records landed is not known; grant the credential's role this \
                        permission, or set `landed: off`. Delivery goes on"
                    );
                }
            }
            LookError::Failed { reason, .. } => {
                let look = Look::Failed(reason.clone());
                if self.parts.progress.look() != look {
                    warn!(%error, "whether records landed is not known now; it is asked again");
                }
                self.parts.progress.not_looked(look);
            }
        }
    }

    /// Finds failed batches that were not seen before, and reads their records.
    async fn list(&self, looks: &mut Looks, now: i64) -> Result<(), LookError> {
        let retention = self.parts.settings.journal.retention;
        let back = if looks.is_first {
            retention
        } else {
            retention.min(LOOK_BACK)
        };
        let after = now.saturating_sub(i64::try_from(back.as_millis()).unwrap_or(i64::MAX));
        let mut listed = BTreeSet::new();
        for target in &self.parts.targets {
            let found = self.parts.platform.failed_batches(&target.dataset, after);
            for batch in found.await? {
                listed.insert(batch.id.clone());
                if looks.done.contains(&batch.id) || looks.pending.contains_key(&batch.id) {
                    continue;
                }
                let records = self.parts.platform.failed_records(&batch.id).await?;
                self.without_record(&batch, target.inlet, &records);
                let pending = PendingBatch {
                    inlet: target.inlet,
                    batch: batch.clone(),
                    records,
                };
                looks.pending.insert(batch.id, pending);
            }
        }
        looks.done.retain(|batch| listed.contains(batch));
        looks.is_first = false;
        Ok(())
    }

    /// Tells of failed records whose batch does not show them.
    fn without_record(&self, batch: &FailedBatch, inlet: InletName, records: &[FailedRecord]) {
        let shown = records.iter().filter(|record| record.entity.is_some());
        let shown = u64::try_from(shown.count()).unwrap_or(u64::MAX);
        let all = u64::try_from(records.len()).unwrap_or(u64::MAX);
        let all = batch.records.unwrap_or(0).max(all).max(1);
        let hidden = all.saturating_sub(shown);
        if hidden > 0 {
            self.parts.progress.unmatched(hidden);
            warn!(
                inlet = inlet.as_str(),
                batch = batch.id,
                records = hidden,
                codes = batch.codes.join(" "),
                "records did not land, and the files of their batch do not show which"
            );
        }
    }

    /// Matches the failed records with the journal, and writes the dead letters that are missing.
    async fn name(&self, looks: &mut Looks, now: i64) -> Result<(), BrokerError> {
        self.flush().await?;
        let mut candidates = Candidates::default();
        for pending in looks.pending.values() {
            for record in &pending.records {
                candidates.want(pending.inlet, record);
            }
        }
        self.parts.storage.scan(&mut candidates).await?;
        self.parts.storage.follow(&mut looks.known).await?;
        let batches: Vec<String> = looks.pending.keys().cloned().collect();
        for id in batches {
            if self.name_batch(looks, &candidates, &id, now).await? {
                looks.pending.remove(&id);
                looks.done.insert(id);
            }
        }
        Ok(())
    }

    /// Whether nothing is left to do about the batch.
    async fn name_batch(
        &self,
        looks: &mut Looks,
        candidates: &Candidates,
        id: &str,
        now: i64,
    ) -> Result<bool, BrokerError> {
        let Some(pending) = looks.pending.get(id) else {
            return Ok(true);
        };
        let PendingBatch {
            inlet,
            batch,
            records,
        } = pending;
        let owned = self.parts.partitions.ownership().owned;
        let matches = candidates.of_batch(*inlet, batch.created, records);
        let mut missing = Vec::new();
        let mut unmatched = 0;
        let mut is_complete = true;
        let mut words = Vec::new();
        for (record, entries) in records.iter().zip(&matches) {
            if entries.is_empty() && record.entity.is_some() {
                unmatched += 1;
            }
            if !entries.is_empty() {
                words.push(dead_letter::violation(record).words());
            }
            for entry in entries {
                if looks.known.has(&Failure::new(id, entry)) {
                    continue;
                }
                if owned.contains(&entry.position.partition) {
                    missing.push((record, *entry));
                } else {
                    // Its owner writes it; seen in the topic then.
                    is_complete = false;
                }
            }
        }
        if !words.is_empty() {
            let failures = BatchFailures {
                created: batch.created,
                inlet: *inlet,
                words,
            };
            looks.failures.insert(id.to_owned(), failures);
        }
        let is_settled = now.saturating_sub(batch.created) > SETTLED_MS;
        if unmatched > 0 && is_settled {
            self.parts.progress.unmatched(unmatched);
            warn!(
                inlet = inlet.as_str(),
                batch = id,
                records = unmatched,
                "records of this dataset did not land that are not in the journal: others sent \
                them, or they were sent before it begins"
            );
        } else if unmatched > 0 {
            is_complete = false;
        }
        for missing in missing.chunks(DEAD_LETTERS) {
            let dead_letters = self.compose(&mut looks.mapper, batch, missing).await?;
            self.write(*inlet, id, dead_letters).await?;
        }
        Ok(is_complete)
    }

    async fn compose(
        &self,
        mapper: &mut Mapper,
        batch: &FailedBatch,
        missing: &[(&FailedRecord, Entry)],
    ) -> Result<Vec<DeadLetter>, BrokerError> {
        let mut dead_letters = Vec::with_capacity(missing.len());
        for (record, entry) in missing {
            let source = self.parts.storage.source(entry.position).await?;
            let topic = &self.parts.topic;
            let dead_letter =
                dead_letter::compose(topic, mapper, batch, entry, record, source.as_ref());
            dead_letters.push(dead_letter.map_err(|error| BrokerError::Task(error.to_string()))?);
        }
        Ok(dead_letters)
    }

    async fn write(
        &self,
        inlet: InletName,
        batch: &str,
        dead_letters: Vec<DeadLetter>,
    ) -> Result<(), BrokerError> {
        let mut values = Vec::with_capacity(dead_letters.len());
        for dead_letter in &dead_letters {
            let json = dead_letter.to_json();
            let json = json.map_err(|error| BrokerError::Task(error.to_string()))?;
            values.push((dead_letter.key().to_owned(), json));
        }
        self.parts.storage.write(values).await?;
        let now = self.parts.clock.now_ms();
        let count = u64::try_from(dead_letters.len()).unwrap_or(u64::MAX);
        self.parts.progress.failed(inlet, count);
        let mut kinds: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
        for dead_letter in &dead_letters {
            self.parts.metrics.dead_lettered(dead_letter.reason());
            self.parts.recent.push(dead_letter.summary(now));
            let field = dead_letter.pointer().unwrap_or("-");
            *kinds
                .entry((dead_letter.reason(), field, dead_letter.kind()))
                .or_default() += 1;
        }
        for ((reason, field, kind), records) in kinds {
            warn!(
                inlet = inlet.as_str(),
                reason,
                field,
                kind,
                records,
                batch,
                "records did not land although they were acknowledged; dead-lettered: once the \
                cause is mended, `replay` sends them again"
            );
        }
        Ok(())
    }

    /// Says in `/ready` what does not land now.
    fn tell(&self, looks: &mut Looks, now: i64) {
        let within = i64::try_from(self.parts.settings.within.as_millis()).unwrap_or(i64::MAX);
        let since = now.saturating_sub(within);
        looks
            .failures
            .retain(|_, failures| failures.created > since);
        for target in &self.parts.targets {
            let place = Component::Landing(target.inlet.as_str());
            let mut words: BTreeMap<&str, u64> = BTreeMap::new();
            let failures = looks.failures.values();
            let of_inlet = failures.filter(|failures| failures.inlet == target.inlet);
            for what in of_inlet.flat_map(|failures| &failures.words) {
                *words.entry(what).or_default() += 1;
            }
            let Some((what, _)) = words.iter().max_by_key(|(_, count)| **count) else {
                self.parts.conditions.clear(place);
                continue;
            };
            let records: u64 = words.values().sum();
            let condition = Condition {
                fault: Fault::User,
                reason: format!(
                    "{records} acknowledged records did not land lately; most often: {what}"
                ),
                remedy:
                    "mend schema, dataset or mapping as the reason says; the records are in the \
                    dead-letter topic with stage `landing`, and `replay` sends them again"
                        .to_owned(),
            };
            self.parts.conditions.put(place, condition);
        }
    }

    /// Warns of a dataflow that Adobe is going to disable.
    async fn flows(&self, looks: &mut Looks, now: i64) {
        for target in &self.parts.targets {
            let Some(flow) = &target.flow else { continue };
            let since = match self.parts.platform.failing_since(flow).await {
                Ok(since) => since,
                Err(LookError::Forbidden { permission, .. }) => {
                    if looks.told.insert(permission) {
                        warn!(
                            permission,
                            "whether dataflows fail is not known; grant the credential's role this \
                            permission. Delivery goes on"
                        );
                    }
                    continue;
                }
                Err(error) => {
                    debug!(%error, "runs of a dataflow cannot be read");
                    continue;
                }
            };
            self.parts.progress.set_failing(target.inlet, since);
            let place = Component::Dataflow(target.inlet.as_str());
            let days = since.map_or(0, |since| now.saturating_sub(since) / DAY_MS);
            if days < 1 {
                self.parts.conditions.clear(place);
                continue;
            }
            let left = DISABLED_AFTER_DAYS.saturating_sub(days).max(0);
            if !self.parts.conditions.has(place) {
                warn!(
                    inlet = target.inlet.as_str(),
                    days,
                    left,
                    "every run of the dataflow fails; Adobe disables it after 30 days of that"
                );
            }
            let condition = Condition {
                fault: Fault::User,
                reason: format!(
                    "every run of the dataflow has failed for {days} days; Adobe disables it in \
                        {left}"
                ),
                remedy: "mend what the failed records name; until then nothing lands".to_owned(),
            };
            self.parts.conditions.put(place, condition);
        }
    }
}
