//! Takes in what was read: every offset once, in order, into the tracker and over to the delivery
//! side.

use std::collections::BTreeMap;
use std::sync::Arc;

use fluvio_protocol::record::{Batch, RawRecords, RecordSet};
use fluvio_spu_schema::fetch::FetchablePartitionResponse;
use tokio::sync::mpsc;
use tracing::{error, info, warn};

use crate::answer;
use crate::offset_tracker::Outcome;
use crate::offset_tracker::Position;
use crate::offset_tracker::SourceItem;

use super::backpressure::FetchPermit;
use super::fallback_mapper::FallbackMapper;
use super::large_batches::LargeBatches;
use super::segments::{Cursor, OutOfOrder, RawAnswer, Segment};
use crate::broker::consumer::ConsumerContext;
use crate::broker::error::BrokerError;
use crate::broker::offsets::LogAnchor;
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
    /// The newest record that was handed over and whose timestamp is known.
    last_read: Option<LogAnchor>,
    large_batches: LargeBatches,
    /// The offset after what was read directly last.
    filled_to: Option<i64>,
}

impl Assembler {
    /// Begins at an offset.
    ///
    /// What is before it counts as settled, so that the beginning itself is committed: a restart
    /// before the first delivery begins at the same place, offset 0 included.
    pub(crate) fn begin(
        context: Arc<ConsumerContext>,
        partition: u32,
        offset: i64,
        items: mpsc::Sender<SourceItem>,
    ) -> Result<Self, BrokerError> {
        let mapper = FallbackMapper::new(&context.transform)?;
        context.tracker.begin(partition, Some(offset - 1));
        Ok(Self {
            context,
            partition,
            cursor: Cursor::new(offset),
            items,
            mapper,
            last_read: None,
            large_batches: LargeBatches::default(),
            filled_to: None,
        })
    }

    /// The next offset that has to come.
    pub(crate) fn expected(&self) -> i64 {
        self.cursor.expected()
    }

    /// What a record of this log is known by.
    pub(crate) fn last_read(&self) -> Option<LogAnchor> {
        self.last_read
    }

    /// What a response must be able to hold, as far as is known: the broker gives no answers to a
    /// batch whose answers do not fit.
    pub(crate) fn required_bytes(&self) -> u64 {
        self.large_batches.required()
    }

