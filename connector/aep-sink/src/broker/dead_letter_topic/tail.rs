//! Looks for records at the end of the log, replicated or not.

use fluvio::Isolation;
use fluvio_protocol::record::{Batch, RawRecords};

use super::topic::{PARTITION, WHAT};
use crate::broker::client::{ClusterMetadata, Purpose};
use crate::broker::error::BrokerError;
use crate::broker::partition_log::{
    LogReader, LogRecord, decode_batch, fetch_bounds, fetch_log_end,
};

/// Looks for a batch of exactly these records from an offset to the end of the log. Gives the
/// offset of the first.
pub(super) async fn find(
    metadata: &ClusterMetadata,
    topic: &str,
    from: i64,
    records: &[(String, Vec<u8>)],
) -> Result<Option<i64>, BrokerError> {
    let end = log_end(metadata, topic).await?;
    let connection = metadata.connect_leader(topic, PARTITION).await?;
    let log = fetch_bounds(&connection, WHAT, topic, PARTITION).await?;
    // What retention has removed is not what was just written.
    let mut next = from.max(log.start);
    let mut reader = open(metadata, topic, next).await?;
    while next < end {
        for batch in reader.next().await? {
            if is_same(&decode(&batch)?, records) {
                return Ok(Some(batch.base_offset));
            }
            next = batch.get_last_offset() + 1;
        }
    }
    Ok(None)
}

/// The record at an offset; `None` when the log does not have it.
pub(super) async fn record_at(
    metadata: &ClusterMetadata,
    topic: &str,
    offset: i64,
) -> Result<Option<LogRecord>, BrokerError> {
    if offset >= log_end(metadata, topic).await? {
        return Ok(None);
    }
    for batch in open(metadata, topic, offset).await?.next().await? {
        let mut records = decode(&batch)?.into_iter();
        if let Some(record) = records.find(|record| record.offset == offset) {
            return Ok(Some(record));
        }
    }
    Ok(None)
}

/// Where the log ends now. It may have been cut back: by a crash, or by a leader that had less of
/// it.
async fn log_end(metadata: &ClusterMetadata, topic: &str) -> Result<i64, BrokerError> {
    let connection = metadata
        .connect_leader_for(Purpose::LogParts, topic, PARTITION)
        .await?;
    fetch_log_end(&connection, WHAT, topic, PARTITION).await
}

async fn open(
    metadata: &ClusterMetadata,
    topic: &str,
    from: i64,
) -> Result<LogReader, BrokerError> {
    LogReader::open(metadata, topic, PARTITION, from, Isolation::ReadUncommitted).await
}

fn decode(batch: &Batch<RawRecords>) -> Result<Vec<LogRecord>, BrokerError> {
    decode_batch(batch)
        .map_err(|reason| BrokerError::Task(format!("a batch of dead letters: {reason}")))
}

fn is_same(found: &[LogRecord], records: &[(String, Vec<u8>)]) -> bool {
    found.len() == records.len()
        && found.iter().zip(records).all(|(found, (key, value))| {
            found.value == *value && found.key.as_deref() == Some(key.as_bytes())
        })
}
