//! What brokers do that a connector has to live with. Every test runs on the mock and, with
//! `FLUVIO_TEST_CLUSTER`, on a real cluster: that is how the mock is kept honest. The mock's own
//! controls are tested in `controls`.

// Clippy's leave to unwrap covers test functions only, not the helpers they share.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod controls;
mod lifecycle;
mod smartmodules;
mod streams;

use std::time::Duration;

use conformance::cluster::{
    Cluster, PartitionStream, ProducedRecord, Response, StreamRequest, TopicOptions,
    scripted_filter, smartmodule,
};
use fluvio::Compression;

/// Something is expected to come.
const SOON: Duration = Duration::from_secs(20);
/// Nothing is expected to come.
const SILENCE: Duration = Duration::from_millis(700);

const FILTER: &str = "tests/scripted@0.1.0";

async fn cluster(spus: usize) -> Cluster {
    Cluster::start(spus)
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

/// A topic on a cluster that may be somebody's, so with a name of its own.
async fn topic(cluster: &Cluster, options: TopicOptions) -> String {
    let name = format!("{}-{:08x}", options.name, fastrand::u32(..));
    cluster
        .create_topic(TopicOptions {
            name: name.clone(),
            ..options
        })
        .await
        .unwrap();
    name
}

/// A cluster with the scripted filter and a topic of one partition.
async fn filtered(name: &str) -> (Cluster, String) {
    let cluster = cluster(1).await;
    cluster
        .load_smartmodule(scripted_filter(), FILTER)
        .await
        .unwrap();
    let topic = topic(&cluster, TopicOptions::new(name)).await;
    (cluster, topic)
}

async fn batch(cluster: &Cluster, topic: &str, values: &[&str]) -> i64 {
    compressed(cluster, topic, values, Compression::None).await
}

async fn compressed(
    cluster: &Cluster,
    topic: &str,
    values: &[&str],
    compression: Compression,
) -> i64 {
    let records = values
        .iter()
        .map(|value| ProducedRecord::from(*value))
        .collect();
    cluster
        .produce_batch(topic, 0, records, compression)
        .await
        .unwrap()
}

fn through_filter(topic: &str, start: i64) -> StreamRequest {
    StreamRequest {
        start,
        smartmodules: vec![smartmodule(FILTER)],
        ..StreamRequest::new(topic, 0)
    }
}

async fn response(stream: &mut PartitionStream) -> Response {
    stream.next(SOON).await.unwrap().expect("a response")
}

async fn silent(stream: &mut PartitionStream) -> bool {
    stream.next(SILENCE).await.unwrap().is_none()
}
