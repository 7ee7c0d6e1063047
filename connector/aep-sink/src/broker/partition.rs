//! Reads one partition: opens its stream, over reconnects, evictions and failures of the
//! SmartModule.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use fluvio::Isolation;
use fluvio_protocol::link::ErrorCode;
use fluvio_spu_schema::server::stream_fetch::DefaultStreamFetchRequest;
use fluvio_spu_schema::server::update_offset::{OffsetUpdate, UpdateOffsetsRequest};
use futures_util::StreamExt;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use tracing::{debug, error, info, warn};

use crate::config::{OnEvicted, Start};
use crate::error::Retry;
use crate::offset_tracker::Outcome;
use crate::offset_tracker::SourceItem;
use crate::telemetry::{Component, Condition};

use super::backoff::Backoff;
use super::connection::{Connection, Responses};
use super::error::BrokerError;
use super::flow::Turn;
use super::intake::Intake;
use super::precedence::Ahead;
use super::reader::{Shared, stopped};
use super::refusal::Refusal;
use super::rounds::Found;
use super::smartmodule;
use super::start::{Beginning, Log};
use super::tail::{self, Tail};

/// After this much silence the high watermark is looked at: an answer over `max-bytes` at the tail
/// of the log brings no response at all.
const SILENCE: Duration = Duration::from_secs(5);
/// A topic, a log or a SmartModule that seems to be gone may be late after a restart of the
/// cluster. This many looks, about 20 s of them, decide.
const LOOKS: u32 = 8;
/// A failure that goes on is told again after so many attempts, about every 5 minutes.
const TELL_AGAIN: u32 = 30;
/// A wait for room that takes longer than this is not the broker's doing.
const ROOM: Duration = Duration::from_secs(1);
const WHAT: &str = "reading";

/// What to do when a stream is given up without an error.
enum Next {
    /// Open it anew.
    Reopen,
    /// Read directly up to this offset first: the broker gave no answers.
    Fill(i64),
}

/// Reads one partition.
pub(super) struct PartitionReader {
    shared: Arc<Shared>,
    partition: u32,
    /// The stored offset found at the start.
    stored: Option<i64>,
    /// Where to begin without one.
    start: Start,
    arrivals: mpsc::Sender<SourceItem>,
    /// `None` until the log was looked at for the first time.
    intake: Option<Intake>,
    backoff: Backoff,
    /// Looks in a row that found something gone.
    doubts: u32,
    /// The offset at which the SmartModule failed last.
    failed_at: Option<i64>,
    /// The last error the log was told of since reading went well.
    told: Option<String>,
    /// Its place among those that go first: until its first response or failure, or until it is
    /// known to have nothing to read.
    ahead: Option<Ahead>,
}

impl PartitionReader {
    pub(super) fn new(
        shared: Arc<Shared>,
        found: Found,
        arrivals: mpsc::Sender<SourceItem>,
    ) -> Self {
        Self {
            shared,
            partition: found.partition,
            stored: found.stored,
            start: found.start,
            arrivals,
            intake: None,
            backoff: Backoff::new(fastrand::Rng::new()),
            doubts: 0,
            failed_at: None,
            told: None,
            ahead: Some(found.ahead),
        }
    }

