//! Reads the partitions of this process and commits what is settled.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::info;

use crate::offset_tracker::SourceItem;
use crate::telemetry::{Component, Condition};

use super::committer::{Commits, Committer};
use super::context::{ConsumerContext, stopped};
use super::lag;
use super::lease_keeper::{Assignment, LeaseKeeper};
use super::partition::PartitionReader;
use super::partition_list::PartitionList;
use super::start_position::PartitionStart;
use crate::broker::error::BrokerError;

/// How long the partitions may take to be released at the end.
const RELEASE: Duration = Duration::from_secs(2);

/// Whether nothing may be committed after this end. Of a topic that is gone, the broker has removed
/// the stored offsets: one stored after that would be taken for one of the next topic of that name,
/// whose records up to it would never be read.
fn spoils_commits(error: &BrokerError) -> bool {
    matches!(
        error,
        BrokerError::TopicDeleted { .. }
            | BrokerError::TopicUnlisted { .. }
            | BrokerError::BeyondEnd { .. }
            | BrokerError::AnotherLog { .. }
    )
}

/// The reading side. Run it once, then finish it.
pub(crate) struct Supervisor {
    context: Arc<ConsumerContext>,
    /// Taken by the run, so that the channel closes when the last partition has ended.
    items: Mutex<Option<mpsc::Sender<SourceItem>>>,
    /// What goes on until the end: committing, and then the leases.
    committing: tokio::sync::Mutex<JoinSet<()>>,
    leasing: tokio::sync::Mutex<JoinSet<()>>,
    finish: watch::Sender<bool>,
    release: watch::Sender<bool>,
}

/// The partitions that are read.
struct Readers {
    context: Arc<ConsumerContext>,
    items: mpsc::Sender<SourceItem>,
    commits: Commits,
    left: mpsc::UnboundedSender<u32>,
    tasks: JoinSet<Result<(), BrokerError>>,
    /// By partition: what ends its reader, and tells when that has ended.
    readers: BTreeMap<u32, (watch::Sender<bool>, oneshot::Receiver<()>)>,
}

impl Supervisor {
    pub(crate) fn new(context: ConsumerContext, items: mpsc::Sender<SourceItem>) -> Self {
        Self {
            context: Arc::new(context),
            items: Mutex::new(Some(items)),
            committing: tokio::sync::Mutex::default(),
            leasing: tokio::sync::Mutex::default(),
            finish: watch::Sender::new(false),
            release: watch::Sender::new(false),
        }
    }

    /// Reads until `stop` is true, or until an error that does not pass. Commits and leases go on
    /// until [`Supervisor::finish`].
    pub(crate) async fn run(&self, mut stop: watch::Receiver<bool>) -> Result<(), BrokerError> {
        let taken = self
            .items
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let items =
            taken.ok_or_else(|| BrokerError::Task("the reader was already run".to_owned()))?;
        let context = &self.context;
        let (commits, committer) = Committer::new(Arc::clone(context), self.finish.subscribe());
        self.committing.lock().await.spawn(committer.run());
        let (listed, list) = PartitionList::new(Arc::clone(context));
        let (assign, mut assignments) = mpsc::channel(1);
        let (left_sender, left) = mpsc::unbounded_channel();
        let keeper = LeaseKeeper::new(
            Arc::clone(context),
            listed,
            assign,
            left,
            self.release.subscribe(),
        );
        self.leasing.lock().await.spawn(keeper.run());
        let mut readers = Readers {
            context: Arc::clone(context),
            items,
            commits,
            left: left_sender,
            tasks: JoinSet::new(),
            readers: BTreeMap::new(),
        };
        let ended = {
            let mut listing = std::pin::pin!(list.run());
            let mut backlog = std::pin::pin!(lag::watch(context));
            loop {
                tokio::select! {
                    () = stopped(&mut stop) => break Ok(()),
                    error = &mut listing => break Err(error),
                    // Never ends.
                    () = &mut backlog => {}
                    Some(assignment) = assignments.recv() => match assignment {
                        Assignment::Begin(starts) => readers.begin(starts),
                        Assignment::Leave(partition) => readers.leave(partition),
                        Assignment::Failed(error) => break Err(error),
                    },
                    Some(task) = readers.tasks.join_next() => match task {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => break Err(error),
                        Err(error) => break Err(BrokerError::Task(error.to_string())),
                    },
                }
            }
        };
        // What is lost from now on is given up by the one who finds it lost.
        drop(assignments);
        readers.end().await;
        if ended.as_ref().is_err_and(spoils_commits) {
            self.committing.lock().await.abort_all();
        }
        info!("reading has ended");
        ended
    }

