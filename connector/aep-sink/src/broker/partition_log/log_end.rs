//! Whether a log that seems to end before the next offset really does.
//!
//! The broker writes its high watermark lazily: after a crash it may report one that is far behind
//! the log, until the next record is written. Only a log that is shorter than what was read was
//! recreated or truncated.

use std::time::Duration;

use fluvio::Isolation;
use fluvio_protocol::link::ErrorCode;
use tokio::time::timeout;

use crate::broker::client::{ClusterMetadata, Connection, Fetch};
use crate::broker::error::BrokerError;

/// A read at the very end of the log has no answer; one that begins elsewhere is answered at once.
const QUIET: Duration = Duration::from_secs(2);
const WHAT: &str = "looking at the end of the log";

/// Where an offset beyond the high watermark is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogEnd {
    /// The log ends exactly there: reading may go on.
    Here,
    /// The log has more records; they can be read once the high watermark has caught up.
    Further,
    /// The log does not reach it.
    Before,
}

/// Asks the leader of a partition. The public offsets tell only the high watermark, but a stream
/// that is not bound by it is refused when it begins beyond the end of the log. It has a connection
/// of its own, because streams cannot be closed without theirs.
pub(crate) async fn probe_log_end(
    metadata: &ClusterMetadata,
    topic: &str,
    partition: u32,
    next: i64,
) -> Result<LogEnd, BrokerError> {
    /// What is read is of no interest.
    const MAX_BYTES: i32 = 1;
    let connection = metadata.connect_leader(topic, partition).await?;
    let fetch = Fetch {
        isolation: Isolation::ReadUncommitted,
        ..Fetch::unmapped(topic, partition, next, MAX_BYTES)
    };
    let mut responses = fetch.open(&connection, WHAT).await?;
    match timeout(QUIET, connection.next(WHAT, &mut responses)).await {
        Err(_elapsed) => Ok(LogEnd::Here),
        Ok(response) => classify(&connection, response?.partition.error_code),
    }
}

fn classify(connection: &Connection, code: ErrorCode) -> Result<LogEnd, BrokerError> {
    match code {
        ErrorCode::None => Ok(LogEnd::Further),
        code if is_beyond_end(&code) => Ok(LogEnd::Before),
        code => Err(connection.refused(WHAT, code)),
    }
}

/// The broker has no code for this, only a text ("start offset: 9 is greater than leo: 3",
/// fluvio-storage's replica).
pub(crate) fn is_beyond_end(code: &ErrorCode) -> bool {
    matches!(code, ErrorCode::Other(text) if text.contains("is greater than leo"))
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shorter_log_is_known_only_by_the_error_that_names_its_end() {
        let beyond = ErrorCode::Other("start offset: 9 is greater than leo: 3".to_owned());
        assert!(is_beyond_end(&beyond));
        for other in [
            ErrorCode::Other("no records found in active replica".to_owned()),
            ErrorCode::NotLeaderForPartition,
        ] {
            assert!(!is_beyond_end(&other), "{other:?}");
        }
    }
}
