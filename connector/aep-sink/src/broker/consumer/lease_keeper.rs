//! Takes the writer's lease and ends the process once another one has it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tracing::{debug, error};

use super::context::ConsumerContext;
use crate::broker::error::BrokerError;
use crate::broker::offsets::{LeaseCheck, LeaseClaim, OffsetSession, StoredOffsets, WriterLease};
use crate::error::Fault;
use crate::telemetry::{Component, Condition};

/// Between two looks at a lease that is held.
const CHECK_INTERVAL: Duration = Duration::from_secs(30);
/// Between two attempts to take the lease.
const TAKE_INTERVAL: Duration = Duration::from_secs(2);
/// A second look decides: the first may have met an instance that was just being replaced.
const LOOKS: u32 = 2;

/// How the lease is, over all partitions.
enum LeaseStatus {
    /// No partition is read yet.
    NoPartitions,
    Held,
    Taken {
        partition: u32,
    },
}

/// Takes the lease and watches over it. Ends only when another process took over.
pub(super) async fn keep_lease(context: Arc<ConsumerContext>) -> BrokerError {
    let consumer = WriterLease::consumer(&context.consumer);
    let offsets = StoredOffsets::new(
        Arc::clone(&context.metadata),
        context.topic.clone(),
        consumer.clone(),
    );
    let mut claim = LeaseClaim::draw();
    let mut looks = 0;
    loop {
        let checked = check(&context, &offsets, &consumer, &mut claim).await;
        context
            .writer_lease
            .set_held(matches!(checked, Ok(LeaseStatus::Held)));
        let pause = match checked {
            Ok(LeaseStatus::Held) => {
                looks = 0;
                CHECK_INTERVAL
            }
            Ok(LeaseStatus::NoPartitions) => TAKE_INTERVAL,
            Ok(LeaseStatus::Taken { partition }) => {
                looks += 1;
                let taken = BrokerError::TakenOver {
                    consumer: context.consumer.clone(),
                    partition,
                };
                error!(look = looks, "{taken}");
                context.conditions.put(
                    Component::Writer,
                    Condition {
                        remedy:
                            "stop the other process, or give each its own meta.consumer.id and \
                            its own partitions"
                                .to_owned(),
                        ..Condition::of(Fault::User, &taken)
                    },
                );
                if looks >= LOOKS {
                    return taken;
                }
                CHECK_INTERVAL
            }
            // Reading and committing report a broker in trouble. Without the lease the offsets
            // themselves are judged.
            Err(error) => {
                debug!(%error, "the writer's mark cannot be kept at the moment");
                TAKE_INTERVAL
            }
        };
        sleep(pause).await;
    }
}

/// Takes the lease of every partition where it is not held.
async fn check(
    context: &ConsumerContext,
    offsets: &StoredOffsets,
    consumer: &str,
    claim: &mut LeaseClaim,
) -> Result<LeaseStatus, BrokerError> {
    let partitions = context.commit_history.partitions();
    if partitions.is_empty() {
        return Ok(LeaseStatus::NoPartitions);
    }
    let found = offsets.read().await?;
    for partition in partitions {
        match claim.check(partition, found.get(&partition).copied()) {
            LeaseCheck::Held => {}
            LeaseCheck::Taken => return Ok(LeaseStatus::Taken { partition }),
            LeaseCheck::Unset => {
                let mut session =
                    OffsetSession::open(&context.metadata, &context.topic, partition, consumer)
                        .await?;
                session.store(claim.number()).await?;
            }
        }
    }
    Ok(LeaseStatus::Held)
}