    /// Commits everything settled, each commit verified by its answer, and then lets others have
    /// the partitions. Fails when the commits take longer than the bound.
    pub(crate) async fn finish(&self, bound: Duration) -> Result<(), BrokerError> {
        let _ = self.finish.send(true);
        let committed = timeout(bound, joined(&self.committing)).await;
        self.committing.lock().await.abort_all();
        let left = self.left();
        let _ = self.release.send(true);
        // What is not released in time is taken over after the lease.
        let _ = timeout(RELEASE, joined(&self.leasing)).await;
        self.leasing.lock().await.abort_all();
        committed.map_err(|_elapsed| BrokerError::CommitIncomplete { left })
    }

    /// What is settled but not committed, for a person.
    fn left(&self) -> String {
        let statuses = self.context.statuses.snapshot().into_iter();
        let left = statuses.filter_map(|(partition, status)| {
            let settled = self.context.tracker.settled_through(partition)?;
            (status.committed != Some(settled)).then(|| {
                let committed = status
                    .committed
                    .map_or_else(|| "none".to_owned(), |offset| offset.to_string());
                format!("partition {partition}: settled {settled}, committed {committed}")
            })
        });
        left.collect::<Vec<_>>().join("; ")
    }
}

/// Waits until all tasks have ended.
async fn joined(tasks: &tokio::sync::Mutex<JoinSet<()>>) {
    let mut tasks = tasks.lock().await;
    while tasks.join_next().await.is_some() {}
}

impl Readers {
    /// Begins partitions: their reading and their commits.
    fn begin(&mut self, starts: Vec<PartitionStart>) {
        for start in starts {
            let (partition, stored) = (start.partition, start.stored);
            let context = Arc::clone(&self.context);
            self.commits.begin(&start);
            context
                .statuses
                .change(partition, |status| status.committed = stored);
            context.conditions.put(
                Component::Partition(partition),
                Condition::passing("connecting to its leader"),
            );
            context.conditions.clear(Component::Process);
            let reader = PartitionReader::new(context, start, self.items.clone());
            let (halt, halted) = watch::channel(false);
            let (end, ended) = oneshot::channel();
            self.tasks.spawn(async move {
                let read = reader.run(halted).await;
                // Nobody waits unless the partition is given up.
                let _ = end.send(());
                read
            });
            self.readers.insert(partition, (halt, ended));
        }
    }

    /// Gives up a partition that another process has taken over.
    fn leave(&mut self, partition: u32) {
        let Some((halt, ended)) = self.readers.remove(&partition) else {
            let _ = self.left.send(partition);
            return;
        };
        let _ = halt.send(true);
        let context = Arc::clone(&self.context);
        let (commits, left) = (self.commits.clone(), self.left.clone());
        self.tasks.spawn(async move {
            // The reader first: what it sends later would not be given up.
            let _ = ended.await;
            context.revoker.revoke(partition).await;
            commits.end(partition);
            context.tracker.forget(partition);
            context.statuses.remove(partition);
            context.conditions.clear(Component::Partition(partition));
            context.conditions.clear(Component::Commit(partition));
            info!(partition, "the partition is given up");
            let _ = left.send(partition);
            Ok(())
        });
    }

    /// Ends all readers.
    async fn end(mut self) {
        drop(self.items);
        // Asked to end, not aborted: an aborted task looks like one that failed.
        for (halt, _) in self.readers.values() {
            let _ = halt.send(true);
        }
        while self.tasks.join_next().await.is_some() {}
    }
}
