//! Reads every partition and commits what is settled.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::info;

use crate::config::{OnEvicted, Partitions, Start, Transform};
use crate::offset_tracker::OffsetTracker;
use crate::offset_tracker::SourceItem;
use crate::telemetry::{Component, Condition, Conditions};

use super::backlog;
use super::commit::Committer;
use super::connection::Connection;
use super::directory::Directory;
use super::error::BrokerError;
use super::flow::Flow;
use super::journal::Journal;
use super::mark::{self, Mark};
use super::partition::PartitionReader;
use super::precedence::Precedence;
use super::rounds::{Found, Rounds};
use super::session;
use super::standing::PartitionStatuses;
use super::start::Log;

/// What all partitions of a reader share.
pub(super) struct Shared {
    pub(super) directory: Arc<Directory>,
    pub(super) topic: String,
    pub(super) consumer: String,
    pub(super) partitions: Partitions,
    pub(super) start: Start,
    pub(super) transform: Transform,
    pub(super) on_evicted: OnEvicted,
    pub(super) tracker: Arc<OffsetTracker>,
    pub(super) flow: Flow,
    pub(super) precedence: Precedence,
    pub(super) journal: Journal,
    pub(super) mark: Mark,
    pub(super) standing: Arc<PartitionStatuses>,
    pub(super) conditions: Arc<Conditions>,
}

impl Shared {
    /// The name of a partition in Fluvio.
    pub(super) fn replica(&self, partition: u32) -> String {
        format!("{}-{partition}", self.topic)
    }

    /// What a partition's log holds now, noted for whoever looks.
    pub(super) async fn look(
        &self,
        connection: &Connection,
        partition: u32,
    ) -> Result<Log, BrokerError> {
        let log = self.log(connection, partition).await?;
        self.standing.change(partition, |standing| {
            standing.log_start = Some(log.start);
            standing.high_watermark = Some(log.end);
        });
        Ok(log)
    }

    /// What a partition's log holds now.
    pub(super) async fn log(
        &self,
        connection: &Connection,
        partition: u32,
    ) -> Result<Log, BrokerError> {
        session::look(connection, &self.topic, partition).await
    }
}

/// Waits until it is time to stop. An error means that whoever could say so is gone, which is as
/// good as saying it.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // The value is dropped here: it holds a lock.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Whether nothing may be committed after this end. Beside another writer it would rewind the
/// other's work. Of a topic that is gone, the broker has removed the stored offsets: one stored
/// after that would be taken for one of the next topic of that name, whose records up to it would
/// never be read.
fn spoils_commits(error: &BrokerError) -> bool {
    matches!(
        error,
        BrokerError::OtherWriter { .. }
            | BrokerError::TakenOver { .. }
            | BrokerError::TopicDeleted { .. }
            | BrokerError::BeyondEnd { .. }
    )
}

/// The reading side. Run it once, then finish it.
pub(crate) struct Reader {
    shared: Arc<Shared>,
    /// Taken by the run, so that the channel closes when the last partition has ended.
    arrivals: Mutex<Option<mpsc::Sender<SourceItem>>>,
    commits: tokio::sync::Mutex<JoinSet<()>>,
    finish: watch::Sender<bool>,
}

impl Reader {
    pub(super) fn new(shared: Shared, arrivals: mpsc::Sender<SourceItem>) -> Self {
        Self {
            shared: Arc::new(shared),
            arrivals: Mutex::new(Some(arrivals)),
            commits: tokio::sync::Mutex::new(JoinSet::new()),
            finish: watch::Sender::new(false),
        }
    }

    /// Reads until `stop` is true, or until an error that does not heal. Commits go on until
    /// [`Reader::finish`].
    pub(crate) async fn run(&self, mut stop: watch::Receiver<bool>) -> Result<(), BrokerError> {
        let taken = self
            .arrivals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let arrivals =
            taken.ok_or_else(|| BrokerError::Task("the reader was already run".to_owned()))?;
        let (halt, halted) = watch::channel(false);
        let mut tasks: JoinSet<Result<(), BrokerError>> = JoinSet::new();
        let (found_sender, mut found) = mpsc::channel(1);
        let ended = {
            let rounds = Rounds::new(Arc::clone(&self.shared), found_sender);
            let mut watching = std::pin::pin!(rounds.run());
            let mut marking = std::pin::pin!(mark::keep(Arc::clone(&self.shared)));
            let mut backlog = std::pin::pin!(backlog::watch(&self.shared));
            loop {
                tokio::select! {
                    () = stopped(&mut stop) => break Ok(()),
                    error = &mut watching => break Err(error),
                    error = &mut marking => break Err(error),
                    // Goes on for ever.
                    () = &mut backlog => {}
                    Some(found) = found.recv() => {
                        self.begin(found, &mut tasks, &arrivals, &halted).await;
                    }
                    Some(task) = tasks.join_next() => match task {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => break Err(error),
                        Err(error) => break Err(BrokerError::Task(error.to_string())),
                    },
                }
            }
        };
        drop(arrivals);
        // Told, not aborted: an aborted task could not be told from one that failed.
        let _ = halt.send(true);
        while tasks.join_next().await.is_some() {}
        if ended.as_ref().is_err_and(spoils_commits) {
            self.commits.lock().await.abort_all();
        }
        info!("reading has ended");
        ended
    }

    /// Begins a partition: its reading and its commits.
    async fn begin(
        &self,
        found: Found,
        tasks: &mut JoinSet<Result<(), BrokerError>>,
        arrivals: &mpsc::Sender<SourceItem>,
        halted: &watch::Receiver<bool>,
    ) {
        let (partition, stored) = (found.partition, found.stored);
        let shared = Arc::clone(&self.shared);
        shared.journal.begin(partition, stored);
        shared
            .standing
            .change(partition, |standing| standing.committed = stored);
        shared.conditions.put(
            Component::Partition(partition),
            Condition::passing("connecting to its leader"),
        );
        shared.conditions.clear(Component::Process);
        let reader = PartitionReader::new(Arc::clone(&shared), found, arrivals.clone());
        tasks.spawn(reader.run(halted.clone()));
        let committer = Committer::new(shared, partition, stored, self.finish.subscribe());
        self.commits.lock().await.spawn(committer.run());
    }

    /// Commits everything settled, each commit verified by its answer. Fails when that takes longer
    /// than the bound.
    pub(crate) async fn finish(&self, bound: Duration) -> Result<(), BrokerError> {
        let _ = self.finish.send(true);
        let mut commits = self.commits.lock().await;
        let all = async { while commits.join_next().await.is_some() {} };
        if timeout(bound, all).await.is_err() {
            commits.abort_all();
            return Err(BrokerError::CommitIncomplete { left: self.left() });
        }
        Ok(())
    }

    /// What is settled but not committed, for a person.
    fn left(&self) -> String {
        let acknowledged = self.shared.journal.snapshot();
        let partitions = self.shared.journal.partitions().into_iter();
        let left = partitions.filter_map(|partition| {
            let settled = self.shared.tracker.settled_through(partition)?;
            let committed = acknowledged.get(&partition).copied();
            (committed != Some(settled)).then(|| {
                let committed =
                    committed.map_or_else(|| "none".to_owned(), |offset| offset.to_string());
                format!("partition {partition}: settled {settled}, committed {committed}")
            })
        });
        left.collect::<Vec<_>>().join("; ")
    }
}
