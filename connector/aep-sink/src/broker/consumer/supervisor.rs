//! Reads every partition and commits what is settled.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::info;

use crate::offset_tracker::SourceItem;
use crate::telemetry::{Component, Condition};

use super::committer::Committer;
use super::context::{ConsumerContext, stopped};
use super::lag;
use super::lease_keeper::keep_lease;
use super::partition::PartitionReader;
use super::reconciler::Reconciler;
use super::start_position::PartitionStart;
use crate::broker::error::BrokerError;

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
pub(crate) struct Supervisor {
    context: Arc<ConsumerContext>,
    /// Taken by the run, so that the channel closes when the last partition has ended.
    items: Mutex<Option<mpsc::Sender<SourceItem>>>,
    commits: tokio::sync::Mutex<JoinSet<()>>,
    finish: watch::Sender<bool>,
}

impl Supervisor {
    pub(crate) fn new(context: ConsumerContext, items: mpsc::Sender<SourceItem>) -> Self {
        Self {
            context: Arc::new(context),
            items: Mutex::new(Some(items)),
            commits: tokio::sync::Mutex::new(JoinSet::new()),
            finish: watch::Sender::new(false),
        }
    }

    /// Reads until `stop` is true, or until an error that does not pass. Commits go on until
    /// [`Supervisor::finish`].
    pub(crate) async fn run(&self, mut stop: watch::Receiver<bool>) -> Result<(), BrokerError> {
        let taken = self
            .items
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let items =
            taken.ok_or_else(|| BrokerError::Task("the reader was already run".to_owned()))?;
        let (halt, halted) = watch::channel(false);
        let mut tasks: JoinSet<Result<(), BrokerError>> = JoinSet::new();
        let (start_sender, mut starts) = mpsc::channel(1);
        let ended = {
            let reconciler = Reconciler::new(Arc::clone(&self.context), start_sender);
            let mut reconciling = std::pin::pin!(reconciler.run());
            let mut lease = std::pin::pin!(keep_lease(Arc::clone(&self.context)));
            let mut backlog = std::pin::pin!(lag::watch(&self.context));
            loop {
                tokio::select! {
                    () = stopped(&mut stop) => break Ok(()),
                    error = &mut reconciling => break Err(error),
                    error = &mut lease => break Err(error),
                    // Never ends.
                    () = &mut backlog => {}
                    Some(start) = starts.recv() => {
                        self.begin(start, &mut tasks, &items, &halted).await;
                    }
                    Some(task) = tasks.join_next() => match task {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => break Err(error),
                        Err(error) => break Err(BrokerError::Task(error.to_string())),
                    },
                }
            }
        };
        drop(items);
        // Asked to end, not aborted: an aborted task looks like one that failed.
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
        start: PartitionStart,
        tasks: &mut JoinSet<Result<(), BrokerError>>,
        items: &mpsc::Sender<SourceItem>,
        halted: &watch::Receiver<bool>,
    ) {
        let (partition, stored) = (start.partition, start.stored);
        let context = Arc::clone(&self.context);
        context.commit_history.begin(partition, stored);
        context
            .statuses
            .change(partition, |status| status.committed = stored);
        context.conditions.put(
            Component::Partition(partition),
            Condition::passing("connecting to its leader"),
        );
        context.conditions.clear(Component::Process);
        let reader = PartitionReader::new(Arc::clone(&context), start, items.clone());
        tasks.spawn(reader.run(halted.clone()));
        let committer = Committer::new(context, partition, stored, self.finish.subscribe());
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
        let acknowledged = self.context.commit_history.snapshot();
        let partitions = self.context.commit_history.partitions().into_iter();
        let left = partitions.filter_map(|partition| {
            let settled = self.context.tracker.settled_through(partition)?;
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
