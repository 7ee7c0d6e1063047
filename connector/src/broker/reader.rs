//! Reads every partition, commits what is settled, and watches over both.

use std::collections::{BTreeSet, HashMap};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{debug, error, info, warn};

use crate::arrival::Arrival;
use crate::config::{OnEvicted, Partitions, Start, Transform};
use crate::error::{Fault, Retry};
use crate::ledger::Ledger;
use crate::obstacle::{Obstacle, Obstacles, Place};

use super::backlog;
use super::backoff::Backoff;
use super::commit::Committer;
use super::connection::Connection;
use super::directory::Directory;
use super::error::BrokerError;
use super::flow::Flow;
use super::journal::{Journal, Verdict};
use super::mark::{self, Mark};
use super::offsets::StoredOffsets;
use super::partition::PartitionReader;
use super::session;
use super::standing::Standing;
use super::start::Log;

/// How often the stored offsets are read back and new partitions are looked for.
const ROUND: Duration = Duration::from_secs(30);
/// A second look decides: the first may have met an instance that was just being replaced.
const LOOKS: u32 = 2;
/// While the mark of this process stands, the other one is about to end by itself.
const PATIENT_LOOKS: u32 = 4;

/// What all partitions of a reader share.
pub(super) struct Shared {
    pub(super) directory: Arc<Directory>,
    pub(super) topic: String,
    pub(super) consumer: String,
    pub(super) partitions: Partitions,
    pub(super) start: Start,
    pub(super) max_bytes: NonZeroU32,
    pub(super) transform: Transform,
    pub(super) on_evicted: OnEvicted,
    pub(super) ledger: Arc<Ledger>,
    pub(super) flow: Flow,
    pub(super) journal: Journal,
    pub(super) mark: Mark,
    pub(super) standing: Arc<Standing>,
    pub(super) obstacles: Arc<Obstacles>,
}

impl Shared {
    /// The name of a partition in Fluvio.
    pub(super) fn replica(&self, partition: u32) -> String {
        format!("{}-{partition}", self.topic)
    }

    /// What a partition's log holds now, noted for whoever looks.
    pub(super) async fn look(&self, connection: &Connection, partition: u32) -> Result<Log, BrokerError> {
        let log = self.log(connection, partition).await?;
        self.standing.change(partition, |standing| {
            standing.log_start = Some(log.start);
            standing.high_watermark = Some(log.end);
        });
        Ok(log)
    }

    /// What a partition's log holds now.
    pub(super) async fn log(&self, connection: &Connection, partition: u32) -> Result<Log, BrokerError> {
        session::look(connection, &self.topic, partition).await
    }
}

/// Waits until it is time to stop. An error means that whoever could say so is gone, which is as good as saying it.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // The value is dropped here: it holds a lock.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// A partition that is to be read.
struct Found {
    partition: u32,
    stored: Option<i64>,
    start: Start,
}

/// The reading side. Run it once, then finish it.
pub(crate) struct Reader {
    shared: Arc<Shared>,
    offsets: StoredOffsets,
    /// Taken by the run, so that the channel closes when the last partition has ended.
    arrivals: Mutex<Option<mpsc::Sender<Arrival>>>,
    commits: tokio::sync::Mutex<JoinSet<()>>,
    finish: watch::Sender<bool>,
}

impl Reader {
    pub(super) fn new(shared: Shared, arrivals: mpsc::Sender<Arrival>) -> Self {
        let offsets = StoredOffsets::new(
            Arc::clone(&shared.directory),
            shared.topic.clone(),
            shared.consumer.clone(),
        );
        Self {
            shared: Arc::new(shared),
            offsets,
            arrivals: Mutex::new(Some(arrivals)),
            commits: tokio::sync::Mutex::new(JoinSet::new()),
            finish: watch::Sender::new(false),
        }
    }

