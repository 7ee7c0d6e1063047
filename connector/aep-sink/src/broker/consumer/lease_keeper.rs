//! Claims partitions for this process, gives signs of life, and says which are won and lost.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, info, warn};

use super::context::ConsumerContext;
use super::partition_list::Listed;
use super::start_position::{PartitionStart, StartPosition};
use super::status::Ownership;
use crate::broker::error::BrokerError;
use crate::broker::offsets::{LeaseOrders, Leases, LogAnchor, Mark, OffsetSession, StoredOffsets};
use crate::broker::partition_log::LogBounds;
use crate::config::Start;
use crate::confirmations::Confirmations;
use crate::error::Retry;
use crate::telemetry::{Component, Condition};

/// A log that seems to end before the configured start may be late after a restart of the cluster.
const LOOKS: u32 = 8;

/// What changes about the partitions of this process.
pub(super) enum Assignment {
    Begin(Vec<PartitionStart>),
    /// To be given up: another process has taken it over.
    Leave(u32),
    /// Nothing can go on.
    Failed(BrokerError),
}

/// Keeps the leases of this process.
pub(super) struct LeaseKeeper {
    context: Arc<ConsumerContext>,
    /// The consumer of the marks.
    consumer: String,
    marks: StoredOffsets,
    offsets: StoredOffsets,
    anchors: StoredOffsets,
    leases: Leases,
    listed: Listed,
    assignments: mpsc::Sender<Assignment>,
    /// Partitions that were given up.
    left: mpsc::UnboundedReceiver<u32>,
    release: watch::Receiver<bool>,
    /// Through which signs of life are given: one partition speaks for all. Without a session it
    /// failed the last time.
    pulse: Option<(u32, Option<OffsetSession>)>,
    /// Won, but it is not known yet where to begin.
    won: BTreeSet<u32>,
    /// Whether it is known that this is not the first start of all, or where each partition begins
    /// was stored.
    has_begun: bool,
    beyond_end: Confirmations,
    /// Since when the store cannot be reached, and whether that was told.
    failing: Option<Instant>,
    told: bool,
}

impl LeaseKeeper {
    pub(super) fn new(
        context: Arc<ConsumerContext>,
        listed: Listed,
        assignments: mpsc::Sender<Assignment>,
        left: mpsc::UnboundedReceiver<u32>,
        release: watch::Receiver<bool>,
    ) -> Self {
        let stored = |consumer: String| {
            StoredOffsets::new(
                Arc::clone(&context.metadata),
                context.topic.clone(),
                consumer,
            )
        };
        let consumer = Leases::consumer(&context.consumer);
        Self {
            marks: stored(consumer.clone()),
            offsets: stored(context.consumer.clone()),
            anchors: stored(LogAnchor::consumer(&context.consumer)),
            leases: Leases::new(context.lease, &mut fastrand::Rng::new()),
            consumer,
            context,
            listed,
            assignments,
            left,
            release,
            pulse: None,
            won: BTreeSet::new(),
            has_begun: false,
            beyond_end: Confirmations::default(),
            failing: None,
            told: false,
        }
    }

    /// Runs until `release` is true; then others may have the partitions.
    pub(super) async fn run(mut self) {
        let mut release = self.release.clone();
        // A controller that was just started lists nothing.
        let is_known =
            |listed: &Option<BTreeSet<u32>>| listed.as_ref().is_some_and(|all| !all.is_empty());
        let _ = self.listed.wait_for(is_known).await;
        loop {
            if *release.borrow() {
                return self.release().await;
            }
            let begun = Instant::now();
            let round = tokio::select! {
                round = self.round() => round,
                _ = release.changed() => continue,
            };
            self.after(round).await;
            tokio::select! {
                () = sleep(self.leases.interval().saturating_sub(begun.elapsed())) => {}
                Some(partition) = self.left.recv() => self.leases.left(partition),
                _ = release.changed() => {}
            }
        }
    }

    /// Reports how a round ended.
    async fn after(&mut self, round: Result<(), BrokerError>) {
        let conditions = &self.context.conditions;
        match round {
            Ok(()) => {
                if std::mem::take(&mut self.told) {
                    info!("the stored offsets can be read again");
                }
                self.failing = None;
                conditions.clear(Component::StoredOffsets);
            }
            Err(error) if error.retry() == Retry::Never => {
                let _ = self.assignments.send(Assignment::Failed(error)).await;
            }
            Err(error) => {
                // What was won and cannot begin is not delivered.
                let begun = !self.leases.owned().is_empty() && self.won.is_empty();
                let since = *self.failing.get_or_insert_with(Instant::now);
                // What is owned goes on meanwhile.
                if begun && since.elapsed() < self.context.lease {
                    return debug!(%error, "the stored offsets cannot be read back");
                }
                if std::mem::replace(&mut self.told, true) {
                    debug!(%error, "the stored offsets still cannot be read");
                } else if begun {
                    warn!(%error, "the stored offsets cannot be read back");
                } else {
                    // Never taken for "none": beginning again would deliver everything twice.
                    warn!(%error, "waiting for the stored offsets before reading begins");
                }
                conditions.put(
                    Component::StoredOffsets,
                    Condition::of(error.fault(), &error),
                );
            }
        }
    }

