//! A soak: random faults, one after the other, while records flow; afterwards everything is accounted for.
//!
//! The seed decides the records and which faults come in which order. When exactly each one strikes is the machine's affair.

mod fault;
mod feed;
mod report;
mod sink;

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fastrand::Rng;
use fluvio_protocol::link::ErrorCode;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

pub use fault::FaultKind;
pub use report::Report;

use feed::{EVERY, Feed};
use sink::Sink;

use crate::cluster::TopicOptions;
use crate::mock_cluster::CommitFault;
use crate::scenario::{Options, Scenario, ScenarioError};

const PARTITIONS: u32 = 3;
/// How long the connector may take to get going after a fault; beyond that it stalls.
const RECOVERY: Duration = Duration::from_secs(90);
/// How long the rest may take once all faults are over.
const DRAIN: Duration = Duration::from_secs(180);
/// Between two lines of progress.
const PROGRESS: Duration = Duration::from_secs(10);
/// Every so often a kill, whatever else is picked.
const KILL_EVERY: usize = 4;
/// However short it is.
const LEAST_KILLS: usize = 3;

/// Short times, so that many faults fit into little time; the rest as users have it.
const PLATFORM: &str = "  batch: {max-records: 50, linger: 50ms}\n  http: {connect-timeout: 2s, request-timeout: 5s}\n  \
                        retry: {initial: 100ms, max: 2s}\n  shutdown-timeout: 10s\n";

/// What is asked of a soak.
#[derive(Debug, Clone)]
pub struct Soak {
    /// For how long faults are played; a few kills there are in any case.
    pub lasts: Duration,
    /// Decides what happens.
    pub seed: u64,
    /// Records produced four times a second.
    pub portion: usize,
    /// Where the connectors' logs go; made if absent.
    pub logs: PathBuf,
}

struct Stage {
    scenario: Scenario,
    feed: Mutex<Feed>,
    over: AtomicBool,
}

impl Soak {
    /// Plays it on the cluster that `FLUVIO_TEST_CLUSTER` names, telling of its progress line by line.
    ///
    /// # Errors
    /// When the set-up fails or the cluster does not come back; what the connector does wrong stands in the report.
    pub async fn play(self, mut tell: impl FnMut(String)) -> Result<Report, ScenarioError> {
        std::fs::create_dir_all(&self.logs)
            .map_err(|error| ScenarioError::Waited(format!("cannot make {}: {error}", self.logs.display())))?;
        let scenario = Scenario::start(Options {
            topic: TopicOptions::new("soak").partitions(PARTITIONS),
            platform: PLATFORM.to_owned(),
            ..Options::default()
        })
        .await?;
        let stage = Arc::new(Stage {
            scenario,
            feed: Mutex::new(Feed::new(self.seed)?),
            over: AtomicBool::new(false),
        });
        let producing = tokio::spawn(produce(Arc::clone(&stage), self.portion));
        let mut sink = Sink::start(&stage.scenario, &self.logs)?;
        let mut run = Playing {
            stage: &stage,
            rng: Rng::with_seed(self.seed),
            faults: BTreeMap::new(),
            kills: 0,
            longest: None,
            findings: Vec::new(),
        };
        let started = Instant::now();
        let mut told = started;
        let mut deck = Vec::new();
        while started.elapsed() < self.lasts || run.kills < LEAST_KILLS {
            let kind = run.next(&mut deck);
            run.note(&self.logs, kind, started.elapsed())?;
            run.strike(kind, &mut sink, self.portion).await?;
            sink.revive(&stage.scenario)?;
            if told.elapsed() >= PROGRESS {
                told = Instant::now();
                tell(run.progress(started.elapsed(), kind).await);
            }
        }
        let lasted = started.elapsed();
        stage.over.store(true, Ordering::Relaxed);
        producing
            .await
            .map_err(|error| ScenarioError::Waited(format!("the producer died: {error}")))??;
        tell("faults are over; waiting until everything is settled".to_owned());
        // One fresh record must pass, behind everything else.
        for _ in 0..2 {
            if let Err(error) = sink.settled(&stage.scenario, DRAIN).await {
                let text = error.to_string();
                run.findings.push(text.lines().next().unwrap_or_default().to_owned());
                sink.keep_log()?;
                break;
            }
            stage.feed.lock().await.produce(&stage.scenario, 1).await?;
        }
        if run.findings.is_empty()
            && let Err(error) = sink.settled(&stage.scenario, DRAIN).await
        {
            run.findings.push(format!("the fresh record: {error}"));
        }
        sink.finish().await?;
        let mut verdict = stage.scenario.verdict().await?;
        verdict.committed_early.append(&mut sink.committed_early);
        run.findings.append(&mut sink.findings);
        Ok(Report {
            seed: self.seed,
            lasted,
            faults: run.faults,
            kills: run.kills,
            longest_recovery: run.longest,
            verdict,
            findings: run.findings,
            logs: self.logs,
        })
    }
}

