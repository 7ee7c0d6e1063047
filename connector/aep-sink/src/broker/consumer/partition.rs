//! Reads one partition: opens its stream, over reconnects, evictions and failures of the
//! SmartModule.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use fluvio::Isolation;
use fluvio_protocol::link::ErrorCode;
use fluvio_spu_schema::server::update_offset::{OffsetUpdate, UpdateOffsetsRequest};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use tracing::{debug, error, info, warn};

use crate::config::{OnEvicted, Start};
use crate::error::Retry;
use crate::offset_tracker::Outcome;
use crate::offset_tracker::SourceItem;
use crate::telemetry::{Component, Condition};

use super::context::{ConsumerContext, stopped};
use crate::backoff::ReconnectBackoff;
use crate::broker::client::{Connection, ErrorClass, Fetch, Responses, stream_error};
use crate::broker::error::BrokerError;
use crate::broker::offsets::LogAnchor;
use crate::broker::partition_log::{LogBounds, fetch_log_end};
use crate::confirmations::Confirmations;

use super::log_identity;
use super::start_position::{PartitionStart, StartPosition};
use super::startup_order::StartupSlot;
use super::stream::{Assembler, FetchPermit};

/// After this much silence the high watermark is looked at: an answer over `max-bytes` at the tail
/// of the log brings no response at all.
const SILENCE: Duration = Duration::from_secs(5);
/// So many times in a row before the first response: the broker compiles the SmartModule before it,
/// with many partitions opened at once one after the other.
const OPENING: u32 = 4;
/// A topic, a log or a SmartModule that seems to be gone may be late after a restart of the
/// cluster. This many looks, about 20 s of them, decide.
const LOOKS: u32 = 8;
/// A failure that goes on is reported again after this many attempts, about every 5 minutes.
const REPORT_EVERY: u32 = 30;
/// A wait for room that takes longer than this is not the broker's doing.
const LONG_WAIT: Duration = Duration::from_secs(1);
const WHAT: &str = "reading";

/// Reads one partition.
pub(super) struct PartitionReader {
    context: Arc<ConsumerContext>,
    partition: u32,
    /// The stored offset found at the start.
    stored: Option<i64>,
    /// What the stored offset is an offset of.
    anchor: Option<LogAnchor>,
    items: mpsc::Sender<SourceItem>,
    /// `None` until the log was looked at for the first time.
    assembler: Option<Assembler>,
    backoff: ReconnectBackoff,
    /// Times in a row that something was gone.
    confirmations: Confirmations,
    /// The offset at which the SmartModule failed last.
    failed_at: Option<i64>,
    /// The last error that was logged since reading went well.
    reported: Option<String>,
    /// Its place among those that go first: until its first response or failure, or until it is
    /// known to have nothing to read.
    startup_slot: Option<StartupSlot>,
}

impl PartitionReader {
    pub(super) fn new(
        context: Arc<ConsumerContext>,
        start: PartitionStart,
        items: mpsc::Sender<SourceItem>,
    ) -> Self {
        Self {
            context,
            partition: start.partition,
            stored: start.stored,
            anchor: start.anchor,
            items,
            assembler: None,
            backoff: ReconnectBackoff::new(),
            confirmations: Confirmations::default(),
            failed_at: None,
            reported: None,
            startup_slot: Some(start.startup_slot),
        }
    }

