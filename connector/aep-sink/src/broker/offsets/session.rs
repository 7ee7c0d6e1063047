//! What the broker needs to store offsets of a consumer: a stream opened under its id, on the same
//! connection. All sessions at one SPU share a connection, apart from that of reading.

use std::time::Duration;

use fluvio_protocol::link::ErrorCode;
use fluvio_spu_schema::server::consumer_offset::UpdateConsumerOffsetRequest;
use futures_util::{FutureExt, StreamExt};
use tokio::time::timeout;

use crate::broker::client::{ClusterMetadata, Connection, ErrorClass, Fetch, Purpose, Responses};
use crate::broker::error::BrokerError;
use crate::broker::partition_log::{BOUNDS, LogBounds, fetch_bounds, fetch_log_end};

/// How long a session waits for the response that names it.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
/// Enough for a response; what it holds is of no interest.
const MAX_BYTES: i32 = 4096;
const WHAT: &str = "committing an offset";

/// Stores offsets of some consumers for one partition.
pub(crate) struct OffsetSession {
    connection: Connection,
    topic: String,
    partition: u32,
    log: LogBounds,
    /// In the order of the consumers.
    streams: Vec<SessionStream>,
}

/// One consumer's stream.
struct SessionStream {
    id: u32,
    /// Gets no credit, so at most one small response ever waits in it, and the news that the topic
    /// is gone. `None` for a log that was empty: its stream ended at once.
    responses: Option<Responses>,
}

impl OffsetSession {
    /// Opens a session: for each consumer a stream at the last record, without SmartModules, whose
    /// one response names it. An empty log has no record; there the streams begin beyond the log,
    /// and the refusals name them.
    pub(crate) async fn open(
        metadata: &ClusterMetadata,
        topic: &str,
        partition: u32,
        consumers: &[&str],
    ) -> Result<Self, BrokerError> {
        let connection = metadata
            .connect_leader_for(Purpose::Offsets, topic, partition)
            .await?;
        let log = fetch_bounds(&connection, BOUNDS, topic, partition).await?;
        let log_end = fetch_log_end(&connection, BOUNDS, topic, partition).await?;
        let is_empty = log.end <= log.start;
        let at = if is_empty { log_end + 1 } else { log.end - 1 };
        let mut streams = Vec::new();
        for consumer in consumers {
            let fetch = Fetch {
                consumer: Some(consumer),
                ..Fetch::unmapped(topic, partition, at, MAX_BYTES)
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
            streams.push(SessionStream {
                id: response.stream_id,
                responses: Some(responses).filter(|_| !is_empty),
            });
        }
        Ok(Self {
            connection,
            topic: topic.to_owned(),
            partition,
            log: LogBounds {
                end: log_end,
                ..log
            },
            streams,
        })
    }

    /// What the log held when the session was opened, replicated or not.
    pub(crate) fn log(&self) -> LogBounds {
        self.log
    }

    /// Stores an offset of the consumer at this place of the list, and makes sure that the broker
    /// says so.
    pub(crate) async fn store(&mut self, consumer: usize, offset: i64) -> Result<(), BrokerError> {
        let stream = self.streams.get_mut(consumer);
        let stream = stream.ok_or_else(|| BrokerError::Task("no such consumer".to_owned()))?;
        // A session outlives its topic, and the broker stores what comes through it also then.
        let is_topic_gone = match &mut stream.responses {
            Some(responses) => is_topic_gone(responses),
            None => {
                fetch_bounds(&self.connection, BOUNDS, &self.topic, self.partition).await?;
                false
            }
        };
        if is_topic_gone {
            let topic = self.topic.clone();
            return Err(BrokerError::TopicDeleted { topic });
        }
        let request = UpdateConsumerOffsetRequest::new(offset, stream.id);
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

/// Whether the broker said that the topic is gone.
fn is_topic_gone(responses: &mut Responses) -> bool {
    while let Some(Some(Ok(response))) = responses.next().now_or_never() {
        if ErrorClass::of(&response.partition.error_code) == ErrorClass::TopicDeleted {
            return true;
        }
    }
    false
}