    /// How long one access to the store may take: two fit into a lease.
    fn limit(&self) -> Duration {
        self.context.lease / 2
    }

    /// A look at the marks, and what follows from it.
    async fn round(&mut self) -> Result<(), BrokerError> {
        let listed = self.listed.borrow().clone().unwrap_or_default();
        let looked = Instant::now();
        let read = self.in_time(self.marks.read()).await;
        let marks: HashMap<u32, Mark> = read
            .inspect_err(|_| self.leases.interrupted())?
            .into_iter()
            .map(|(partition, value)| (partition, Mark::from_value(value)))
            .collect();
        if !self.has_begun {
            self.first_start(&listed, marks.is_empty()).await?;
        }
        let (wanted, others): (BTreeSet<u32>, BTreeSet<u32>) = listed
            .iter()
            .partition(|partition| self.context.partitions.include(**partition));
        let orders = self.leases.look(Instant::now(), &wanted, &marks);
        self.won.extend(&orders.begin);
        self.publish(&others);
        for partition in &orders.leave {
            self.won.remove(partition);
            warn!(
                partition,
                "another process with this consumer id has taken over the partition: nothing more \
                of it is sent, and it is waited for"
            );
            let leave = Assignment::Leave(*partition);
            if self.assignments.send(leave).await.is_err() {
                // Reading has ended, but what was read is still being delivered.
                let (revoker, partition) = (self.context.revoker.clone(), *partition);
                tokio::spawn(async move { revoker.revoke(partition).await });
            }
        }
        // Also in rounds that write marks: one that cannot be written must not silence the others.
        self.give_sign_of_life(looked).await;
        let written = self.write(&orders, looked).await;
        if !self.won.is_empty() {
            self.begin().await?;
        }
        written
    }

    /// Bounds an access to the store.
    async fn in_time<T>(
        &self,
        access: impl Future<Output = Result<T, BrokerError>>,
    ) -> Result<T, BrokerError> {
        let limit = self.limit();
        timeout(limit, access).await.unwrap_or_else(|_elapsed| {
            Err(BrokerError::Request {
                what: "reading or writing who owns the partitions",
                address: "the store of offsets".to_owned(),
                reason: format!("no answer within {} ms", limit.as_millis()),
            })
        })
    }

    /// Tells whose the partitions are. `others` are not to be read here.
    fn publish(&self, others: &BTreeSet<u32>) {
        let (elsewhere, unread) = others
            .iter()
            .partition(|partition| self.leases.is_held_elsewhere(**partition));
        let ownership = Ownership {
            owned: self.leases.owned(),
            standby: self.leases.waiting(),
            elsewhere,
            unread,
        };
        let begins = self.leases.is_claiming() || !self.won.is_empty();
        if !begins && ownership.owned.is_empty() {
            // A process that waits for its turn is as ready as it can be.
            self.context.conditions.clear(Component::Process);
        }
        if self.context.statuses.ownership() == ownership {
            return;
        }
        if !ownership.standby.is_empty() {
            info!(
                partitions = ?ownership.standby,
                consumer = self.context.consumer,
                "standing by: another process with this consumer id reads these partitions"
            );
        }
        self.context.statuses.set_ownership(ownership);
    }

    /// Writes the marks that are ordered.
    async fn write(&mut self, orders: &LeaseOrders, looked: Instant) -> Result<(), BrokerError> {
        let marks: Vec<_> = orders
            .write
            .iter()
            .map(|partition| (*partition, self.leases.next_mark()))
            .collect();
        let writes = marks
            .into_iter()
            .map(|(partition, mark)| self.in_time(self.write_mark(partition, mark, looked)));
        join_all(writes).await.into_iter().collect()
    }

    async fn write_mark(
        &self,
        partition: u32,
        mark: Mark,
        looked: Instant,
    ) -> Result<(), BrokerError> {
        let mut session = self.session(partition).await?;
        self.check_look(looked)?;
        session.store(0, mark.value()).await
    }

    /// Fails when the look a mark follows from is too long ago. A process that slept meanwhile
    /// would write over the mark of whoever took over.
    fn check_look(&self, looked: Instant) -> Result<(), BrokerError> {
        if looked.elapsed() < self.context.lease {
            return Ok(());
        }
        Err(BrokerError::Request {
            what: "writing who owns the partitions",
            address: "the store of offsets".to_owned(),
            reason: "it was read too long ago".to_owned(),
        })
    }

    async fn session(&self, partition: u32) -> Result<OffsetSession, BrokerError> {
        let context = &self.context;
        let consumers = [self.consumer.as_str()];
        OffsetSession::open(&context.metadata, &context.topic, partition, &consumers).await
    }

