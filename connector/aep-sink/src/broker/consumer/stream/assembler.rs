//! Takes in what was read: every offset once, in order, into the tracker and over to the delivery
//! side.

use std::collections::BTreeMap;
use std::sync::Arc;

use fluvio_protocol::record::{Batch, RawRecords, RecordSet};
use fluvio_spu_schema::fetch::FetchablePartitionResponse;
use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::answer;
use crate::offset_tracker::Outcome;
use crate::offset_tracker::Position;
use crate::offset_tracker::SourceItem;

use super::fallback_mapper::FallbackMapper;
use super::fetch_budget::FetchPermit;
use super::segments::{Cursor, RawAnswer, Segment};
use crate::broker::consumer::ConsumerContext;
use crate::broker::error::BrokerError;
use crate::broker::partition_log::{LogReader, LogRecord, decode_batch};

/// What a record takes in a batch besides key and value, at most: the broker counts it when it
/// compares a batch of answers with the size of a response.
const RECORD_OVERHEAD: usize = 32;

/// How many records are mapped before other tasks get to run.
const MAP_BATCH: usize = 128;

/// What keeping account of a record takes besides its answer, in bytes: its names, its place in the
/// queues and the tracker, and what the allocator adds. An estimate; short answers would otherwise
/// fill the memory with their accounts.
const TRACKING_OVERHEAD: u64 = 1000;

/// What the broker sends for a partition.
pub(crate) type Response = FetchablePartitionResponse<RecordSet<RawRecords>>;

/// Assembles one partition.
pub(crate) struct Assembler {
    context: Arc<ConsumerContext>,
    partition: u32,
    cursor: Cursor,
    items: mpsc::Sender<SourceItem>,
    mapper: FallbackMapper,
    /// The most bytes of answers that something read directly came to, which is a batch as a rule.
    largest_batch: u64,
}

impl Assembler {
    /// Begins at an offset.
    ///
    /// What is before it counts as settled, so that the beginning itself is committed: a restart
    /// before the first delivery begins at the same place, even with `start: end`.
    pub(crate) fn begin(
        context: Arc<ConsumerContext>,
        partition: u32,
        offset: i64,
        items: mpsc::Sender<SourceItem>,
    ) -> Result<Self, BrokerError> {
        let mapper = FallbackMapper::new(&context.transform)?;
        let processed = Some(offset - 1).filter(|processed| *processed >= 0);
        context.tracker.begin(partition, processed);
        Ok(Self {
            context,
            partition,
            cursor: Cursor::new(offset),
            items,
            mapper,
            largest_batch: 0,
        })
    }

    /// The next offset that has to come.
    pub(crate) fn expected(&self) -> i64 {
        self.cursor.expected()
    }

    /// What a response must be able to hold, as far as is known: the broker gives no answers to a
    /// batch whose answers do not fit.
    pub(crate) fn required_bytes(&self) -> u64 {
        self.largest_batch
    }

    /// Settles offsets that have no record.
    pub(crate) async fn pass(
        &mut self,
        first: i64,
        last: i64,
        outcome: Outcome,
    ) -> Result<(), BrokerError> {
        let permit = self
            .items
            .reserve()
            .await
            .map_err(|_closed| BrokerError::DeliveryGone)?;
        self.context
            .tracker
            .pass(self.partition, first, last, outcome)?;
        permit.send(SourceItem::Gap {
            partition: self.partition,
            first,
            last,
            outcome,
        });
        self.cursor.advance_past(last);
        Ok(())
    }

    /// Opens an offset and hands it over.
    async fn hand_over(&mut self, answer: RawAnswer) -> Result<(), BrokerError> {
        let permit = self
            .items
            .reserve()
            .await
            .map_err(|_closed| BrokerError::DeliveryGone)?;
        let position = Position {
            partition: self.partition,
            offset: answer.offset,
        };
        let bytes = u64::try_from(answer.value.len())
            .unwrap_or(u64::MAX)
            .saturating_add(TRACKING_OVERHEAD);
        self.context.tracker.open(position, bytes)?;
        permit.send(SourceItem::Record {
            position,
            timestamp: answer.timestamp,
            answer: answer.value,
        });
        self.cursor.advance_past(answer.offset);
        Ok(())
    }

