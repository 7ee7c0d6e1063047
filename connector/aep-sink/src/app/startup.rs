//! Connects to everything a run needs, and finds what is wrong with it before the first record is
//! read.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, info, warn};

use super::adapters::BrokerDeadLetters;
use super::error::RunError;
use crate::backoff::Backoff;
use crate::broker::{Broker, BrokerError};
use crate::clock::Clock;
use crate::config::Config;
use crate::confirmations::Confirmations;
use crate::error::Retry;
use crate::ims::TokenSource;
use crate::telemetry::{Component, Condition, Conditions};

/// A failure that goes on is logged as a warning once in this many attempts.
const WARN_EVERY: u32 = 10;
/// A controller that was just started lists nothing. Something counts as missing when this many
/// attempts, about 6 s of them, did not find it.
const CONFIRMATIONS: u32 = 4;
/// The pause between two of these attempts.
const CONFIRMATION_PAUSE: Duration = Duration::from_secs(2);
/// Two clocks that differ by no more than this are not worth a warning. A date in a header is a
/// second and its journey late.
const CLOCK_TOLERANCE_SECONDS: i64 = 30;

/// Connects to the cluster, gets a first token and opens the dead-letter topic.
pub(crate) async fn connect(
    config: &Config,
    tokens: &TokenSource,
    conditions: &Conditions,
) -> Result<(Broker, BrokerDeadLetters), RunError> {
    let mut start = StartupRetry::new(
        Backoff::new(config.platform.retry, fastrand::Rng::new()),
        conditions,
    );
    let broker = start.retry(|| Broker::connect(config)).await?;
    match timeout(config.platform.http.request_timeout, tokens.token()).await {
        Ok(Ok(_)) => info!("holding an access token"),
        Ok(Err(error)) if error.retry() == Retry::Never => return Err(RunError::Credential(error)),
        // IMS recovers by itself; records wait meanwhile, in the buffer and in the topic.
        Ok(Err(error)) => warn!(%error, "no access token yet; delivery waits for it"),
        Err(_) => warn!("Adobe IMS does not answer; delivery waits for it"),
    }
    warn_of_clock_skew(tokens);
    let dead_letters = start.retry(|| broker.dead_letters()).await?;
    Ok((broker, BrokerDeadLetters::new(dead_letters)))
}

/// Warns of a clock that is wrong: retention, dead letters and waits for events of the future
/// depend on it.
fn warn_of_clock_skew(tokens: &TokenSource) {
    let Some(there) = tokens.server_time(Instant::now()) else {
        return;
    };
    let behind = there.saturating_sub(Clock::System.now_ms()) / 1000;
    if behind.abs() > CLOCK_TOLERANCE_SECONDS {
        warn!(
            behind_seconds = behind,
            "this machine's clock and that of Adobe IMS differ: set this one (NTP); events are \
            judged by the later one meanwhile"
        );
    }
}

/// What follows a failed attempt.
#[derive(Debug, PartialEq, Eq)]
enum RetryDecision {
    /// The condition passes by itself.
    Backoff,
    /// The cluster may not list everything yet; a few more attempts decide.
    Confirm,
    GiveUp,
}

/// Retries what a start needs while a failure can pass: a broker that restarts at this moment must
/// not end a process that perhaps nobody starts again.
struct StartupRetry<'a> {
    backoff: Backoff,
    conditions: &'a Conditions,
    /// Whether the cluster responded to any attempt.
    reached: bool,
    /// Attempts that found something missing.
    missing: Confirmations,
}

impl<'a> StartupRetry<'a> {
    fn new(backoff: Backoff, conditions: &'a Conditions) -> Self {
        Self {
            backoff,
            conditions,
            reached: false,
            missing: Confirmations::default(),
        }
    }

    /// Decides by a failure and those before it.
    fn decide(&mut self, error: &BrokerError) -> RetryDecision {
        match error {
            // A cluster that cannot be reached at all is more often a wrong profile than a passing
            // fault, and ends the start at once. One that was reached is being restarted.
            BrokerError::Connect { .. } if !self.reached => return RetryDecision::GiveUp,
            BrokerError::Connect { .. } => return RetryDecision::Backoff,
            // Found before anything is asked.
            BrokerError::Profile { .. }
            | BrokerError::Tls { .. }
            | BrokerError::Parameter { .. } => {
                return RetryDecision::GiveUp;
            }
            _ => self.reached = true,
        }
        match error {
            BrokerError::TopicMissing { .. }
            | BrokerError::PartitionMissing { .. }
            | BrokerError::SmartModuleMissing { .. } => {
                if self.missing.suffice(CONFIRMATIONS) {
                    RetryDecision::GiveUp
                } else {
                    RetryDecision::Confirm
                }
            }
            error if error.retry() == Retry::Backoff => RetryDecision::Backoff,
            _ => RetryDecision::GiveUp,
        }
    }

