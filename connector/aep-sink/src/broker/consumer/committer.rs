//! Commits what the tracker has settled, and nothing else.
//!
//! One task for all partitions; their attempts run beside each other, so that a leader that is slow
//! holds up no other partition. Each partition has a connection of its own for this. The broker
//! forwards a commit to the leader of the offset topic while the connection waits; on the reading
//! connection, a leader that is down would hold back reading as well.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{debug, info, warn};

use crate::telemetry::{Component, Condition};

use super::context::ConsumerContext;
use super::log_identity;
use super::start_position::PartitionStart;
use crate::backoff::ReconnectBackoff;
use crate::broker::error::BrokerError;
use crate::broker::offsets::{LogAnchor, OffsetSession, StoredOffsets};

/// No more often than this per partition.
const INTERVAL: Duration = Duration::from_secs(1);
/// How often the stored offsets are read back: a broker that crashed may have lost the newest.
const READ_BACK: Duration = Duration::from_secs(30);
/// The offset topic has a retention of 7 days: a value that does not change is written again well
/// before.
const REFRESH: Duration = Duration::from_secs(24 * 60 * 60);
/// The least time between two looks at the tracker.
const BUNCH: Duration = Duration::from_millis(50);
/// How long one attempt may take, a new session included. An answer that is lost never comes;
/// without a bound of its own it would hold back every later commit of the partition for as long as
/// a request may take.
const ATTEMPT: Duration = Duration::from_secs(5);
/// The same once the process is about to end: short, so that a second attempt fits into what is
/// left.
const LAST_ATTEMPT: Duration = Duration::from_secs(2);
/// Longest pause between attempts once the process is about to end.
const LAST_PAUSE: Duration = Duration::from_millis(500);
/// Where the consumers of a session are in its list.
const OFFSET: usize = 0;
const LOG: usize = 1;
const WHAT: &str = "committing an offset";

/// What the committer is told.
enum Command {
    Begin {
        partition: u32,
        stored: Option<i64>,
    },
    /// Another process has taken over: its commits count from now on.
    End(u32),
}

/// Tells the committer which partitions there are.
#[derive(Clone)]
pub(super) struct Commits(mpsc::UnboundedSender<Command>);

impl Commits {
    /// A partition begins, with the offset that was found stored.
    pub(super) fn begin(&self, start: &PartitionStart) {
        let (partition, stored) = (start.partition, start.stored);
        // The committer ends after everything else.
        let _ = self.0.send(Command::Begin { partition, stored });
    }

    /// A partition is another process's: nothing more of it is committed. What this process
    /// delivered since its last commit is repeated; a commit now could take back the other's work.
    pub(super) fn end(&self, partition: u32) {
        let _ = self.0.send(Command::End(partition));
    }
}

/// What is due for a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Due {
    offset: i64,
    /// The value that names the log, if it is another than the one stored.
    log: Option<i64>,
}

/// One partition.
struct Account {
    /// The last offset that was acknowledged, or found at the start.
    committed: Option<i64>,
    /// The greatest offset this process stored or found stored: a greater one is not its own.
    greatest: Option<i64>,
    /// Whether no offset was found stored.
    is_new: bool,
    /// What names the log, as it was stored last.
    log: Option<i64>,
    refreshed: Instant,
    session: Option<OffsetSession>,
    backoff: ReconnectBackoff,
    /// No attempt is made before.
    next: Instant,
    is_under_way: bool,
    /// Nothing may be stored any more.
    is_given_up: bool,
}

/// An attempt that is over.
struct Attempted {
    partition: u32,
    due: Due,
    ended: Result<OffsetSession, BrokerError>,
}

/// An attempt under way.
struct Attempt {
    partition: u32,
    attempt: Pin<Box<dyn Future<Output = Attempted> + Send>>,
}

impl Future for Attempt {
    type Output = Attempted;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Attempted> {
        self.attempt.as_mut().poll(context)
    }
}

/// Commits every partition.
pub(super) struct Committer {
    context: Arc<ConsumerContext>,
    stored: StoredOffsets,
    commands: mpsc::UnboundedReceiver<Command>,
    finish: watch::Receiver<bool>,
    accounts: BTreeMap<u32, Account>,
    attempts: FuturesUnordered<Attempt>,
}

impl Committer {
    pub(super) fn new(
        context: Arc<ConsumerContext>,
        finish: watch::Receiver<bool>,
    ) -> (Commits, Self) {
        let (sender, commands) = mpsc::unbounded_channel();
        let stored = StoredOffsets::new(
            Arc::clone(&context.metadata),
            context.topic.clone(),
            context.consumer.clone(),
        );
        let committer = Self {
            context,
            stored,
            commands,
            finish,
            accounts: BTreeMap::new(),
            attempts: FuturesUnordered::new(),
        };
        (Commits(sender), committer)
    }

