//! One run of the connector: connect, read, deliver, commit, and stop in order.

mod adapters;
mod error;
mod landing;
mod startup;

use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};
use tracing::{error, info, warn};

pub(crate) use self::error::RunError;
use self::startup::connect;
use crate::admin::{self, Instance, Listener, Observer};
use crate::broker::PartitionStatuses;
use crate::clock::Clock;
use crate::config::Config;
use crate::dead_letter::RecentDeadLetters;
use crate::delivery::{Delivery, Parts};
use crate::http;
use crate::ims::TokenSource;
use crate::landing::Landing;
use crate::offset_tracker::{OffsetTracker, revocations};
use crate::signals::Signals;
use crate::telemetry::{Component, Condition, Conditions, Metrics, log};

/// Source items between reading and delivery. The tracker bounds what is in memory; this only keeps
/// the two from waiting for each other at every record.
const SOURCE_ITEMS: usize = 1024;
/// For the last commits. The broker responds in milliseconds, or it is gone.
pub(crate) const FINAL_COMMIT_TIMEOUT: Duration = Duration::from_secs(5);
/// Between two summaries of progress in the log.
const SUMMARY_INTERVAL: Duration = Duration::from_secs(60);

/// Runs until a signal, or until a permanent error, which is logged. Gives the process's
/// exit code.
pub async fn run(config: Config) -> ExitCode {
    log::start(config.platform.observability.log);
    exit_code(run_until_stopped(config).await)
}

async fn run_until_stopped(config: Config) -> Result<(), RunError> {
    info!(
        name = config.name,
        topic = config.topic,
        version = env!("CARGO_PKG_VERSION"),
        "starting"
    );
    for doubt in config.transform.params.doubts() {
        warn!(
            parameter = doubt.name,
            "transforms[0].with: {}", doubt.message
        );
    }
    let mut signals = Signals::install()?;
    let clients = http::clients(&config.platform)?;
    let api = clients.api.clone();
    let tokens = TokenSource::new(&config.platform.ims, clients.api, config.platform.retry);
    let landed = config.platform.landed.as_ref();
    let landing = landed.map(|landed| Landing::new(landed.within));
    let observer = Arc::new(Observer {
        instance: Instance::from(&config),
        clock: Clock::System,
        started: Clock::System.now_ms(),
        tracker: Arc::new(OffsetTracker::new(config.platform.buffer)),
        metrics: Arc::new(Metrics::default()),
        dead_letters: Arc::new(RecentDeadLetters::default()),
        partitions: Arc::new(PartitionStatuses::default()),
        conditions: Arc::new(Conditions::default()),
        tokens: tokens.clone(),
        landing: landing.clone(),
        retention: OnceLock::new(),
    });
    let starting = Condition::passing("starting: nothing is read yet");
    observer.conditions.put(Component::Process, starting);
    // Before anything else can fail or take long, so that `/ready` shows why.
    let _listener = match config.platform.observability.listen {
        Some(address) => Some(Listener::start(address, Arc::clone(&observer)).await?),
        None => None,
    };
    let connected = tokio::select! {
        () = signals.received() => return Ok(()),
        connected = connect(&config, &tokens, &observer.conditions) => connected?,
    };
    let (broker, dead_letters) = connected;
    let broker = Arc::new(broker);
    let watch = landing::watch(&config, &observer, &broker, &tokens, api);
    // Set once, here.
    let _ = observer.retention.set(broker.retention());
    let tracker = Arc::clone(&observer.tracker);
    let (sender, items) = mpsc::channel(SOURCE_ITEMS);
    let (revoker, revocations) = revocations();
    let reader = broker.supervisor(
        Arc::clone(&tracker),
        sender,
        Arc::clone(&observer.partitions),
        Arc::clone(&observer.conditions),
        revoker,
    );
    let delivery = Delivery::new(
        &config.platform,
        Parts {
            topic: config.topic.clone(),
            tracker: Arc::clone(&tracker),
            revocations,
            metrics: Arc::clone(&observer.metrics),
            conditions: Arc::clone(&observer.conditions),
            recent: Arc::clone(&observer.dead_letters),
            journal: landing.map(|landing| landing.journal),
            clock: Clock::System,
            transport: Arc::new(clients.inlets),
            tokens: Arc::new(tokens),
            dead_letters: Arc::new(dead_letters),
            random: fastrand::Rng::new(),
        },
    )?;
    let (stop, stopped) = watch::channel(false);
    let mut reading = std::pin::pin!(reader.run(stopped));
    let mut delivering = std::pin::pin!(delivery.run(items));
    let mut watching = std::pin::pin!(landing::run(watch.as_ref()));
    let mut ticks = interval(SUMMARY_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;

    let (mut read, mut delivered) = (None, None);
    loop {
        tokio::select! {
            () = signals.received() => {
                info!("stopping: reading ends, what was read is delivered");
                break;
            }
            ended = &mut reading => {
                read = Some(ended);
                break;
            }
            ended = &mut delivering => {
                delivered = Some(ended);
                break;
            }
            () = &mut watching => {}
            _ = ticks.tick() => admin::log_summary(&observer),
        }
    }

    let stopping = Condition {
        remedy: "nothing: start it again to go on".to_owned(),
        ..Condition::passing("stopping: nothing more is read")
    };
    observer.conditions.put(Component::Stop, stopping);
    // No receiver is left when reading has ended already.
    let _ = stop.send(true);
    let deadline = Instant::now() + config.platform.shutdown_timeout;
    let drain = async {
        // Delivery ends only when reading has closed the channel, so both go on at once.
        tokio::join!(
            async {
                if read.is_none() {
                    read = Some(reading.await);
                }
            },
            async {
                if delivered.is_none() {
                    delivered = Some(delivering.await);
                }
            }
        );
    };
    tokio::select! {
        drained = timeout_at(deadline, drain) => {
            if drained.is_err() {
                warn!(
                    pending = tracker.pending(),
                    "not everything could be delivered within shutdown-timeout; the rest is \
                    delivered by the next start"
                );
            }
        }
        () = &mut watching => {}
        () = signals.received() => return Err(RunError::SecondSignal),
    }
    landing::finish(watch.as_ref(), watching, FINAL_COMMIT_TIMEOUT).await;
    let committed = tokio::select! {
        committed = reader.finish(FINAL_COMMIT_TIMEOUT) => committed,
        () = signals.received() => return Err(RunError::SecondSignal),
    };
    admin::log_summary(&observer);
    delivered.transpose()?;
    read.transpose()?;
    committed?;
    info!("stopped");
    Ok(())
}

/// Logs why a run failed, and gives the process's exit code.
pub(crate) fn exit_code(result: Result<(), RunError>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!("{error}");
            error.exit_code()
        }
    }
}
