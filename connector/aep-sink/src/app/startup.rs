//! Reaches everything a run needs, and finds what is wrong with it before the first record is read.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, info, warn};

use super::adapters::Letters;
use super::error::RunError;
use crate::backoff::Backoff;
use crate::broker::{Broker, BrokerError};
use crate::clock::Clock;
use crate::config::Config;
use crate::confirmations::Confirmations;
use crate::error::Retry;
use crate::ims::TokenSource;
use crate::telemetry::{Component, Condition, Conditions};

/// A failure that goes on is told again after so many attempts.
const TELL_AGAIN: u32 = 10;
/// A controller that was just started lists nothing. So many looks that find something missing,
/// about 6 s of them, decide.
const LOOKS: u32 = 4;
/// The pause between two of these looks.
const LOOK: Duration = Duration::from_secs(2);
/// Seconds two clocks may differ by without a word. A date in a header is a second and its journey
/// late.
const CLOCKS_DIFFER: i64 = 30;

/// Connects to the cluster, gets a first token and opens the dead-letter topic.
pub(crate) async fn connect(
    config: &Config,
    tokens: &TokenSource,
    conditions: &Conditions,
) -> Result<(Broker, Letters), RunError> {
    let mut start = Start::new(
        Backoff::new(config.platform.retry, fastrand::Rng::new()),
        conditions,
    );
    let broker = start.patiently(|| Broker::connect(config)).await?;
    match timeout(config.platform.http.request_timeout, tokens.token()).await {
        Ok(Ok(_)) => info!("holding an access token"),
        Ok(Err(error)) if error.retry() == Retry::Never => return Err(RunError::Credential(error)),
        // IMS heals by itself; what is read waits in the buffer meanwhile, the rest in the topic.
        Ok(Err(error)) => warn!(%error, "no access token yet; delivery waits for it"),
        Err(_) => warn!("Adobe IMS does not answer; delivery waits for it"),
    }
    compare_clocks(tokens);
    let letters = start.patiently(|| broker.dead_letters()).await?;
    Ok((broker, Letters::new(letters)))
}

/// Tells of a clock that is wrong: retention, dead letters and waits for events of the future go by
/// it.
fn compare_clocks(tokens: &TokenSource) {
    let Some(there) = tokens.server_time(Instant::now()) else {
        return;
    };
    let behind = there.saturating_sub(Clock::System.now_ms()) / 1000;
    if behind.abs() > CLOCKS_DIFFER {
        warn!(
            behind_seconds = behind,
            "this machine's clock and that of Adobe IMS differ: set this one (NTP); events are judged by the later one meanwhile"
        );
    }
}

/// What became of an attempt that failed.
#[derive(Debug, PartialEq, Eq)]
enum Outlook {
    /// It heals by itself.
    Passing,
    /// It may be late; a few more looks decide.
    Doubtful,
    Final,
}

/// A start that goes on while what is in its way is passing: a broker that restarts at this very
/// moment must not end a process that perhaps nobody starts again.
struct Start<'a> {
    backoff: Backoff,
    conditions: &'a Conditions,
    /// Whether any attempt got an answer out of the cluster.
    reached: bool,
    /// Looks that found something missing.
    doubts: Confirmations,
}

impl<'a> Start<'a> {
    fn new(backoff: Backoff, conditions: &'a Conditions) -> Self {
        Self {
            backoff,
            conditions,
            reached: false,
            doubts: Confirmations::default(),
        }
    }

    /// Judges a failure, in the light of those before it.
    fn judge(&mut self, error: &BrokerError) -> Outlook {
        match error {
            // A cluster that cannot be reached at all is more often a wrong profile than a passing
            // fault, and is told at once. One that was reached is being restarted.
            BrokerError::Connect { .. } if !self.reached => return Outlook::Final,
            BrokerError::Connect { .. } => return Outlook::Passing,
            // Found before anything is asked.
            BrokerError::Profile { .. }
            | BrokerError::Tls { .. }
            | BrokerError::Parameter { .. } => {
                return Outlook::Final;
            }
            _ => self.reached = true,
        }
        match error {
            BrokerError::TopicMissing { .. }
            | BrokerError::PartitionMissing { .. }
            | BrokerError::SmartModuleMissing { .. } => {
                if self.doubts.suffice(LOOKS) {
                    Outlook::Final
                } else {
                    Outlook::Doubtful
                }
            }
            error if error.retry() == Retry::Backoff => Outlook::Passing,
            _ => Outlook::Final,
        }
    }

    /// Tries until it works, or fails for good.
    async fn patiently<T, F: Future<Output = Result<T, BrokerError>>>(
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
            let outlook = self.judge(&error);
            if outlook == Outlook::Final {
                return Err(error);
            }
            if u32::is_multiple_of(failures, TELL_AGAIN) {
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
                Outlook::Doubtful => sleep(LOOK).await,
                Outlook::Passing | Outlook::Final => sleep(self.backoff.pause(failures)).await,
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
        let mut start = Start::new(
            Backoff::new(limits, fastrand::Rng::with_seed(1)),
            &conditions,
        );
        let tried = Cell::new(0);
        let attempt = || async {
            let error = errors.get(tried.replace(tried.get() + 1));
            error.map_or(Ok(7), |error| Err(error()))
        };
        let ended = start.patiently(attempt).await;
        (ended, tried.get(), conditions)
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_breaks_off_at_the_start_is_tried_again_and_readiness_says_so() {
        let (ended, tried, conditions) = after(&[passing, passing, passing]).await;
        assert_eq!((ended.unwrap(), tried), (7, 4));
        let told = conditions.all();
        assert!(
            told[0].reason.contains("creating a topic failed"),
            "{told:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_cluster_that_cannot_be_reached_is_told_at_once() {
        let (ended, tried, _) = after(&[unreachable]).await;
        assert!(matches!(ended, Err(BrokerError::Connect { .. })));
        assert_eq!(tried, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_controller_that_restarts_after_it_was_reached_is_waited_for() {
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
    async fn what_is_missing_still_after_some_seconds_ends_the_start() {
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
    async fn what_does_not_heal_ends_the_start_at_once() {
        let wrong = || BrokerError::Parameter {
            reason: "unknown key".to_owned(),
        };
        let (ended, tried, _) = after(&[wrong, wrong]).await;
        assert!(matches!(ended, Err(BrokerError::Parameter { .. })));
        assert_eq!(tried, 1);
    }
}
