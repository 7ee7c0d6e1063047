//! Looks from time to time which partitions the topic has.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;
use tracing::{debug, info, warn};

use super::context::ConsumerContext;
use crate::backoff::ReconnectBackoff;
use crate::broker::error::BrokerError;
use crate::confirmations::Confirmations;
use crate::error::Retry;
use crate::telemetry::{Component, Condition};

/// How often new partitions are looked for.
const INTERVAL: Duration = Duration::from_secs(30);
/// A controller that was just started, or that refuses this user for a while, lists nothing. So
/// many looks in a row decide, which takes a minute.
const LOOKS: u32 = 3;

/// The partitions of the topic, by the newest look that was not in doubt; `None` before the first.
pub(super) type Listed = watch::Receiver<Option<BTreeSet<u32>>>;

/// Looks again and again.
pub(super) struct PartitionList {
    context: Arc<ConsumerContext>,
    listed: watch::Sender<Option<BTreeSet<u32>>>,
    judgement: Judgement,
    backoff: ReconnectBackoff,
}

/// Whether a list is to be believed.
#[derive(Debug)]
struct Judgement {
    known: BTreeSet<u32>,
    /// Looks in a row in which a known partition was missing.
    unlisted: Confirmations,
}

/// What a list says.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Believed,
    /// This partition was listed and is not any more.
    Missing(u32),
    /// The same for so long that it is believed.
    Gone,
}

impl Judgement {
    fn new() -> Self {
        Self {
            known: BTreeSet::new(),
            unlisted: Confirmations::spaced(INTERVAL),
        }
    }

    fn judge(&mut self, found: &BTreeSet<u32>) -> Verdict {
        let Some(missing) = self.known.difference(found).next() else {
            self.unlisted.reset();
            self.known.clone_from(found);
            return Verdict::Believed;
        };
        if self.unlisted.suffice(LOOKS) {
            Verdict::Gone
        } else {
            Verdict::Missing(*missing)
        }
    }
}

impl PartitionList {
    pub(super) fn new(context: Arc<ConsumerContext>) -> (Listed, Self) {
        let (sender, listed) = watch::channel(None);
        let list = Self {
            context,
            listed: sender,
            judgement: Judgement::new(),
            backoff: ReconnectBackoff::new(),
        };
        (listed, list)
    }

    /// Ends only with an error that does not pass.
    pub(super) async fn run(mut self) -> BrokerError {
        loop {
            let looked = self.look().await;
            let pause = match self.after(looked) {
                Ok(pause) => pause,
                Err(error) => return error,
            };
            sleep(pause).await;
        }
    }

    /// Looks once. A partition that was listed and is not any more counts as a doubt: its reader
    /// may wait for room and hear of nothing.
    async fn look(&mut self) -> Result<(), BrokerError> {
        let topic = &self.context.topic;
        let found: BTreeSet<u32> = self
            .context
            .metadata
            .partitions(topic)
            .await?
            .into_iter()
            .collect();
        match self.judgement.judge(&found) {
            Verdict::Believed => {
                self.listed.send_if_modified(|known| {
                    let is_new = known.as_ref() != Some(&found);
                    *known = Some(found);
                    is_new
                });
                Ok(())
            }
            Verdict::Missing(partition) => Err(BrokerError::NotListed {
                replica: self.context.replica(partition),
            }),
            Verdict::Gone => Err(BrokerError::TopicUnlisted {
                topic: topic.clone(),
            }),
        }
    }

    /// Reports how a look ended. Gives the pause before the next one.
    fn after(&mut self, looked: Result<(), BrokerError>) -> Result<Duration, BrokerError> {
        let conditions = &self.context.conditions;
        match looked {
            Ok(()) => {
                if self.backoff.failures() > 0 {
                    info!("the partitions can be listed again");
                    self.backoff.reset();
                }
                conditions.clear(Component::Partitions);
                Ok(INTERVAL)
            }
            Err(error) if error.retry() == Retry::Never => Err(error),
            Err(error) => {
                if self.backoff.failures() > 0 {
                    debug!(%error, "the partitions still cannot be listed");
                } else {
                    warn!(%error, "the partitions of the topic cannot be listed");
                }
                conditions.put(Component::Partitions, Condition::of(error.fault(), &error));
                Ok(self.backoff.pause())
            }
        }
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn empty_list_is_believed_only_after_a_minute_without_a_full_one() {
        let all = BTreeSet::from([0, 1]);
        let mut judgement = Judgement::new();
        assert_eq!(judgement.judge(&all), Verdict::Believed);
        for _ in 0..3 {
            for _ in 0..5 {
                let none = judgement.judge(&BTreeSet::new());
                assert_eq!(
                    none,
                    Verdict::Missing(0),
                    "a controller that was just started"
                );
                tokio::time::advance(Duration::from_secs(11)).await;
            }
            assert_eq!(judgement.judge(&all), Verdict::Believed);
        }
        let begun = tokio::time::Instant::now();
        while judgement.judge(&BTreeSet::from([1])) == Verdict::Missing(0) {
            tokio::time::advance(Duration::from_secs(5)).await;
        }
        assert_eq!(begun.elapsed(), Duration::from_secs(60));
    }

    #[test]
    fn partition_that_is_added_is_believed_at_once() {
        let mut judgement = Judgement::new();
        assert_eq!(judgement.judge(&BTreeSet::from([0])), Verdict::Believed);
        assert_eq!(judgement.judge(&BTreeSet::from([0, 1])), Verdict::Believed);
        assert_eq!(judgement.judge(&BTreeSet::from([0])), Verdict::Missing(1));
    }
}