    /// Takes in a response. The permit under which it was asked for is given back once it is in the
    /// tracker.
    pub(crate) async fn accept(
        &mut self,
        response: Response,
        mut permit: Option<FetchPermit>,
    ) -> Result<(), BrokerError> {
        let next = response.next_offset_for_fetch().unwrap_or_default();
        let answers = self.answers(response)?;
        let mut segments = self
            .cursor
            .segments(answers, next)
            .map_err(|out_of_order| BrokerError::NotAnAnswer {
                uses: self.context.transform.uses.clone(),
                place: format!("{}:{}", self.partition, out_of_order.offset),
                reason: format!(
                    "it came after the one of offset {}; a one-to-one `map` is needed",
                    out_of_order.after
                ),
            })?;
        // A gap in front can be as long as the log, so it is filled as it is read.
        if let Some(Segment::Gap(range)) = segments.first() {
            let last = *range.end();
            segments.remove(0);
            // Filling takes permits of its own; there may be only one.
            drop(permit.take());
            self.fill(last).await?;
            if self.expected() <= last {
                return Ok(()); // the rest comes again, in larger responses
            }
        }
        let context = Arc::clone(&self.context);
        let _direct = if segments
            .iter()
            .any(|segment| matches!(segment, Segment::Gap(_)))
        {
            drop(permit.take());
            Some(
                context
                    .fetch_budget
                    .acquire_direct_read(self.partition)
                    .await,
            )
        } else {
            None
        };
        // Gaps inside are as short as the response, so one read finds all of them.
        let mut found = self.read_gaps(&segments).await?;
        for segment in segments {
            match segment {
                Segment::Answer(answer) => self.hand_over(answer).await?,
                Segment::Gap(range) => {
                    let later = found.split_off(&(range.end() + 1));
                    let records = std::mem::replace(&mut found, later);
                    self.map_records(records.into_values(), *range.end())
                        .await?;
                }
            }
        }
        Ok(())
    }

    /// The answers of a response, with the offsets they name themselves.
    fn answers(&self, response: Response) -> Result<Vec<RawAnswer>, BrokerError> {
        let mut records = Vec::new();
        // Each batch is given up when its records are cut from it: the same bytes twice are enough
        // for a moment.
        for batch in response.records.batches {
            records.append(&mut self.decode(&batch)?);
        }
        let answers = records
            .into_iter()
            .map(|record| match answer::offset_of(&record.value) {
                Ok(offset) => Ok(RawAnswer {
                    offset,
                    timestamp: record.timestamp,
                    value: record.value,
                }),
                Err(error) => Err(BrokerError::unusable_answer(
                    &self.context.transform.uses,
                    format!("{}:{}", self.partition, self.expected()),
                    error,
                )),
            });
        answers.collect()
    }

