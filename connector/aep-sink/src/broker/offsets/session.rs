//! What the broker needs to store offsets of a consumer: a stream opened under its id, on the same
//! connection.

use std::sync::Arc;
use std::time::Duration;

use fluvio_protocol::link::ErrorCode;
use fluvio_spu_schema::server::consumer_offset::UpdateConsumerOffsetRequest;
use futures_util::{FutureExt, StreamExt};
use tokio::time::timeout;

use crate::broker::client::{ClusterMetadata, Connection, ErrorClass, Fetch, Responses};
use crate::broker::error::BrokerError;
use crate::broker::partition_log::{BOUNDS, fetch_bounds};

/// How long a session waits for the response that names it.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
/// The broker counts the streams of a connection from 1. Used only while the log is empty and no
/// response can come.
const FIRST_STREAM: u32 = 1;
/// Enough for a response; what it holds is of no interest.
const MAX_BYTES: i32 = 4096;
const WHAT: &str = "committing an offset";

/// Stores offsets of one consumer for one partition.
pub(crate) struct OffsetSession {
    connection: Connection,
    topic: String,
    stream_id: u32,
    log_end: i64,
    /// Gets no credit, so at most one small response ever waits in it, and the news that the topic
    /// is gone.
    responses: Responses,
}

impl OffsetSession {
    /// Opens a session by a stream at the last record, without SmartModules: its one response names
    /// the session.
    pub(crate) async fn open(
        metadata: &Arc<ClusterMetadata>,
        topic: &str,
        partition: u32,
        consumer: &str,
    ) -> Result<Self, BrokerError> {
        let connection = metadata.connect_leader(topic, partition).await?;
        let log = fetch_bounds(&connection, BOUNDS, topic, partition).await?;
        let last = (log.end - 1).max(log.start);
        let fetch = Fetch {
            consumer: Some(consumer),
            ..Fetch::unmapped(topic, partition, last, MAX_BYTES)
        };
        let mut responses = fetch.open(&connection, WHAT).await?;
        let mut stream_id = FIRST_STREAM;
        if log.end > log.start {
            let response = timeout(OPEN_TIMEOUT, connection.next(WHAT, &mut responses))
                .await
                .unwrap_or_else(|_elapsed| {
                    Err(connection.unusable(WHAT, "no session was opened".to_owned()))
                })?;
            if matches!(
                response.partition.error_code,
                ErrorCode::NotLeaderForPartition
            ) {
                return Err(connection.refused(WHAT, response.partition.error_code));
            }
            stream_id = response.stream_id;
        }
        Ok(Self {
            connection,
            topic: topic.to_owned(),
            stream_id,
            log_end: log.end,
            responses,
        })
    }

    /// Where the log ended when the session was opened.
    pub(crate) fn log_end(&self) -> i64 {
        self.log_end
    }

    /// Whether the broker said that the topic is gone. A session outlives its topic, and the broker
    /// stores what comes through it also then.
    fn is_topic_gone(&mut self) -> bool {
        while let Some(Some(Ok(response))) = self.responses.next().now_or_never() {
            if ErrorClass::of(&response.partition.error_code) == ErrorClass::TopicDeleted {
                return true;
            }
        }
        false
    }

    /// Stores an offset, and makes sure that the broker says so.
    pub(crate) async fn store(&mut self, offset: i64) -> Result<(), BrokerError> {
        if self.is_topic_gone() {
            let topic = self.topic.clone();
            return Err(BrokerError::TopicDeleted { topic });
        }
        let request = UpdateConsumerOffsetRequest::new(offset, self.stream_id);
        let response = self.connection.call(WHAT, request).await?;
        match response.error_code {
            ErrorCode::None if response.offset == offset => Ok(()),
            ErrorCode::None => Err(self.connection.unusable(
                WHAT,
                format!("it acknowledges {} instead of {offset}", response.offset),
            )),
            code => Err(self.connection.refused(WHAT, code)),
        }
    }
}