    fn measured(&mut self, bytes: u64) {
        let regular = self.context.fetch_budget.response_size(0).get();
        self.large_batches.note(bytes, regular.into());
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
        self.context
            .tracker
            .open(position, bytes, answer.timestamp)?;
        if let Some(timestamp) = answer.timestamp {
            self.last_read = Some(LogAnchor::new(answer.offset, timestamp));
        }
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
        let mut answers = self.answers(response)?;
        let count = answers.len();
        answers.dedup_by(|later, first| {
            later.offset == first.offset && self.is_decided(later.offset, later.offset)
        });
        self.tell_shared(count - answers.len());
        let bytes: usize = answers.iter().map(|answer| answer.value.len()).sum();
        self.measured(u64::try_from(bytes).unwrap_or(u64::MAX));
        let mut segments = self
            .cursor
            .segments(answers, next)
            .map_err(|out_of_order| match out_of_order {
                OutOfOrder { offset, after } if offset == after => self.shared_offset(offset),
                out_of_order => BrokerError::NotAnAnswer {
                    uses: self.context.transform.uses.clone(),
                    place: format!("{}:{}", self.partition, out_of_order.offset),
                    reason: format!(
                        "it came after the one of offset {}; a one-to-one `map` is needed",
                        out_of_order.after
                    ),
                },
            })?;
        let context = Arc::clone(&self.context);
        // A gap in front can be as long as the log, so it is filled as it is read.
        if let Some(Segment::Gap(range)) = segments.first() {
            let last = *range.end();
            segments.remove(0);
            // Filling takes permits of its own; there may be only one.
            drop(permit.take());
            let size = context.fetch_budget.response_size(self.required_bytes());
            while self.expected() <= last {
                self.fill(last).await?;
                if context.fetch_budget.response_size(self.required_bytes()) > size {
                    return Ok(()); // the rest comes again, in larger responses
                }
            }
        }
        let mut direct = if segments
            .iter()
            .any(|segment| matches!(segment, Segment::Gap(_)))
        {
            drop(permit.take());
            Some(
                context
                    .fetch_budget
                    .acquire_direct_read(self.partition, context.fetch_budget.max_response_size())
                    .await,
            )
        } else {
            None
        };
        // Gaps inside are as short as the response, so one read finds all of them; what cannot be
        // decoded is gone about one by one.
        let mut found = match self.read_gaps(&segments).await {
            Err(BrokerError::Undecodable { .. }) => {
                drop(direct.take());
                None
            }
            found => Some(found?),
        };
        for segment in segments {
            match (segment, &mut found) {
                (Segment::Answer(answer), _) => self.hand_over(answer).await?,
                (Segment::Gap(range), Some(found)) => {
                    let later = found.split_off(&(range.end() + 1));
                    let records = std::mem::replace(found, later);
                    self.map_records(records.into_values(), *range.end())
                        .await?;
                }
                (Segment::Gap(range), None) => {
                    while self.expected() <= *range.end() {
                        self.fill(*range.end()).await?;
                    }
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
            .map(|record| match answer::head(&record.value) {
                Ok(head) => Ok(RawAnswer {
                    offset: head.offset,
                    timestamp: head.timestamp,
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

    /// Reads the next part of the log, up to `last`, as it was produced and maps it here. Once:
    /// what has no record then does not exist.
    pub(crate) async fn fill(&mut self, last: i64) -> Result<(), BrokerError> {
        let first = self.expected();
        if self.filled_to != Some(first) {
            info!(
                partition = self.partition,
                first, last, "the broker gave no answers; reading these records directly"
            );
            self.count_gaps(1);
        }
        self.read_directly(last).await?;
        self.filled_to = Some(self.expected());
        Ok(())
    }

    /// Takes in the next part of the log without the broker's SmartModule, which cannot take it.
    /// Which batch it was is not known: the broker sends nothing of what it read together with it.
    pub(crate) async fn bypass(&mut self, reason: &str) -> Result<(), BrokerError> {
        warn!(
            partition = self.partition,
            first = self.expected(),
            reason,
            "mapping here what the broker's SmartModule cannot take"
        );
        self.count_gaps(1);
        self.read_directly(i64::MAX).await
    }

    /// Maps the next part of the log here, up to `last`.
    async fn read_directly(&mut self, last: i64) -> Result<(), BrokerError> {
        let context = Arc::clone(&self.context);
        let size = context.fetch_budget.max_response_size();
        let _permits = context
            .fetch_budget
            .acquire_direct_read(self.partition, size)
            .await;
        let mut reader = self.log_reader(self.expected()).await?;
        for batch in reader.next().await? {
            let to = last.min(batch.get_last_offset());
            match self.decode_log(&batch) {
                Ok(records) => self.map_records(records, to).await?,
                Err(error) => self.pass_over(&batch, to, error).await?,
            }
            // A compressed part of the log can be many times its size: what is too much is read
            // again.
            if self.expected() > last || !context.tracker.has_room(self.partition) {
                break;
            }
        }
        Ok(())
    }

    async fn log_reader(&self, from: i64) -> Result<LogReader, BrokerError> {
        let context = &self.context;
        LogReader::open(
            &context.metadata,
            &context.topic,
            self.partition,
            from,
            context.isolation,
        )
        .await
    }

    fn count_gaps(&self, gaps: usize) {
        self.context.statuses.change(self.partition, |status| {
            status.gaps += u64::try_from(gaps).unwrap_or(u64::MAX);
        });
    }

    fn decode(&self, batch: &Batch<RawRecords>) -> Result<Vec<LogRecord>, BrokerError> {
        decode_batch(batch).map_err(|reason| BrokerError::Undecodable {
            partition: self.partition,
            first: batch.base_offset,
            last: batch.get_last_offset(),
            reason,
        })
    }

    /// The records of a batch of the log, each with an offset of its own: the tracker knows one
    /// record by an offset, and a second one would be lost without a word.
    fn decode_log(&self, batch: &Batch<RawRecords>) -> Result<Vec<LogRecord>, BrokerError> {
        let mut records = self.decode(batch)?;
        let count = records.len();
        records.dedup_by(|later, first| {
            later.offset == first.offset && self.is_decided(later.offset, later.offset)
        });
        self.tell_shared(count - records.len());
        let expected = self.expected();
        let shared = records
            .windows(2)
            .find(|pair| pair[1].offset >= expected && pair[1].offset <= pair[0].offset);
        match shared {
            Some(pair) => Err(self.shared_offset(pair[1].offset)),
            None => Ok(records),
        }
    }

    fn tell_shared(&self, records: usize) {
        if records > 0 {
            error!(
                partition = self.partition,
                from = self.expected(),
                records,
                "passing over records that share an offset with another, as skip-offsets says"
            );
        }
    }

    fn shared_offset(&self, offset: i64) -> BrokerError {
        BrokerError::SharedOffset {
            partition: self.partition,
            offset,
        }
    }

    /// Whether the operator said that these offsets may be passed over.
    fn is_decided(&self, first: i64, last: i64) -> bool {
        self.context.skip_offsets.iter().any(|range| {
            range.partition == self.partition
                && range.offsets.contains(&first)
                && range.offsets.contains(&last)
        })
    }

    /// Passes over a batch of the log that cannot be decoded, if the operator said so.
    async fn pass_over(
        &mut self,
        batch: &Batch<RawRecords>,
        last: i64,
        error: BrokerError,
    ) -> Result<(), BrokerError> {
        let first = self.expected();
        if !self.is_decided(first, last) || matches!(error, BrokerError::SharedOffset { .. }) {
            return Err(error);
        }
        error!(
            partition = self.partition,
            first,
            last,
            batch = batch.base_offset,
            %error,
            "passing over offsets that cannot be decoded, as skip-offsets says"
        );
        self.pass(first, last, Outcome::PassedOver).await
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
        self.measured(bytes);
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
        let mut reader = self.log_reader(next).await?;
        while next <= *last.end() {
            for batch in reader.next().await? {
                next = batch.get_last_offset() + 1;
                if batch.base_offset > *last.end() {
                    break;
                }
                let wanted = self.decode_log(&batch)?.into_iter().filter(|record| {
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
