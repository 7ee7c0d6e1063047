//! A sink as Fluvio's own HTTP sink works: the public consumer, one request per record, each
//! answered before the next.

use std::time::Instant;

use fluvio::consumer::ConsumerConfigExt;
use fluvio::{Fluvio, FluvioClusterConfig, Offset};
use futures_util::StreamExt as _;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::clients::bare::client;
use crate::clients::role::{Outcome, Role};
use crate::error::BenchError;
use crate::feed::Feed;
use crate::report::Row;
use crate::size::Size;
use crate::stage::{Delivered, Stage};
use crate::usage::Usage;
use crate::workload::description::Description;
use conformance::cluster::smartmodule;
use conformance::scenario::SMARTMODULE;

/// What the sink is told.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Errand {
    endpoint: String,
    topic: String,
    url: String,
    /// The message before the event.
    before: String,
    token: String,
    records: u64,
}

/// The part of an answer that is sent.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    event: &'a RawValue,
}

pub(crate) async fn measure(
    size: &Size,
    description: &Description,
) -> Result<Vec<Row>, BenchError> {
    let stage = Stage::start(description, Delivered::Events).await?;
    Feed::new(&stage, description)?
        .fill(size.one_by_one_records)
        .await?;
    let simulator = &stage.scenario.simulator;
    let missing = |what: &str| {
        BenchError::Client(
            Role::OneByOne.name(),
            format!("the simulator has no {what}"),
        )
    };
    let inlet = simulator
        .events_inlet()
        .ok_or_else(|| missing("inlet for events"))?;
    let schema = format!(
        r#"{{"id":"{}","contentType":"application/vnd.adobe.xed-full+json;version=1"}}"#,
        inlet.schema_id().unwrap_or_default()
    );
    let errand = Errand {
        endpoint: stage.scenario.cluster.endpoint().to_owned(),
        topic: stage.scenario.topic.clone(),
        url: simulator.inlet_url(inlet),
        before: format!(
            r#"{{"header":{{"schemaRef":{schema},"imsOrgId":"{}","datasetId":"{}"}},"body":{{"xdmMeta":{{"schemaRef":{schema}}},"xdmEntity":"#,
            simulator.config().organization_id,
            inlet.dataset_id.as_deref().unwrap_or_default(),
        ),
        token: stage.token().await?,
        records: size.one_by_one_records,
    };
    let outcome = Role::OneByOne.send(&errand).await?;
    let records = size.one_by_one_records as f64;
    Ok(vec![
        Row::new(
            "one request per record: throughput",
            records / outcome.seconds,
            "records/s",
        ),
        Row::new(
            "one request per record: processor time per 100 000",
            outcome.processor / records * 100_000.0,
            "s",
        ),
    ])
}

fn failed(error: impl std::fmt::Display) -> BenchError {
    BenchError::Client(Role::OneByOne.name(), error.to_string())
}

pub(crate) async fn run(errand: Errand) -> Result<Outcome, BenchError> {
    let client = client(1)?;
    let fluvio = Fluvio::connect_with_config(&FluvioClusterConfig::new(&errand.endpoint))
        .await
        .map_err(failed)?;
    let config = ConsumerConfigExt::builder()
        .topic(&errand.topic)
        .offset_start(Offset::beginning())
        .smartmodule(vec![smartmodule(SMARTMODULE)])
        .build()
        .map_err(failed)?;
    let mut records = fluvio.consumer_with_config(config).await.map_err(failed)?;
    let before = Usage::own()?;
    let start = Instant::now();
    for _ in 0..errand.records {
        let record = records
            .next()
            .await
            .ok_or_else(|| failed("the stream ended"))?;
        let record = record.map_err(failed)?;
        let answer: Answer<'_> = serde_json::from_slice(record.value()).map_err(failed)?;
        client
            .post(&errand.url)
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, format!("Bearer {}", errand.token))
            .body(format!("{}{}}}}}", errand.before, answer.event))
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .map_err(failed)?
            .bytes()
            .await
            .map_err(failed)?;
    }
    Ok(Outcome {
        seconds: start.elapsed().as_secs_f64(),
        processor: (Usage::own()?.processor - before.processor).as_secs_f64(),
    })
}
