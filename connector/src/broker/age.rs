//! How old the oldest unsettled record is: what is older than the topic's retention is lost.
//!
//! Answers do not tell, because the broker's batches of them have no time of their own. So the record itself is looked at,
//! from time to time and only while there is something to look at; it may not even have been read yet.

use std::time::Duration;

use fluvio::Isolation;
use fluvio_spu_schema::server::stream_fetch::DefaultStreamFetchRequest;
use futures_util::StreamExt;
use tokio::time::{sleep, timeout};
use tracing::debug;

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
        let (progress, _) = shared.ledger.progress_of_all();
        for (partition, standing) in shared.standing.snapshot() {
            let Some(progress) = progress.iter().find(|progress| progress.partition == partition) else {
                continue; // not begun yet
            };
            let first = progress.settled.map_or(0, |settled| settled.saturating_add(1));
            let ends = standing.high_watermark.unwrap_or(first).max(progress.next);
            let oldest = match standing.oldest {
                _ if first >= ends => None,
                Some((offset, produced)) if offset == first => Some((offset, produced)),
                _ => match timeout(PATIENCE, produced(shared, partition, first)).await {
                    Ok(Ok(produced)) => produced.map(|produced| (first, produced)),
                    Ok(Err(error)) => {
                        debug!(partition, %error, "the age of the oldest unsettled record is not known");
                        None
                    }
                    Err(_elapsed) => None,
                },
            };
            shared.standing.change(partition, |standing| standing.oldest = oldest);
        }
        sleep(ROUND).await;
    }
}

/// When the record at an offset was produced, or the next one if there is none.
async fn produced(shared: &Shared, partition: u32, offset: i64) -> Result<Option<i64>, BrokerError> {
    let connection = shared.directory.connect_leader(&shared.topic, partition).await?;
    let request = DefaultStreamFetchRequest::builder()
        .topic(shared.topic.clone())
        .partition(partition)
        .fetch_offset(offset)
        .isolation(Isolation::ReadCommitted)
        .max_bytes(MAX_BYTES)
        .build()
        .map_err(|error| BrokerError::BadResponse {
            what: WHAT,
            address: connection.address().to_owned(),
            reason: error.to_string(),
        })?;
    let mut responses = connection.stream(request).await?;
    let response = match responses.next().await {
        Some(response) => response.map_err(|error| connection.failed(WHAT, &error))?,
        None => return Err(connection.closed(WHAT)),
    };
    for batch in &response.partition.records.batches {
        let records = raw::decode(batch).map_err(|reason| BrokerError::BadResponse {
            what: WHAT,
            address: connection.address().to_owned(),
            reason,
        })?;
        if let Some(record) = records.into_iter().find(|record| record.offset >= offset) {
            return Ok(record.timestamp);
        }
    }
    Ok(None)
}
