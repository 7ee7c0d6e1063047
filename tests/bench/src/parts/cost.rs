//! Processor time and throughput with a backlog, against the bare client that posts the same
//! bodies.

use crate::clients::bare::{Errand, Library};
use crate::clients::bodies;
use crate::clients::role::{Outcome, Role};
use crate::error::BenchError;
use crate::feed::Feed;
use crate::report::Row;
use crate::size::Size;
use crate::stage::{Delivered, Stage};
use crate::usage::Usage;
use crate::workload::description::Description;
use conformance::simulator::Body;

/// The names in ratios.
const BARE: &str = "bare client";
const BARER: &str = "bare hyper-util";
/// Processor seconds per so many records are told.
const UNIT: f64 = 100_000.0;

/// One way of delivering, and what it may cost.
struct Case {
    name: &'static str,
    delivered: Delivered,
    records: u64,
    description: Description,
    /// Processor seconds per 100 000 records.
    at_most: Option<f64>,
    /// Whether the bare client has about as much to do: a request for nearly every record. Where
    /// bodies hold hundreds of records it makes a few requests and reads nothing, so there the
    /// ratios only say what reading costs.
    is_alike: bool,
}

pub(crate) async fn measure(
    size: &Size,
    description: &Description,
) -> Result<Vec<Row>, BenchError> {
    let cases = [
        Case {
            name: "events only",
            delivered: Delivered::Events,
            records: size.records,
            description: description.clone(),
            at_most: Some(4.0),
            is_alike: false,
        },
        Case {
            name: "mixed, merging",
            delivered: Delivered::Merged,
            records: size.records,
            description: description.clone(),
            at_most: None,
            is_alike: false,
        },
        // With customers who take part equally: statements of one customer that are not merged go
        // one after the other, so the busiest one alone would decide how long it takes, and the
        // processor would mostly wait.
        Case {
            name: "mixed, no merging, even",
            delivered: Delivered::Unmerged,
            records: size.unmerged_records,
            description: description.even(),
            at_most: Some(10.0),
            is_alike: true,
        },
    ];
    let mut rows = Vec::new();
    for case in cases {
        rows.extend(measure_one(case).await?);
    }
    Ok(rows)
}

async fn measure_one(case: Case) -> Result<Vec<Row>, BenchError> {
    let Case {
        name,
        delivered,
        records,
        description,
        at_most,
        is_alike,
    } = case;
    let stage = Stage::start(&description, delivered).await?;
    Feed::new(&stage, &description)?.fill(records).await?;
    stage.tally().keep_bodies();
    let drained = stage.drain(records).await?;
    let counts = stage.tally().counts();
    let others = Usage::own()?;
    let bodies = stage.tally().take_bodies();
    let bare = post_again(&stage, Library::Reqwest, &bodies, counts.most_at_once).await?;
    let other_side = (Usage::own()?.processor - others.processor).as_secs_f64();
    let barer = post_again(&stage, Library::HyperUtil, &bodies, counts.most_at_once).await?;

    let of = |what: &str| format!("{name}: {what}");
    let per_unit = |seconds: f64| seconds / records as f64 * UNIT;
    let processor = drained.usage.processor.as_secs_f64();
    let seconds = drained.seconds.as_secs_f64();
    let alike = |row: Row, bound: f64| if is_alike { row.at_least(bound) } else { row };
    let mut cost = Row::new(
        of("processor time per 100 000 records"),
        per_unit(processor),
        "s",
    );
    if let Some(bound) = at_most {
        cost = cost.at_most(bound);
    }
    Ok(vec![
        cost,
        alike(
            Row::new(
                of("records per processor second"),
                records as f64 / processor,
                "records/s",
            )
            .against(BARE, records as f64 / bare.processor),
            0.8,
        ),
        Row::new(
            of("the same, against the connector's own HTTP client"),
            records as f64 / processor,
            "records/s",
        )
        .against(BARER, records as f64 / barer.processor),
        alike(
            Row::new(of("throughput"), records as f64 / seconds, "records/s")
                .against(BARE, records as f64 / bare.seconds),
            0.9,
        ),
        Row::new(
            of("requests per 100 000 records"),
            per_unit(counts.requests as f64),
            "",
        ),
        Row::new(
            of("bytes sent per record"),
            counts.bytes as f64 / records as f64,
            "B",
        ),
        Row::new(of("most requests at once"), counts.most_at_once as f64, ""),
        Row::mebibytes(of("peak memory"), drained.usage.peak).at_most(64.0),
        Row::new(
            of("processor time of the simulator per 100 000"),
            per_unit(other_side),
            "s",
        ),
    ])
}

/// Lets the bare client post the bodies that were kept.
async fn post_again(
    stage: &Stage,
    library: Library,
    bodies: &[Body],
    in_flight: usize,
) -> Result<Outcome, BenchError> {
    let directory =
        tempfile::tempdir().map_err(|error| BenchError::File("make a directory", error))?;
    let path = directory.path().join("bodies");
    bodies::write(&path, bodies)?;
    let simulator = &stage.scenario.simulator;
    let missing =
        || BenchError::Client(Role::Bare.name(), "the simulator lacks an inlet".to_owned());
    let events = simulator.events_inlet().ok_or_else(missing)?;
    let profiles = simulator.profiles_inlet().ok_or_else(missing)?;
    let errand = Errand {
        library,
        bodies: path,
        urls: [
            simulator.batch_url(events),
            simulator.inlet_url(events),
            simulator.inlet_url(profiles),
        ],
        flow_id: profiles.flow_id.clone(),
        token: stage.token().await?,
        in_flight,
    };
    Role::Bare.send(&errand).await
}