async fn produce(stage: Arc<Stage>, portion: usize) -> Result<(), ScenarioError> {
    while !stage.over.load(Ordering::Relaxed) {
        stage.feed.lock().await.produce(&stage.scenario, portion).await?;
        sleep(EVERY).await;
    }
    Ok(())
}

struct Playing<'a> {
    stage: &'a Stage,
    rng: Rng,
    faults: BTreeMap<FaultKind, usize>,
    kills: usize,
    longest: Option<(Duration, FaultKind)>,
    findings: Vec<String>,
}

impl Playing<'_> {
    /// From a shuffled deck of all kinds, so that each comes before any comes twice; kills in between.
    fn next(&mut self, deck: &mut Vec<FaultKind>) -> FaultKind {
        let mock = self.stage.scenario.cluster.mock().is_some();
        if deck.is_empty() {
            let kinds = FaultKind::ALL.into_iter().filter(|kind| mock || !kind.is_mock_only());
            deck.extend(kinds);
            self.rng.shuffle(deck);
            let mut at = KILL_EVERY;
            while at < deck.len() {
                deck.insert(at, FaultKind::Killed);
                at += KILL_EVERY + 1;
            }
        }
        deck.pop().unwrap_or(FaultKind::Killed)
    }

    /// Writes down what strikes, for who reads the connectors' logs afterwards.
    fn note(&self, logs: &Path, kind: FaultKind, after: Duration) -> Result<(), ScenarioError> {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let path = logs.join("faults.log");
        let written = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut file| writeln!(file, "{:.1} s (unix {}): {kind:?}", after.as_secs_f64(), wall.as_secs()));
        written.map_err(|error| ScenarioError::Waited(format!("cannot write {}: {error}", path.display())))
    }

    async fn strike(&mut self, kind: FaultKind, sink: &mut Sink, portion: usize) -> Result<(), ScenarioError> {
        let Stage { scenario, feed, .. } = self.stage;
        *self.faults.entry(kind).or_default() += 1;
        let pause = |rng: &mut Rng, range: std::ops::Range<u64>| Duration::from_millis(rng.u64(range));
        // Something must be under way when it strikes.
        let mut feeding = feed.lock().await;
        if let Some(dialect) = kind.refusals() {
            feeding.doom(dialect, self.rng.usize(1..4));
        }
        feeding.produce(scenario, portion * 4).await?;
        drop(feeding);
        sleep(pause(&mut self.rng, 0..300)).await;
        let lasts = pause(&mut self.rng, 800..3500);
        match kind {
            FaultKind::Killed => self.kill(sink).await?,
            FaultKind::Terminated => sink.terminate(scenario, feed.lock().await.produced()).await?,
            FaultKind::SpuRestarted => {
                let _nobody_produces = feed.lock().await;
                let spu = self.rng.usize(..scenario.cluster.spu_count().max(1));
                scenario.cluster.stop_spu(spu).await?;
                sleep(lasts).await;
                scenario.cluster.start_spu(spu).await?;
            }
            FaultKind::ClusterRestarted => {
                let _nobody_produces = feed.lock().await;
                scenario.cluster.restart().await?;
            }
            _ => {
                if kind.revokes() {
                    scenario.simulator.revoke_tokens();
                }
                if let Some(script) = kind.script(&mut self.rng) {
                    scenario.simulator.add_faults(script);
                }
                let _nobody_produces = match kind.is_mock_only() {
                    true => Some(feed.lock().await),
                    false => None,
                };
                self.strike_mock(kind);
                sleep(lasts).await;
            }
        }
        let also_kill = kind.script(&mut self.rng).is_some() && self.rng.u8(0..4) == 0;
        if also_kill {
            self.kill(sink).await?;
            sleep(lasts / 2).await;
        }
        scenario.simulator.clear_faults();
        for step in feed.lock().await.refusals() {
            scenario.simulator.add_fault(step.clone());
        }
        if let Some(mock) = scenario.cluster.mock() {
            mock.heal();
        }
        self.recovers(kind, portion).await?;
        sleep(pause(&mut self.rng, 0..1000)).await;
        Ok(())
    }

    async fn kill(&mut self, sink: &mut Sink) -> Result<(), ScenarioError> {
        self.kills += 1;
        let feeding = self.stage.feed.lock().await;
        sink.kill(&self.stage.scenario, feeding.produced()).await
    }

    fn strike_mock(&mut self, kind: FaultKind) {
        let scenario = &self.stage.scenario;
        let Some(mock) = scenario.cluster.mock() else { return };
        match kind {
            FaultKind::LeaderMoved => {
                let partition = self.rng.u32(..scenario.partitions);
                let spu = self.rng.usize(..mock.spu_count());
                if let Err(error) = mock.move_leader(&scenario.topic, partition, spu) {
                    self.findings.push(format!("cannot move a leader: {error}"));
                }
            }
            FaultKind::CommitAnswersLost => mock.fail_commits(CommitFault::AnswerLost),
            FaultKind::CommitsRefused => mock.fail_commits(CommitFault::Refused),
            FaultKind::ConnectionsDropped => mock.drop_connections(),
            FaultKind::DeadLettersFail => mock.fail_produce(&scenario.dead_letter_topic(), ErrorCode::StorageError),
            _ => {}
        }
    }

    /// Measures the time until something new arrives.
    async fn recovers(&mut self, kind: FaultKind, portion: usize) -> Result<(), ScenarioError> {
        let Stage { scenario, feed, .. } = self.stage;
        let ended = Instant::now();
        let before = scenario.simulator.look(|seen| seen.store().distinct_events());
        feed.lock().await.produce(scenario, portion).await?;
        let progress = scenario
            .simulator
            .wait_until(|seen| seen.store().distinct_events() > before);
        if timeout(RECOVERY, progress).await.is_err() {
            self.findings.push(format!(
                "nothing new arrived for {} s after {kind:?}",
                RECOVERY.as_secs()
            ));
        }
        let took = ended.elapsed();
        if self.longest.is_none_or(|(longest, _)| took > longest) {
            self.longest = Some((took, kind));
        }
        Ok(())
    }

    async fn progress(&self, elapsed: Duration, kind: FaultKind) -> String {
        let produced = self.stage.feed.lock().await.produced().len();
        let (events, profiles) = self
            .stage
            .scenario
            .simulator
            .look(|seen| (seen.store().distinct_events(), seen.store().profiles().len()));
        format!(
            "{:>5} s  produced {produced}  events {events}  profile statements {profiles}  faults {}  kills {}  findings {}  last {kind:?}",
            elapsed.as_secs(),
            self.faults.values().sum::<usize>(),
            self.kills,
            self.findings.len(),
        )
    }
}
