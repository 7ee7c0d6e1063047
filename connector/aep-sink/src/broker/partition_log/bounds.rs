//! Where the log of a partition begins and ends.

use fluvio_protocol::link::ErrorCode;
use fluvio_spu_schema::server::fetch_offset::FetchOffsetsRequest;

use crate::broker::client::Connection;
use crate::broker::error::BrokerError;

/// `what` of [`fetch_bounds`], where the bounds are all that is wanted.
pub(crate) const BOUNDS: &str = "reading the bounds of the log";

/// What a partition's log holds: offsets from `start` up to, but not including, `end`.
/// `end` is the high watermark: only replicated records are read.
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
