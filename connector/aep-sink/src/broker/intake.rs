//! Takes in what was read: every offset once, in order, into the tracker and over to the delivery
//! side.

use std::collections::BTreeMap;
use std::sync::Arc;

use fluvio_protocol::record::{Batch, RawRecords, RecordSet};
use fluvio_spu_schema::fetch::FetchablePartitionResponse;
use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::offset_tracker::Outcome;
use crate::offset_tracker::Position;
use crate::offset_tracker::SourceItem;

use super::answer::{AnswerError, KNOWN_VERSION, offset_of};
use super::error::BrokerError;
use super::flow::Turn;
use super::native::NativeMapper;
use super::raw::{self, RawReader, RawRecord};
use super::reader::Shared;
use super::sequence::{Answer, Piece, Sequence};

/// What a record takes in a batch besides key and value, at most: the broker counts it when it
/// compares a batch of answers with the size of a response.
const AROUND: usize = 32;

/// How many records are mapped before other tasks get their turn.
const MAPPED_AT_ONCE: usize = 128;

/// What keeping account of a record takes besides its answer, in bytes: its names, its place in the
/// lanes and the tracker, and what the allocator adds. An estimate; short answers would otherwise
/// fill the memory with their accounts.
const ACCOUNT: u64 = 1000;

/// What the broker sends for a partition.
pub(super) type Response = FetchablePartitionResponse<RecordSet<RawRecords>>;

/// The intake of one partition.
pub(super) struct Intake {
    shared: Arc<Shared>,
    partition: u32,
    sequence: Sequence,
    arrivals: mpsc::Sender<SourceItem>,
    mapper: NativeMapper,
    /// The most bytes of answers that something read directly came to, which is a batch as a rule.
    widest: u64,
}

impl Intake {
    /// Begins at an offset.
    ///
    /// What is before it counts as settled, so that the beginning itself is committed: a restart
    /// before the first delivery begins at the same place, even with `start: end`.
    pub(super) fn begin(
        shared: Arc<Shared>,
        partition: u32,
        offset: i64,
        arrivals: mpsc::Sender<SourceItem>,
    ) -> Result<Self, BrokerError> {
        let mapper = NativeMapper::new(&shared.transform)?;
        let processed = Some(offset - 1).filter(|processed| *processed >= 0);
        shared.tracker.begin(partition, processed);
        Ok(Self {
            shared,
            partition,
            sequence: Sequence::new(offset),
            arrivals,
            mapper,
            widest: 0,
        })
    }

    /// The next offset that has to come.
    pub(super) fn expected(&self) -> i64 {
        self.sequence.expected()
    }

    /// What a response must be able to hold, as far as is known: the broker gives no answers to a
    /// batch whose answers do not fit.
    pub(super) fn needs(&self) -> u64 {
        self.widest
    }

    /// Settles offsets that have no record.
    pub(super) async fn pass(
        &mut self,
        first: i64,
        last: i64,
        outcome: Outcome,
    ) -> Result<(), BrokerError> {
        let permit = self
            .arrivals
            .reserve()
            .await
            .map_err(|_closed| BrokerError::DeliveryGone)?;
        self.shared
            .tracker
            .pass(self.partition, first, last, outcome)?;
        permit.send(SourceItem::Gap {
            partition: self.partition,
            first,
            last,
            outcome,
        });
        self.sequence.came(last);
        Ok(())
    }

    /// Opens an offset and hands it over.
    async fn hand_over(&mut self, answer: Answer) -> Result<(), BrokerError> {
        let permit = self
            .arrivals
            .reserve()
            .await
            .map_err(|_closed| BrokerError::DeliveryGone)?;
        let position = Position {
            partition: self.partition,
            offset: answer.offset,
        };
        let bytes = u64::try_from(answer.value.len())
            .unwrap_or(u64::MAX)
            .saturating_add(ACCOUNT);
        self.shared.tracker.open(position, bytes)?;
        permit.send(SourceItem::Record {
            position,
            timestamp: answer.timestamp,
            answer: answer.value,
        });
        self.sequence.came(answer.offset);
        Ok(())
    }

