//! A soak: random faults, one after the other, while records flow; afterwards everything is
//! accounted for.
//!
//! The seed decides the records and which faults come in which order. When exactly each one strikes
//! is the machine's affair.

mod deck;
mod fault;
mod feed;
mod playing;
mod report;
mod script;
mod sink;
mod stage;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

pub use fault::FaultKind;
pub use report::Report;
pub use stage::Soak;

use deck::Deck;
use feed::{EVERY, Feed};
use playing::Playing;
use sink::Sink;
use stage::{Stage, first_line, platform};

use crate::cluster::TopicOptions;
use crate::scenario::{Options, Scenario, ScenarioError};

const PARTITIONS: u32 = 3;
/// How long the rest may take once all faults are over.
const DRAIN: Duration = Duration::from_secs(180);
/// Between two lines of progress.
const PROGRESS: Duration = Duration::from_secs(10);
/// However short it is.
const LEAST_KILLS: usize = 3;

impl Soak {
    /// Plays it on the cluster that `FLUVIO_TEST_CLUSTER` names, telling of its progress line by
    /// line.
    ///
    /// # Errors
    /// When the set-up fails or the cluster does not come back; what the connector does wrong
    /// stands in the report.
    pub async fn play(self, mut tell: impl FnMut(String)) -> Result<Report, ScenarioError> {
        std::fs::create_dir_all(&self.logs).map_err(|error| {
            ScenarioError::Waited(format!("cannot make {}: {error}", self.logs.display()))
        })?;
        let scenario = Scenario::start(Options {
            topic: TopicOptions::new("soak").partitions(PARTITIONS),
            spus: self.spus,
            linked: true,
            platform: platform(),
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
        let mut run = Playing::new(&stage, &self);
        let mut deck = Deck::new(self.lasts);
        let started = Instant::now();
        let mut told = started;
        while started.elapsed() < self.lasts
            || run.kills < LEAST_KILLS
            || !deck.missing(&stage.scenario).is_empty()
        {
            let kind = deck.deal(&mut run.rng, &stage.scenario, run.kills, started.elapsed());
            run.note(kind, started.elapsed())?;
            run.strike(kind, &mut sink).await?;
            sink.revive(&stage.scenario)?;
            if told.elapsed() >= PROGRESS {
                told = Instant::now();
                tell(run.progress(started.elapsed(), kind).await);
            }
        }
        tell("waiting for what goes on beside".to_owned());
        run.finish().await?;
        let lasted = started.elapsed();
        stage.over.store(true, Ordering::Relaxed);
        producing
            .await
            .map_err(|error| ScenarioError::Waited(format!("the producer died: {error}")))??;
        tell("faults are over; waiting until everything is settled".to_owned());
        if let Err(error) = sink.settled(&stage.scenario, DRAIN).await {
            run.findings.push(first_line(&error));
            sink.keep_log()?;
        } else {
            let mut feed = stage.feed.lock().await;
            let fresh = sink
                .passes_a_fresh_record(&stage.scenario, &mut feed, DRAIN)
                .await;
            if let Err(error) = fresh {
                run.findings
                    .push(format!("the fresh record: {}", first_line(&error)));
                sink.keep_log()?;
            }
        }
        sink.finish().await?;
        let mut verdict = stage.scenario.verdict().await?;
        verdict.committed_early.append(&mut sink.committed_early);
        verdict.add(run.beside);
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
        stage
            .feed
            .lock()
            .await
            .produce(&stage.scenario, portion)
            .await?;
        sleep(EVERY).await;
    }
    Ok(())
}
