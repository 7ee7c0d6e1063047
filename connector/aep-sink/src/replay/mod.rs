//! Subcommand `replay`: sends dead letters again, once somebody has mended what kept them from
//! being delivered.
//!
//! Progress is kept as two stored offsets of the dead-letter topic: `<meta.name>-replay` for events
//! (and for all that cannot be sent), `<meta.name>-replay-profiles` for profile statements. They
//! are apart so that a replay of events neither loses profile statements for a later `--profiles`
//! nor sends its own again because of them. An offset moves only over dead letters that were dealt with:
//! delivered, refused again or left with their reason in the report. It never passes a dead letter that
//! a filter passed over, so no filtered run makes a dead letter unreachable.

mod extent;
mod plan;
mod report;

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use crate::app::{RunError, exit_code};
use crate::broker::{BrokerError, DeadLetterLog, DeadLetterReader};
use crate::clock::Clock;
use crate::config::{Config, Platform};
use crate::dead_letter::{DeadLetterError, DeadLetters, LetterBatch};
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

use extent::Extent;
use plan::{Filter, Planner, Step, Wanted};
pub use report::Report;

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
}

/// A dead letter that is refused again is not written again: it is in the topic already.
struct RefusedAgain;

impl DeadLetters for RefusedAgain {
    const END: &'static str = "refused again; its letter stays in the dead-letter topic";

    async fn write(&self, _batch: &mut LetterBatch) -> Result<(), DeadLetterError> {
        Ok(())
    }
}

/// The stored progress of one kind of statement, by partition.
struct Progress {
    consumer: String,
    stored: HashMap<u32, i64>,
}

impl Progress {
    async fn load(log: &DeadLetterLog, consumer: String) -> Result<Self, BrokerError> {
        let stored = log.progress(&consumer).await?;
        Ok(Self { consumer, stored })
    }

    /// The last dead letter done, as far as this run is concerned.
    fn done(&self, partition: u32, again: bool) -> i64 {
        match self.stored.get(&partition) {
            Some(stored) if !again => *stored,
            _ => -1,
        }
    }
}

/// One partition's part in a replay.
struct Stretch {
    extent: Extent,
    reader: DeadLetterReader,
    events_done: i64,
    profiles_done: i64,
    /// The first dead letter the filters passed over.
    barrier: Option<i64>,
}

/// What was read and handed on.
struct Feed {
    stretches: Vec<Stretch>,
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
            planner,
            tracker,
            report,
            read,
        } = self;
        for stretch in stretches {
            let partition = stretch.extent.partition;
            while let Some(stored) = stretch.reader.next().await? {
                report.letters += 1;
                read.fetch_add(1, Ordering::Relaxed);
                let offset = stored.offset;
                let wanted = Wanted {
                    event: offset > stretch.events_done,
                    profile: offset > stretch.profiles_done,
                };
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
                        continue;
                    }
                    Step::Left(reason) => report.leave(reason),
                    Step::Unmatched => {
                        report.unmatched += 1;
                        stretch.barrier.get_or_insert(offset);
                    }
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
    let events = Progress::load(&log, format!("{}-replay", config.name)).await?;
    let profiles = Progress::load(&log, format!("{}-replay-profiles", config.name)).await?;
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
    for partition in log.partitions().await? {
        let (start, end) = log.bounds(partition).await?;
        for progress in [&events, &profiles] {
            let next = progress
                .stored
                .get(&partition)
                .map_or(0, |stored| stored.saturating_add(1));
            if next > end {
                return Err(log
                    .beyond_end(partition, &progress.consumer, next, end)
                    .into());
            }
        }
        let events_done = events.done(partition, options.again);
        let profiles_done = profiles.done(partition, options.again);
        let done = if with_profiles {
            events_done.min(profiles_done)
        } else {
            events_done
        };
        let first = start.max(done.saturating_add(1));
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
            events_done,
            profiles_done,
            barrier: None,
        });
    }
    let now = Clock::System.now_ms();
    let filter = Filter {
        reasons: options.reasons.clone(),
        events: options.events.clone(),
        since: options.since.map(|since| match since {
            Since::At(time) => time,
            Since::Ago(ago) => {
                now.saturating_sub(i64::try_from(ago.as_millis()).unwrap_or(i64::MAX))
            }
        }),
    };
    let mut feed = Feed {
        stretches,
        planner: Planner::new(filter, config.transform.params.clone(), with_profiles),
        tracker: Arc::clone(&tracker),
        report: Report {
            dry_run: options.dry_run,
            ..Report::default()
        },
        read: Arc::default(),
    };
    if options.dry_run {
        let (read, extents) = (Arc::clone(&feed.read), feed.extents());
        let state = || progress::State {
            done: read.load(Ordering::Relaxed),
            total: extents.iter().map(Extent::dead_letters).sum(),
            details: "dry run".to_owned(),
        };
        progress::during("replay", state, feed.run(None)).await?;
        return Ok(feed.report);
    }
    let metrics = Arc::new(Metrics::default());
    let delivered = deliver(&config, &mut feed, &metrics, &mut signals).await;
    // Whatever happened: what is settled is settled.
    let mut progresses = vec![&events];
    if with_profiles {
        progresses.push(&profiles);
    }
    let mut committed = Ok(());
    for stretch in &feed.stretches {
        for progress in &progresses {
            let ended = commit(&log, progress, stretch, &tracker).await;
            // One that fails keeps no other from being stored.
            committed = committed.and(ended);
        }
    }
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
    signals: &mut Signals,
) -> Result<Option<String>, RunError> {
    let client = http::client(&config.platform)?;
    let tokens = TokenSource::new(&config.platform.ims, client.clone(), config.platform.retry);
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
            transport: Arc::new(client),
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
        reason = stuck(metrics, &conditions) => Ok(Some(reason)),
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

/// Stores how far a partition is done. Never backwards: `--again` starts before the stored offset.
async fn commit(
    log: &DeadLetterLog,
    progress: &Progress,
    stretch: &Stretch,
    tracker: &OffsetTracker,
) -> Result<(), BrokerError> {
    let partition = stretch.extent.partition;
    let Some(settled) = tracker.settled_through(partition) else {
        return Ok(());
    };
    let through = stretch
        .barrier
        .map_or(settled, |barrier| settled.min(barrier - 1));
    let stored = progress.stored.get(&partition).copied().unwrap_or(-1);
    // What is before the stretch was not dealt with here: done earlier, or removed by retention.
    if through <= stored || through < stretch.extent.first {
        return Ok(());
    }
    log.commit(partition, &progress.consumer, through).await?;
    info!(
        partition,
        consumer = progress.consumer,
        through,
        "progress stored"
    );
    Ok(())
}
