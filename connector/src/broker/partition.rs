//! Reads one partition: every offset once, in order, over reconnects, holes and evictions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fluvio::Isolation;
use fluvio_protocol::link::ErrorCode;
use fluvio_protocol::record::{RawRecords, RecordSet};
use fluvio_spu_schema::fetch::FetchablePartitionResponse;
use fluvio_spu_schema::server::stream_fetch::DefaultStreamFetchRequest;
use fluvio_spu_schema::server::update_offset::{OffsetUpdate, UpdateOffsetsRequest};
use futures_util::StreamExt;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use tracing::{debug, error, info, warn};

use crate::arrival::Arrival;
use crate::config::{OnEvicted, Start};
use crate::error::Retry;
use crate::outcome::Outcome;
use crate::position::Position;

use super::answer::{AnswerError, KNOWN_VERSION, offset_of};
use super::backoff::Backoff;
use super::connection::Connection;
use super::error::BrokerError;
use super::flow::Turn;
use super::native::NativeMapper;
use super::raw::{self, RawReader, RawRecord};
use super::reader::{Shared, stopped};
use super::sequence::{Answer, Piece, Sequence};
use super::smartmodule;
use super::start::{Beginning, Log};

/// After this much silence the high watermark is looked at: an answer over `max-bytes` at the tail of the log brings
/// no response at all.
const SILENCE: Duration = Duration::from_secs(5);
/// A log or a SmartModule that seems to be gone may be late after a restart of the broker; this many looks decide.
const LOOKS: u32 = 6;
/// How many records are mapped before other tasks get their turn.
const MAPPED_AT_ONCE: usize = 128;
const WHAT: &str = "reading";

type Partition = FetchablePartitionResponse<RecordSet<RawRecords>>;

/// Reads one partition.
pub(super) struct PartitionReader {
    shared: Arc<Shared>,
    partition: u32,
    /// The stored offset found at the start.
    stored: Option<i64>,
    /// Where to begin without one.
    start: Start,
    /// `None` until the log was looked at for the first time.
    sequence: Option<Sequence>,
    arrivals: mpsc::Sender<Arrival>,
    mapper: NativeMapper,
    backoff: Backoff,
    /// Looks that found the log shorter than what was read of it, or the SmartModule gone.
    doubts: u32,
    /// The offset at which the SmartModule failed last.
    failed_at: Option<i64>,
}

impl PartitionReader {
    pub(super) fn new(
        shared: Arc<Shared>,
        partition: u32,
        stored: Option<i64>,
        start: Start,
        arrivals: mpsc::Sender<Arrival>,
    ) -> Result<Self, BrokerError> {
        let mapper = NativeMapper::new(&shared.transform)?;
        Ok(Self {
            shared,
            partition,
            stored,
            start,
            sequence: None,
            arrivals,
            mapper,
            backoff: Backoff::new(fastrand::Rng::new()),
            doubts: 0,
            failed_at: None,
        })
    }

