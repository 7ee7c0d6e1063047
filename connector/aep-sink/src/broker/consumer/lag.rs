//! How long the backlog of a partition is, how old, and whether the broker lets all of it be read.
//!
//! Reading does not see it: while it waits for room it is told nothing, and of records that not all
//! replicas have it is never told. So the controller is asked from time to time where every log
//! ends, all partitions at once, and the leader of one with a backlog for the head of the batch
//! that holds its oldest unsettled record.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

use fluvio::Isolation;

use super::context::ConsumerContext;
use super::status::PartitionStatus;
use crate::broker::client::{Fetch, LogPart, Purpose, Replica};
use crate::broker::error::BrokerError;
use crate::error::Fault;
use crate::telemetry::{Component, Condition};

/// About as often as metrics are looked at.
const INTERVAL: Duration = Duration::from_secs(10);
/// How long one look may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Looks at once.
const LOOKS: usize = 8;
/// Enough for the head of a batch, which has its time.
const MAX_BYTES: i32 = 256;
const WHAT: &str = "looking at the oldest unsettled record";

/// Measures the lag again and again.
pub(super) async fn watch(context: &ConsumerContext) {
    let mut before = HashMap::new();
    loop {
        let listed = timeout(TIMEOUT, context.metadata.replicas(&context.topic)).await;
        let statuses = context.statuses.snapshot();
        match listed {
            Ok(Ok(replicas)) => {
                note(context, &statuses, &replicas);
                report(context, &standstill(&statuses, &before, &replicas));
                before = replicas;
            }
            // SPUs go on serving meanwhile.
            Ok(Err(error)) => debug!(%error, "the ends of the logs could not be listed"),
            Err(_elapsed) => debug!("the ends of the logs were not listed in time"),
        }
        look_at_oldest(context, &statuses).await;
        sleep(INTERVAL).await;
    }
}

/// Notes where the logs end.
fn note(
    context: &ConsumerContext,
    statuses: &BTreeMap<u32, PartitionStatus>,
    replicas: &HashMap<u32, Replica>,
) {
    for partition in statuses.keys() {
        let Some(replica) = replicas.get(partition) else {
            continue;
        };
        context.statuses.change(*partition, |status| {
            status.log_end = Some(replica.log_end);
            status.unreplicated = Some(unreplicated(replica));
            // Streams tell it sooner.
            status.high_watermark = status.high_watermark.max(Some(replica.high_watermark));
        });
    }
}

/// Records the leader has and another replica has not. With one replica the two ends differ only
/// after a crash, until the next write.
fn unreplicated(replica: &Replica) -> i64 {
    if replica.spus.len() > 1 {
        replica
            .log_end
            .saturating_sub(replica.high_watermark)
            .max(0)
    } else {
        0
    }
}

/// Partitions whose replication stands still: the broker moves the high watermark only when every
/// replica has a record, those that are away included (`compute_hw` of fluvio-spu's replica_state).
#[derive(Debug, Default, PartialEq, Eq)]
struct Standstill {
    partitions: Vec<u32>,
    records: i64,
    /// SPUs that are away.
    offline: Vec<i32>,
}

fn standstill(
    statuses: &BTreeMap<u32, PartitionStatus>,
    before: &HashMap<u32, Replica>,
    replicas: &HashMap<u32, Replica>,
) -> Standstill {
    let mut found = Standstill::default();
    for partition in statuses.keys() {
        let Some(replica) = replicas.get(partition) else {
            continue;
        };
        // One that is away is enough; what is only slow has moved between two looks.
        let stood = || {
            before.get(partition).is_some_and(|before| {
                unreplicated(before) > 0 && before.high_watermark == replica.high_watermark
            })
        };
        if unreplicated(replica) > 0 && (!replica.offline.is_empty() || stood()) {
            found.partitions.push(*partition);
            found.records += unreplicated(replica);
            found.offline.extend(&replica.offline);
        }
    }
    found.offline.sort_unstable();
    found.offline.dedup();
    found
}

/// Says so, where it keeps records from being delivered.
fn report(context: &ConsumerContext, standstill: &Standstill) {
    let was_standing = context.conditions.has(Component::Replication);
    if standstill.partitions.is_empty() || context.isolation != Isolation::ReadCommitted {
        if was_standing {
            info!("replication goes on");
            context.conditions.clear(Component::Replication);
        }
        return;
    }
    let condition = condition(standstill);
    if !was_standing {
        warn!("{}", condition.reason);
    }
    context.conditions.put(Component::Replication, condition);
}

