//! Reaches everything a run needs, and finds what is wrong with it before the first record is read.

use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

use crate::broker::{Broker, BrokerError};
use crate::config::Config;
use crate::delivery::Backoff;
use crate::error::Retry;
use crate::glue::Letters;
use crate::ims::TokenSource;
use crate::obstacle::{Obstacle, Obstacles, Place};
use crate::run::RunError;

/// Connects to the cluster, gets a first token and opens the dead-letter topic.
pub(crate) async fn connect(
    config: &Config,
    tokens: &TokenSource,
    obstacles: &Obstacles,
) -> Result<(Broker, Letters), RunError> {
    let mut backoff = Backoff::new(config.platform.retry, fastrand::Rng::new());
    // A cluster that cannot be reached at all is more often a wrong profile than a passing fault, and is told at once.
    let is_passing = |error: &BrokerError| heals(error) && !matches!(error, BrokerError::Connect { .. });
    let broker = patiently(&mut backoff, obstacles, is_passing, || Broker::connect(config)).await?;
    match timeout(config.platform.http.request_timeout, tokens.token()).await {
        Ok(Ok(_)) => info!("holding an access token"),
        Ok(Err(error)) if error.retry() == Retry::Never => return Err(RunError::Credential(error)),
        // IMS heals by itself; records wait in the topic meanwhile.
        Ok(Err(error)) => warn!(%error, "no access token yet; delivery waits for it"),
        Err(_) => warn!("Adobe IMS does not answer; delivery waits for it"),
    }
    let letters = patiently(&mut backoff, obstacles, heals, || broker.dead_letters()).await?;
    Ok((broker, Letters::new(letters)))
}

fn heals(error: &BrokerError) -> bool {
    error.retry() == Retry::Backoff
}

/// Tries again while the error is a passing one: a broker that restarts at this very moment must not end a process that
/// perhaps nobody starts again.
async fn patiently<T, F: Future<Output = Result<T, BrokerError>>>(
    backoff: &mut Backoff,
    obstacles: &Obstacles,
    is_passing: impl Fn(&BrokerError) -> bool,
    attempt: impl Fn() -> F,
) -> Result<T, BrokerError> {
    let mut failures = 0;
    loop {
        match attempt().await {
            Err(error) if is_passing(&error) => {
                failures += 1;
                if failures == 1 {
                    warn!(%error, "not started yet; trying again");
                } else {
                    debug!(%error, "still not started");
                }
                obstacles.put(Place::Process, Obstacle::passing(format_args!("starting: {error}")));
                sleep(backoff.pause(failures)).await;
            }
            ended => return ended,
        }
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use super::*;
    use crate::config::RetryLimits;

    fn passing() -> BrokerError {
        BrokerError::Request {
            what: "creating a topic",
            address: "broker:9003".to_owned(),
            reason: "Socket io connection is closed".to_owned(),
        }
    }

    async fn after(failures: u32, error: fn() -> BrokerError) -> (Result<u32, BrokerError>, u32, Obstacles) {
        let limits = RetryLimits {
            initial: Duration::from_secs(1),
            max: Duration::from_secs(30),
        };
        let mut backoff = Backoff::new(limits, fastrand::Rng::with_seed(1));
        let obstacles = Obstacles::default();
        let tried = Cell::new(0);
        let attempt = || async {
            tried.set(tried.get() + 1);
            if tried.get() > failures { Ok(7) } else { Err(error()) }
        };
        let ended = patiently(&mut backoff, &obstacles, heals, attempt).await;
        (ended, tried.get(), obstacles)
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_breaks_off_at_the_start_is_tried_again_and_readiness_says_so() {
        let (ended, tried, obstacles) = after(3, passing).await;
        assert_eq!((ended.unwrap(), tried), (7, 4));
        let told = obstacles.all();
        assert!(told[0].reason.contains("creating a topic failed"), "{told:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_heal_ends_the_start_at_once() {
        let missing = || BrokerError::TopicMissing {
            topic: "loyalty".to_owned(),
        };
        let (ended, tried, _) = after(3, missing).await;
        assert!(matches!(ended, Err(BrokerError::TopicMissing { .. })));
        assert_eq!(tried, 1);
    }
}
