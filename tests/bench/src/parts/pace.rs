//! Records at a steady rate: how old they are when they are acknowledged, whether the connector
//! keeps up, and what it holds.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::BenchError;
use crate::feed::Feed;
use crate::report::Row;
use crate::size::Size;
use crate::stage::{Delivered, Stage};
use crate::workload::description::Description;

/// `batch.linger` unless configured otherwise.
const LINGER: Duration = Duration::from_millis(200);
/// What reading, mapping and sending may add to it and to the answer's own time.
const OVERHEAD: Duration = Duration::from_millis(50);
/// Of the rate, what may be under way when the last record is produced: more would be a growing
/// backlog.
const KEEPS_UP: f64 = 1.0;

pub(crate) async fn measure(
    size: &Size,
    description: &Description,
) -> Result<Vec<Row>, BenchError> {
    let mut rows = Vec::new();
    for rate in &size.rates {
        rows.extend(at(*rate, size.pace_lasts, description).await?);
    }
    Ok(rows)
}

async fn at(rate: u32, lasts: Duration, description: &Description) -> Result<Vec<Row>, BenchError> {
    let stage = Stage::start(description, Delivered::Merged).await?;
    let mut feed = Feed::new(&stage, description)?;
    let mut running = stage.connector()?;
    // The first records meet a connector that just starts; their age would be its age.
    feed.fill(1).await?;
    stage.acknowledged(1).await?;
    stage.tally().reset();
    let (begin, before) = (Instant::now(), running.usage()?);
    let produced = feed.pace(rate, lasts).await?;
    let (fed, behind) = (
        begin.elapsed(),
        produced.saturating_sub(stage.tally().counts().events),
    );
    let used = running.usage()?.processor - before.processor;
    stage.acknowledged(produced).await?;
    let ages = stage.tally().ages();
    running.settled(&stage).await?;
    let usage = running.usage()?;
    running.stop().await?;

    let of = |what: &str| format!("{rate} records/s: {what}");
    let age = |share| ages.at_share(share).unwrap_or_default() as f64;
    let fresh = (LINGER + description.answer_time + OVERHEAD).as_millis() as f64;
    Ok(vec![
        Row::new(
            of("produced"),
            produced as f64 / fed.as_secs_f64(),
            "records/s",
        ),
        Row::new(of("age when acknowledged, median"), age(0.5), "ms"),
        Row::new(of("age when acknowledged, 99th of 100"), age(0.99), "ms").at_most(fresh),
        Row::new(
            of("behind when the last was produced"),
            behind as f64,
            "records",
        )
        .at_most(f64::from(rate) * KEEPS_UP),
        Row::new(
            of("processor"),
            used.as_secs_f64() / fed.as_secs_f64() * 100.0,
            "% of one",
        ),
        Row::mebibytes(of("peak memory"), usage.peak).at_most(64.0),
    ])
}