    /// Takes in a response. The turn under which it was asked for ends when it is in the tracker.
    pub(super) async fn accept(
        &mut self,
        response: Response,
        mut turn: Option<Turn>,
    ) -> Result<(), BrokerError> {
        let next = response.next_offset_for_fetch().unwrap_or_default();
        let answers = self.answers(response)?;
        let mut pieces =
            self.sequence
                .plan(answers, next)
                .map_err(|disorder| BrokerError::NotAnAnswer {
                    uses: self.shared.transform.uses.clone(),
                    place: format!("{}:{}", self.partition, disorder.offset),
                    reason: format!(
                        "it came after the one of offset {}; a one-to-one `map` is needed",
                        disorder.after
                    ),
                })?;
        // A hole in front can be as long as the log, so it is filled as it is read.
        if let Some(Piece::Missing(range)) = pieces.first() {
            let last = *range.end();
            pieces.remove(0);
            // Filling takes turns of its own; there may be only one.
            drop(turn.take());
            self.fill(last).await?;
            if self.expected() <= last {
                return Ok(()); // the rest comes again, in larger responses
            }
        }
        let shared = Arc::clone(&self.shared);
        let _direct = if pieces
            .iter()
            .any(|piece| matches!(piece, Piece::Missing(_)))
        {
            drop(turn.take());
            Some(shared.flow.direct().await)
        } else {
            None
        };
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
    fn answers(&self, response: Response) -> Result<Vec<Answer>, BrokerError> {
        let mut records = Vec::new();
        // Each batch is given up when its records are cut from it: the same bytes twice are enough
        // for a moment.
        for batch in response.records.batches {
            records.append(&mut self.unpack(&batch)?);
        }
        let answers = records
            .into_iter()
            .map(|record| match offset_of(&record.value) {
                Ok(offset) => Ok(Answer {
                    offset,
                    timestamp: record.timestamp,
                    value: record.value,
                }),
                Err(AnswerError::Foreign(reason)) => Err(BrokerError::NotAnAnswer {
                    uses: self.shared.transform.uses.clone(),
                    place: format!("{}:{}", self.partition, self.expected()),
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

    /// Reads everything from the expected offset to `last` as it was produced and maps it here.
    /// Once: what has no record then does not exist. Ends sooner when it finds why the broker gave
    /// no answers: they need larger responses.
    pub(super) async fn fill(&mut self, last: i64) -> Result<(), BrokerError> {
        let shared = Arc::clone(&self.shared);
        let first = self.expected();
        info!(
            partition = self.partition,
            first, last, "the broker gave no answers; reading these records directly"
        );
        self.found_holes(1);
        let response = shared.flow.response(self.widest);
        while self.expected() <= last {
            // For each response anew: a whole backlog must not keep the other partitions from
            // theirs, nor may one that waits for its turn have a response in memory.
            let _direct = shared.flow.direct().await;
            let from = self.expected();
            let mut raw =
                RawReader::open(&shared.directory, &shared.topic, self.partition, from).await?;
            for batch in raw.next().await? {
                // A compressed part of the log can be many times its size, so it is unpacked batch
                // by batch.
                let _turn = shared
                    .flow
                    .turn(self.partition, shared.flow.largest())
                    .await;
                let records = self.unpack(&batch)?;
                self.take_in(records, last.min(batch.get_last_offset()))
                    .await?;
                if shared.flow.response(self.widest) > response {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Takes in the next part of the log without the broker's SmartModule, which cannot take it.
    pub(super) async fn bypass(&mut self, reason: &str) -> Result<(), BrokerError> {
        let shared = Arc::clone(&self.shared);
        let _direct = shared.flow.direct().await;
        let first = self.expected();
        let mut raw =
            RawReader::open(&shared.directory, &shared.topic, self.partition, first).await?;
        warn!(
            partition = self.partition,
            first, reason, "mapping here what the broker's SmartModule cannot take"
        );
        self.found_holes(1);
        // Which batch it was is not known: the broker sends nothing of what it read together with
        // it.
        for batch in raw.next().await? {
            let _turn = shared
                .flow
                .turn(self.partition, shared.flow.largest())
                .await;
            let records = self.unpack(&batch)?;
            self.take_in(records, batch.get_last_offset()).await?;
        }
        Ok(())
    }

    fn found_holes(&self, holes: usize) {
        self.shared.standing.change(self.partition, |standing| {
            standing.holes += u64::try_from(holes).unwrap_or(u64::MAX);
        });
    }

    fn unpack(&self, batch: &Batch<RawRecords>) -> Result<Vec<RawRecord>, BrokerError> {
        raw::decode(batch).map_err(|reason| BrokerError::BadResponse {
            what: "reading",
            address: self.shared.replica(self.partition),
            reason: format!("batch at {}: {reason}", batch.base_offset),
        })
    }

    /// Maps records from the expected offset to `last`; offsets without a record are absent.
    async fn take_in(
        &mut self,
        records: impl IntoIterator<Item = RawRecord>,
        last: i64,
    ) -> Result<(), BrokerError> {
        let (mut filled, mut bytes) = (0, 0_u64);
        for (count, record) in records.into_iter().enumerate() {
            let expected = self.expected();
            if record.offset < expected || record.offset > last {
                continue;
            }
            if record.offset > expected {
                self.pass(expected, record.offset - 1, Outcome::Absent)
                    .await?;
            }
            let answer = self.mapper.answer(&record);
            let key = record.key.as_ref().map_or(0, |key| key.len());
            bytes = bytes.saturating_add((answer.value.len() + key + AROUND) as u64);
            self.hand_over(answer).await?;
            filled += 1;
            if count % MAPPED_AT_ONCE == 0 {
                tokio::task::yield_now().await;
            }
        }
        self.widest = self.widest.max(bytes);
        self.shared
            .standing
            .change(self.partition, |standing| standing.filled += filled);
        let expected = self.expected();
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
        self.found_holes(holes.len());
        let mut next = *first.start();
        let mut raw = RawReader::open(
            &self.shared.directory,
            &self.shared.topic,
            self.partition,
            next,
        )
        .await?;
        while next <= *last.end() {
            for batch in raw.next().await? {
                next = batch.get_last_offset() + 1;
                if batch.base_offset > *last.end() {
                    break;
                }
                let wanted = self.unpack(&batch)?.into_iter().filter(|record| {
                    let after = holes.partition_point(|hole| *hole.end() < record.offset);
                    holes
                        .get(after)
                        .is_some_and(|hole| hole.contains(&record.offset))
                });
                found.extend(wanted.map(|record| (record.offset, record)));
            }
        }
        Ok(found)
    }
}