    /// Reads until told to stop, or until an error that does not heal.
    ///
    /// Stopping drops the work at any point where it waits. That is safe: an offset is opened in the ledger and handed
    /// over in one step.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) -> Result<(), BrokerError> {
        tokio::select! {
            () = stopped(&mut stop) => Ok(()),
            error = self.read_on() => Err(error),
        }
    }

    async fn read_on(&mut self) -> BrokerError {
        loop {
            let Err(error) = self.connected().await else {
                continue; // to be opened again at another offset
            };
            if error.retry() == Retry::Never {
                return error;
            }
            if self.backoff.failures() == 0 {
                warn!(partition = self.partition, %error, "reading is interrupted; trying again");
            } else {
                debug!(partition = self.partition, %error, "reading is still interrupted");
            }
            sleep(self.backoff.pause()).await;
        }
    }

    /// One connection from beginning to end. `Ok` means that the stream has to be opened anew.
    async fn connected(&mut self) -> Result<(), BrokerError> {
        let shared = Arc::clone(&self.shared);
        let connection = shared.directory.connect_leader(&shared.topic, self.partition).await?;
        let log = shared.log(&connection, self.partition).await?;
        let expected = self.place(log).await?;
        let turn = shared.flow.turn(self.partition).await;
        let max_bytes = i32::try_from(shared.max_bytes.get()).unwrap_or(i32::MAX);
        let request = DefaultStreamFetchRequest::builder()
            .topic(shared.topic.clone())
            .partition(self.partition)
            .fetch_offset(expected)
            .isolation(Isolation::ReadCommitted)
            .max_bytes(max_bytes)
            .smartmodules(vec![smartmodule::invocation(&shared.transform)])
            .consumer_id(Some(shared.consumer.clone()))
            .build()
            .map_err(|error| BrokerError::BadResponse {
                what: WHAT,
                address: connection.address().to_owned(),
                reason: error.to_string(),
            })?;
        let mut responses = connection.stream(request).await?;
        info!(
            partition = self.partition,
            offset = expected,
            log_start = log.start,
            high_watermark = log.end,
            "reading"
        );
        let mut turn = (log.end > expected).then_some(turn);
        loop {
            let response = match timeout(SILENCE, responses.next()).await {
                Ok(Some(response)) => response.map_err(|error| connection.failed(WHAT, &error))?,
                Ok(None) => return Err(connection.closed(WHAT)),
                Err(_elapsed) => {
                    drop(turn.take());
                    if self.fill_silence(&connection).await? {
                        return Ok(());
                    }
                    continue;
                }
            };
            if response.partition.error_code != ErrorCode::None {
                return self.refused(&connection, response.partition.error_code).await;
            }
            self.backoff.reset();
            self.doubts = 0;
            let high_watermark = response.partition.high_watermark;
            self.accept(&connection, response.partition).await?;
            drop(turn.take());
            turn = self.ask_for_more(&connection, response.stream_id, high_watermark).await?;
        }
    }

    fn sequence(&self) -> Sequence {
        self.sequence.unwrap_or_else(|| Sequence::new(0))
    }

    /// Compares what is wanted with what the log holds, and returns the offset to read from.
    async fn place(&mut self, log: Log) -> Result<i64, BrokerError> {
        let beginning = match self.sequence {
            Some(sequence) => log.place(sequence.expected()),
            None => log.beginning(self.stored, self.start),
        };
        match beginning {
            Beginning::At(offset) => {
                self.begin(offset);
                Ok(offset)
            }
            Beginning::Evicted { wanted, available } => {
                self.begin(wanted);
                self.evicted(available).await?;
                Ok(available)
            }
            Beginning::BeyondEnd { wanted } => {
                self.doubts += 1;
                // At the start the stored offset is taken at its word. Later, a broker that was just restarted may
                // not know its high watermark yet.
                if self.sequence.is_none() || self.doubts >= LOOKS {
                    return Err(BrokerError::BeyondEnd {
                        replica: self.shared.replica(self.partition),
                        consumer: self.shared.consumer.clone(),
                        next: wanted,
                        end: log.end,
                    });
                }
                Err(BrokerError::BadResponse {
                    what: WHAT,
                    address: self.shared.replica(self.partition),
                    reason: format!("the log ends at {}, before the next offset {wanted}", log.end),
                })
            }
        }
    }

    /// Begins the accounts, the first time.
    fn begin(&mut self, offset: i64) {
        if self.sequence.is_none() {
            // What is before the beginning counts as settled, so that the beginning itself is committed: a restart
            // before the first delivery begins at the same place, even with `start: end`.
            let processed = Some(offset - 1).filter(|processed| *processed >= 0);
            self.shared.ledger.begin(self.partition, processed);
            self.sequence = Some(Sequence::new(offset));
        }
    }

    /// Records from the expected offset up to the available one are gone.
    async fn evicted(&mut self, available: i64) -> Result<(), BrokerError> {
        let (first, last) = (self.sequence().expected(), available - 1);
        let replica = self.shared.replica(self.partition);
        error!(
            partition = self.partition,
            first,
            last,
            lost = last - first + 1,
            "records were removed by the topic's retention before they were read"
        );
        if self.shared.on_evicted == OnEvicted::Stop {
            return Err(BrokerError::Evicted { replica, first, last });
        }
        self.pass(first, last, Outcome::Evicted).await
    }

    /// Settles offsets that have no record.
    async fn pass(&mut self, first: i64, last: i64, outcome: Outcome) -> Result<(), BrokerError> {
        let permit = self.arrivals.reserve().await.map_err(|_closed| BrokerError::DeliveryGone)?;
        self.shared.ledger.pass(self.partition, first, last, outcome)?;
        permit.send(Arrival::Gap {
            partition: self.partition,
            first,
            last,
            outcome,
        });
        self.came(last);
        Ok(())
    }

    /// Opens an offset and hands it over.
    async fn hand_over(&mut self, answer: Answer) -> Result<(), BrokerError> {
        let permit = self.arrivals.reserve().await.map_err(|_closed| BrokerError::DeliveryGone)?;
        let position = Position {
            partition: self.partition,
            offset: answer.offset,
        };
        let bytes = u64::try_from(answer.value.len()).unwrap_or(u64::MAX);
        self.shared.ledger.open(position, bytes)?;
        permit.send(Arrival::Record {
            position,
            timestamp: answer.timestamp,
            answer: answer.value,
        });
        self.came(answer.offset);
        Ok(())
    }

    fn came(&mut self, offset: i64) {
        if let Some(sequence) = &mut self.sequence {
            sequence.came(offset);
        }
    }

    /// Takes in a response.
    async fn accept(&mut self, connection: &Connection, response: Partition) -> Result<(), BrokerError> {
        let next = response.next_offset_for_fetch().unwrap_or_default();
        let answers = self.answers(connection, &response)?;
        let sequence = self.sequence();
        let mut pieces = sequence.plan(answers, next).map_err(|disorder| BrokerError::NotAnAnswer {
            uses: self.shared.transform.uses.clone(),
            place: format!("{}:{}", self.partition, disorder.offset),
            reason: format!("it came after the one of offset {}; a one-to-one `map` is needed", disorder.after),
        })?;
        // A hole in front can be as long as the log, so it is filled as it is read.
        if let Some(Piece::Missing(range)) = pieces.first() {
            let last = *range.end();
            pieces.remove(0);
            self.fill(last).await?;
        }
        // Holes inside are as short as the response, so one read finds all of them.
        let mut found = self.find(&pieces).await?;
        for piece in pieces {
            match piece {
                Piece::Answer(answer) => self.hand_over(answer).await?,
                Piece::Missing(range) => {
                    let later = found.split_off(&(range.end() + 1));
                    let records = std::mem::replace(&mut found, later);
                    self.take_in(records.into_values(), *range.end()).await?;
                }
            }
        }
        Ok(())
    }

    /// The answers of a response, with the offsets they name themselves.
    fn answers(&self, connection: &Connection, response: &Partition) -> Result<Vec<Answer>, BrokerError> {
        let mut records = Vec::new();
        for batch in &response.records.batches {
            raw::decode(batch, &mut records).map_err(|reason| BrokerError::BadResponse {
                what: WHAT,
                address: connection.address().to_owned(),
                reason,
            })?;
        }
        let answers = records.into_iter().map(|record| match offset_of(&record.value) {
            Ok(offset) => Ok(Answer {
                offset,
                timestamp: record.timestamp,
                value: record.value,
            }),
            Err(AnswerError::Foreign(reason)) => Err(BrokerError::NotAnAnswer {
                uses: self.shared.transform.uses.clone(),
                place: format!("{}:{}", self.partition, self.sequence().expected()),
                reason,
            }),
            Err(AnswerError::Version(found)) => Err(BrokerError::AnswerVersion {
                uses: self.shared.transform.uses.clone(),
                found,
                known: KNOWN_VERSION,
            }),
        });
        answers.collect()
    }

    /// Gives the broker its credit for another response, when there is room for one.
    async fn ask_for_more(
        &self,
        connection: &Connection,
        session_id: u32,
        high_watermark: i64,
    ) -> Result<Option<Turn>, BrokerError> {
        let offset = self.sequence().expected();
        let turn = self.shared.flow.turn(self.partition).await;
        let credit = OffsetUpdate { offset, session_id };
        let request = UpdateOffsetsRequest { offsets: vec![credit] };
        let answer = connection.call("asking for more records", request).await?;
        if let Some(refused) = answer.status.into_iter().find(|status| status.error != ErrorCode::None) {
            return Err(BrokerError::Refused {
                what: "asking for more records",
                address: connection.address().to_owned(),
                code: refused.error,
            });
        }
        // Without a backlog nothing is on its way, and the turn is for others.
        Ok((high_watermark > offset).then_some(turn))
    }

    /// Looks whether silence hides records. Returns whether the stream has to be opened anew.
    async fn fill_silence(&mut self, connection: &Connection) -> Result<bool, BrokerError> {
        let log = self.shared.log(connection, self.partition).await?;
        if log.end <= self.sequence().expected() {
            self.backoff.reset();
            self.doubts = 0;
            return Ok(false);
        }
        self.fill(log.end - 1).await?;
        Ok(true)
    }

    /// Reads everything from the expected offset to `last` as it was produced and maps it here. Once: what has no
    /// record then does not exist.
    async fn fill(&mut self, last: i64) -> Result<(), BrokerError> {
        let shared = Arc::clone(&self.shared);
        let first = self.sequence().expected();
        info!(partition = self.partition, first, last, "the broker gave no answers; reading these records directly");
        let mut raw = RawReader::open(&shared.directory, &shared.topic, self.partition, first).await?;
        while self.sequence().expected() <= last {
            let _turn = shared.flow.turn(self.partition).await;
            let part = raw.next().await?;
            let last = last.min(part.next - 1);
            self.take_in(part.records, last).await?;
        }
        Ok(())
    }

    /// Maps records from the expected offset to `last`; offsets without a record are absent.
    async fn take_in(
        &mut self,
        records: impl IntoIterator<Item = RawRecord>,
        last: i64,
    ) -> Result<(), BrokerError> {
        for (count, record) in records.into_iter().enumerate() {
            let expected = self.sequence().expected();
            if record.offset < expected || record.offset > last {
                continue;
            }
            if record.offset > expected {
                self.pass(expected, record.offset - 1, Outcome::Absent).await?;
            }
            let answer = self.mapper.answer(&record);
            self.hand_over(answer).await?;
            if count % MAPPED_AT_ONCE == 0 {
                tokio::task::yield_now().await;
            }
        }
        let expected = self.sequence().expected();
        if expected <= last {
            self.pass(expected, last, Outcome::Absent).await?;
        }
        Ok(())
    }

    /// The records of the holes inside a response.
    async fn find(&self, pieces: &[Piece]) -> Result<BTreeMap<i64, RawRecord>, BrokerError> {
        let holes: Vec<_> = pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Missing(range) => Some(range.clone()),
                Piece::Answer(_) => None,
            })
            .collect();
        let mut found = BTreeMap::new();
        let (Some(first), Some(last)) = (holes.first(), holes.last()) else {
            return Ok(found);
        };
        let mut next = *first.start();
        let mut raw = RawReader::open(&self.shared.directory, &self.shared.topic, self.partition, next).await?;
        while next <= *last.end() {
            let part = raw.next().await?;
            next = part.next;
            let wanted = part.records.into_iter().filter(|record| {
                let after = holes.partition_point(|hole| *hole.end() < record.offset);
                holes.get(after).is_some_and(|hole| hole.contains(&record.offset))
            });
            found.extend(wanted.map(|record| (record.offset, record)));
        }
        Ok(found)
    }

    /// What a refusal by the broker means. `Ok` when the stream is to be opened anew at once.
    async fn refused(&mut self, connection: &Connection, code: ErrorCode) -> Result<(), BrokerError> {
        let uses = self.shared.transform.uses.clone();
        match code {
            ErrorCode::OffsetEvicted { next_available, .. } if next_available > self.sequence().expected() => {
                self.evicted(next_available).await
            }
            ErrorCode::TopicDeleted | ErrorCode::TopicNotFound => Err(BrokerError::TopicDeleted {
                topic: self.shared.topic.clone(),
            }),
            ErrorCode::SmartModuleNotFound { .. } => {
                self.doubts += 1;
                // The controller knows it; a broker that was just started may not yet.
                if self.doubts >= LOOKS {
                    let loaded = "the controller knows it, the SPU does not".to_owned();
                    return Err(BrokerError::SmartModuleMissing { uses, loaded });
                }
                Err(self.refusal(connection, code))
            }
            ErrorCode::SmartModuleChainInitError(reason) => Err(BrokerError::SmartModuleRejected { uses, reason }),
            ErrorCode::SmartModuleInvalid { .. }
            | ErrorCode::SmartModuleInvalidExports { .. }
            | ErrorCode::SmartModuleInitError(_)
            | ErrorCode::SmartModuleLookBackError(_)
            | ErrorCode::SmartModuleMemoryLimitExceeded { .. } => {
                let reason = code.to_string();
                Err(BrokerError::SmartModuleRejected { uses, reason })
            }
            ErrorCode::SmartModuleRuntimeError(error) => {
                // Its text quotes the record.
                let reason = format!("error at offset {}", error.offset);
                self.failed(uses, reason).await
            }
            ErrorCode::Other(text) if text.starts_with("SmartModule err") => {
                let reason = "it was stopped (a trap, or its memory limit)".to_owned();
                self.failed(uses, reason).await
            }
            code => Err(self.refusal(connection, code)),
        }
    }

    fn refusal(&self, connection: &Connection, code: ErrorCode) -> BrokerError {
        BrokerError::Refused {
            what: WHAT,
            address: connection.address().to_owned(),
            code,
        }
    }

    /// The SmartModule failed. A fresh one usually goes on; when it fails at the same place again, the part of the log
    /// that it cannot take is mapped here, so that no record can stop the stream.
    async fn failed(&mut self, uses: String, reason: String) -> Result<(), BrokerError> {
        let expected = self.sequence().expected();
        if self.failed_at.replace(expected) == Some(expected) {
            let shared = Arc::clone(&self.shared);
            let mut raw = RawReader::open(&shared.directory, &shared.topic, self.partition, expected).await?;
            let part = raw.next().await?;
            warn!(partition = self.partition, first = expected, last = part.next - 1, %reason, "mapping without the broker's SmartModule");
            return self.take_in(part.records, part.next - 1).await;
        }
        let place = self.shared.replica(self.partition);
        Err(BrokerError::SmartModuleFailed { uses, place, reason })
    }
}
