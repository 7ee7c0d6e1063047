//! The same backlog over different numbers of partitions.

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
    let mut rows = Vec::new();
    for partitions in &size.partitions {
        rows.extend(over(*partitions, size.records, description).await?);
    }
    Ok(rows)
}

async fn over(
    partitions: u32,
    records: u64,
    description: &Description,
) -> Result<Vec<Row>, BenchError> {
    let description = description.partitions(partitions);
    let stage = Stage::start(&description, Delivered::Merged).await?;
    Feed::new(&stage, &description)?.fill(records).await?;
    let drained = stage.drain(records).await?;
    let of = |what: &str| format!("{partitions} partitions: {what}");
    Ok(vec![
        Row::new(
            of("throughput"),
            records as f64 / drained.seconds.as_secs_f64(),
            "records/s",
        )
        .at_least(10_000.0),
        Row::new(
            of("processor time per 100 000 records"),
            drained.usage.processor.as_secs_f64() / records as f64 * 100_000.0,
            "s",
        ),
        Row::mebibytes(of("peak memory"), drained.usage.peak).at_most(64.0),
    ])
}
