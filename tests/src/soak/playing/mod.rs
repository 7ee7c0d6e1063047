//! How each fault is played: what strikes, for how long, and what must follow.

mod evicted;
mod follower;
mod leader;
mod poison;
mod recreated;
mod rival;
mod side;

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fastrand::Rng;
use fluvio_protocol::link::ErrorCode;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use self::follower::Isolation;
use self::side::{Outcome, Side};
use crate::cluster::LinkFault;
use crate::oracle::Verdict;
use crate::scenario::ScenarioError;
use crate::simulator::{Dialect, Fault, Seen, Step, Target, TokenShape};
use crate::soak::fault::FaultKind;
use crate::soak::feed::Feed;
use crate::soak::sink::Sink;
use crate::soak::stage::Soak;
use crate::soak::stage::Stage;
use crate::soak::stage::first_line;

use crate::soak::script::status;

/// How long every partition may take to get going after a fault, on a loaded machine too; beyond
/// that it stalls.
const RECOVERY: Duration = Duration::from_secs(180);
/// How soon a connector that ended on its own is started again.
const REVIVED: Duration = Duration::from_secs(2);
/// Between two cuts of every connection.
const CUT_EVERY: Duration = Duration::from_millis(700);
/// So many records hold some that are dead-lettered for what they are.
const SOME_REJECTS: usize = 80;

/// A soak while faults are played.
pub(crate) struct Playing<'a> {
    stage: &'a Arc<Stage>,
    soak: &'a Soak,
    pub(crate) rng: Rng,
    pub(crate) faults: BTreeMap<FaultKind, usize>,
    pub(crate) kills: usize,
    pub(crate) longest: Option<(Duration, FaultKind)>,
    pub(crate) findings: Vec<String>,
    /// The verdicts on what was played on topics of its own.
    pub(crate) beside: Verdict,
    /// What goes on beside other faults.
    poison: Option<JoinHandle<Result<Outcome, ScenarioError>>>,
}

impl<'a> Playing<'a> {
    pub(crate) fn new(stage: &'a Arc<Stage>, soak: &'a Soak) -> Self {
        Self {
            stage,
            soak,
            rng: Rng::with_seed(soak.seed),
            faults: FaultKind::ALL.into_iter().map(|kind| (kind, 0)).collect(),
            kills: 0,
            longest: None,
            findings: Vec::new(),
            beside: Verdict::default(),
            poison: None,
        }
    }