    /// Changes the mark of one partition that is owned: the one of the last time, or, when that
    /// cannot be written, the next at the next time.
    async fn give_sign_of_life(&mut self, looked: Instant) {
        let owned = self.leases.owned();
        let last = self.pulse.take();
        let after = last.as_ref().map_or(0, |(partition, _)| *partition);
        let (partition, session) = match last {
            Some((partition, session)) if session.is_some() && owned.contains(&partition) => {
                (partition, session)
            }
            _ => match owned.range(after + 1..).next().or(owned.first()) {
                Some(partition) => (*partition, None),
                None => return,
            },
        };
        let mark = self.leases.next_mark();
        let given = self.in_time(async {
            let mut session = match session {
                Some(session) => session,
                None => self.session(partition).await?,
            };
            self.check_look(looked)?;
            session.store(0, mark.value()).await?;
            Ok(session)
        });
        let given = given.await;
        match &given {
            Ok(_) => self.context.held.extend(looked, self.context.lease),
            // Committing reports a broker in trouble.
            Err(error) => debug!(partition, %error, "no sign of life could be given"),
        }
        self.pulse = Some((partition, given.ok()));
    }

    /// Finds out where to begin what was won.
    async fn begin(&mut self) -> Result<(), BrokerError> {
        let (offsets, anchors) = tokio::try_join!(
            self.in_time(self.offsets.read()),
            self.in_time(self.anchors.read()),
        )?;
        let context = Arc::clone(&self.context);
        // Before any of them is opened.
        context
            .fetch_budget
            .set_partitions(self.leases.owned().len());
        let mut starts = Vec::new();
        for partition in std::mem::take(&mut self.won) {
            let stored = offsets.get(&partition).copied();
            let anchor = anchors.get(&partition).zip(stored);
            info!(partition, stored, "reading this partition from now on");
            if stored.is_none() && context.start != Start::Beginning {
                info!(
                    partition,
                    "no offset is stored for it, but there were earlier starts: it is read from \
                    its beginning"
                );
            }
            starts.push(PartitionStart {
                partition,
                stored,
                anchor: anchor.and_then(|(value, stored)| LogAnchor::from_value(*value, stored)),
                startup_slot: context.startup_order.enter(),
            });
        }
        // All have entered before the first of them looks whether it may go. The other side is gone
        // when reading is about to end.
        let _ = self.assignments.send(Assignment::Begin(starts)).await;
        Ok(())
    }

    /// At the first start of all, stores where each partition begins, also those of other
    /// instances: `start` is about this moment, and whatever comes to a partition later is read.
    async fn first_start(
        &mut self,
        listed: &BTreeSet<u32>,
        is_unmarked: bool,
    ) -> Result<(), BrokerError> {
        let context = Arc::clone(&self.context);
        if context.start != Start::Beginning && is_unmarked {
            let stored = self.in_time(self.offsets.read()).await?;
            // Some may be stored already: the first start may have been interrupted.
            let noted = listed
                .iter()
                .filter(|partition| !stored.contains_key(partition))
                .map(|partition| self.in_time(self.note_start(*partition)));
            for noted in join_all(noted).await {
                match noted {
                    Err(BrokerError::LogShorter { replica, next, end })
                        if self.beyond_end.suffice(LOOKS) =>
                    {
                        let consumer = context.consumer.clone();
                        return Err(BrokerError::BeyondEnd {
                            replica,
                            consumer,
                            next,
                            end,
                        });
                    }
                    noted => noted?,
                }
            }
        }
        self.has_begun = true;
        Ok(())
    }

    async fn note_start(&self, partition: u32) -> Result<(), BrokerError> {
        let context = &self.context;
        let consumers = [context.consumer.as_str()];
        let mut session =
            OffsetSession::open(&context.metadata, &context.topic, partition, &consumers).await?;
        let log: LogBounds = session.log();
        let next = match StartPosition::choose(log, None, context.start) {
            StartPosition::At(next) => next,
            // Where the wanted records were, so that what is lost is accounted for.
            StartPosition::Evicted { wanted, .. } => wanted,
            StartPosition::BeyondEnd { wanted } => {
                return Err(BrokerError::LogShorter {
                    replica: context.replica(partition),
                    next: wanted,
                    end: log.end,
                });
            }
        };
        info!(partition, offset = next, "first start: reading begins here");
        session.store(0, next - 1).await
    }

    /// Lets others have the partitions.
    async fn release(self) {
        let looked = Instant::now();
        // Another may have taken over since the last look.
        let marks = match self.in_time(self.marks.read()).await {
            Ok(marks) => marks,
            Err(error) => return debug!(%error, "nothing is released; others wait for the lease"),
        };
        let owned = self.leases.owned().into_iter().filter(|partition| {
            let mark = marks.get(partition).copied().map(Mark::from_value);
            mark.is_some_and(|mark| self.leases.is_mine(mark))
        });
        let released =
            owned.map(|partition| self.in_time(self.write_mark(partition, Mark::RELEASED, looked)));
        for ended in join_all(released).await {
            if let Err(error) = ended {
                debug!(%error, "a partition could not be released; others wait for the lease");
            }
        }
    }
}