    /// Reads until `stop` is true, or until an error that does not heal. Commits go on until [`Reader::finish`].
    pub(crate) async fn run(&self, mut stop: watch::Receiver<bool>) -> Result<(), BrokerError> {
        let taken = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner).take();
        let arrivals = taken.ok_or_else(|| BrokerError::Task("the reader was already run".to_owned()))?;
        let (halt, halted) = watch::channel(false);
        let mut tasks: JoinSet<Result<(), BrokerError>> = JoinSet::new();
        let (found_sender, mut found) = mpsc::channel(1);
        let ended = {
            let mut watching = std::pin::pin!(self.watch(found_sender));
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
        if matches!(ended, Err(BrokerError::OtherWriter { .. })) {
            // Whatever this process committed now would rewind the other's work.
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
        arrivals: &mpsc::Sender<Arrival>,
        halted: &watch::Receiver<bool>,
    ) {
        let Found {
            partition,
            stored,
            start,
        } = found;
        let shared = Arc::clone(&self.shared);
        shared.journal.begin(partition, stored);
        shared
            .standing
            .change(partition, |standing| standing.committed = stored);
        shared.obstacles.put(
            Place::Partition(partition),
            Obstacle::passing("connecting to its leader"),
        );
        shared.obstacles.clear(Place::Process);
        let reader = PartitionReader::new(Arc::clone(&shared), partition, stored, start, arrivals.clone());
        tasks.spawn(reader.run(halted.clone()));
        let committer = Committer::new(shared, partition, stored, self.finish.subscribe());
        self.commits.lock().await.spawn(committer.run());
    }

    /// Commits everything settled, each commit verified by its answer. Fails when that takes longer than the bound.
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
            let settled = self.shared.ledger.settled_through(partition)?;
            let committed = acknowledged.get(&partition).copied();
            (committed != Some(settled)).then(|| {
                let committed = committed.map_or_else(|| "none".to_owned(), |offset| offset.to_string());
                format!("partition {partition}: settled {settled}, committed {committed}")
            })
        });
        left.collect::<Vec<_>>().join("; ")
    }

    /// Finds the partitions to read, and those that are added later; reads the stored offsets back. Ends only with an
    /// error that does not heal.
    async fn watch(&self, found: mpsc::Sender<Found>) -> BrokerError {
        let mut known = BTreeSet::new();
        let mut foreign_looks = 0;
        let mut backoff = Backoff::new(fastrand::Rng::new());
        loop {
            match self.round(&mut known, &mut foreign_looks, &found).await {
                Ok(()) => {
                    if backoff.failures() > 0 {
                        info!("the stored offsets can be read again");
                        backoff.reset();
                        self.shared.obstacles.clear(Place::StoredOffsets);
                    }
                    sleep(ROUND).await;
                }
                Err(error) if error.retry() == Retry::Never => return error,
                Err(error) => {
                    if backoff.failures() > 0 {
                        debug!(%error, "the stored offsets still cannot be read");
                    } else if known.is_empty() {
                        // Never taken for "none": beginning anew would deliver everything twice.
                        warn!(%error, "waiting for the stored offsets before reading begins");
                    } else {
                        warn!(%error, "the stored offsets cannot be read back");
                    }
                    let obstacle = Obstacle::of(error.fault(), &error);
                    self.shared.obstacles.put(Place::StoredOffsets, obstacle);
                    sleep(backoff.pause()).await;
                }
            }
        }
    }

    async fn round(
        &self,
        known: &mut BTreeSet<u32>,
        foreign_looks: &mut u32,
        found: &mpsc::Sender<Found>,
    ) -> Result<(), BrokerError> {
        let first_round = known.is_empty();
        let acknowledged = self.shared.journal.snapshot();
        let stored = self.offsets.read().await?;
        if let Some(foreign) = self.judge(&stored, &acknowledged) {
            *foreign_looks += 1;
            error!(look = *foreign_looks, "{foreign}");
            let obstacle = Obstacle {
                fault: Fault::User,
                reason: foreign.to_string(),
                remedy: "stop the other process, or give each its own meta.consumer.id and its own partitions"
                    .to_owned(),
            };
            self.shared.obstacles.put(Place::Writer, obstacle);
            let enough = if self.shared.mark.stands() {
                PATIENT_LOOKS
            } else {
                LOOKS
            };
            if *foreign_looks >= enough {
                return Err(foreign);
            }
        } else {
            self.shared.obstacles.clear(Place::Writer);
        }
        let partitions = match &self.shared.partitions {
            Partitions::Only(list) => list.clone(),
            Partitions::All => self.shared.directory.partitions(&self.shared.topic).await?,
        };
        for partition in partitions {
            if !known.insert(partition) {
                continue;
            }
            // What was produced to a partition before it was noticed is new, whatever the configured start.
            let start = if first_round {
                self.shared.start
            } else {
                Start::Beginning
            };
            let stored = stored.get(&partition).copied();
            info!(partition, stored, "reading this partition from now on");
            let begun = Found {
                partition,
                stored,
                start,
            };
            if found.send(begun).await.is_err() {
                break; // reading is about to end
            }
        }
        Ok(())
    }

    /// Compares the stored offsets with what this process wrote; the first one it did not write is returned.
    fn judge(&self, stored: &HashMap<u32, i64>, acknowledged: &HashMap<u32, i64>) -> Option<BrokerError> {
        let mut foreign = None;
        for partition in self.shared.journal.partitions() {
            let found = stored.get(&partition).copied();
            let floor = acknowledged.get(&partition).copied();
            match (self.shared.journal.judge(partition, found, floor), found) {
                (Verdict::Rewound, found) => warn!(
                    partition,
                    found,
                    committed = floor,
                    "the broker lost the newest commits; sending them again"
                ),
                (Verdict::Ours, _) | (Verdict::Foreign, None) => {}
                (Verdict::Foreign, Some(found)) => {
                    foreign.get_or_insert(BrokerError::OtherWriter {
                        consumer: self.shared.consumer.clone(),
                        partition,
                        found,
                    });
                }
            }
        }
        foreign
    }
}
