//! What the broker needs to store offsets of a consumer: a stream opened under its id, on the same
//! connection.

use std::sync::Arc;
use std::time::Duration;

use fluvio::Isolation;
use fluvio_protocol::link::ErrorCode;
use fluvio_spu_schema::server::consumer_offset::UpdateConsumerOffsetRequest;
use fluvio_spu_schema::server::fetch_offset::FetchOffsetsRequest;
use fluvio_spu_schema::server::stream_fetch::DefaultStreamFetchRequest;
use futures_util::{FutureExt, StreamExt};
use tokio::time::timeout;

use super::connection::{Connection, Responses};
use super::directory::Directory;
use super::error::BrokerError;
use super::refusal::Refusal;
use super::start::Log;

/// How long a session waits for the response that names it.
const OPENING: Duration = Duration::from_secs(5);
/// The broker counts the streams of a connection from 1. Used only while the log is empty and no
/// response can come.
const FIRST_STREAM: u32 = 1;
/// Enough for a response; what it holds is of no interest.
const MAX_BYTES: i32 = 4096;
const WHAT: &str = "committing an offset";

/// Stores offsets of one consumer for one partition.
pub(super) struct Session {
    connection: Connection,
    topic: String,
    id: u32,
    log_end: i64,
    /// Gets no credit, so at most one small response ever waits in it, and the news that the topic
    /// is gone.
    responses: Responses,
}

/// What the log of a partition holds now, by a connection to its leader.
pub(super) async fn look(
    connection: &Connection,
    topic: &str,
    partition: u32,
) -> Result<Log, BrokerError> {
    const WHAT: &str = "reading the bounds of the log";
    let request = FetchOffsetsRequest::new(topic.to_owned(), partition);
    let response = connection.call(WHAT, request).await?;
    let address = || connection.address().to_owned();
    let found = response
        .find_partition(&(topic.to_owned(), partition).into())
        .ok_or_else(|| BrokerError::BadResponse {
            what: WHAT,
            address: address(),
            reason: "the partition is not in it".to_owned(),
        })?;
    match found.error_code {
        ErrorCode::None => Ok(Log {
            start: found.start_offset,
            end: found.last_stable_offset,
        }),
        code => Err(BrokerError::Refused {
            what: WHAT,
            address: address(),
            code,
        }),
    }
}

impl Session {
    /// Opens a session by a stream at the last record, without SmartModules: its one response names
    /// the session.
    pub(super) async fn open(
        directory: &Arc<Directory>,
        topic: &str,
        partition: u32,
        consumer: &str,
    ) -> Result<Self, BrokerError> {
        let connection = directory.connect_leader(topic, partition).await?;
        let log = look(&connection, topic, partition).await?;
        let bad = |reason: String| BrokerError::BadResponse {
            what: WHAT,
            address: connection.address().to_owned(),
            reason,
        };
        let request = DefaultStreamFetchRequest::builder()
            .topic(topic.to_owned())
            .partition(partition)
            .fetch_offset((log.end - 1).max(log.start))
            .isolation(Isolation::ReadCommitted)
            .max_bytes(MAX_BYTES)
            .consumer_id(Some(consumer.to_owned()))
            .build()
            .map_err(|error| bad(error.to_string()))?;
        let mut responses = connection.stream(request).await?;
        let mut id = FIRST_STREAM;
        if log.end > log.start {
            let response = match timeout(OPENING, responses.next()).await {
                Ok(Some(response)) => response.map_err(|error| connection.failed(WHAT, &error))?,
                Ok(None) => return Err(connection.closed(WHAT)),
                Err(_elapsed) => return Err(bad("no session was opened".to_owned())),
            };
            if matches!(
                response.partition.error_code,
                ErrorCode::NotLeaderForPartition
            ) {
                return Err(refused(&connection, response.partition.error_code));
            }
            id = response.stream_id;
        }
        Ok(Self {
            connection,
            topic: topic.to_owned(),
            id,
            log_end: log.end,
            responses,
        })
    }

    /// Where the log ended when the session was opened.
    pub(super) fn log_end(&self) -> i64 {
        self.log_end
    }

    /// Whether the broker said that the topic is gone. A session outlives its topic, and the broker
    /// stores what comes through it also then.
    fn has_lost_its_topic(&mut self) -> bool {
        while let Some(Some(Ok(response))) = self.responses.next().now_or_never() {
            if Refusal::of(&response.partition.error_code) == Refusal::TopicGone {
                return true;
            }
        }
        false
    }

    /// Stores an offset, and makes sure that the broker says so.
    pub(super) async fn store(&mut self, offset: i64) -> Result<(), BrokerError> {
        if self.has_lost_its_topic() {
            let topic = self.topic.clone();
            return Err(BrokerError::TopicDeleted { topic });
        }
        let request = UpdateConsumerOffsetRequest::new(offset, self.id);
        let answer = self.connection.call(WHAT, request).await?;
        match answer.error_code {
            ErrorCode::None if answer.offset == offset => Ok(()),
            ErrorCode::None => Err(BrokerError::BadResponse {
                what: WHAT,
                address: self.connection.address().to_owned(),
                reason: format!("it acknowledges {} instead of {offset}", answer.offset),
            }),
            code => Err(refused(&self.connection, code)),
        }
    }
}

fn refused(connection: &Connection, code: ErrorCode) -> BrokerError {
    BrokerError::Refused {
        what: WHAT,
        address: connection.address().to_owned(),
        code,
    }
}
