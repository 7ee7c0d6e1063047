//! The platform is down while a backlog waits: what the connector holds, what waiting costs, and
//! the way back.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::error::BenchError;
use crate::feed::Feed;
use crate::report::Row;
use crate::size::Size;
use crate::stage::{Delivered, Stage};
use crate::workload::description::Description;

/// The buffer is full well before this.
const FILLING: Duration = Duration::from_secs(10);

pub(crate) async fn measure(
    size: &Size,
    description: &Description,
) -> Result<Vec<Row>, BenchError> {
    let stage = Stage::start(description, Delivered::Merged).await?;
    Feed::new(&stage, description)?.fill(size.waiting).await?;
    stage.tally().set_down(true);
    let mut running = stage.connector()?;
    let filling = size.outage_lasts.min(FILLING);
    sleep(filling).await;
    let (full, since) = (running.usage()?, Instant::now());
    sleep(size.outage_lasts.saturating_sub(filling)).await;
    let (down, waited) = (running.usage()?, since.elapsed());
    stage.tally().set_down(false);
    let back = Instant::now();
    stage.acknowledged(1).await?;
    let first = back.elapsed();
    stage.acknowledged(size.waiting).await?;
    let all = back.elapsed();
    running.settled(&stage).await?;
    let usage = running.usage()?;
    running.stop().await?;
    Ok(vec![
        Row::mebibytes("outage: memory while the platform is down", down.resident).at_most(64.0),
        Row::new(
            "outage: processor while it is down",
            percent(down.processor.saturating_sub(full.processor), waited),
            "% of one",
        ),
        Row::seconds("outage: first acknowledgement after it is back", first),
        Row::new(
            "outage: throughput after it is back",
            size.waiting as f64 / all.as_secs_f64(),
            "records/s",
        ),
        Row::mebibytes("outage: peak memory", usage.peak).at_most(64.0),
    ])
}

/// A share of one processor's time.
pub(crate) fn percent(used: Duration, of: Duration) -> f64 {
    used.as_secs_f64() / of.as_secs_f64().max(f64::MIN_POSITIVE) * 100.0
}
