//! Where the log of a partition begins and ends.

use fluvio::Isolation;
use fluvio_protocol::link::ErrorCode;
use fluvio_spu_schema::server::fetch_offset::FetchOffsetsRequest;

use crate::broker::client::{Connection, Fetch, LogPart};
use crate::broker::error::BrokerError;

/// `what` of [`fetch_bounds`], where the bounds are all that is wanted.
pub(crate) const BOUNDS: &str = "reading the bounds of the log";

/// What a partition's log holds: offsets from `start` up to, but not including, `end`.
/// `end` is the high watermark: what all replicas have. The log itself may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogBounds {
    pub(crate) start: i64,
    pub(crate) end: i64,
}

/// What the log of a partition holds now, by a connection to its leader. `what` is for messages.
pub(crate) async fn fetch_bounds(
    connection: &Connection,
    what: &'static str,
    topic: &str,
    partition: u32,
) -> Result<LogBounds, BrokerError> {
    let request = FetchOffsetsRequest::new(topic.to_owned(), partition);
    let response = connection.call(what, request).await?;
    let found = response
        .find_partition(&(topic.to_owned(), partition).into())
        .ok_or_else(|| connection.unusable(what, "the partition is not in it".to_owned()))?;
    match found.error_code {
        ErrorCode::None => Ok(LogBounds {
            start: found.start_offset,
            end: found.last_stable_offset,
        }),
        code => Err(connection.refused(what, code)),
    }
}

/// The offset after the last record of a partition's log, replicated or not, by a connection to its
/// leader.
///
/// The offsets the broker tells are bound by its high watermark, and after a crash it may know an
/// old one until the next write. But it refuses a read that begins beyond the log, and says where
/// that ends.
pub(crate) async fn fetch_log_end(
    connection: &Connection,
    what: &'static str,
    topic: &str,
    partition: u32,
) -> Result<i64, BrokerError> {
    let fetch = Fetch {
        isolation: Isolation::ReadUncommitted,
        ..Fetch::unmapped(topic, partition, i64::MAX, 1)
    };
    match fetch.once(connection, what).await? {
        LogPart::Refused(code) => match log_end_of(&code) {
            Some(end) => Ok(end),
            None => Err(connection.refused(what, code)),
        },
        LogPart::Batches(_) => {
            Err(connection.unusable(what, "there are records at the last offset".to_owned()))
        }
    }
}

/// The broker has no code for this, only a text ("start offset: 9 is greater than leo: 3",
/// fluvio-storage's replica).
fn log_end_of(code: &ErrorCode) -> Option<i64> {
    let ErrorCode::Other(text) = code else {
        return None;
    };
    let (_, end) = text.split_once("is greater than leo: ")?;
    end.trim().parse().ok()
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn end_of_the_log_is_read_from_the_refusal_to_read_beyond_it() {
        let beyond = ErrorCode::Other("start offset: 9 is greater than leo: 3".to_owned());
        assert_eq!(log_end_of(&beyond), Some(3));
        for other in [
            ErrorCode::Other("no records found in active replica".to_owned()),
            ErrorCode::NotLeaderForPartition,
        ] {
            assert_eq!(log_end_of(&other), None, "{other:?}");
        }
    }
}
