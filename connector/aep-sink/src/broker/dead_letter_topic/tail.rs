//! Looks whether records that were written without an acknowledgement are in the log.

use fluvio::Isolation;

use super::topic::{PARTITION, WHAT};
use crate::broker::client::{ClusterMetadata, Purpose};
use crate::broker::error::BrokerError;
use crate::broker::partition_log::{LogReader, LogRecord, decode_batch, fetch_log_end};

/// Looks for a batch of exactly these records from an offset to the end of the log, replicated or
/// not. Gives the offset of the first.
pub(super) async fn find(
    metadata: &ClusterMetadata,
    topic: &str,
    from: i64,
    records: &[(String, Vec<u8>)],
) -> Result<Option<i64>, BrokerError> {
    let connection = metadata
        .connect_leader_for(Purpose::LogParts, topic, PARTITION)
        .await?;
    // Before `from` when the log was cut back: by a crash, or by a leader that had less of it.
    let end = fetch_log_end(&connection, WHAT, topic, PARTITION).await?;
    let isolation = Isolation::ReadUncommitted;
    let mut reader = LogReader::open(metadata, topic, PARTITION, from, isolation).await?;
    let mut next = from;
    while next < end {
        for batch in reader.next().await? {
            let found = decode_batch(&batch).map_err(|reason| {
                BrokerError::Task(format!("a batch of dead letters: {reason}"))
            })?;
            if is_same(&found, records) {
                return Ok(Some(batch.base_offset));
            }
            next = batch.get_last_offset() + 1;
        }
    }
    Ok(None)
}

fn is_same(found: &[LogRecord], records: &[(String, Vec<u8>)]) -> bool {
    found.len() == records.len()
        && found.iter().zip(records).all(|(found, (key, value))| {
            found.value == *value && found.key.as_deref() == Some(key.as_bytes())
        })
}
