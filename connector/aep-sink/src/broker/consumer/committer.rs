//! Commits what the tracker has settled, and nothing else.
//!
//! Each partition has a connection of its own for this. The broker forwards a commit to the leader
//! of the offset topic while the connection waits; on the reading connection, a leader that is down
//! would hold back reading as well.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, info, warn};

use crate::telemetry::{Component, Condition};

use super::context::ConsumerContext;
use crate::backoff::ReconnectBackoff;
use crate::broker::error::BrokerError;
use crate::broker::offsets::OffsetSession;

/// No more often than this per partition.
const INTERVAL: Duration = Duration::from_secs(1);
/// The offset topic has a retention of 7 days: a value that does not change is written again well
/// before.
const REFRESH: Duration = Duration::from_secs(24 * 60 * 60);
/// How often a partition without progress looks whether something else makes a commit due.
const LOOK: Duration = Duration::from_secs(10);
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
const WHAT: &str = "committing an offset";

/// Commits one partition.
pub(super) struct Committer {
    context: Arc<ConsumerContext>,
    partition: u32,
    committed: Option<i64>,
    refreshed: Instant,
    session: Option<OffsetSession>,
    backoff: ReconnectBackoff,
    finish: watch::Receiver<bool>,
}

impl Committer {
    /// `stored` is the value found at the start.
    pub(super) fn new(
        context: Arc<ConsumerContext>,
        partition: u32,
        stored: Option<i64>,
        finish: watch::Receiver<bool>,
    ) -> Self {
        Self {
            context,
            partition,
            committed: stored,
            refreshed: Instant::now(),
            session: None,
            backoff: ReconnectBackoff::new(),
            finish,
        }
    }

    /// Runs until `finish` is true and everything settled is committed.
    pub(super) async fn run(mut self) {
        let mut progress = self.context.tracker.progress();
        let mut finish = self.finish.clone();
        loop {
            // Read before looking for work: what settles afterwards wakes the wait below.
            progress.mark_unchanged();
            let finishing = *finish.borrow_and_update();
            let pause = match self.due() {
                None if finishing => return,
                None => {
                    tokio::select! {
                        _ = progress.changed() => {}
                        _ = finish.changed() => {}
                        () = sleep(LOOK) => {}
                    }
                    // Settlements of every partition end the wait: looked at in bunches.
                    tokio::select! {
                        () = sleep(BUNCH) => {}
                        _ = finish.changed() => {}
                    }
                    continue;
                }
                Some(offset) => {
                    let attempt =
                        self.attempt(offset, if finishing { LAST_ATTEMPT } else { ATTEMPT });
                    let ended = tokio::select! {
                        ended = attempt => ended,
                        // An attempt whose answer is overdue is made again at once, on a session of
                        // its own.
                        _ = finish.changed(), if !finishing => continue,
                    };
                    match ended {
                        Ok(()) => {
                            self.succeeded(offset);
                            INTERVAL
                        }
                        Err(error @ BrokerError::TopicDeleted { .. }) => {
                            return self.given_up(&error);
                        }
                        Err(error) => self.failed(&error),
                    }
                }
            };
            if finishing {
                sleep(pause.min(LAST_PAUSE)).await;
            } else {
                tokio::select! {
                    () = sleep(pause) => {}
                    _ = finish.changed() => {}
                }
            }
        }
    }

    /// The offset to commit now, if any.
    fn due(&mut self) -> Option<i64> {
        let settled = self.context.tracker.settled_through(self.partition)?;
        if self.context.commit_history.take_send_again(self.partition) {
            self.committed = None;
        }
        let due = self.committed != Some(settled) || self.refreshed.elapsed() >= REFRESH;
        due.then_some(settled)
    }

    fn succeeded(&mut self, offset: i64) {
        self.context
            .commit_history
            .acknowledged(self.partition, offset);
        self.context.statuses.change(self.partition, |status| {
            status.committed = Some(offset);
            status.commits += 1;
        });
        self.committed = Some(offset);
        self.refreshed = Instant::now();
        if self.backoff.failures() > 0 {
            info!(
                partition = self.partition,
                offset, "offsets can be committed again"
            );
            self.backoff.reset();
            self.context
                .conditions
                .clear(Component::Commit(self.partition));
        }
    }

    fn failed(&mut self, error: &BrokerError) -> Duration {
        self.session = None;
        self.context
            .statuses
            .change(self.partition, |status| status.commit_failures += 1);
        let condition = Condition::of(error.fault(), error);
        self.context
            .conditions
            .put(Component::Commit(self.partition), condition);
        if self.backoff.failures() == 0 {
            warn!(partition = self.partition, %error, "an offset could not be committed; reading \
                goes on, commits are retried");
        } else {
            debug!(partition = self.partition, %error, "an offset could not be committed");
        }
        self.backoff.pause()
    }

    /// The broker has removed the stored offsets together with the topic. Reading ends
    /// because of that; until then nothing more is stored.
    fn given_up(&self, error: &BrokerError) {
        warn!(partition = self.partition, %error, "no offset is committed any more");
        let condition = Condition::of(error.fault(), error);
        self.context
            .conditions
            .put(Component::Commit(self.partition), condition);
    }

    /// One attempt. Given up half-way, it leaves no session behind: the answer may still come and
    /// mean nothing.
    async fn attempt(&mut self, offset: i64, limit: Duration) -> Result<(), BrokerError> {
        timeout(limit, self.commit(offset))
            .await
            .unwrap_or_else(|_elapsed| {
                Err(BrokerError::Request {
                    what: WHAT,
                    address: format!("the leader of partition {}", self.partition),
                    reason: format!("no answer within {} s", limit.as_secs()),
                })
            })
    }

    async fn commit(&mut self, offset: i64) -> Result<(), BrokerError> {
        let context = &self.context;
        let mut session = match self.session.take() {
            Some(session) => session,
            None => self.open(offset).await?,
        };
        context.commit_history.sending(self.partition, offset);
        session.store(offset).await?;
        self.session = Some(session);
        Ok(())
    }

    /// Fails when the log does not hold what is to be committed: it may be another log of the same
    /// name.
    async fn open(&self, offset: i64) -> Result<OffsetSession, BrokerError> {
        let context = &self.context;
        let session = OffsetSession::open(
            &context.metadata,
            &context.topic,
            self.partition,
            &context.consumer,
        )
        .await?;
        if offset >= session.log_end() {
            return Err(BrokerError::LogShorter {
                replica: context.replica(self.partition),
                next: offset.saturating_add(1),
                end: session.log_end(),
            });
        }
        Ok(session)
    }
}
