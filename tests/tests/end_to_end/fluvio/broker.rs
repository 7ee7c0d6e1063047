//! The connector and its broker: crashes, restarts, deduplicated topics.

use conformance::cluster::{ProducedRecord, TopicOptions, scripted_filter};
use conformance::scenario::Options;
use conformance::simulator::{Fault, Status, Step, Target};
use fluvio::Compression;

use crate::{SOON, clean, events, scenario, settle, stop, wanted};

#[tokio::test(flavor = "multi_thread")]
async fn killed_connector_resumes_and_loses_nothing() {
    let scenario = scenario(Options {
        topic: TopicOptions::new("killed").partitions(3),
        ..Options::default()
    })
    .await;
    scenario.produce(&events(11, 600)).await.unwrap();
    let connector = scenario.connector().unwrap();
    scenario
        .seen("some events", SOON, |seen| {
            seen.store().events().len() >= 100
        })
        .await
        .unwrap();
    connector.kill().await.unwrap();
    scenario.produce(&events(12, 100)).await.unwrap();
    let verdict = settle(&scenario).await;
    assert_eq!(verdict.produced, 700);
}

#[tokio::test(flavor = "multi_thread")]
async fn broker_restart_loses_nothing() {
    let scenario = scenario(Options {
        topic: TopicOptions::new("restarted").partitions(3),
        ..Options::default()
    })
    .await;
    scenario.produce(&events(21, 300)).await.unwrap();
    let mut connector = scenario.connector().unwrap();
    scenario
        .seen("some events", SOON, |seen| {
            !seen.store().events().is_empty()
        })
        .await
        .unwrap();
    scenario.cluster.restart().await.unwrap();
    scenario.produce(&events(22, 100)).await.unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    stop(&scenario, connector).await;
    let verdict = clean(&scenario).await;
    assert_eq!(verdict.produced, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn spu_restart_while_the_connector_runs_loses_nothing() {
    let scenario = scenario(Options {
        topic: TopicOptions::new("rolling").partitions(2),
        ..Options::default()
    })
    .await;
    let mut connector = scenario.connector().unwrap();
    for spu in 0..2 {
        scenario.produce(&wanted(30 + spu, 50)).await.unwrap();
        // It reads from both before one goes.
        let all = usize::try_from(50 * (spu + 1)).unwrap();
        scenario
            .seen("every event", SOON, |seen| {
                seen.store().distinct_events() >= all
            })
            .await
            .unwrap();
        scenario
            .cluster
            .restart_spu(usize::try_from(spu).unwrap())
            .await
            .unwrap();
    }
    scenario.produce(&wanted(40, 50)).await.unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    stop(&scenario, connector).await;
    let verdict = clean(&scenario).await;
    assert_eq!(verdict.events_delivered, 150, "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn controller_outage_while_the_connector_runs_loses_nothing() {
    let scenario = scenario(Options::default()).await;
    let mut connector = scenario.connector().unwrap();
    scenario.produce(&wanted(41, 50)).await.unwrap();
    scenario
        .seen("every event", SOON, |seen| {
            seen.store().distinct_events() >= 50
        })
        .await
        .unwrap();
    let gone = std::time::Duration::from_secs(1);
    scenario.cluster.without_controller(gone).await.unwrap();
    scenario.produce(&wanted(42, 50)).await.unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    stop(&scenario, connector).await;
    let verdict = clean(&scenario).await;
    assert_eq!(verdict.events_delivered, 100, "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn gaps_of_a_deduplicated_topic_do_not_stop_the_stream() {
    let filter = "scripted-filter";
    let scenario = scenario(Options::default()).await;
    scenario
        .cluster
        .load_smartmodule(scripted_filter(), filter)
        .await
        .unwrap();
    let topic = format!("{}-deduplicated", scenario.topic);
    scenario
        .cluster
        .create_topic(TopicOptions::new(&topic).deduplication(filter, 10))
        .await
        .unwrap();
    let mut batch: Vec<ProducedRecord> = Vec::new();
    for event in wanted(50, 20) {
        // The broker's filter drops these as it drops duplicates; it leaves their offsets behind.
        batch.push(b"-dropped".to_vec().into());
        batch.push(event.value.into());
    }
    batch.push(b"-dropped".to_vec().into());
    scenario
        .cluster
        .produce_batch(&topic, 0, batch, Compression::None)
        .await
        .unwrap();
    let scenario = scenario.on_topic(topic, 1);
    let verdict = settle(&scenario).await;
    assert_eq!(
        (verdict.produced, verdict.events_delivered),
        (20, 20),
        "{verdict}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_during_an_outage_leaves_the_rest_to_the_next_start() {
    let scenario = scenario(Options {
        platform: "  shutdown-timeout: 2s\n".to_owned(),
        ..Options::default()
    })
    .await;
    scenario.produce(&wanted(60, 40)).await.unwrap();
    let down = Fault::status(Status::try_from(503).unwrap());
    scenario
        .simulator
        .add_fault(Step::new(Target::Inlets, down).forever());
    let connector = scenario.connector().unwrap();
    scenario
        .seen("a refused request", SOON, |seen| {
            !seen.requests().is_empty()
        })
        .await
        .unwrap();
    stop(&scenario, connector).await;
    assert_eq!(
        scenario.stored().await.unwrap(),
        [None],
        "nothing was delivered, so nothing is committed"
    );
    assert!(
        scenario.dead_letters().await.unwrap().is_empty(),
        "an outage is nobody's dead letter"
    );
    scenario.simulator.clear_faults();
    let verdict = settle(&scenario).await;
    assert_eq!(verdict.events_delivered, 40, "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_added_later_are_read_too() {
    let scenario = scenario(Options::default()).await;
    let mut connector = scenario.connector().unwrap();
    scenario.produce(&wanted(70, 20)).await.unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    scenario
        .cluster
        .add_partitions(&scenario.topic, 2)
        .await
        .unwrap();
    let topic = scenario.topic.clone();
    let scenario = scenario.on_topic(topic, 3);
    for partition in 1..3 {
        let batch = wanted(70 + u64::from(partition), 10)
            .into_iter()
            .map(|event| event.value.into())
            .collect();
        scenario
            .cluster
            .produce_batch(&scenario.topic, partition, batch, Compression::None)
            .await
            .unwrap();
    }
    scenario.settled(&mut connector, SOON).await.unwrap();
    stop(&scenario, connector).await;
    let verdict = clean(&scenario).await;
    assert_eq!(verdict.events_delivered, 40, "{verdict}");
}
