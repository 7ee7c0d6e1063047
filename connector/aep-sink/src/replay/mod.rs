//! Subcommand `replay`: sends dead letters again, once somebody has mended what kept them from
//! being delivered.
//!
//! What was dealt with is kept exactly ([`done`]): delivered, refused again or left with a reason
//! in the report. What a filter passed over, and what keeps failing, is all that a later run finds.
//! One replay at a time has the right to it ([`sole_run`]).

mod done;
mod extent;
mod plan;
mod report;
mod sole_run;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use crate::app::{RunError, exit_code};
use crate::broker::{BrokerError, DeadLetterLog, DeadLetterReader};
use crate::clock::Clock;
use crate::config::{Config, Platform};
use crate::dead_letter::{DeadLetterBatch, DeadLetterError, DeadLetters};
use crate::delivery::{Delivery, Parts};
use crate::error::Retry;
use crate::http;
use crate::ims::TokenSource;
use crate::offset_tracker::OffsetTracker;
use crate::offset_tracker::Outcome;
use crate::offset_tracker::Position;
use crate::offset_tracker::SourceItem;
use crate::offset_tracker::revocations;
use crate::signals::Signals;
use crate::telemetry::log;
use crate::telemetry::progress;
use crate::telemetry::{Component, Conditions, Metrics};

use done::{Done, Offsets};
use extent::Extent;
use plan::{Filter, Planner, Step, Wanted};
pub use report::Report;
use sole_run::SoleRun;

/// Dead letters between reading and delivery; the tracker bounds what is in memory.
const ARRIVALS: usize = 256;
/// An inlet that is down or held for so long, without any progress, ends a replay: a person is
/// waiting for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// From when on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// Milliseconds since the epoch.
    At(i64),
    /// So long before now.
    Ago(Duration),
}

impl Since {
    /// Milliseconds since the epoch, where it is `now`.
    pub(crate) fn time(self, now: i64) -> i64 {
        match self {
            Self::At(time) => time,
            Self::Ago(ago) => {
                now.saturating_sub(i64::try_from(ago.as_millis()).unwrap_or(i64::MAX))
            }
        }
    }
}

/// What is to be replayed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Only dead letters with one of these reasons; none means all.
    pub reasons: Vec<String>,
    /// Only events of these kinds; none means all.
    pub events: Vec<String>,
    /// Only dead letters written since.
    pub since: Option<Since>,
    /// Shows what would be sent; sends and stores nothing.
    pub dry_run: bool,
    /// Profile statements as well, which may overwrite newer ones.
    pub profiles: bool,
    /// From the beginning of the topic, whatever was replayed before.
    pub again: bool,
    /// Only dead letters at this offset of the dead-letter topic and after it.
    pub from: Option<i64>,
    /// Only dead letters up to this offset, and it.
    pub to: Option<i64>,
}

/// A dead letter that is refused again is not written again: it is in the topic already.
struct RefusedAgain;

impl DeadLetters for RefusedAgain {
    const END: &'static str = "refused again; its letter stays in the dead-letter topic";

    async fn write(&self, _batch: &mut DeadLetterBatch) -> Result<(), DeadLetterError> {
        Ok(())
    }
}

/// One partition's part in a replay.
struct Stretch {
    extent: Extent,
    reader: DeadLetterReader,
    /// Handed to delivery, or left with a reason.
    dealt_with: Offsets,
}

/// What was read and handed on.
struct Feed {
    stretches: Vec<Stretch>,
    /// What earlier runs dealt with.
    done: Done,
    planner: Planner,
    tracker: Arc<OffsetTracker>,
    report: Report,
    /// Dead letters read, for the progress report.
    read: Arc<AtomicU64>,
}

impl Feed {
    fn extents(&self) -> Vec<Extent> {
        self.stretches
            .iter()
            .map(|stretch| stretch.extent)
            .collect()
    }

    /// Reads all dead letters; those to be sent go to `source_items`, or nowhere in a dry run.
    async fn run(
        &mut self,
        source_items: Option<mpsc::Sender<SourceItem>>,
    ) -> Result<(), BrokerError> {
        let Self {
            stretches,
            done,
            planner,
            tracker,
            report,
            read,
        } = self;
        for stretch in stretches {
            let partition = stretch.extent.partition;
            while let Some(stored) = stretch.reader.next().await? {
                read.fetch_add(1, Ordering::Relaxed);
                let offset = stored.offset;
                let wanted = Wanted {
                    event: !done.has_event(partition, offset),
                    profile: !done.has_profile(partition, offset),
                };
                let is_progress = stored.key.as_deref() == Some(done::KEY.as_bytes());
                if is_progress || planner.is_done(wanted) {
                    tracker.pass(partition, offset, offset, Outcome::Skipped)?;
                    continue;
                }
                report.dead_letters += 1;
                match planner.plan(&stored, wanted) {
                    Step::Send { answer, timestamp } => {
                        report.to_send += 1;
                        let Some(source_items) = &source_items else {
                            continue;
                        };
                        tracker.room(partition).await;
                        let position = Position { partition, offset };
                        let permit = source_items
                            .reserve()
                            .await
                            .map_err(|_closed| BrokerError::DeliveryGone)?;
                        let bytes = u64::try_from(answer.len()).unwrap_or(u64::MAX);
                        tracker.open(position, bytes, None)?;
                        permit.send(SourceItem::Record {
                            position,
                            timestamp: timestamp.or(stored.written),
                            answer,
                        });
                        stretch.dealt_with.insert(offset);
                        continue;
                    }
                    Step::Left(reason) => {
                        report.leave(reason);
                        stretch.dealt_with.insert(offset);
                    }
                    Step::Unmatched => report.unmatched += 1,
                }
                tracker.pass(partition, offset, offset, Outcome::Skipped)?;
            }
        }
        Ok(())
    }
}

