//! The topics landing works with: the journal, the dead letters and the source.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::OnceCell;

use super::journal::{Entry, decode};
use super::known::KnownDeadLetters;
use super::matching::Candidates;
use crate::broker::{Broker, BrokerError, DeadLetterWriter};
use crate::config::DeadLetterTopic;
use crate::offset_tracker::Position;

/// The key of the journal's records.
const KEY: &str = "acknowledged";
/// The partition the topics created here have.
const PARTITION: u32 = 0;

/// A record as it was produced.
#[derive(Debug, Clone)]
pub(crate) struct SourceRecord {
    pub(super) timestamp: Option<i64>,
    pub(super) value: Bytes,
}

/// Where all this is kept.
pub(crate) trait Storage: Send + Sync {
    /// Appends chunks to the journal.
    fn append(&self, chunks: Vec<Vec<u8>>) -> impl Future<Output = Result<(), BrokerError>> + Send;
    /// Offers every entry of the journal.
    fn scan(
        &self,
        candidates: &mut Candidates,
    ) -> impl Future<Output = Result<(), BrokerError>> + Send;
    /// Reads the dead letters that were written since the last call.
    fn follow(
        &self,
        known: &mut KnownDeadLetters,
    ) -> impl Future<Output = Result<(), BrokerError>> + Send;
    /// A record of the source topic; `None` when retention has removed it.
    fn source(
        &self,
        position: Position,
    ) -> impl Future<Output = Result<Option<SourceRecord>, BrokerError>> + Send;
    /// Writes dead letters.
    fn write(
        &self,
        dead_letters: Vec<(String, Vec<u8>)>,
    ) -> impl Future<Output = Result<(), BrokerError>> + Send;
}

/// In the cluster. The topics are opened when they are needed first: what is wrong with them must
/// not keep delivery from beginning.
pub(crate) struct BrokerStorage {
    broker: Arc<Broker>,
    source: String,
    journal: DeadLetterTopic,
    dead_letters: DeadLetterTopic,
    journal_writer: OnceCell<DeadLetterWriter>,
    dead_letter_writer: OnceCell<DeadLetterWriter>,
}

impl BrokerStorage {
    pub(crate) fn new(
        broker: Arc<Broker>,
        source: String,
        journal: DeadLetterTopic,
        dead_letters: DeadLetterTopic,
    ) -> Self {
        Self {
            broker,
            source,
            journal,
            dead_letters,
            journal_writer: OnceCell::new(),
            dead_letter_writer: OnceCell::new(),
        }
    }
}

impl Storage for BrokerStorage {
    async fn append(&self, chunks: Vec<Vec<u8>>) -> Result<(), BrokerError> {
        let open = || self.broker.writer(&self.journal);
        let writer = self.journal_writer.get_or_try_init(open).await?;
        for chunk in chunks {
            writer.write(&[(KEY.to_owned(), chunk)], &mut None).await?;
        }
        Ok(())
    }

    async fn scan(&self, candidates: &mut Candidates) -> Result<(), BrokerError> {
        let log = self.broker.log(&self.journal);
        if log.partitions().await?.is_empty() {
            return Ok(());
        }
        let (start, end) = log.bounds(PARTITION).await?;
        let mut reader = log.read(PARTITION, start, end).await?;
        while let Some(record) = reader.next().await? {
            // Of another version: what it holds is not known, and stays unmatched.
            let _readable = decode(&record.value, |entry: Entry| candidates.offer(entry));
        }
        Ok(())
    }

    async fn follow(&self, known: &mut KnownDeadLetters) -> Result<(), BrokerError> {
        let log = self.broker.log(&self.dead_letters);
        if log.partitions().await?.is_empty() {
            return Ok(());
        }
        let (start, end) = log.bounds(PARTITION).await?;
        let mut reader = log.read(PARTITION, known.next.max(start), end).await?;
        while let Some(record) = reader.next().await? {
            known.read(&record.value);
            known.next = known.next.max(record.offset + 1);
        }
        Ok(())
    }

    async fn source(&self, position: Position) -> Result<Option<SourceRecord>, BrokerError> {
        let topic = DeadLetterTopic {
            topic: self.source.clone(),
            ..self.dead_letters.clone()
        };
        let log = self.broker.log(&topic);
        let Position { partition, offset } = position;
        let (start, end) = log.bounds(partition).await?;
        if !(start..end).contains(&offset) {
            return Ok(None);
        }
        let mut reader = log.read(partition, offset, offset + 1).await?;
        Ok(reader.next().await?.map(|record| SourceRecord {
            timestamp: record.written,
            value: record.value,
        }))
    }

    async fn write(&self, dead_letters: Vec<(String, Vec<u8>)>) -> Result<(), BrokerError> {
        let open = || self.broker.writer(&self.dead_letters);
        let writer = self.dead_letter_writer.get_or_try_init(open).await?;
        // Whether an attempt that ended without an answer was stored is seen when the topic is read
        // before the next.
        writer
            .write(&dead_letters, &mut None)
            .await
            .map(|_first| ())
    }
}
