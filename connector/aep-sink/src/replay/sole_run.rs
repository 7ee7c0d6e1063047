//! Only one replay of a dead-letter topic at a time: two would send everything twice.
//!
//! A replay stores a number that moves, as the offset of the consumer `<meta.name>-replay-lease`.
//! One that starts and sees it move refuses; a number that stands still was left by a crash.

use std::ops::Range;
use std::time::Duration;

use tokio::time::sleep;
use tracing::warn;

use crate::broker::{BrokerError, DeadLetterLog};

/// How often the number moves.
const INTERVAL: Duration = Duration::from_secs(2);
/// How long one that stands still is watched.
const WATCH: Duration = Duration::from_secs(6);
/// Two that start at the same moment see each other after this.
const SETTLE: Duration = Duration::from_secs(1);
/// Stored at an orderly end.
const RELEASED: i64 = 0;
const PROCESSES: Range<i64> = 1_000_000..1_000_000_000;
/// How often one process may move its number.
const BEATS: i64 = 1_000_000;

/// The right to replay.
pub(super) struct SoleRun<'a> {
    log: &'a DeadLetterLog,
    consumer: String,
    process: i64,
    beat: i64,
}

impl<'a> SoleRun<'a> {
    /// Takes the right, if nobody has it.
    pub(super) async fn claim(log: &'a DeadLetterLog, name: &str) -> Result<Self, BrokerError> {
        let run = Self {
            log,
            consumer: format!("{name}-replay-lease"),
            process: fastrand::i64(PROCESSES),
            beat: 0,
        };
        let before = run.stored().await?;
        if before != RELEASED {
            sleep(WATCH).await;
            if run.stored().await? != before {
                return Err(run.refused());
            }
        }
        run.store(run.value()).await?;
        sleep(SETTLE).await;
        if run.stored().await? != run.value() {
            return Err(run.refused());
        }
        Ok(run)
    }

    /// Keeps the right for as long as this is waited for. Returns when another has taken it.
    pub(super) async fn keep(&mut self) -> BrokerError {
        loop {
            sleep(INTERVAL).await;
            // A broker that is away now hides a rival from both of them; delivery goes on.
            let moved = match self.stored().await {
                Ok(found) if found / BEATS != self.process => return self.refused(),
                Ok(_) => {
                    self.beat = (self.beat + 1) % BEATS;
                    self.store(self.value()).await
                }
                Err(error) => Err(error),
            };
            if let Err(error) = moved {
                warn!(%error, "the mark of this replay cannot be moved");
            }
        }
    }

    /// Gives the right up.
    pub(super) async fn release(self) {
        if let Err(error) = self.store(RELEASED).await {
            warn!(%error, "the mark of this replay stays; the next one waits some seconds");
        }
    }

    fn value(&self) -> i64 {
        self.process * BEATS + self.beat
    }

    async fn stored(&self) -> Result<i64, BrokerError> {
        Ok(self.log.stored(&self.consumer).await?.unwrap_or(RELEASED))
    }

    async fn store(&self, value: i64) -> Result<(), BrokerError> {
        self.log.store(&self.consumer, value).await
    }

    fn refused(&self) -> BrokerError {
        BrokerError::ReplayRuns {
            consumer: self.consumer.clone(),
        }
    }
}