/// Replays what is asked for, up to the end of the topic as it is now.
///
/// # Errors
/// The process's exit code; why is in the log.
pub async fn run(config: Config, options: Options) -> Result<Report, ExitCode> {
    log::start(config.platform.observability.log);
    send_again(config, options)
        .await
        .map_err(|error| exit_code(Err(error)))
}

async fn send_again(config: Config, options: Options) -> Result<Report, RunError> {
    let mut signals = Signals::install()?;
    let log = DeadLetterLog::connect(&config).await?;
    let partitions = log.partitions().await?;
    if partitions.is_empty() || options.dry_run {
        return replay(&config, &options, &log, &partitions, None, &mut signals).await;
    }
    let mut sole_run = SoleRun::claim(&log, &config.name).await?;
    let (lost, right) = watch::channel(None);
    let replayed = replay(
        &config,
        &options,
        &log,
        &partitions,
        Some(right),
        &mut signals,
    );
    // Kept from the first look at the topic to the last commit: whoever sees it stand still takes
    // it.
    let kept = async {
        let error = sole_run.keep().await;
        let _ = lost.send(Some(error));
        std::future::pending().await
    };
    let report = tokio::select! {
        report = replayed => report,
        report = kept => report,
    };
    // Another's mark is not this run's to take away.
    if lost.borrow().is_none() {
        sole_run.release().await;
    }
    report
}

/// Why this run has no right to go on, once another has taken it.
type Right = watch::Receiver<Option<BrokerError>>;

/// What earlier runs dealt with.
async fn load(log: &DeadLetterLog, consumer: &str) -> Result<Done, BrokerError> {
    let Some(offset) = log.stored(consumer).await? else {
        return Ok(Done::default());
    };
    match log.record(offset).await? {
        Some(record) => Done::read(&record).ok_or_else(|| log.progress_lost(offset)),
        None => Ok(Done::default()),
    }
}

async fn replay(
    config: &Config,
    options: &Options,
    log: &DeadLetterLog,
    partitions: &[u32],
    right: Option<Right>,
    signals: &mut Signals,
) -> Result<Report, RunError> {
    let consumer = format!("{}-replay", config.name);
    let kept = if options.again {
        // What is done stays so; where it cannot be read, there is nothing to keep.
        match load(log, &consumer).await {
            Err(BrokerError::ProgressLost { .. }) => Done::default(),
            kept => kept?,
        }
    } else if partitions.is_empty() {
        Done::default()
    } else {
        load(log, &consumer).await?
    };
    let done = if options.again {
        Done::default()
    } else {
        kept.clone()
    };
    if options.profiles && config.platform.profiles.is_none() {
        warn!(
            "--profiles: the configuration has no section `profiles`, so no profile statements are \
            sent"
        );
    } else if options.profiles {
        warn!("--profiles: replayed profile statements may overwrite newer ones");
    }
    let with_profiles = options.profiles && config.platform.profiles.is_some();
    let tracker = Arc::new(OffsetTracker::new(config.platform.buffer));
    let mut stretches = Vec::new();
    let mut starts = Vec::new();
    for &partition in partitions {
        let (start, end) = log.bounds(partition).await?;
        starts.push((partition, start));
        let end = options.to.map_or(end, |to| end.min(to.saturating_add(1)));
        let from = start.max(options.from.unwrap_or(start));
        let first = done
            .first_open(partition, from, with_profiles)
            .min(end.max(from));
        tracker.begin(
            partition,
            Some(first - 1).filter(|processed| *processed >= 0),
        );
        stretches.push(Stretch {
            extent: Extent {
                partition,
                first,
                end,
            },
            reader: log.read(partition, first, end).await?,
            dealt_with: Offsets::default(),
        });
    }
    let now = Clock::System.now_ms();
    let filter = Filter {
        reasons: options.reasons.clone(),
        events: options.events.clone(),
        since: options.since.map(|since| since.time(now)),
    };
    let mut feed = Feed {
        stretches,
        done,
        planner: Planner::new(filter, config.transform.params.clone(), with_profiles),
        tracker: Arc::clone(&tracker),
        report: Report {
            dry_run: options.dry_run,
            ..Report::default()
        },
        read: Arc::default(),
    };
    let Some(mut right) = right else {
        let (read, extents) = (Arc::clone(&feed.read), feed.extents());
        let state = || progress::State {
            done: read.load(Ordering::Relaxed),
            total: extents.iter().map(Extent::dead_letters).sum(),
            details: "dry run".to_owned(),
        };
        progress::during("replay", state, feed.run(None)).await?;
        return Ok(feed.report);
    };
    let metrics = Arc::new(Metrics::default());
    let delivered = deliver(config, &mut feed, &metrics, &mut right, signals).await;
    // Whatever happened: what is settled is settled.
    let mut now_done = kept.clone();
    for stretch in &feed.stretches {
        let partition = stretch.extent.partition;
        let open = tracker.open_offsets(partition);
        for offset in stretch.dealt_with.iter() {
            if open.binary_search(&offset).is_err() {
                now_done.insert(partition, offset, with_profiles);
            }
        }
    }
    let taken = right.borrow().clone();
    let committed = if let Some(error) = taken {
        // Its progress would be written over.
        Err(error)
    } else if now_done == kept {
        Ok(())
    } else {
        for (partition, start) in starts {
            now_done.forget_before(partition, start);
        }
        store(log, &consumer, &now_done).await
    };
    let mut report = feed.report;
    report.ended_early = delivered?;
    committed?;
    let counts = metrics.snapshot();
    report.events_delivered = counts.events_delivered;
    report.profiles_delivered = counts.profiles_delivered;
    report.refused_again = counts.dead_letters;
    report.pending = u64::try_from(tracker.pending()).unwrap_or(u64::MAX);
    Ok(report)
}

