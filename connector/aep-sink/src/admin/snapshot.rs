//! Everything there is to show, at one moment.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::broker::{Ownership, PartitionStatus, PartitionStatuses};
use crate::clock::Clock;
use crate::config::Config;
use crate::dead_letter::{DeadLetterSummary, RecentDeadLetters};
use crate::ims::{TokenSource, TokenStatus};
use crate::inlet_name::InletName;
use crate::landing::{InletProgress, Landing, Look};
use crate::offset_tracker::Outcome;
use crate::offset_tracker::{OffsetTracker, Progress};
use crate::telemetry::{ActiveCondition, Component, Condition, Conditions, Counts, Metrics};

/// What is shown of the configuration.
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    pub(super) name: String,
    pub(super) topic: String,
    pub(super) consumer: String,
    pub(super) dead_letter_topic: String,
    pub(super) with_profiles: bool,
}

impl From<&Config> for Instance {
    fn from(config: &Config) -> Self {
        Self {
            name: config.name.clone(),
            topic: config.topic.clone(),
            consumer: config.consumer.id.clone(),
            dead_letter_topic: config.platform.dead_letter.topic.clone(),
            with_profiles: config.platform.profiles.is_some(),
        }
    }
}

/// Handles to everything that is shown.
#[derive(Debug)]
pub(crate) struct Observer {
    pub(crate) instance: Instance,
    pub(crate) clock: Clock,
    /// When the process started, milliseconds since the epoch.
    pub(crate) started: i64,
    pub(crate) tracker: Arc<OffsetTracker>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) dead_letters: Arc<RecentDeadLetters>,
    pub(crate) partitions: Arc<PartitionStatuses>,
    pub(crate) conditions: Arc<Conditions>,
    pub(crate) tokens: TokenSource,
    /// What became of acknowledged records; `None` when nobody asks.
    pub(crate) landing: Option<Landing>,
    /// How long the topic keeps its records; known once the cluster was reached.
    pub(crate) retention: OnceLock<Duration>,
}

/// One partition.
#[derive(Debug, Clone, Copy)]
pub(super) struct PartitionView {
    pub(super) partition: u32,
    pub(super) status: PartitionStatus,
    /// `None` until it is known where reading begins.
    pub(super) progress: Option<Progress>,
}

/// What became of acknowledged records.
#[derive(Debug)]
pub(super) struct LandingView {
    pub(super) look: Look,
    pub(super) unmatched: u64,
    pub(super) inlets: BTreeMap<InletName, InletProgress>,
    /// How long the dataflow of an inlet has failed, milliseconds.
    pub(super) failing: BTreeMap<InletName, i64>,
}

/// Everything there is to show.
#[derive(Debug)]
pub(super) struct Snapshot<'a> {
    pub(super) instance: &'a Instance,
    /// Milliseconds since the epoch.
    pub(super) now: i64,
    pub(super) started: i64,
    pub(super) partitions: Vec<PartitionView>,
    pub(super) ownership: Ownership,
    pub(super) buffer_bytes: u64,
    pub(super) buffer_limit: u64,
    pub(super) absent: u64,
    pub(super) evicted: u64,
    pub(super) passed_over: u64,
    pub(super) retention: Option<Duration>,
    pub(super) counts: Counts,
    pub(super) dead_letters: VecDeque<DeadLetterSummary>,
    pub(super) token: TokenStatus,
    /// `None` when nobody asks.
    pub(super) landing: Option<LandingView>,
    /// What was reported of inlets, also where it follows from something else.
    pub(super) inlet_conditions: BTreeMap<InletName, ActiveCondition>,
    /// What keeps records from being delivered; empty means ready.
    pub(super) conditions: Vec<ActiveCondition>,
}

impl PartitionView {
    /// Offsets that are not settled, read or not.
    pub(super) fn lag(&self) -> Option<u64> {
        let progress = self.progress?;
        // The broker tells both with some delay.
        let end = self.status.high_watermark.max(self.status.log_end)?;
        let end = end.max(progress.next);
        let settled = progress
            .settled
            .map_or(0, |settled| settled.saturating_add(1));
        u64::try_from(end.saturating_sub(settled)).ok()
    }
}

