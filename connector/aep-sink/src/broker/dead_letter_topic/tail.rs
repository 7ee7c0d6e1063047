//! Looks for records at the end of the log, replicated or not.

use std::sync::Arc;
use std::time::Duration;

use fluvio_protocol::record::{Batch, RawRecords};
use tokio::time::timeout;

use super::topic::PARTITION;
use crate::broker::client::ClusterMetadata;
use crate::broker::error::BrokerError;
use crate::broker::partition_log::{LogReader, LogRecord, decode_batch, is_beyond_end};

/// A read at the very end of the log has no answer; one that begins elsewhere is answered at once.
const QUIET: Duration = Duration::from_secs(2);

/// Looks for a batch of exactly these records from an offset to the end of the log. Gives the
/// offset of the first.
pub(super) async fn find(
    metadata: &Arc<ClusterMetadata>,
    topic: &str,
    from: i64,
    records: &[(String, Vec<u8>)],
) -> Result<Option<i64>, BrokerError> {
    let mut reader = LogReader::open_uncommitted(metadata, topic, PARTITION, from).await?;
    while let Some(batches) = next(&mut reader).await? {
        for batch in batches {
            if is_same(&decode(&batch)?, records) {
                return Ok(Some(batch.base_offset));
            }
        }
    }
    Ok(None)
}

/// The record at an offset; `None` when the log does not have it.
pub(super) async fn record_at(
    metadata: &Arc<ClusterMetadata>,
    topic: &str,
    offset: i64,
) -> Result<Option<LogRecord>, BrokerError> {
    let mut reader = LogReader::open_uncommitted(metadata, topic, PARTITION, offset).await?;
    for batch in next(&mut reader).await?.into_iter().flatten() {
        let mut records = decode(&batch)?.into_iter();
        if let Some(record) = records.find(|record| record.offset == offset) {
            return Ok(Some(record));
        }
    }
    Ok(None)
}

/// What comes next in the log; `None` at its end.
async fn next(reader: &mut LogReader) -> Result<Option<Vec<Batch<RawRecords>>>, BrokerError> {
    match timeout(QUIET, reader.next()).await {
        Err(_elapsed) => Ok(None),
        // The log was cut back: by a crash, or by a leader that had less of it.
        Ok(Err(BrokerError::Refused { code, .. })) if is_beyond_end(&code) => Ok(None),
        Ok(batches) => batches.map(Some),
    }
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