    /// Writes down what strikes, for who reads the connectors' logs afterwards.
    pub(crate) fn note(&self, kind: FaultKind, after: Duration) -> Result<(), ScenarioError> {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let path = self.soak.logs.join("faults.log");
        let written = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut file| {
                writeln!(
                    file,
                    "{:.1} s (unix {}): {kind:?}",
                    after.as_secs_f64(),
                    wall.as_secs()
                )
            });
        written.map_err(|error| {
            ScenarioError::Waited(format!("cannot write {}: {error}", path.display()))
        })
    }

    fn pause(&mut self, range: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(self.rng.u64(range))
    }

    pub(crate) async fn strike(
        &mut self,
        kind: FaultKind,
        sink: &mut Sink,
    ) -> Result<(), ScenarioError> {
        let Stage { scenario, feed, .. } = &**self.stage;
        *self.faults.entry(kind).or_default() += 1;
        // Every answer that is at fault comes in either form of a 207.
        let dialects = [Dialect::StatusCode, Dialect::Status];
        scenario
            .simulator
            .set_dialect(dialects[self.rng.usize(..2)]);
        // Something must be under way when it strikes.
        let mut feeding = feed.lock().await;
        if let Some(dialect) = kind.refusals() {
            feeding.refuse(dialect, self.rng.usize(1..4));
        }
        if kind == FaultKind::EventsAhead {
            feeding.put_ahead(self.rng.usize(2..5));
        }
        if kind == FaultKind::DeadLettersFail {
            // Until the topic fails, nothing may be refused.
            let down = Fault::status(status(503));
            scenario
                .simulator
                .add_fault(Step::new(Target::Inlets, down).forever());
            feeding.produce(scenario, SOME_REJECTS).await?;
        }
        feeding.produce(scenario, self.soak.portion * 4).await?;
        drop(feeding);
        sleep(self.pause(0..300)).await;
        let lasts = self.pause(kind.lasts());
        self.play(kind, lasts, sink).await?;
        let also_kill = kind.script(&mut self.rng).is_some() && self.rng.u8(0..4) == 0;
        if also_kill {
            self.kill(sink).await?;
            sleep(lasts / 2).await;
        }
        self.heal().await;
        self.recovers(kind, sink).await?;
        sleep(self.pause(0..1000)).await;
        Ok(())
    }

    async fn play(
        &mut self,
        kind: FaultKind,
        lasts: Duration,
        sink: &mut Sink,
    ) -> Result<(), ScenarioError> {
        let Stage { scenario, feed, .. } = &**self.stage;
        let cluster = &scenario.cluster;
        match kind {
            FaultKind::Killed => self.kill(sink).await?,
            FaultKind::Terminated => {
                sink.terminate(scenario, feed.lock().await.produced())
                    .await?
            }
            FaultKind::Paused => sink.pause(lasts).await?,
            FaultKind::SpuRestarted => {
                let spu = self.rng.usize(..cluster.spu_count());
                self.without_spu(spu, lasts).await?;
            }
            FaultKind::OffsetsSpuDown => {
                self.without_spu(cluster.offsets_leader().await?, lasts)
                    .await?
            }
            FaultKind::ClusterRestarted => {
                let _nobody_produces = feed.lock().await;
                cluster.restart().await?;
            }
            FaultKind::ControllerDown => {
                let _nobody_produces = feed.lock().await;
                cluster.without_controller(lasts).await?;
            }
            FaultKind::PartitionsAdded => {
                let _nobody_produces = feed.lock().await;
                scenario.add_partitions(1).await?;
            }
            FaultKind::DeadLettersFail => self.without_dead_letters(lasts).await?,
            FaultKind::CommitAnswersLost => {
                self.fail_links(LinkFault::CommitAnswersLost, lasts).await
            }
            FaultKind::CommitsRefused => self.fail_links(LinkFault::CommitsRefused, lasts).await,
            FaultKind::ConnectionsDropped => self.fail_links(LinkFault::CutInAnswers, lasts).await,
            FaultKind::ControllerSilent => {
                self.fail_links(LinkFault::ControllerSilent, lasts).await
            }
            FaultKind::LeaderMoved => match cluster.mock() {
                Some(mock) => {
                    let _nobody_produces = feed.lock().await;
                    let partition = self.rng.u32(..scenario.partitions());
                    let spu = self.rng.usize(..mock.spu_count());
                    if let Err(error) = mock.move_leader(&scenario.topic, partition, spu) {
                        self.findings.push(format!("cannot move a leader: {error}"));
                    }
                }
                None => {
                    let _nobody_produces = feed.lock().await;
                    let side = self.side("leader", scenario.beside(leader::options()).await?)?;
                    self.judge(kind, leader::play(side).await);
                }
            },
            FaultKind::RecordsEvicted => {
                let side = self.side("evicted", scenario.beside(evicted::options()).await?)?;
                let is_running = self.rng.bool();
                self.judge(kind, evicted::play(side, is_running).await);
            }
            FaultKind::TopicRecreated => {
                let side = self.side("recreated", scenario.beside(recreated::options()).await?)?;
                let is_longer = self.rng.bool();
                self.judge(kind, recreated::play(side, is_longer).await);
            }
            FaultKind::FollowerDown => {
                let _nobody_produces = feed.lock().await;
                let isolation = [Isolation::Committed, Isolation::Uncommitted];
                let isolation = isolation[self.rng.usize(..2)];
                let outcome = match follower::stage(scenario).await {
                    Ok((beside, follower)) => {
                        let side = self.side("follower", beside)?;
                        follower::play(side, follower, isolation).await
                    }
                    Err(error) => Err(error),
                };
                self.judge(kind, outcome);
            }
            FaultKind::PoisonRecords if self.poison.is_none() => {
                let side = self.side("poison", scenario.beside(poison::options()).await?)?;
                let played = poison::play(side, Arc::clone(self.stage));
                self.poison = Some(tokio::spawn(played));
            }
            // One at a time, and it lasts.
            FaultKind::PoisonRecords => {}
            FaultKind::SecondInstance => {
                let side = self.side("rival", scenario.beside(rival::options()).await?)?;
                self.judge(kind, rival::play(side).await);
            }
            _ => {
                if kind == FaultKind::TokensExpire {
                    let lifetime_ms = self.rng.u64(1500..4000);
                    scenario.simulator.set_token_shape(TokenShape {
                        lifetime_ms,
                        ..TokenShape::default()
                    });
                }
                if kind.revokes() {
                    scenario.simulator.revoke_tokens();
                }
                if let Some(script) = kind.script(&mut self.rng) {
                    scenario.simulator.add_faults(script);
                }
                sleep(lasts).await;
            }
        }
        Ok(())
    }

    /// Ends every fault that can be switched off.
    async fn heal(&self) {
        let Stage { scenario, feed, .. } = &**self.stage;
        scenario.simulator.set_token_shape(TokenShape::default());
        self.end_outage(&*feed.lock().await);
        if let Some(mock) = scenario.cluster.mock() {
            mock.heal();
        }
    }

    /// The platform is well again, but for the records it refuses for good.
    fn end_outage(&self, feed: &Feed) {
        let simulator = &self.stage.scenario.simulator;
        simulator.clear_faults();
        for step in feed.refusals() {
            simulator.add_fault(step.clone());
        }
    }

    async fn without_spu(&self, spu: usize, lasts: Duration) -> Result<(), ScenarioError> {
        let Stage { scenario, feed, .. } = &**self.stage;
        let _nobody_produces = feed.lock().await;
        scenario.cluster.stop_spu(spu).await?;
        sleep(lasts).await;
        Ok(scenario.cluster.start_spu(spu).await?)
    }

    async fn fail_links(&self, fault: LinkFault, lasts: Duration) {
        let Stage { scenario, feed, .. } = &**self.stage;
        let _nobody_produces = feed.lock().await;
        scenario.cluster.fail_links(fault);
        let over = Instant::now() + lasts;
        while Instant::now() < over {
            if fault == LinkFault::CutInAnswers {
                scenario.cluster.cut_links().await;
            }
            sleep(CUT_EVERY).await;
        }
        scenario.cluster.fail_links(LinkFault::None);
        scenario.cluster.cut_links().await;
    }

    /// Makes dead letters necessary while their topic takes none.
    async fn without_dead_letters(&self, lasts: Duration) -> Result<(), ScenarioError> {
        let Stage { scenario, feed, .. } = &**self.stage;
        let topic = scenario.dead_letter_topic();
        let feeding = feed.lock().await;
        match scenario.cluster.mock() {
            Some(mock) => {
                mock.fail_produce(&topic, ErrorCode::StorageError);
                self.end_outage(&feeding);
                sleep(lasts).await;
                Ok(())
            }
            None => {
                let spu = scenario.cluster.leader(&topic, 0).await?;
                scenario.cluster.stop_spu(spu).await?;
                self.end_outage(&feeding);
                sleep(lasts).await;
                Ok(scenario.cluster.start_spu(spu).await?)
            }
        }
    }

    async fn kill(&mut self, sink: &mut Sink) -> Result<(), ScenarioError> {
        let Stage { scenario, feed, .. } = &**self.stage;
        self.kills += 1;
        // The producer waits while what is committed is compared with what was produced.
        let feeding = feed.lock().await;
        sink.kill(scenario, feeding.produced()).await
    }

    fn side(&self, name: &str, scenario: crate::scenario::Scenario) -> Result<Side, ScenarioError> {
        let number: usize = self.faults.values().sum();
        Side::new(
            scenario,
            format!("{name}-{number}"),
            &self.soak.logs,
            self.soak.seed.wrapping_add(number as u64),
        )
    }

    /// Waits for what goes on beside the other faults.
    pub(crate) async fn finish(&mut self) -> Result<(), ScenarioError> {
        if let Some(poison) = self.poison.take() {
            let outcome = poison
                .await
                .map_err(|error| ScenarioError::Waited(format!("a stage beside died: {error}")))?;
            self.judge(FaultKind::PoisonRecords, outcome);
        }
        Ok(())
    }

    /// A stage beside that could not be played to its end is a finding; the main one goes on.
    fn judge(&mut self, kind: FaultKind, outcome: Result<Outcome, ScenarioError>) {
        match outcome {
            Ok((verdict, findings)) => {
                self.beside.add(verdict);
                self.findings.extend(findings);
            }
            Err(error) => self
                .findings
                .push(format!("{kind:?}: {}", first_line(&error))),
        }
    }

    /// Measures the time until every partition delivers what is new.
    async fn recovers(&mut self, kind: FaultKind, sink: &mut Sink) -> Result<(), ScenarioError> {
        let Stage { scenario, feed, .. } = &**self.stage;
        let ended = Instant::now();
        let fresh = feed
            .lock()
            .await
            .produce_to_every_partition(scenario)
            .await?;
        let missing = |seen: &Seen| {
            let partitions = fresh.iter().enumerate();
            let missing = partitions.filter(|(_, id)| !seen.store().has_event(id));
            missing.map(|(partition, _)| partition).collect::<Vec<_>>()
        };
        while timeout(
            REVIVED,
            scenario
                .simulator
                .wait_until(|seen| missing(seen).is_empty()),
        )
        .await
        .is_err()
        {
            // A service manager would not wait for the end of the fault either.
            sink.revive(scenario)?;
            if ended.elapsed() > RECOVERY {
                self.findings.push(format!(
                    "partitions {:?} delivered nothing new for {} s after {kind:?}",
                    scenario.simulator.look(missing),
                    RECOVERY.as_secs()
                ));
                break;
            }
        }
        let took = ended.elapsed();
        if self.longest.is_none_or(|(longest, _)| took > longest) {
            self.longest = Some((took, kind));
        }
        Ok(())
    }

    pub(crate) async fn progress(&self, elapsed: Duration, kind: FaultKind) -> String {
        let produced = self.stage.feed.lock().await.produced().len();
        let (events, profiles) = self.stage.scenario.simulator.look(|seen| {
            (
                seen.store().distinct_events(),
                seen.store().profiles().len(),
            )
        });
        format!(
            "{:>5} s  produced {produced}  events {events}  profile statements {profiles}  faults \
            {}  kills {}  findings {}  last {kind:?}",
            elapsed.as_secs(),
            self.faults.values().sum::<usize>(),
            self.kills,
            self.findings.len(),
        )
    }
}
