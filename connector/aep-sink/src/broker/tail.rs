//! Whether a log that seems to end before the next offset really does.
//!
//! The broker writes its high watermark lazily: after a crash it may report one that is far behind
//! the log, until the next record is written. Only a log that is shorter than what was read was
//! recreated or truncated.

use std::time::Duration;

use fluvio::Isolation;
use fluvio_protocol::link::ErrorCode;
use fluvio_spu_schema::server::stream_fetch::DefaultStreamFetchRequest;
use futures_util::StreamExt;
use tokio::time::timeout;

use super::connection::Connection;
use super::directory::Directory;
use super::error::BrokerError;

/// A read at the very end of the log has no answer; one that begins elsewhere is answered at once.
const QUIET: Duration = Duration::from_secs(2);
const WHAT: &str = "looking at the end of the log";

/// Where an offset beyond the high watermark stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tail {
    /// The log ends exactly there: reading may go on.
    Ends,
    /// The log has more records; they can be read once the high watermark has caught up.
    GoesOn,
    /// The log does not reach it.
    Shorter,
}

/// Asks the leader of a partition. The public offsets tell only the high watermark, but a stream
/// that is not bound by it is refused when it begins beyond the end of the log. It has a connection
/// of its own, because streams cannot be closed without theirs.
pub(super) async fn look(
    directory: &Directory,
    topic: &str,
    partition: u32,
    next: i64,
) -> Result<Tail, BrokerError> {
    /// What is read is of no interest.
    const MAX_BYTES: i32 = 1;
    let connection = directory.connect_leader(topic, partition).await?;
    let request = DefaultStreamFetchRequest::builder()
        .topic(topic.to_owned())
        .partition(partition)
        .fetch_offset(next)
        .isolation(Isolation::ReadUncommitted)
        .max_bytes(MAX_BYTES)
        .build()
        .map_err(|error| BrokerError::BadResponse {
            what: WHAT,
            address: connection.address().to_owned(),
            reason: error.to_string(),
        })?;
    let mut responses = connection.stream(request).await?;
    match timeout(QUIET, responses.next()).await {
        Err(_elapsed) => Ok(Tail::Ends),
        Ok(None) => Err(connection.closed(WHAT)),
        Ok(Some(Err(error))) => Err(connection.failed(WHAT, &error)),
        Ok(Some(Ok(response))) => judge(&connection, response.partition.error_code),
    }
}

fn judge(connection: &Connection, code: ErrorCode) -> Result<Tail, BrokerError> {
    match code {
        ErrorCode::None => Ok(Tail::GoesOn),
        code if is_beyond_end(&code) => Ok(Tail::Shorter),
        code => Err(BrokerError::Refused {
            what: WHAT,
            address: connection.address().to_owned(),
            code,
        }),
    }
}

/// The broker has no code for this, only a text ("start offset: 9 is greater than leo: 3",
/// fluvio-storage's replica).
fn is_beyond_end(code: &ErrorCode) -> bool {
    matches!(code, ErrorCode::Other(text) if text.contains("is greater than leo"))
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_refusal_that_names_the_end_of_the_log_means_a_shorter_log() {
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