    /// Tries until it succeeds, or fails for good.
    async fn retry<T, F: Future<Output = Result<T, BrokerError>>>(
        &mut self,
        attempt: impl Fn() -> F,
    ) -> Result<T, BrokerError> {
        let mut failures = 0;
        loop {
            let error = match attempt().await {
                Ok(done) => {
                    self.reached = true;
                    return Ok(done);
                }
                Err(error) => error,
            };
            let outlook = self.decide(&error);
            if outlook == RetryDecision::GiveUp {
                return Err(error);
            }
            if u32::is_multiple_of(failures, WARN_EVERY) {
                warn!(%error, "not started yet; trying again");
            } else {
                debug!(%error, "still not started");
            }
            failures += 1;
            self.conditions.put(
                Component::Process,
                Condition::of(error.fault(), format_args!("starting: {error}")),
            );
            match outlook {
                RetryDecision::Confirm => sleep(CONFIRMATION_PAUSE).await,
                RetryDecision::Backoff | RetryDecision::GiveUp => {
                    sleep(self.backoff.pause(failures)).await
                }
            }
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

    fn unreachable() -> BrokerError {
        BrokerError::Connect {
            who: "the Fluvio cluster".to_owned(),
            address: "broker:9003".to_owned(),
            reason: "Connection refused".to_owned(),
        }
    }

    fn missing() -> BrokerError {
        BrokerError::TopicMissing {
            topic: "loyalty".to_owned(),
        }
    }

    /// Starts where the attempts fail with these errors, one after the other, and then work.
    async fn after(
        errors: &[fn() -> BrokerError],
    ) -> (Result<u32, BrokerError>, usize, Conditions) {
        let limits = RetryLimits {
            initial: Duration::from_secs(1),
            max: Duration::from_secs(30),
        };
        let conditions = Conditions::default();
        let mut start = StartupRetry::new(
            Backoff::new(limits, fastrand::Rng::with_seed(1)),
            &conditions,
        );
        let tried = Cell::new(0);
        let attempt = || async {
            let error = errors.get(tried.replace(tried.get() + 1));
            error.map_or(Ok(7), |error| Err(error()))
        };
        let ended = start.retry(attempt).await;
        (ended, tried.get(), conditions)
    }

    #[tokio::test(start_paused = true)]
    async fn start_retries_a_broken_connection_and_readiness_says_so() {
        let (ended, tried, conditions) = after(&[passing, passing, passing]).await;
        assert_eq!((ended.unwrap(), tried), (7, 4));
        let active = conditions.all();
        assert!(
            active[0].reason.contains("creating a topic failed"),
            "{active:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn start_ends_at_once_when_no_cluster_is_reached() {
        let (ended, tried, _) = after(&[unreachable]).await;
        assert!(matches!(ended, Err(BrokerError::Connect { .. })));
        assert_eq!(tried, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn start_waits_for_a_controller_that_restarts() {
        let (ended, tried, _) = after(&[
            passing,
            unreachable,
            unreachable,
            missing,
            unreachable,
            missing,
        ])
        .await;
        assert_eq!((ended.unwrap(), tried), (7, 7));
    }

    #[tokio::test(start_paused = true)]
    async fn start_ends_when_something_is_missing_for_seconds() {
        let begun = tokio::time::Instant::now();
        let (ended, tried, _) = after(&[missing, missing, missing, missing, missing]).await;
        assert!(matches!(ended, Err(BrokerError::TopicMissing { .. })));
        assert_eq!(tried, 4);
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "{:?}",
            begun.elapsed()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn start_ends_at_once_on_a_permanent_failure() {
        let wrong = || BrokerError::Parameter {
            reason: "unknown key".to_owned(),
        };
        let (ended, tried, _) = after(&[wrong, wrong]).await;
        assert!(matches!(ended, Err(BrokerError::Parameter { .. })));
        assert_eq!(tried, 1);
    }
}