    /// Runs until `finish` is true and everything settled is committed.
    pub(super) async fn run(mut self) {
        let mut progress = self.context.tracker.progress();
        let mut finish = self.finish.clone();
        let mut read_back = Instant::now() + READ_BACK;
        loop {
            // Read before looking for work: what settles afterwards wakes the wait below.
            progress.mark_unchanged();
            let is_finishing = *finish.borrow_and_update();
            let next = self.attempt_due(is_finishing);
            if is_finishing && next.is_none() && self.attempts.is_empty() {
                return;
            }
            let next = next.unwrap_or(read_back).min(read_back);
            tokio::select! {
                Some(attempted) = self.attempts.next() => self.attempted(attempted),
                Some(command) = self.commands.recv() => self.obey(command),
                // An attempt whose answer is overdue is made again at once, on a session of its
                // own.
                _ = finish.changed(), if !is_finishing => self.start_over(),
                () = sleep_until(next) => {}
                // Settlements of every partition end the wait: looked at in bunches.
                () = async { let _ = progress.changed().await; sleep(BUNCH).await } => {}
            }
            if !is_finishing && read_back <= Instant::now() {
                self.read_back().await;
                read_back = Instant::now() + READ_BACK;
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Begin { partition, stored } => {
                self.accounts.insert(partition, Account::new(stored));
            }
            Command::End(partition) => {
                self.accounts.remove(&partition);
                let attempts = std::mem::take(&mut self.attempts).into_iter();
                self.attempts = attempts
                    .filter(|attempt| attempt.partition != partition)
                    .collect();
            }
        }
    }

    /// Begins the attempts that are due. Gives when the next one is.
    fn attempt_due(&mut self, is_finishing: bool) -> Option<Instant> {
        let now = Instant::now();
        let mut next: Option<Instant> = None;
        for (partition, account) in &mut self.accounts {
            if account.is_under_way {
                continue;
            }
            let Some(due) = account.due(&self.context, *partition) else {
                continue;
            };
            if is_finishing {
                account.next = account.next.min(now + LAST_PAUSE);
            }
            if account.next > now {
                next = Some(next.map_or(account.next, |next| next.min(account.next)));
                continue;
            }
            account.is_under_way = true;
            account.greatest = account.greatest.max(Some(due.offset));
            let limit = if is_finishing { LAST_ATTEMPT } else { ATTEMPT };
            let (context, partition) = (Arc::clone(&self.context), *partition);
            let session = account.session.take();
            let attempt = Box::pin(async move {
                let ended = attempt(&context, partition, session, due, limit).await;
                Attempted {
                    partition,
                    due,
                    ended,
                }
            });
            self.attempts.push(Attempt { partition, attempt });
        }
        next
    }

    /// Gives up the attempts that are under way. They leave no session behind: an answer may still
    /// come and mean nothing.
    fn start_over(&mut self) {
        self.attempts.clear();
        for account in self.accounts.values_mut() {
            account.is_under_way = false;
            account.next = Instant::now();
        }
    }

    fn attempted(&mut self, attempted: Attempted) {
        let Attempted {
            partition,
            due,
            ended,
        } = attempted;
        let Some(account) = self.accounts.get_mut(&partition) else {
            return; // given up meanwhile
        };
        account.is_under_way = false;
        match ended {
            Ok(session) => {
                account.session = Some(session);
                account.succeeded(&self.context, partition, due);
            }
            Err(error @ (BrokerError::TopicDeleted { .. } | BrokerError::AnotherLog { .. })) => {
                // The broker has removed the stored offsets together with the topic. Reading ends
                // because of that; until then nothing more is stored.
                account.is_given_up = true;
                warn!(partition, %error, "no offset is committed any more");
                let condition = Condition::of(error.fault(), &error);
                self.context
                    .conditions
                    .put(Component::Commit(partition), condition);
            }
            Err(error) => account.failed(&self.context, partition, &error),
        }
    }

    /// Looks whether the broker still has what it acknowledged.
    async fn read_back(&mut self) {
        let acknowledged: BTreeMap<u32, i64> = self
            .accounts
            .iter()
            .filter_map(|(partition, account)| Some((*partition, account.committed?)))
            .collect();
        let stored = match timeout(ATTEMPT, self.stored.read()).await {
            Ok(Ok(stored)) => stored,
            Ok(Err(error)) => return debug!(%error, "the stored offsets cannot be read back"),
            Err(_elapsed) => return debug!("the stored offsets cannot be read back in time"),
        };
        for (partition, committed) in acknowledged {
            let found = stored.get(&partition).copied();
            let Some(account) = self.accounts.get_mut(&partition) else {
                continue;
            };
            if found < Some(committed) {
                warn!(
                    partition,
                    found, committed, "the broker lost the newest commits; sending them again"
                );
                account.committed = None;
            } else if found > account.greatest {
                warn!(
                    partition,
                    found,
                    committed,
                    "something else stored this offset under the consumer's id, and the next \
                    commit replaces it; stop this process before an offset is set by hand"
                );
                account.greatest = found;
            }
        }
    }
}

impl Account {
    fn new(stored: Option<i64>) -> Self {
        let now = Instant::now();
        Self {
            committed: stored,
            greatest: stored,
            is_new: stored.is_none(),
            log: None,
            refreshed: now,
            session: None,
            backoff: ReconnectBackoff::new(),
            next: now,
            is_under_way: false,
            is_given_up: false,
        }
    }

