//! Whether a partition's log is still the one that was read.

use fluvio::Isolation;

use super::context::ConsumerContext;
use crate::broker::error::BrokerError;
use crate::broker::offsets::{LogAnchor, moment};
use crate::broker::partition_log::{LogBounds, LogReader, decode_batch};
use crate::clock::Clock;

/// Fails when the log has another record where this one was read. A record that is not there any
/// more, because of retention, says nothing.
pub(super) async fn verify(
    context: &ConsumerContext,
    partition: u32,
    log: LogBounds,
    anchor: LogAnchor,
) -> Result<(), BrokerError> {
    if !(log.start..log.end).contains(&anchor.offset) {
        return Ok(());
    }
    let (metadata, topic) = (&context.metadata, &context.topic);
    let mut reader = LogReader::open(
        metadata,
        topic,
        partition,
        anchor.offset,
        Isolation::ReadUncommitted,
    )
    .await?;
    let batches = reader.next().await?;
    let batch = batches
        .iter()
        .find(|batch| (batch.base_offset..=batch.get_last_offset()).contains(&anchor.offset));
    let Some(batch) = batch else {
        return Ok(());
    };
    let records = decode_batch(batch).map_err(|reason| BrokerError::BadResponse {
        what: "comparing the log with the one that was read",
        address: context.replica(partition),
        reason,
    })?;
    let record = records
        .into_iter()
        .find(|record| record.offset == anchor.offset);
    let timestamp = record.and_then(|record| record.timestamp);
    if timestamp.is_some_and(|timestamp| anchor.is_of(timestamp)) {
        return Ok(());
    }
    let near = timestamp.unwrap_or_else(|| Clock::System.now_ms());
    Err(BrokerError::AnotherLog {
        replica: context.replica(partition),
        consumer: context.consumer.clone(),
        offset: anchor.offset,
        expected: moment(anchor.timestamp_near(near)).to_string(),
        found: timestamp.map_or_else(
            || "an unknown time".to_owned(),
            |timestamp| moment(timestamp).to_string(),
        ),
    })
}
