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
use crate::broker::partition_log::{BOUNDS, LogBounds, fetch_bounds};

/// How long a session waits for the response that names it.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
/// The broker counts the streams of a connection from 1. Used only while the log is empty and no
/// response can come.
const FIRST_STREAM: u32 = 1;
/// Enough for a response; what it holds is of no interest.
const MAX_BYTES: i32 = 4096;
const WHAT: &str = "committing an offset";

/// Stores offsets of some consumers for one partition.
pub(crate) struct OffsetSession {
    connection: Connection,
    topic: String,
    log: LogBounds,
    /// In the order of the consumers.
    streams: Vec<SessionStream>,
}

/// One consumer's stream.
struct SessionStream {
    id: u32,
    /// Gets no credit, so at most one small response ever waits in it, and the news that the topic
    /// is gone.
    responses: Responses,
}

impl OffsetSession {
    /// Opens a session: for each consumer a stream at the last record, without SmartModules, whose
    /// one response names it.
    pub(crate) async fn open(
        metadata: &Arc<ClusterMetadata>,
        topic: &str,
        partition: u32,
        consumers: &[&str],
    ) -> Result<Self, BrokerError> {
        let connection = metadata.connect_leader(topic, partition).await?;
        let log = fetch_bounds(&connection, BOUNDS, topic, partition).await?;
        let last = (log.end - 1).max(log.start);
        let mut streams = Vec::new();
        for (id, consumer) in (FIRST_STREAM..).zip(consumers) {
            let fetch = Fetch {
                consumer: Some(consumer),
                ..Fetch::unmapped(topic, partition, last, MAX_BYTES)
            };
            let responses = fetch.open(&connection, WHAT).await?;
            let mut stream = SessionStream { id, responses };
            if log.end > log.start {
                let response = timeout(OPEN_TIMEOUT, connection.next(WHAT, &mut stream.responses))
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
                stream.id = response.stream_id;
            }
            streams.push(stream);
        }
        Ok(Self {
            connection,
            topic: topic.to_owned(),
            log,
            streams,
        })
    }

    /// What the log held when the session was opened.
    pub(crate) fn log(&self) -> LogBounds {
        self.log
    }

    /// Stores an offset of the consumer at this place of the list, and makes sure that the broker
    /// says so.
    pub(crate) async fn store(&mut self, consumer: usize, offset: i64) -> Result<(), BrokerError> {
        let stream = self.streams.get_mut(consumer);
        let stream = stream.ok_or_else(|| BrokerError::Task("no such consumer".to_owned()))?;
        // A session outlives its topic, and the broker stores what comes through it also then.
        if stream.is_topic_gone() {
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

impl SessionStream {
    /// Whether the broker said that the topic is gone.
    fn is_topic_gone(&mut self) -> bool {
        while let Some(Some(Ok(response))) = self.responses.next().now_or_never() {
            if ErrorClass::of(&response.partition.error_code) == ErrorClass::TopicDeleted {
                return true;
            }
        }
        false
    }
}
