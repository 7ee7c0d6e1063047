//! Looks whether records that were written without an acknowledgement are in the log.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::topic::PARTITION;
use crate::broker::client::ClusterMetadata;
use crate::broker::error::BrokerError;
use crate::broker::partition_log::{LogReader, LogRecord, decode_batch, is_beyond_end};

/// A read at the very end of the log has no answer; one that begins elsewhere is answered at once.
const QUIET: Duration = Duration::from_secs(2);

/// Looks for a batch of exactly these records from an offset to the end of the log, replicated or
/// not. Gives the offset of the first.
pub(super) async fn find(
    metadata: &Arc<ClusterMetadata>,
    topic: &str,
    from: i64,
    records: &[(String, Vec<u8>)],
) -> Result<Option<i64>, BrokerError> {
    let mut reader = LogReader::open_uncommitted(metadata, topic, PARTITION, from).await?;
    while let Ok(batches) = timeout(QUIET, reader.next()).await {
        let batches = match batches {
            Ok(batches) => batches,
            // The log was cut back: by a crash, or by a leader that had less of it.
            Err(BrokerError::Refused { code, .. }) if is_beyond_end(&code) => break,
            Err(error) => return Err(error),
        };
        for batch in batches {
            let found = decode_batch(&batch).map_err(|reason| {
                BrokerError::Task(format!("a batch of dead letters: {reason}"))
            })?;
            if is_same(&found, records) {
                return Ok(Some(batch.base_offset));
            }
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