fn condition(standstill: &Standstill) -> Condition {
    let Standstill {
        partitions,
        records,
        offline,
    } = standstill;
    let away = match offline.as_slice() {
        [] => "a follower does not keep up".to_owned(),
        [one] => format!("SPU {one} is away"),
        several => format!("SPUs {} are away", list(several)),
    };
    Condition {
        fault: Fault::External,
        reason: format!(
            "replication stands still: {away}, so {records} records of partition {} are not on all \
            replicas, and only those that are may be read",
            list(partitions)
        ),
        remedy: "bring the SPU back: the records are then read by themselves; or set \
            meta.consumer.isolation to uncommitted, which reads what the leader alone has"
            .to_owned(),
    }
}

/// The first few of many.
fn list<T: ToString>(numbers: &[T]) -> String {
    const SHOWN: usize = 10;
    let shown: Vec<String> = numbers.iter().take(SHOWN).map(T::to_string).collect();
    let more = numbers.len().saturating_sub(SHOWN);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    shown.join(", ") + &more
}

/// Notes how old the oldest unsettled record of each partition is.
async fn look_at_oldest(context: &ConsumerContext, statuses: &BTreeMap<u32, PartitionStatus>) {
    let (progress, _) = context.tracker.progress_of_all();
    let looks = progress.into_iter().filter_map(|progress| {
        let partition = progress.partition;
        let first = progress
            .settled
            .map_or(0, |settled| settled.saturating_add(1));
        let status = statuses.get(&partition).copied().unwrap_or_default();
        let end = status.high_watermark.max(status.log_end);
        if end.is_some_and(|end| end <= first) {
            context
                .statuses
                .change_if_read(partition, |status| status.oldest = None);
            return None;
        }
        let known = status.oldest.is_some_and(|(offset, _)| offset == first);
        (!known).then_some(async move {
            match timeout(TIMEOUT, oldest_timestamp(context, partition, first)).await {
                Ok(Ok(timestamp)) => context.statuses.change_if_read(partition, |status| {
                    status.oldest = timestamp.map(|timestamp| (first, timestamp));
                }),
                // Reading and committing report it themselves.
                Ok(Err(error)) => debug!(partition, %error, "the backlog could not be looked at"),
                Err(_elapsed) => debug!(partition, "the backlog was not looked at in time"),
            }
        })
    });
    futures_util::stream::iter(looks)
        .for_each_concurrent(LOOKS, |look| look)
        .await;
}

/// When the batch that holds an offset was produced, milliseconds since the epoch, or the next one.
async fn oldest_timestamp(
    context: &ConsumerContext,
    partition: u32,
    offset: i64,
) -> Result<Option<i64>, BrokerError> {
    let connection = context
        .metadata
        .connect_leader_for(Purpose::LogParts, &context.topic, partition)
        .await?;
    let fetch = Fetch {
        isolation: Isolation::ReadUncommitted,
        ..Fetch::unmapped(&context.topic, partition, offset, MAX_BYTES)
    };
    match fetch.once(&connection, WHAT).await? {
        LogPart::Refused(code) => Err(connection.refused(WHAT, code)),
        LogPart::Batches(batches) => Ok(batches
            .first()
            .map(|batch| batch.get_base_timestamp())
            .filter(|timestamp| *timestamp >= 0)),
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    fn replica(high_watermark: i64, log_end: i64, offline: &[i32]) -> Replica {
        Replica {
            leader: None,
            high_watermark,
            log_end,
            spus: vec![5001, 5002],
            offline: offline.to_vec(),
        }
    }

    fn standing(before: &Replica, now: &Replica) -> Standstill {
        let statuses = BTreeMap::from([(3, PartitionStatus::default())]);
        let at = |replica: &Replica| HashMap::from([(3, replica.clone())]);
        standstill(&statuses, &at(before), &at(now))
    }

    #[test]
    fn replication_stands_still_when_the_watermark_does_and_the_log_goes_on() {
        let behind = replica(5, 9, &[]);
        for moves in [replica(4, 9, &[]), replica(5, 5, &[])] {
            assert_eq!(standing(&moves, &behind), Standstill::default());
        }
        let stood = standing(&replica(5, 8, &[]), &behind);
        assert_eq!((stood.partitions, stood.records), (vec![3], 4));
        assert_eq!(
            standing(&behind, &replica(9, 9, &[5002])),
            Standstill::default(),
            "an SPU that is away holds up nothing where nothing is written"
        );
    }

    #[test]
    fn replica_that_is_away_is_named_at_the_first_look() {
        let told = condition(&standing(&replica(5, 5, &[]), &replica(5, 205, &[5002])));
        let reason = "replication stands still: SPU 5002 is away, so 200 records of partition 3 \
            are not on all replicas, and only those that are may be read";
        assert_eq!(told.reason, reason);
    }

    #[test]
    fn single_replica_has_nothing_to_wait_for() {
        let alone = Replica {
            spus: vec![5001],
            ..replica(5, 9, &[])
        };
        assert_eq!(standing(&alone, &alone), Standstill::default());
    }
}
