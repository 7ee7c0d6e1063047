//! Only one replay of a dead-letter topic at a time: two would send everything twice.
//!
//! The right to it is a lease like that of a partition, with its mark stored as the offset of the
//! consumer `<meta.name>-replay-lease`. A replay does not stand by: it refuses when it sees a sign
//! of life of another.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::warn;

use crate::broker::{BrokerError, DeadLetterLog, Leases, Mark};

/// How long a replay that crashed keeps the next one waiting.
const LEASE: Duration = Duration::from_secs(6);
/// Where the mark is kept.
const PARTITION: u32 = 0;

/// The right to replay.
pub(super) struct SoleRun<'a> {
    log: &'a DeadLetterLog,
    consumer: String,
    leases: Leases,
}

impl<'a> SoleRun<'a> {
    /// Takes the right, if nobody has it.
    pub(super) async fn claim(log: &'a DeadLetterLog, name: &str) -> Result<Self, BrokerError> {
        let mut run = Self {
            log,
            consumer: format!("{name}-replay-lease"),
            leases: Leases::new(LEASE, &mut fastrand::Rng::new()),
        };
        let before = run.stored().await?;
        loop {
            let mark = run.stored().await?;
            let orders = run.leases.look(
                Instant::now(),
                &BTreeSet::from([PARTITION]),
                &HashMap::from([(PARTITION, mark)]),
            );
            if orders.begin.contains(&PARTITION) {
                return Ok(run);
            }
            if mark != before && run.leases.is_held_elsewhere(PARTITION) {
                return Err(run.refused());
            }
            if orders.write.contains(&PARTITION) {
                run.give_sign_of_life().await?;
            }
            sleep(run.leases.interval()).await;
        }
    }

    /// Keeps the right for as long as this is waited for. Returns when another has taken it.
    pub(super) async fn keep(&mut self) -> BrokerError {
        loop {
            sleep(self.leases.interval()).await;
            // A broker that is away now hides a rival from both of them; delivery goes on.
            let kept = match self.stored().await {
                Ok(mark) if self.leases.is_mine(mark) || mark == Mark::RELEASED => {
                    self.give_sign_of_life().await
                }
                Ok(_) => return self.refused(),
                Err(error) => Err(error),
            };
            if let Err(error) = kept {
                warn!(%error, "the mark of this replay cannot be moved");
            }
        }
    }

    /// Gives the right up.
    pub(super) async fn release(self) {
        if let Err(error) = self.store(Mark::RELEASED).await {
            warn!(%error, "the mark of this replay stays; the next one waits some seconds");
        }
    }

    async fn give_sign_of_life(&mut self) -> Result<(), BrokerError> {
        let mark = self.leases.next_mark();
        self.store(mark).await
    }

    async fn stored(&self) -> Result<Mark, BrokerError> {
        let stored = self.log.stored(&self.consumer).await?;
        Ok(stored.map_or(Mark::RELEASED, Mark::from_value))
    }

    async fn store(&self, mark: Mark) -> Result<(), BrokerError> {
        self.log.store(&self.consumer, mark.value()).await
    }

    fn refused(&self) -> BrokerError {
        BrokerError::ReplayRuns {
            consumer: self.consumer.clone(),
        }
    }
}
