//! How soon the first record is acknowledged after a start, and what a connector costs that has
//! nothing to do.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::outage::percent;
use crate::error::BenchError;
use crate::feed::Feed;
use crate::report::Row;
use crate::size::Size;
use crate::stage::{Delivered, Stage};
use crate::workload::description::Description;

pub(crate) async fn measure(
    size: &Size,
    description: &Description,
) -> Result<Vec<Row>, BenchError> {
    let mut starts = Vec::new();
    for _ in 0..size.starts.max(1) {
        starts.push(start(description).await?);
    }
    starts.sort();
    let stage = Stage::start(description, Delivered::Merged).await?;
    Feed::new(&stage, description)?.fill(100).await?;
    let mut running = stage.connector()?;
    running.settled(&stage).await?;
    // Commits and their first silence are over.
    sleep(Duration::from_secs(1)).await;
    let (before, since) = (running.usage()?, Instant::now());
    sleep(size.idle_lasts).await;
    let (after, idle) = (running.usage()?, since.elapsed());
    running.stop().await?;
    Ok(vec![
        Row::seconds(
            "start: first acknowledgement, linger and answer included",
            starts[starts.len() / 2],
        )
        .at_most(1.0),
        Row::new(
            "idle: processor",
            percent(after.processor - before.processor, idle),
            "% of one",
        )
        .at_most(1.0),
        Row::new(
            "idle: waits ended",
            (after.waits.saturating_sub(before.waits)) as f64 / idle.as_secs_f64(),
            "per s",
        ),
        Row::mebibytes("idle: memory", after.resident),
    ])
}

/// From the start of the process to the first acknowledgement of a record that waited for it.
async fn start(description: &Description) -> Result<Duration, BenchError> {
    let stage = Stage::start(description, Delivered::Merged).await?;
    Feed::new(&stage, description)?.fill(1).await?;
    let running = stage.connector()?;
    stage.acknowledged(1).await?;
    let took = running.started.elapsed();
    running.stop().await?;
    Ok(took)
}