    /// Reads until `stop` is true, or until an error that does not pass.
    ///
    /// Stopping drops the work at any point where it waits. That is safe: an offset is opened in
    /// the tracker and handed over in one step.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) -> Result<(), BrokerError> {
        tokio::select! {
            () = stopped(&mut stop) => Ok(()),
            error = self.run_connections() => Err(error),
        }
    }

    async fn run_connections(&mut self) -> BrokerError {
        loop {
            let Err(error) = self.run_connection().await else {
                continue; // to be opened again at another offset
            };
            self.startup_slot = None;
            let error = self.confirm_gone(error);
            let condition = Condition::of(error.fault(), &error);
            self.context
                .conditions
                .put(Component::Partition(self.partition), condition);
            self.context
                .statuses
                .change(self.partition, |status| status.interruptions += 1);
            if error.retry() == Retry::Never {
                return error;
            }
            let text = error.to_string();
            if self.backoff.failures().is_multiple_of(REPORT_EVERY)
                || self.reported.as_ref() != Some(&text)
            {
                self.reported = Some(text);
                warn!(partition = self.partition, %error, "reading is interrupted; trying again");
            } else {
                debug!(partition = self.partition, %error, "reading is still interrupted");
            }
            sleep(self.backoff.pause()).await;
        }
    }

    /// Something that seems to be gone is given up after enough looks.
    fn confirm_gone(&mut self, error: BrokerError) -> BrokerError {
        let given_up = match &error {
            BrokerError::LogShorter { next, end, .. } => self.beyond_end(*next, *end),
            BrokerError::SmartModuleUnknown { uses, .. } => BrokerError::SmartModuleMissing {
                uses: uses.clone(),
                loaded: "the SPU does not know it".to_owned(),
            },
            _ => return error,
        };
        if self.confirmations.suffice(LOOKS) {
            given_up
        } else {
            error
        }
    }

    fn beyond_end(&self, next: i64, end: i64) -> BrokerError {
        BrokerError::BeyondEnd {
            replica: self.context.replica(self.partition),
            consumer: self.context.consumer.clone(),
            next,
            end,
        }
    }

    /// One connection from beginning to end. `Ok` means that the stream has to be opened again.
    async fn run_connection(&mut self) -> Result<(), BrokerError> {
        let context = Arc::clone(&self.context);
        let connection = context
            .metadata
            .connect_leader(&context.topic, self.partition)
            .await?;
        let log = context.look(&connection, self.partition).await?;
        let read = self.assembler.as_ref().and_then(Assembler::last_read);
        if let Some(anchor) = read.or(self.anchor) {
            log_identity::verify(&context, self.partition, log, anchor).await?;
        }
        let next = self.next(log);
        if next > log.end {
            self.check_log_end(&connection, next, log).await?;
        }
        let mut assembler = match self.assembler.take() {
            Some(assembler) => assembler,
            None => Assembler::begin(context, self.partition, next, self.items.clone())?,
        };
        let ended = self.read(&connection, log, &mut assembler).await;
        self.assembler = Some(assembler);
        ended
    }

    /// The next offset to read; the first time, where to begin.
    fn next(&self, log: LogBounds) -> i64 {
        if let Some(assembler) = &self.assembler {
            return assembler.expected();
        }
        // Without a stored offset it is new, or the broker lost what was stored: the first start of
        // all has stored where it begins.
        match StartPosition::choose(log, self.stored, Start::Beginning) {
            StartPosition::At(offset) => offset,
            // Where the wanted records were, so that what is lost is accounted for.
            StartPosition::Evicted { wanted, .. } => wanted,
            // Looked at before anything is begun there.
            StartPosition::BeyondEnd { wanted } => wanted,
        }
    }

    /// Looks past the high watermark: fails unless what begins at the next offset may be read, now
    /// or once it is written.
    async fn check_log_end(
        &self,
        connection: &Connection,
        next: i64,
        log: LogBounds,
    ) -> Result<(), BrokerError> {
        let context = &self.context;
        let log_end = fetch_log_end(connection, WHAT, &context.topic, self.partition).await?;
        let replica = context.replica(self.partition);
        if next > log_end {
            let end = log_end;
            return Err(BrokerError::LogShorter { replica, next, end });
        }
        if context.isolation == Isolation::ReadCommitted {
            let end = log.end;
            return Err(BrokerError::NotReplicated { replica, next, end });
        }
        Ok(())
    }

    /// Waits for a permit. A wait for room means that the broker was reached: whatever was in the
    /// way is over.
    async fn acquire_permit(&mut self, max_bytes: NonZeroU32) -> FetchPermit {
        let mut permit =
            std::pin::pin!(self.context.fetch_budget.acquire(self.partition, max_bytes));
        if let Ok(permit) = timeout(LONG_WAIT, &mut permit).await {
            return permit;
        }
        self.startup_slot = None;
        self.context
            .conditions
            .clear(Component::Partition(self.partition));
        permit.await
    }

    /// With nothing to read, lets partitions with a backlog go first, once. Gives what the log
    /// holds then.
    async fn wait_for_backlogs(
        &mut self,
        connection: &Connection,
        log: LogBounds,
        offset: i64,
    ) -> Result<LogBounds, BrokerError> {
        if log.end > offset || self.startup_slot.take().is_none() {
            return Ok(log);
        }
        // Its leader was reached; waiting for other partitions is no fault.
        self.context
            .conditions
            .clear(Component::Partition(self.partition));
        self.context.startup_order.wait_for_backlogs().await;
        let now = self.context.look(connection, self.partition).await?;
        // The later end counts: that a log became shorter meanwhile shows at the next look.
        let end = log.end.max(now.end);
        Ok(LogBounds { end, ..log })
    }

    /// `Ok` means that the stream has to be opened again.
    async fn read(
        &mut self,
        connection: &Connection,
        log: LogBounds,
        assembler: &mut Assembler,
    ) -> Result<(), BrokerError> {
        if let StartPosition::Evicted { available, .. } =
            StartPosition::at(log, assembler.expected())
        {
            self.evicted(assembler, available).await?;
        }
        let offset = assembler.expected();
        let log = self.wait_for_backlogs(connection, log, offset).await?;
        // The same as long as the stream is open.
        let required = assembler.required_bytes();
        let max_bytes = self.context.fetch_budget.response_size(required);
        // Without a backlog nothing is on its way, and nothing has to wait for room.
        let mut permit = if log.end > offset {
            Some(self.acquire_permit(max_bytes).await)
        } else {
            None
        };
        let mut responses = self.open(connection, offset, max_bytes).await?;
        // After a failure a stream that was opened is no sign yet: the broker may refuse it at
        // once.
        if self.backoff.failures() == 0 {
            info!(
                partition = self.partition,
                offset,
                log_start = log.start,
                high_watermark = log.end,
                "reading"
            );
            self.context
                .conditions
                .clear(Component::Partition(self.partition));
        }
        let mut end = log.end;
        let mut patience = SILENCE;
        let mut opening = OPENING;
        loop {
            let response = match timeout(patience, connection.next(WHAT, &mut responses)).await {
                Ok(response) => response?,
                Err(_elapsed) => {
                    // Others need it meanwhile.
                    drop(permit.take());
                    opening = opening.saturating_sub(1);
                    if opening > 0 {
                        continue;
                    }
                    let log = self.context.look(connection, self.partition).await?;
                    if log.end > assembler.expected() {
                        // One part, and the stream stays open: what it sends of that is known to
                        // have been read, and it may only be late.
                        assembler.fill(log.end - 1).await?;
                        self.on_progress();
                        if self.needs_larger(assembler, max_bytes) {
                            return Ok(());
                        }
                        end = end.max(log.end);
                        patience = Duration::ZERO;
                        continue;
                    }
                    self.on_progress();
                    if log.end < end {
                        // Another log than the one that was opened: looked at again before anything
                        // of it is read.
                        return Ok(());
                    }
                    end = log.end;
                    patience = SILENCE;
                    continue;
                }
            };
            patience = SILENCE;
            opening = 0;
            if response.partition.error_code != ErrorCode::None {
                drop(permit);
                return self
                    .refused(connection, assembler, response.partition.error_code)
                    .await;
            }
            self.on_progress();
            let high_watermark = response.partition.high_watermark;
            end = end.max(high_watermark);
            self.context.statuses.change(self.partition, |status| {
                status.high_watermark = Some(high_watermark)
            });
            assembler.accept(response.partition, permit.take()).await?;
            if self.needs_larger(assembler, max_bytes) {
                return Ok(());
            }
            if required > 0 && assembler.required_bytes() == 0 {
                debug!(
                    partition = self.partition,
                    "smaller responses will do again"
                );
                return Ok(());
            }
            let offset = assembler.expected();
            let next_permit = tokio::select! {
                permit = self.context.fetch_budget.acquire(self.partition, max_bytes) => permit,
                // Without credit no records are sent; only what ends the stream comes, and it comes
                // while there is no room.
                last = connection.next(WHAT, &mut responses) => {
                    let code = last?.partition.error_code;
                    if code != ErrorCode::None {
                        self.refused(connection, assembler, code).await?;
                    }
                    return Ok(());
                }
            };
            self.ask_for_more(connection, response.stream_id, offset)
                .await?;
            // Without a backlog nothing is on its way, and the permit is for others.
            permit = (high_watermark > offset).then_some(next_permit);
        }
    }

    /// Whether its batches need larger responses than the stream was opened for.
    fn needs_larger(&self, assembler: &Assembler, max_bytes: NonZeroU32) -> bool {
        let needed = assembler.required_bytes();
        let larger = self.context.fetch_budget.response_size(needed) > max_bytes;
        if larger {
            debug!(
                partition = self.partition,
                needed, "its batches need larger responses"
            );
        }
        larger
    }

    /// The next failure is a new one.
    fn on_progress(&mut self) {
        if self.reported.take().is_some() {
            info!(partition = self.partition, "reading goes on");
        }
        self.startup_slot = None;
        self.backoff.reset();
        self.confirmations.reset();
        self.context
            .conditions
            .clear(Component::Partition(self.partition));
    }

    async fn open(
        &self,
        connection: &Connection,
        offset: i64,
        max_bytes: NonZeroU32,
    ) -> Result<Responses, BrokerError> {
        let context = &self.context;
        let max_bytes = i32::try_from(max_bytes.get()).unwrap_or(i32::MAX);
        let fetch = Fetch {
            transform: Some(&context.transform),
            consumer: Some(&context.consumer),
            isolation: context.isolation,
            ..Fetch::unmapped(&context.topic, self.partition, offset, max_bytes)
        };
        fetch.open(connection, WHAT).await
    }

    /// Gives the broker its credit for another response.
    async fn ask_for_more(
        &self,
        connection: &Connection,
        session_id: u32,
        offset: i64,
    ) -> Result<(), BrokerError> {
        const WHAT: &str = "asking for more records";
        let credit = OffsetUpdate { offset, session_id };
        let request = UpdateOffsetsRequest {
            offsets: vec![credit],
        };
        let response = connection.call(WHAT, request).await?;
        if let Some(refused) = response
            .status
            .into_iter()
            .find(|status| status.error != ErrorCode::None)
        {
            return Err(connection.refused(WHAT, refused.error));
        }
        Ok(())
    }

    /// Records from the expected offset up to the available one are gone.
    async fn evicted(&self, assembler: &mut Assembler, available: i64) -> Result<(), BrokerError> {
        let (first, last) = (assembler.expected(), available - 1);
        error!(
            partition = self.partition,
            first,
            last,
            lost = last - first + 1,
            "records were removed by the topic's retention before they were read"
        );
        if self.context.on_evicted == OnEvicted::Stop {
            let replica = self.context.replica(self.partition);
            return Err(BrokerError::Evicted {
                replica,
                first,
                last,
            });
        }
        assembler.pass(first, last, Outcome::Evicted).await
    }

    /// Acts on an error code of the stream. `Ok` when the stream is to be opened again at once.
    async fn refused(
        &mut self,
        connection: &Connection,
        assembler: &mut Assembler,
        code: ErrorCode,
    ) -> Result<(), BrokerError> {
        match ErrorClass::of(&code) {
            ErrorClass::Evicted { available } if available > assembler.expected() => {
                self.evicted(assembler, available).await
            }
            ErrorClass::TopicDeleted => Err(BrokerError::TopicDeleted {
                topic: self.context.topic.clone(),
            }),
            // A fresh SmartModule usually goes on. When it fails at the same place again, that part
            // of the log is mapped here, so that no record can stop the stream.
            ErrorClass::SmartModuleFailed { reason } if self.fails_again(assembler.expected()) => {
                assembler.bypass(&reason).await
            }
            _ => {
                let uses = &self.context.transform.uses;
                let replica = self.context.replica(self.partition);
                Err(stream_error(connection, WHAT, code, uses, replica))
            }
        }
    }

    /// Notes where the SmartModule failed. Whether it failed there the last time, too.
    fn fails_again(&mut self, offset: i64) -> bool {
        self.failed_at.replace(offset) == Some(offset)
    }
}
