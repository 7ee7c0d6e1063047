//! How long the backlog of a partition is, and how old: what is older than the topic's retention is
//! lost.
//!
//! Reading cannot tell while it waits for room, which is when an operator wants to know. And
//! answers do not say when their records were produced, because the broker's batches of answers
//! have no time of their own. So the log and its oldest unsettled record are looked at, from time
//! to time and only while there is a backlog.

use std::time::Duration;

use fluvio::Isolation;
use fluvio_spu_schema::server::stream_fetch::DefaultStreamFetchRequest;
use futures_util::StreamExt;
use tokio::time::{sleep, timeout};
use tracing::debug;

use super::connection::Connection;
use super::error::BrokerError;
use super::raw;
use super::reader::Shared;

/// About as often as metrics are looked at.
const ROUND: Duration = Duration::from_secs(15);
/// How long one look may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Enough for most batches. The age of a record in a greater one stays unknown.
const MAX_BYTES: i32 = 1 << 20;
const WHAT: &str = "looking at the oldest unsettled record";

/// Looks, and goes on looking.
pub(super) async fn watch(shared: &Shared) {
    loop {
        let (progress, _) = shared.tracker.progress_of_all();
        for progress in progress {
            let partition = progress.partition;
            let first = progress
                .settled
                .map_or(0, |settled| settled.saturating_add(1));
            let look = timeout(PATIENCE, look(shared, partition, first));
            match look.await.unwrap_or(Ok(())) {
                Ok(()) => {}
                // Whoever reads or commits there tells about it.
                Err(error) => debug!(partition, %error, "the backlog could not be looked at"),
            }
        }
        sleep(ROUND).await;
    }
}

/// Notes what there is from the first unsettled offset on.
async fn look(shared: &Shared, partition: u32, first: i64) -> Result<(), BrokerError> {
    let standing = shared
        .standing
        .snapshot()
        .remove(&partition)
        .unwrap_or_default();
    if standing.high_watermark.is_some_and(|end| end <= first) {
        shared
            .standing
            .change(partition, |standing| standing.oldest = None);
        return Ok(());
    }
    let connection = shared
        .directory
        .connect_leader(&shared.topic, partition)
        .await?;
    shared.look(&connection, partition).await?;
    if standing.oldest.is_none_or(|(offset, _)| offset != first) {
        let produced = produced(shared, &connection, partition, first).await?;
        let oldest = produced.map(|produced| (first, produced));
        shared
            .standing
            .change(partition, |standing| standing.oldest = oldest);
    }
    Ok(())
}

/// When the record at an offset was produced, milliseconds since the epoch, or the next one if
/// there is none.
async fn produced(
    shared: &Shared,
    connection: &Connection,
    partition: u32,
    offset: i64,
) -> Result<Option<i64>, BrokerError> {
    let unusable = |reason: String| BrokerError::BadResponse {
        what: WHAT,
        address: connection.address().to_owned(),
        reason,
    };
    let request = DefaultStreamFetchRequest::builder()
        .topic(shared.topic.clone())
        .partition(partition)
        .fetch_offset(offset)
        .isolation(Isolation::ReadCommitted)
        .max_bytes(MAX_BYTES)
        .build()
        .map_err(|error| unusable(error.to_string()))?;
    let mut responses = connection.stream(request).await?;
    let response = match responses.next().await {
        Some(response) => response.map_err(|error| connection.failed(WHAT, &error))?,
        None => return Err(connection.closed(WHAT)),
    };
    for batch in &response.partition.records.batches {
        let records = raw::decode(batch).map_err(unusable)?;
        if let Some(record) = records.into_iter().find(|record| record.offset >= offset) {
            return Ok(record.timestamp);
        }
    }
    Ok(None)
}