impl Observer {
    pub(super) fn snapshot(&self) -> Snapshot<'_> {
        let now = self.clock.now_ms();
        let (progress, buffer_bytes) = self.tracker.progress_of_all();
        let progress: BTreeMap<u32, Progress> = progress
            .into_iter()
            .map(|progress| (progress.partition, progress))
            .collect();
        let partitions = self.partitions.snapshot().into_iter();
        let counts = self.metrics.snapshot();
        let token = self.tokens.status();
        let reported = self.conditions.all();
        let inlet_conditions = [InletName::Events, InletName::Profiles]
            .into_iter()
            .filter_map(|name| {
                let component = Component::Inlet(name.as_str());
                let condition = reported.iter().find(|found| found.place == component)?;
                Some((name, condition.clone()))
            })
            .collect();
        let conditions = conditions(reported, &token, now);
        let landing = self.landing.as_ref();
        let landing = landing.map(|landing| landing_view(landing, now));
        Snapshot {
            landing,
            instance: &self.instance,
            now,
            started: self.started,
            partitions: partitions
                .map(|(partition, status)| PartitionView {
                    partition,
                    status,
                    progress: progress.get(&partition).copied(),
                })
                .collect(),
            ownership: self.partitions.ownership(),
            buffer_bytes,
            buffer_limit: self.tracker.max_bytes(),
            absent: self.tracker.count(Outcome::Absent),
            evicted: self.tracker.count(Outcome::Evicted),
            passed_over: self.tracker.count(Outcome::PassedOver),
            retention: self.retention.get().copied(),
            counts,
            dead_letters: self.dead_letters.all(),
            token,
            inlet_conditions,
            conditions,
        }
    }
}

fn landing_view(landing: &Landing, now: i64) -> LandingView {
    let inlets = [InletName::Events, InletName::Profiles];
    LandingView {
        look: landing.progress.look(),
        unmatched: landing.progress.count_of_unmatched(),
        inlets: inlets
            .into_iter()
            .map(|inlet| {
                (
                    inlet,
                    landing.progress.of(inlet, landing.journal.count(inlet)),
                )
            })
            .collect(),
        failing: inlets
            .into_iter()
            .filter_map(|inlet| Some((inlet, now - landing.progress.failing_since(inlet)?)))
            .collect(),
    }
}

/// What was reported, and that there is no access token, which only time may bring about: a token
/// that cannot be renewed is used until it expires.
fn conditions(
    reported: Vec<ActiveCondition>,
    token: &TokenStatus,
    now: i64,
) -> Vec<ActiveCondition> {
    let mut all = reported;
    if let Some((error, failing)) = token.error.as_ref().filter(|_| token.current.is_none()) {
        let since = now - i64::try_from(failing.as_millis()).unwrap_or(0);
        let condition = Condition::of(error.fault(), error);
        all.push(ActiveCondition::new(Component::Token, since, condition));
    }
    let components: BTreeSet<Component> = all.iter().map(|condition| condition.place).collect();
    // The cause says it already.
    all.retain(|condition| {
        condition
            .caused_by
            .is_none_or(|cause| !components.contains(&cause))
    });
    all.sort_by_key(|condition| condition.place);
    all
}

impl Snapshot<'_> {
    pub(super) fn is_ready(&self) -> bool {
        self.conditions.is_empty()
    }

    /// The inlets of the configuration.
    pub(super) fn inlets(&self) -> impl Iterator<Item = InletName> {
        let profiles = self.instance.with_profiles.then_some(InletName::Profiles);
        std::iter::once(InletName::Events).chain(profiles)
    }

    /// How long ago the oldest unsettled record of a partition was produced; `None` when that is
    /// not known.
    pub(super) fn oldest_age(&self, view: &PartitionView) -> Option<Duration> {
        if view.lag()? == 0 {
            return Some(Duration::ZERO);
        }
        let (_, produced) = view.status.oldest?;
        let age = self.now.saturating_sub(produced);
        Some(Duration::from_millis(u64::try_from(age).unwrap_or(0)))
    }

    /// Records that were read and are not settled.
    pub(super) fn pending(&self) -> usize {
        let progress = self.partitions.iter().filter_map(|view| view.progress);
        progress.map(|progress| progress.pending).sum()
    }
}