    /// What to commit now, if anything.
    fn due(&self, context: &ConsumerContext, partition: u32) -> Option<Due> {
        if self.is_given_up {
            return None;
        }
        let (offset, anchor) = context.tracker.commit_point(partition)?;
        let is_due = self.committed != Some(offset) || self.refreshed.elapsed() >= REFRESH;
        let log = match anchor {
            Some((offset, timestamp)) => Some(LogAnchor::new(offset, timestamp).value()),
            // What may be stored there belongs to an offset that is gone.
            None => self.is_new.then_some(LogAnchor::NONE),
        };
        is_due.then_some(Due {
            offset,
            log: log.filter(|log| self.log != Some(*log)),
        })
    }

    fn succeeded(&mut self, context: &ConsumerContext, partition: u32, due: Due) {
        context.statuses.change(partition, |status| {
            status.committed = Some(due.offset);
            status.commits += 1;
        });
        self.committed = Some(due.offset);
        self.log = due.log.or(self.log);
        self.refreshed = Instant::now();
        self.next = self.refreshed + INTERVAL;
        if self.backoff.failures() > 0 {
            info!(
                partition,
                offset = due.offset,
                "offsets can be committed again"
            );
            self.backoff.reset();
            context.conditions.clear(Component::Commit(partition));
        }
    }

    fn failed(&mut self, context: &ConsumerContext, partition: u32, error: &BrokerError) {
        context
            .statuses
            .change(partition, |status| status.commit_failures += 1);
        let condition = Condition::of(error.fault(), error);
        context
            .conditions
            .put(Component::Commit(partition), condition);
        if self.backoff.failures() == 0 {
            warn!(partition, %error, "an offset could not be committed; reading goes on, commits \
                are retried");
        } else {
            debug!(partition, %error, "an offset could not be committed");
        }
        self.next = Instant::now() + self.backoff.pause();
    }
}

/// One attempt. Given up half-way, it leaves no session behind: the answer may still come and mean
/// nothing.
async fn attempt(
    context: &ConsumerContext,
    partition: u32,
    session: Option<OffsetSession>,
    due: Due,
    limit: Duration,
) -> Result<OffsetSession, BrokerError> {
    timeout(limit, commit(context, partition, session, due))
        .await
        .unwrap_or_else(|_elapsed| {
            Err(BrokerError::Request {
                what: WHAT,
                address: format!("the leader of partition {partition}"),
                reason: format!("no answer within {} s", limit.as_secs()),
            })
        })
}

async fn commit(
    context: &ConsumerContext,
    partition: u32,
    session: Option<OffsetSession>,
    due: Due,
) -> Result<OffsetSession, BrokerError> {
    let mut session = match session {
        Some(session) => session,
        None => open(context, partition, due.offset).await?,
    };
    if !context.held.holds(Instant::now()) {
        // It slept, or was cut off from the store: another may be further already.
        return Err(BrokerError::Request {
            what: WHAT,
            address: format!("the leader of partition {partition}"),
            reason: "no sign of life was given for a lease".to_owned(),
        });
    }
    session.store(OFFSET, due.offset).await?;
    if let Some(log) = due.log {
        session.store(LOG, log).await?;
    }
    Ok(session)
}

/// Fails when the log does not hold what is to be committed: it may be another log of the same
/// name.
async fn open(
    context: &ConsumerContext,
    partition: u32,
    offset: i64,
) -> Result<OffsetSession, BrokerError> {
    let log = LogAnchor::consumer(&context.consumer);
    let consumers = [context.consumer.as_str(), log.as_str()];
    let session =
        OffsetSession::open(&context.metadata, &context.topic, partition, &consumers).await?;
    let end = session.log().end;
    if offset >= end {
        return Err(BrokerError::LogShorter {
            replica: context.replica(partition),
            next: offset.saturating_add(1),
            end,
        });
    }
    if let Some((_, Some((offset, timestamp)))) = context.tracker.commit_point(partition) {
        let anchor = LogAnchor::new(offset, timestamp);
        log_identity::verify(context, partition, session.log(), anchor).await?;
    }
    Ok(session)
}
