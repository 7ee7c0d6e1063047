//! One run of the connector: connect, read, deliver, commit, and stop in order.

use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};
use tracing::{error, info, warn};

use crate::aep::EndpointError;
use crate::broker::{BrokerError, Standing};
use crate::clock::Clock;
use crate::config::Config;
use crate::connect::connect;
use crate::delivery::{Counters, Delivery, DeliveryError, Parts};
use crate::error::Fault;
use crate::http::{self, HttpError};
use crate::ims::{TokenError, TokenSource};
use crate::ledger::Ledger;
use crate::observe::{self, Instance, ListenError, Listener, Observer};
use crate::obstacle::{Obstacle, Obstacles, Place};
use crate::signal::Signals;

/// Arrivals between reading and delivery. The ledger bounds what is in memory; this only keeps the
/// two from waiting for each other at every record.
const ARRIVALS: usize = 1024;
/// How long the last commits may take. The broker answers in milliseconds, or it is gone.
const LAST_COMMITS: Duration = Duration::from_secs(5);
/// How often the log says how far things are.
const SUMMARY: Duration = Duration::from_secs(60);

/// Why a run ended other than by a signal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    #[error(transparent)]
    Credential(TokenError),
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    #[error("signals cannot be received: {0}")]
    Signals(#[from] std::io::Error),
    #[error("stopped by a second signal")]
    Hurried,
}

impl RunError {
    /// 2: somebody must change the configuration. 3: another process commits for the same consumer.
    /// 1: anything else.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Http(_) | Self::Listen(_) | Self::Endpoint(_) | Self::Credential(_) => {
                ExitCode::from(2)
            }
            Self::Broker(error) => ExitCode::from(error.exit_code()),
            Self::Delivery(error) if error.fault() == Fault::User => ExitCode::from(2),
            Self::Delivery(_) | Self::Signals(_) | Self::Hurried => ExitCode::FAILURE,
        }
    }
}

/// Runs until a signal, or until an error that does not heal.
pub(crate) async fn run(config: Config) -> Result<(), RunError> {
    info!(
        name = config.name,
        topic = config.topic,
        version = env!("CARGO_PKG_VERSION"),
        "starting"
    );
    let mut signals = Signals::install()?;
    let clients = http::clients(&config.platform)?;
    let tokens = TokenSource::new(&config.platform.ims, clients.ims, config.platform.retry);
    let observer = Arc::new(Observer {
        instance: Instance::from(&config),
        clock: Clock::System,
        started: Clock::System.now_ms(),
        ledger: Arc::new(Ledger::new(config.platform.buffer)),
        counters: Arc::new(Counters::default()),
        standing: Arc::new(Standing::default()),
        obstacles: Arc::new(Obstacles::default()),
        tokens: tokens.clone(),
        retention: OnceLock::new(),
    });
    let starting = Obstacle::passing("starting: nothing is read yet");
    observer.obstacles.put(Place::Process, starting);
    // Before anything else can fail or take long: whoever watches sees why.
    let _listener = match config.platform.observability.listen {
        Some(address) => Some(Listener::start(address, Arc::clone(&observer)).await?),
        None => None,
    };
    let connected = tokio::select! {
        () = signals.received() => return Ok(()),
        connected = connect(&config, &tokens, &observer.obstacles) => connected?,
    };
    let (broker, letters) = connected;
    // Set once, here.
    let _ = observer.retention.set(broker.retention());
    let ledger = Arc::clone(&observer.ledger);
    let (sender, arrivals) = mpsc::channel(ARRIVALS);
    let reader = broker.reader(
        Arc::clone(&ledger),
        sender,
        Arc::clone(&observer.standing),
        Arc::clone(&observer.obstacles),
    );
    let delivery = Delivery::new(
        &config.platform,
        Parts {
            topic: config.topic.clone(),
            ledger: Arc::clone(&ledger),
            counters: Arc::clone(&observer.counters),
            clock: Clock::System,
            transport: Arc::new(clients.inlets),
            tokens: Arc::new(tokens),
            letters: Arc::new(letters),
            random: fastrand::Rng::new(),
        },
    )?;
    let (stop, stopped) = watch::channel(false);
    let mut reading = std::pin::pin!(reader.run(stopped));
    let mut delivering = std::pin::pin!(delivery.run(arrivals));
    let mut ticks = interval(SUMMARY);
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
            _ = ticks.tick() => observe::log_summary(&observer),
        }
    }

    let stopping = Obstacle {
        remedy: "nothing: start it again to go on".to_owned(),
        ..Obstacle::passing("stopping: nothing more is read")
    };
    observer.obstacles.put(Place::Stop, stopping);
    // Nobody listens when reading has ended already.
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
                    pending = ledger.pending(),
                    "not everything could be delivered within shutdown-timeout; the rest is delivered by the next start"
                );
            }
        }
        () = signals.received() => return Err(RunError::Hurried),
    }
    let committed = tokio::select! {
        committed = reader.finish(LAST_COMMITS) => committed,
        () = signals.received() => return Err(RunError::Hurried),
    };
    observe::log_summary(&observer);
    delivered.transpose()?;
    read.transpose()?;
    committed?;
    info!("stopped");
    Ok(())
}

/// Reports how a run ended, and gives the process's exit code.
pub(crate) fn report(result: Result<(), RunError>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!("{error}");
            error.exit_code()
        }
    }
}
