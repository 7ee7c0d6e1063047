//! The producer: a backlog as fast as it goes, or records at a steady rate.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fluvio::Compression;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::error::BenchError;
use super::stage::Stage;
use super::workload::description::Description;
use super::workload::stream::Stream;
use conformance::cluster::ProducedRecord;
use conformance::scenario::ScenarioError;

/// Records of one batch of a backlog: 100 kB, some times what Fluvio's own producer fills by
/// default.
const BATCH: u64 = 100;
/// Between two portions of a steady rate.
const EVERY: Duration = Duration::from_millis(10);

/// Produces to the topic of a stage.
pub(super) struct Feed<'a> {
    stage: &'a Stage,
    stream: Stream,
    partitions: u32,
}

impl<'a> Feed<'a> {
    pub(super) fn new(stage: &'a Stage, description: &Description) -> Result<Self, BenchError> {
        Ok(Self {
            stage,
            stream: Stream::new(description)?,
            partitions: description.partitions.max(1),
        })
    }

    /// Produces so many records as fast as it goes.
    pub(super) async fn fill(&mut self, records: u64) -> Result<(), BenchError> {
        let mut left = records;
        while left > 0 {
            let count = left.min(BATCH * u64::from(self.partitions));
            self.produce(count).await?;
            left -= count;
        }
        Ok(())
    }

    /// Produces at a steady rate and gives how many records it were. Time lost is caught up, so
    /// that the rate holds over the whole time.
    pub(super) async fn pace(
        &mut self,
        per_second: u32,
        lasts: Duration,
    ) -> Result<u64, BenchError> {
        let start = Instant::now();
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut produced = 0;
        while start.elapsed() < lasts {
            ticks.tick().await;
            let due = (start.elapsed().as_secs_f64() * f64::from(per_second)) as u64;
            if due > produced {
                self.produce(due - produced).await?;
                produced = due;
            }
        }
        Ok(produced)
    }

    /// Produces one batch for each partition.
    async fn produce(&mut self, count: u64) -> Result<(), BenchError> {
        let now = now_ms();
        let mut batches: BTreeMap<u32, Vec<ProducedRecord>> = BTreeMap::new();
        for _ in 0..count {
            let (partition, record) = self.stream.next(now);
            batches.entry(partition).or_default().push(record);
        }
        let scenario = &self.stage.scenario;
        for (partition, records) in batches {
            let produced = scenario.cluster.produce_batch(
                &scenario.topic,
                partition,
                records,
                Compression::None,
            );
            produced.await.map_err(ScenarioError::from)?;
        }
        Ok(())
    }
}

fn now_ms() -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
