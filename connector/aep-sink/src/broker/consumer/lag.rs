//! How long the backlog of a partition is, and how old: what is older than the topic's retention is
//! lost.
//!
//! Reading does not see it while it waits for room, which is when an operator wants to know. And
//! answers do not say when their records were produced, because the broker's batches of answers
//! have no time of their own. So the log and its oldest unsettled record are looked at, from time
//! to time and only while there is a backlog.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use tracing::debug;

use super::context::ConsumerContext;
use crate::broker::client::{Connection, Fetch};
use crate::broker::error::BrokerError;
use crate::broker::partition_log::decode_batch;

/// About as often as metrics are looked at.
const INTERVAL: Duration = Duration::from_secs(15);
/// How long one look may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Enough for most batches. The age of a record in a greater one stays unknown.
const MAX_BYTES: i32 = 1 << 20;
const WHAT: &str = "looking at the oldest unsettled record";

/// Measures the lag again and again.
pub(super) async fn watch(context: &ConsumerContext) {
    loop {
        let (progress, _) = context.tracker.progress_of_all();
        for progress in progress {
            let partition = progress.partition;
            let first = progress
                .settled
                .map_or(0, |settled| settled.saturating_add(1));
            let look = timeout(TIMEOUT, look(context, partition, first));
            match look.await.unwrap_or(Ok(())) {
                Ok(()) => {}
                // Reading and committing report it themselves.
                Err(error) => debug!(partition, %error, "the backlog could not be looked at"),
            }
        }
        sleep(INTERVAL).await;
    }
}

/// Notes what there is from the first unsettled offset on.
async fn look(context: &ConsumerContext, partition: u32, first: i64) -> Result<(), BrokerError> {
    let status = context
        .statuses
        .snapshot()
        .remove(&partition)
        .unwrap_or_default();
    if status.high_watermark.is_some_and(|end| end <= first) {
        context
            .statuses
            .change(partition, |status| status.oldest = None);
        return Ok(());
    }
    let connection = context
        .metadata
        .connect_leader(&context.topic, partition)
        .await?;
    context.look(&connection, partition).await?;
    if status.oldest.is_none_or(|(offset, _)| offset != first) {
        let oldest_timestamp = oldest_timestamp(context, &connection, partition, first).await?;
        let oldest = oldest_timestamp.map(|oldest_timestamp| (first, oldest_timestamp));
        context
            .statuses
            .change(partition, |status| status.oldest = oldest);
    }
    Ok(())
}

/// When the record at an offset was produced, milliseconds since the epoch, or the next one if
/// there is none.
async fn oldest_timestamp(
    context: &ConsumerContext,
    connection: &Connection,
    partition: u32,
    offset: i64,
) -> Result<Option<i64>, BrokerError> {
    let fetch = Fetch::unmapped(&context.topic, partition, offset, MAX_BYTES);
    let mut responses = fetch.open(connection, WHAT).await?;
    let response = connection.next(WHAT, &mut responses).await?;
    for batch in &response.partition.records.batches {
        let records = decode_batch(batch).map_err(|reason| connection.unusable(WHAT, reason))?;
        if let Some(record) = records.into_iter().find(|record| record.offset >= offset) {
            return Ok(record.timestamp);
        }
    }
    Ok(None)
}