    /// Reads until told to stop, or until an error that does not heal.
    ///
    /// Stopping drops the work at any point where it waits. That is safe: an offset is opened in
    /// the tracker and handed over in one step.
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
            self.ahead = None;
            let error = self.doubt(error);
            let condition = Condition::of(error.fault(), &error);
            self.shared
                .conditions
                .put(Component::Partition(self.partition), condition);
            self.shared
                .standing
                .change(self.partition, |standing| standing.interruptions += 1);
            if error.retry() == Retry::Never {
                return error;
            }
            let text = error.to_string();
            if self.backoff.failures().is_multiple_of(TELL_AGAIN)
                || self.told.as_ref() != Some(&text)
            {
                self.told = Some(text);
                warn!(partition = self.partition, %error, "reading is interrupted; trying again");
            } else {
                debug!(partition = self.partition, %error, "reading is still interrupted");
            }
            sleep(self.backoff.pause()).await;
        }
    }

    /// Something that seems to be gone is given up after enough looks.
    fn doubt(&mut self, error: BrokerError) -> BrokerError {
        let given_up = match &error {
            BrokerError::NotListed { .. } => BrokerError::TopicDeleted {
                topic: self.shared.topic.clone(),
            },
            BrokerError::LogShorter { next, end, .. } => self.beyond_end(*next, *end),
            BrokerError::SmartModuleUnknown { uses, .. } => BrokerError::SmartModuleMissing {
                uses: uses.clone(),
                loaded: "the SPU does not know it".to_owned(),
            },
            _ => return error,
        };
        self.doubts += 1;
        if self.doubts < LOOKS { error } else { given_up }
    }

    fn beyond_end(&self, next: i64, end: i64) -> BrokerError {
        BrokerError::BeyondEnd {
            replica: self.shared.replica(self.partition),
            consumer: self.shared.consumer.clone(),
            next,
            end,
        }
    }

    /// One connection from beginning to end. `Ok` means that the stream has to be opened anew.
    async fn connected(&mut self) -> Result<(), BrokerError> {
        let shared = Arc::clone(&self.shared);
        let connection = shared
            .directory
            .connect_leader(&shared.topic, self.partition)
            .await?;
        let log = shared.look(&connection, self.partition).await?;
        let next = self.next(log);
        if next > log.end {
            self.reaches(next, log).await?;
        }
        let mut intake = match self.intake.take() {
            Some(intake) => intake,
            None => Intake::begin(shared, self.partition, next, self.arrivals.clone())?,
        };
        let ended = match self.read(&connection, log, &mut intake).await {
            Ok(Next::Reopen) => Ok(()),
            Ok(Next::Fill(last)) => {
                // A response may still be under way there, and would take the line from what is
                // read directly.
                drop(connection);
                let filled = intake.fill(last).await;
                if filled.is_ok() {
                    self.went_well();
                }
                filled
            }
            Err(error) => Err(error),
        };
        self.intake = Some(intake);
        ended
    }

    /// The next offset to read; the first time, where to begin.
    fn next(&self, log: Log) -> i64 {
        if let Some(intake) = &self.intake {
            return intake.expected();
        }
        match log.beginning(self.stored, self.start) {
            Beginning::At(offset) => offset,
            // Where the wanted records were, so that what is lost is accounted for.
            Beginning::Evicted { wanted, .. } => wanted,
            // Looked at before anything is begun there.
            Beginning::BeyondEnd { wanted } => wanted,
        }
    }

    /// Looks past the high watermark: fails unless the log ends exactly at the next offset.
    async fn reaches(&self, next: i64, log: Log) -> Result<(), BrokerError> {
        let shared = &self.shared;
        let (replica, end) = (shared.replica(self.partition), log.end);
        match tail::look(&shared.directory, &shared.topic, self.partition, next).await? {
            Tail::Ends => {
                warn!(
                    partition = self.partition,
                    next,
                    high_watermark = end,
                    "the broker's high watermark is behind its log; reading goes on at the end of the log"
                );
                Ok(())
            }
            Tail::GoesOn => Err(BrokerError::WatermarkBehind { replica, next, end }),
            Tail::Shorter => Err(BrokerError::LogShorter { replica, next, end }),
        }
    }

    /// Waits for a turn. A wait for room says that the broker was reached: whatever stood in the
    /// way there does not.
    async fn turn(&mut self, max_bytes: NonZeroU32) -> Turn {
        let mut turn = std::pin::pin!(self.shared.flow.turn(self.partition, max_bytes));
        if let Ok(turn) = timeout(ROOM, &mut turn).await {
            return turn;
        }
        self.ahead = None;
        self.shared
            .conditions
            .clear(Component::Partition(self.partition));
        turn.await
    }

    /// With nothing to read, lets partitions with a backlog go first, once. Gives what the log
    /// holds then.
    async fn give_way(
        &mut self,
        connection: &Connection,
        log: Log,
        offset: i64,
    ) -> Result<Log, BrokerError> {
        if log.end > offset || self.ahead.take().is_none() {
            return Ok(log);
        }
        // Its leader was reached; that it waits is nobody's fault.
        self.shared
            .conditions
            .clear(Component::Partition(self.partition));
        self.shared.precedence.give_way().await;
        let now = self.shared.look(connection, self.partition).await?;
        // The later end counts: that a log became shorter meanwhile shows at the next look.
        let end = log.end.max(now.end);
        Ok(Log { end, ..log })
    }

    async fn read(
        &mut self,
        connection: &Connection,
        log: Log,
        intake: &mut Intake,
    ) -> Result<Next, BrokerError> {
        if let Beginning::Evicted { available, .. } = log.place(intake.expected()) {
            self.evicted(intake, available).await?;
        }
        let offset = intake.expected();
        let log = self.give_way(connection, log, offset).await?;
        // The same as long as the stream is open.
        let max_bytes = self.shared.flow.response(intake.needs());
        // Without a backlog nothing is on its way, and nothing has to wait for room.
        let mut turn = if log.end > offset {
            Some(self.turn(max_bytes).await)
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
            self.shared
                .conditions
                .clear(Component::Partition(self.partition));
        }
        let mut end = log.end;
        loop {
            let response = match timeout(SILENCE, responses.next()).await {
                Ok(Some(response)) => response.map_err(|error| connection.failed(WHAT, &error))?,
                Ok(None) => return Err(connection.closed(WHAT)),
                Err(_elapsed) => {
                    drop(turn.take());
                    let log = self.shared.look(connection, self.partition).await?;
                    if log.end > intake.expected() {
                        // The stream is opened anew afterwards: it stands somewhere else than the
                        // intake.
                        return Ok(Next::Fill(log.end - 1));
                    }
                    self.went_well();
                    if log.end < end {
                        // Another log than the one that was opened: looked at anew before anything
                        // of it is read.
                        return Ok(Next::Reopen);
                    }
                    end = log.end;
                    continue;
                }
            };
            if response.partition.error_code != ErrorCode::None {
                drop(turn);
                self.refused(connection, intake, response.partition.error_code)
                    .await?;
                return Ok(Next::Reopen);
            }
            self.went_well();
            let high_watermark = response.partition.high_watermark;
            end = end.max(high_watermark);
            self.shared.standing.change(self.partition, |standing| {
                standing.high_watermark = Some(high_watermark)
            });
            intake.accept(response.partition, turn.take()).await?;
            if self.shared.flow.response(intake.needs()) > max_bytes {
                debug!(
                    partition = self.partition,
                    "its batches need larger responses"
                );
                return Ok(Next::Reopen);
            }
            let offset = intake.expected();
            let turn_for_more = tokio::select! {
                turn = self.shared.flow.turn(self.partition, max_bytes) => turn,
                // Without credit nothing is answered; only what ends the stream is told, and told
                // while there is no room.
                told = responses.next() => {
                    let told = told.ok_or_else(|| connection.closed(WHAT))?;
                    let told = told.map_err(|error| connection.failed(WHAT, &error))?;
                    if told.partition.error_code != ErrorCode::None {
                        self.refused(connection, intake, told.partition.error_code).await?;
                    }
                    return Ok(Next::Reopen);
                }
            };
            self.ask_for_more(connection, response.stream_id, offset)
                .await?;
            // Without a backlog nothing is on its way, and the turn is for others.
            turn = (high_watermark > offset).then_some(turn_for_more);
        }
    }

    /// The next failure is a new one.
    fn went_well(&mut self) {
        if self.told.take().is_some() {
            info!(partition = self.partition, "reading goes on");
        }
        self.ahead = None;
        self.backoff.reset();
        self.doubts = 0;
        self.shared
            .conditions
            .clear(Component::Partition(self.partition));
    }

    async fn open(
        &self,
        connection: &Connection,
        offset: i64,
        max_bytes: NonZeroU32,
    ) -> Result<Responses, BrokerError> {
        let shared = &self.shared;
        let request = DefaultStreamFetchRequest::builder()
            .topic(shared.topic.clone())
            .partition(self.partition)
            .fetch_offset(offset)
            .isolation(Isolation::ReadCommitted)
            .max_bytes(i32::try_from(max_bytes.get()).unwrap_or(i32::MAX))
            .smartmodules(vec![smartmodule::invocation(&shared.transform)])
            .consumer_id(Some(shared.consumer.clone()))
            .build()
            .map_err(|error| BrokerError::BadResponse {
                what: WHAT,
                address: connection.address().to_owned(),
                reason: error.to_string(),
            })?;
        connection.stream(request).await
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
        let answer = connection.call(WHAT, request).await?;
        if let Some(refused) = answer
            .status
            .into_iter()
            .find(|status| status.error != ErrorCode::None)
        {
            return Err(BrokerError::Refused {
                what: WHAT,
                address: connection.address().to_owned(),
                code: refused.error,
            });
        }
        Ok(())
    }

    /// Records from the expected offset up to the available one are gone.
    async fn evicted(&self, intake: &mut Intake, available: i64) -> Result<(), BrokerError> {
        let (first, last) = (intake.expected(), available - 1);
        error!(
            partition = self.partition,
            first,
            last,
            lost = last - first + 1,
            "records were removed by the topic's retention before they were read"
        );
        if self.shared.on_evicted == OnEvicted::Stop {
            let replica = self.shared.replica(self.partition);
            return Err(BrokerError::Evicted {
                replica,
                first,
                last,
            });
        }
        intake.pass(first, last, Outcome::Evicted).await
    }

    /// Acts on a refusal by the broker. `Ok` when the stream is to be opened anew at once.
    async fn refused(
        &mut self,
        connection: &Connection,
        intake: &mut Intake,
        code: ErrorCode,
    ) -> Result<(), BrokerError> {
        let uses = self.shared.transform.uses.clone();
        match Refusal::of(&code) {
            Refusal::Evicted { available } if available > intake.expected() => {
                self.evicted(intake, available).await
            }
            Refusal::Evicted { .. } | Refusal::Passing => Err(BrokerError::Refused {
                what: WHAT,
                address: connection.address().to_owned(),
                code,
            }),
            Refusal::TopicGone => Err(BrokerError::TopicDeleted {
                topic: self.shared.topic.clone(),
            }),
            Refusal::ModuleUnknown => Err(BrokerError::SmartModuleUnknown { uses }),
            Refusal::ModuleRejected { reason } => {
                Err(BrokerError::SmartModuleRejected { uses, reason })
            }
            Refusal::ModuleFailed { reason } => {
                // A fresh one usually goes on. When it fails at the same place again, that part of
                // the log is mapped here, so that no record can stop the stream.
                let expected = intake.expected();
                if self.failed_at.replace(expected) == Some(expected) {
                    return intake.bypass(&reason).await;
                }
                let place = self.shared.replica(self.partition);
                Err(BrokerError::SmartModuleFailed {
                    uses,
                    place,
                    reason,
                })
            }
        }
    }
}
