//! The dead-letter topic, read as it was written, and the progress of replays through it.

use fluvio::Isolation;
use fluvio_protocol::link::ErrorCode;
use fluvio_spu_schema::server::consumer_offset::UpdateConsumerOffsetRequest;
use fluvio_spu_schema::server::fetch_offset::FetchOffsetsRequest;
use fluvio_spu_schema::server::stream_fetch::DefaultStreamFetchRequest;
use futures_util::StreamExt;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

use bytes::Bytes;

use crate::config::Config;

use super::connection::Connection;
use super::directory::Directory;
use super::error::BrokerError;
use super::offsets::StoredOffsets;
use super::raw::{self, RawReader};
use super::{profile, start::Log};

const COMMIT: &str = "committing the progress of a replay";
/// How long the broker may take to name the session of a commit.
const SESSION_TIMEOUT: Duration = Duration::from_secs(5);
/// The broker counts the streams of a connection from 1. Used only while the log is empty and no response can come.
const FIRST_STREAM: u32 = 1;

/// One record of the dead-letter topic.
#[derive(Debug, Clone)]
pub(crate) struct StoredLetter {
    pub(crate) offset: i64,
    /// When it was written, milliseconds since the epoch.
    pub(crate) written: Option<i64>,
    pub(crate) key: Option<Bytes>,
    pub(crate) value: Bytes,
}

/// The dead-letter topic.
pub(crate) struct LetterLog {
    directory: Arc<Directory>,
    topic: String,
}

/// A part of one partition that is being read: from an offset to the end seen at the start.
pub(crate) struct LetterReader {
    raw: Option<RawReader>,
    next: i64,
    end: i64,
    ready: VecDeque<StoredLetter>,
}

impl LetterLog {
    /// Connects to the cluster of the current Fluvio profile.
    pub(crate) async fn connect(config: &Config) -> Result<Self, BrokerError> {
        let directory = Directory::connect(profile::load(&config.name)?.config).await?;
        Ok(Self {
            directory: Arc::new(directory),
            topic: config.platform.dead_letter.topic.clone(),
        })
    }

    /// Its partitions; none when nothing was ever dead-lettered.
    pub(crate) async fn partitions(&self) -> Result<Vec<u32>, BrokerError> {
        self.directory.partitions(&self.topic).await
    }

    /// What a partition holds now: its first offset, and the one after its last.
    pub(crate) async fn bounds(&self, partition: u32) -> Result<(i64, i64), BrokerError> {
        let connection = self.directory.connect_leader(&self.topic, partition).await?;
        let log = self.log(&connection, partition).await?;
        Ok((log.start, log.end))
    }

    /// By partition, the last letter a consumer is done with.
    pub(crate) async fn progress(&self, consumer: &str) -> Result<HashMap<u32, i64>, BrokerError> {
        let offsets = StoredOffsets::new(Arc::clone(&self.directory), self.topic.clone(), consumer.to_owned());
        offsets.read().await
    }

    /// Reads letters from `next` up to, but not including, `end`.
    pub(crate) async fn read(&self, partition: u32, next: i64, end: i64) -> Result<LetterReader, BrokerError> {
        let raw = if next < end {
            Some(RawReader::open(&self.directory, &self.topic, partition, next).await?)
        } else {
            None
        };
        Ok(LetterReader {
            raw,
            next,
            end,
            ready: VecDeque::new(),
        })
    }

    /// The progress of a consumer would point beyond the end: the topic was recreated.
    pub(crate) fn beyond_end(&self, partition: u32, consumer: &str, next: i64, end: i64) -> BrokerError {
        BrokerError::BeyondEnd {
            replica: format!("{}-{partition}", self.topic),
            consumer: consumer.to_owned(),
            next,
            end,
        }
    }

    async fn log(&self, connection: &Connection, partition: u32) -> Result<Log, BrokerError> {
        const WHAT: &str = "reading the bounds of the dead-letter topic";
        let request = FetchOffsetsRequest::new(self.topic.clone(), partition);
        let response = connection.call(WHAT, request).await?;
        let code = match response.find_partition(&(self.topic.clone(), partition).into()) {
            Some(found) if found.error_code == ErrorCode::None => {
                return Ok(Log {
                    start: found.start_offset,
                    end: found.last_stable_offset,
                });
            }
            Some(found) => found.error_code,
            None => ErrorCode::NotLeaderForPartition,
        };
        Err(refused(connection, WHAT, code))
    }

    /// Stores that a consumer is done with everything up to and including `offset`.
    ///
    /// The broker accepts this only on a connection with a stream that was opened under the consumer's id; its first
    /// response names the session.
    pub(crate) async fn commit(&self, partition: u32, consumer: &str, offset: i64) -> Result<(), BrokerError> {
        /// Enough for a response; what it holds is of no interest.
        const MAX_BYTES: i32 = 4096;
        let connection = self.directory.connect_leader(&self.topic, partition).await?;
        let log = self.log(&connection, partition).await?;
        let bad = |reason: String| BrokerError::BadResponse {
            what: COMMIT,
            address: connection.address().to_owned(),
            reason,
        };
        let request = DefaultStreamFetchRequest::builder()
            .topic(self.topic.clone())
            .partition(partition)
            // The last letter there is: the one that is done may have been removed by retention since.
            .fetch_offset((log.end - 1).max(log.start))
            .isolation(Isolation::ReadCommitted)
            .max_bytes(MAX_BYTES)
            .consumer_id(Some(consumer.to_owned()))
            .build()
            .map_err(|error| bad(error.to_string()))?;
        let mut responses = connection.stream(request).await?;
        let mut session = FIRST_STREAM;
        if log.end > log.start {
            let response = match timeout(SESSION_TIMEOUT, responses.next()).await {
                Ok(Some(response)) => response.map_err(|error| connection.failed(COMMIT, &error))?,
                Ok(None) => return Err(connection.closed(COMMIT)),
                Err(_elapsed) => return Err(bad("no session was opened".to_owned())),
            };
            if response.partition.error_code != ErrorCode::None {
                return Err(refused(&connection, COMMIT, response.partition.error_code));
            }
            session = response.stream_id;
        }
        let request = UpdateConsumerOffsetRequest::new(offset, session);
        let answer = connection.call(COMMIT, request).await?;
        match answer.error_code {
            ErrorCode::None if answer.offset == offset => Ok(()),
            ErrorCode::None => Err(bad(format!("it acknowledges {} instead of {offset}", answer.offset))),
            code => Err(refused(&connection, COMMIT, code)),
        }
    }
}

impl LetterReader {
    /// The next letter; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<StoredLetter>, BrokerError> {
        loop {
            if let Some(letter) = self.ready.pop_front() {
                return Ok(Some(letter));
            }
            let Some(raw) = self.raw.as_mut().filter(|_| self.next < self.end) else {
                return Ok(None);
            };
            for batch in raw.next().await? {
                let records =
                    raw::decode(&batch).map_err(|reason| BrokerError::Task(format!("a batch of letters: {reason}")))?;
                let (from, end) = (self.next, self.end);
                let wanted = records
                    .into_iter()
                    .filter(|record| record.offset >= from && record.offset < end);
                self.ready.extend(wanted.map(|record| StoredLetter {
                    offset: record.offset,
                    written: record.timestamp,
                    key: record.key,
                    value: record.value,
                }));
                self.next = self.next.max(batch.get_last_offset() + 1);
            }
        }
    }
}

fn refused(connection: &Connection, what: &'static str, code: ErrorCode) -> BrokerError {
    BrokerError::Refused {
        what,
        address: connection.address().to_owned(),
        code,
    }
}