    /// Reads everything from the expected offset to `last` as it was produced and maps it here.
    /// Once: what has no record then does not exist. Ends sooner when it finds why the broker gave
    /// no answers: they need larger responses.
    pub(crate) async fn fill(&mut self, last: i64) -> Result<(), BrokerError> {
        let context = Arc::clone(&self.context);
        let first = self.expected();
        info!(
            partition = self.partition,
            first, last, "the broker gave no answers; reading these records directly"
        );
        self.count_gaps(1);
        let response = context.fetch_budget.response_size(self.largest_batch);
        while self.expected() <= last {
            // Acquired again for each response: a whole backlog must not keep the other partitions
            // from theirs, nor may one that waits for its permit have a response in memory.
            let _direct = context
                .fetch_budget
                .acquire_direct_read(self.partition)
                .await;
            let from = self.expected();
            let mut reader =
                LogReader::open(&context.metadata, &context.topic, self.partition, from).await?;
            for batch in reader.next().await? {
                // A compressed part of the log can be many times its size, so it is unpacked batch
                // by batch. The first always: what is not taken in now is read once more.
                let size = context.fetch_budget.max_response_size();
                let permit = context
                    .fetch_budget
                    .acquire_at_once(self.partition, size)
                    .await;
                if permit.is_none() && self.expected() > from {
                    break;
                }
                let records = self.decode(&batch)?;
                self.map_records(records, last.min(batch.get_last_offset()))
                    .await?;
                if context.fetch_budget.response_size(self.largest_batch) > response {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Takes in the next part of the log without the broker's SmartModule, which cannot take it.
    pub(crate) async fn bypass(&mut self, reason: &str) -> Result<(), BrokerError> {
        let context = Arc::clone(&self.context);
        let _direct = context
            .fetch_budget
            .acquire_direct_read(self.partition)
            .await;
        let first = self.expected();
        let mut reader =
            LogReader::open(&context.metadata, &context.topic, self.partition, first).await?;
        warn!(
            partition = self.partition,
            first, reason, "mapping here what the broker's SmartModule cannot take"
        );
        self.count_gaps(1);
        // Which batch it was is not known: the broker sends nothing of what it read together with
        // it.
        for batch in reader.next().await? {
            let size = context.fetch_budget.max_response_size();
            let permit = context
                .fetch_budget
                .acquire_at_once(self.partition, size)
                .await;
            if permit.is_none() && self.expected() > first {
                break;
            }
            let records = self.decode(&batch)?;
            self.map_records(records, batch.get_last_offset()).await?;
        }
        Ok(())
    }

    fn count_gaps(&self, gaps: usize) {
        self.context.statuses.change(self.partition, |status| {
            status.gaps += u64::try_from(gaps).unwrap_or(u64::MAX);
        });
    }

    fn decode(&self, batch: &Batch<RawRecords>) -> Result<Vec<LogRecord>, BrokerError> {
        decode_batch(batch).map_err(|reason| BrokerError::BadResponse {
            what: "reading",
            address: self.context.replica(self.partition),
            reason: format!("batch at {}: {reason}", batch.base_offset),
        })
    }

    /// Maps records from the expected offset to `last`; offsets without a record are absent.
    async fn map_records(
        &mut self,
        records: impl IntoIterator<Item = LogRecord>,
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
            bytes = bytes.saturating_add((answer.value.len() + key + RECORD_OVERHEAD) as u64);
            self.hand_over(answer).await?;
            filled += 1;
            if count % MAP_BATCH == 0 {
                tokio::task::yield_now().await;
            }
        }
        self.largest_batch = self.largest_batch.max(bytes);
        self.context
            .statuses
            .change(self.partition, |status| status.filled += filled);
        let expected = self.expected();
        if expected <= last {
            self.pass(expected, last, Outcome::Absent).await?;
        }
        Ok(())
    }

    /// The records of the gaps inside a response.
    async fn read_gaps(
        &self,
        segments: &[Segment],
    ) -> Result<BTreeMap<i64, LogRecord>, BrokerError> {
        let gaps: Vec<_> = segments
            .iter()
            .filter_map(|segment| match segment {
                Segment::Gap(range) => Some(range.clone()),
                Segment::Answer(_) => None,
            })
            .collect();
        let mut found = BTreeMap::new();
        let (Some(first), Some(last)) = (gaps.first(), gaps.last()) else {
            return Ok(found);
        };
        self.count_gaps(gaps.len());
        let mut next = *first.start();
        let mut reader = LogReader::open(
            &self.context.metadata,
            &self.context.topic,
            self.partition,
            next,
        )
        .await?;
        while next <= *last.end() {
            for batch in reader.next().await? {
                next = batch.get_last_offset() + 1;
                if batch.base_offset > *last.end() {
                    break;
                }
                let wanted = self.decode(&batch)?.into_iter().filter(|record| {
                    let after = gaps.partition_point(|gap| *gap.end() < record.offset);
                    gaps.get(after)
                        .is_some_and(|gap| gap.contains(&record.offset))
                });
                found.extend(wanted.map(|record| (record.offset, record)));
            }
        }
        Ok(found)
    }
}