/// Sends everything the feed gives. Returns why it ended before that, if it did.
async fn deliver(
    config: &Config,
    feed: &mut Feed,
    metrics: &Arc<Metrics>,
    right: &mut Right,
    signals: &mut Signals,
) -> Result<Option<String>, RunError> {
    let clients = http::clients(&config.platform)?;
    let tokens = TokenSource::new(&config.platform.ims, clients.api, config.platform.retry);
    match timeout(config.platform.http.request_timeout, tokens.token()).await {
        Ok(Err(error)) if error.retry() == Retry::Never => return Err(RunError::Credential(error)),
        Ok(Err(error)) => warn!(%error, "no access token yet; delivery waits for it"),
        Ok(Ok(_)) | Err(_) => {}
    }
    let tracker = Arc::clone(&feed.tracker);
    let conditions = Arc::<Conditions>::default();
    // A record that both inlets refused has two dead letters with one event id and one key: no
    // duplicates, but its two halves.
    let platform = Platform {
        deduplicate: None,
        ..config.platform.clone()
    };
    let delivery = Delivery::new(
        &platform,
        Parts {
            topic: config.platform.dead_letter.topic.clone(),
            tracker: Arc::clone(&tracker),
            revocations: revocations().1,
            metrics: Arc::clone(metrics),
            conditions: Arc::clone(&conditions),
            recent: Arc::default(),
            clock: Clock::System,
            journal: None,
            transport: Arc::new(clients.inlets),
            tokens: Arc::new(tokens),
            dead_letters: Arc::new(RefusedAgain),
            random: fastrand::Rng::new(),
        },
    )?;
    let (sender, source_items) = mpsc::channel(ARRIVALS);
    let extents = feed.extents();
    let state = || extent::state(&extents, &tracker, metrics);
    let work = async {
        let (fed, delivered) = tokio::join!(feed.run(Some(sender)), delivery.run(source_items));
        delivered?;
        fed?;
        Ok(None)
    };
    tokio::select! {
        done = progress::during("replay", state, work) => done,
        () = signals.received() => Ok(Some("stopped by a signal".to_owned())),
        reason = lost(right) => Ok(Some(reason)),
        reason = stuck(metrics, &conditions) => Ok(Some(reason)),
    }
}

/// Returns when another has taken the right to replay.
async fn lost(right: &mut Right) -> String {
    match right.wait_for(Option::is_some).await.as_deref() {
        Ok(Some(error)) => error.to_string(),
        _ => std::future::pending().await,
    }
}

/// Returns when an inlet does not deliver and nothing has ended for a while.
async fn stuck(metrics: &Metrics, conditions: &Conditions) -> String {
    let mut before = metrics.snapshot().completed();
    loop {
        sleep(PATIENCE).await;
        let completed = metrics.snapshot().completed();
        let reported = conditions.all();
        let inlet = reported
            .iter()
            .find(|condition| matches!(condition.place, Component::Inlet(_)));
        if let Some(inlet) = inlet.filter(|_| completed == before) {
            return format!("{}: {}", inlet.reason, inlet.remedy);
        }
        before = completed;
    }
}

/// Keeps what was dealt with for the next run.
async fn store(log: &DeadLetterLog, consumer: &str, done: &Done) -> Result<(), BrokerError> {
    let json = done
        .to_json()
        .map_err(|error| BrokerError::Task(format!("the progress as JSON: {error}")))?;
    let offset = log.append(done::KEY, json).await?;
    log.store(consumer, offset).await?;
    info!(consumer, offset, "progress stored");
    Ok(())
}
