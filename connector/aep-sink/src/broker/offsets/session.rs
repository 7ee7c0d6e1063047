//! What the broker needs to store offsets of a consumer: a stream opened under its id, on the same
//! connection. All sessions at one SPU share a connection, apart from that of reading.

use std::time::Duration;

use fluvio_protocol::link::ErrorCode;
use fluvio_spu_schema::server::consumer_offset::UpdateConsumerOffsetRequest;
use futures_util::{FutureExt, StreamExt};
use tokio::time::timeout;

use crate::broker::client::{ClusterMetadata, Connection, ErrorClass, Fetch, Purpose, Responses};
use crate::broker::error::BrokerError;
use crate::broker::partition_log::{BOUNDS, fetch_bounds, fetch_log_end};

/// How long a session waits for the response that names it.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
/// Enough for a response; what it holds is of no interest.
const MAX_BYTES: i32 = 4096;
const WHAT: &str = "committing an offset";

/// Stores offsets of one consumer for one partition.
pub(crate) struct OffsetSession {
    connection: Connection,
    topic: String,
    partition: u32,
    stream_id: u32,
    log_end: i64,
    /// Gets no credit, so at most one small response ever waits in it, and the news that the topic
    /// is gone. `None` for a log that was empty: its stream ended at once.
    responses: Option<Responses>,
}

impl OffsetSession {
    /// Opens a session by a stream at the last record, without SmartModules: its one response names
    /// the session. An empty log has no record; there the stream begins beyond the log, and the
    /// refusal names the session, which the broker keeps.
    pub(crate) async fn open(
        metadata: &ClusterMetadata,
        topic: &str,
        partition: u32,
        consumer: &str,
    ) -> Result<Self, BrokerError> {
        let connection = metadata
            .connect_leader_for(Purpose::Offsets, topic, partition)
            .await?;
        let log = fetch_bounds(&connection, BOUNDS, topic, partition).await?;
        let log_end = fetch_log_end(&connection, BOUNDS, topic, partition).await?;
        let is_empty = log.end <= log.start;
        let fetch = Fetch {
            consumer: Some(consumer),
            ..Fetch::unmapped(
                topic,
                partition,
                if is_empty { log_end + 1 } else { log.end - 1 },
                MAX_BYTES,
            )
        };
        let mut responses = fetch.open(&connection, WHAT).await?;
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
        Ok(Self {
            connection,
            topic: topic.to_owned(),
            partition,
            stream_id: response.stream_id,
            log_end,
            responses: Some(responses).filter(|_| !is_empty),
        })
    }

    /// Where the log ended when the session was opened.
    pub(crate) fn log_end(&self) -> i64 {
        self.log_end
    }

    /// Whether the broker said that the topic is gone. A session outlives its topic, and the broker
    /// stores what comes through it also then.
    async fn is_topic_gone(&mut self) -> Result<bool, BrokerError> {
        let Some(responses) = &mut self.responses else {
            fetch_bounds(&self.connection, BOUNDS, &self.topic, self.partition).await?;
            return Ok(false);
        };
        while let Some(Some(Ok(response))) = responses.next().now_or_never() {
            if ErrorClass::of(&response.partition.error_code) == ErrorClass::TopicDeleted {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Stores an offset, and makes sure that the broker says so.
    pub(crate) async fn store(&mut self, offset: i64) -> Result<(), BrokerError> {
        if self.is_topic_gone().await? {
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
