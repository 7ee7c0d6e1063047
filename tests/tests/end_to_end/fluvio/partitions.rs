//! Partitions, their leaders, and what the cluster knows of them.

use std::time::Duration;

use conformance::cluster::{Backend, TopicOptions};
use conformance::scenario::{Options, Scenario};
use fluvio::Compression;

use crate::{SOON, clean, scenario, settle, stop, wanted};

async fn mock(options: Options) -> Scenario {
    match Scenario::start_on(&Backend::Mock, options).await {
        Ok(scenario) => scenario,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_produced_after_a_leader_moved_arrive() {
    let scenario = mock(Options::default()).await;
    scenario.produce(&wanted(301, 20)).await.unwrap();
    let mut connector = scenario.connector().unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    let cluster = scenario.cluster.mock().unwrap();
    let leader = cluster.leader(&scenario.topic, 0).unwrap();
    cluster.move_leader(&scenario.topic, 0, 1 - leader).unwrap();
    scenario.produce(&wanted(302, 20)).await.unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    stop(&scenario, connector).await;
    let verdict = clean(&scenario).await;
    assert_eq!(verdict.events_delivered, 40, "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn smartmodule_the_spu_does_not_know_yet_is_waited_for() {
    let scenario = mock(Options::default()).await;
    scenario.produce(&wanted(303, 20)).await.unwrap();
    let cluster = scenario.cluster.mock().unwrap();
    cluster.hide_smartmodules_from_spus();
    let mut connector = scenario.connector().unwrap();
    let told = async {
        while !connector.log().contains("does not know SmartModule") {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(SOON, told).await.unwrap();
    cluster.heal();
    scenario.settled(&mut connector, SOON).await.unwrap();
    stop(&scenario, connector).await;
    let verdict = clean(&scenario).await;
    assert_eq!(verdict.events_delivered, 20, "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn smartmodule_the_spu_never_gets_to_know_ends_with_2() {
    let scenario = mock(Options::default()).await;
    scenario.produce(&wanted(304, 5)).await.unwrap();
    scenario
        .cluster
        .mock()
        .unwrap()
        .hide_smartmodules_from_spus();
    let exit = scenario.connector().unwrap().wait(SOON).await.unwrap();
    assert_eq!(exit.status.code(), Some(2), "{}", exit.log);
    assert!(exit.log.contains("smdk load"), "{}", exit.log);
    assert_eq!(scenario.stored().await.unwrap(), [None]);
}

#[tokio::test(flavor = "multi_thread")]
async fn known_leaders_are_found_and_gaps_filled_without_the_controller() {
    let scenario = mock(Options {
        max_bytes: "100kB".to_owned(),
        ..Options::default()
    })
    .await;
    scenario.produce(&wanted(305, 20)).await.unwrap();
    let mut connector = scenario.connector().unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    let cluster = scenario.cluster.mock().unwrap();
    cluster.stop_controller().await;
    for spu in 0..cluster.spu_count() {
        cluster.drop_spu_connections(spu);
    }
    let event = wanted(306, 1).remove(0);
    for value in [&[b'x'; 150_000][..], &event.value] {
        cluster
            .append_with_gaps(&scenario.topic, 0, &[(0, value)], 0)
            .unwrap();
    }
    scenario
        .seen("the event after the hole", SOON, |seen| {
            seen.store().events().len() >= 21
        })
        .await
        .unwrap();
    cluster.start_controller().await.unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    stop(&scenario, connector).await;
    let verdict = clean(&scenario).await;
    assert_eq!(verdict.produced, 22, "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn listed_partitions_alone_are_read_and_committed() {
    let scenario = scenario(Options {
        topic: TopicOptions::new("listed").partitions(3),
        ..Options::default()
    })
    .await;
    for partition in 0..3 {
        let batch = wanted(310 + u64::from(partition), 10)
            .into_iter()
            .map(|event| event.value.into())
            .collect();
        scenario
            .cluster
            .produce_batch(&scenario.topic, partition, batch, Compression::None)
            .await
            .unwrap();
    }
    let configuration = scenario
        .configuration()
        .replace("partition: all", "partition: [0, 2]");
    let connector = scenario.connector_with(&configuration).unwrap();
    let read = [Some(9), None, Some(9)];
    let committed = async {
        while scenario.stored().await.unwrap() != read {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let in_time = tokio::time::timeout(SOON, committed).await;
    assert!(in_time.is_ok(), "{}", connector.log());
    stop(&scenario, connector).await;
    assert_eq!(scenario.stored().await.unwrap(), read);
    assert_eq!(scenario.simulator.accepted_events().len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn gap_longer_than_one_direct_read_is_filled() {
    let scenario = scenario(Options {
        max_bytes: "100kB".to_owned(),
        ..Options::default()
    })
    .await;
    // Every answer is over `max-bytes`, and all together are over the 32 MiB of a direct read,
    // which ends inside a batch.
    for number in 0..45_u32 {
        let batch = (0..4)
            .map(|record| {
                format!("{number}-{record}-{}", "x".repeat(200_000))
                    .into_bytes()
                    .into()
            })
            .collect();
        scenario
            .cluster
            .produce_batch(&scenario.topic, 0, batch, Compression::None)
            .await
            .unwrap();
    }
    let verdict = settle(&scenario).await;
    assert_eq!(verdict.produced, 180, "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn partition_with_records_is_opened_before_empty_ones() {
    let scenario = scenario(Options {
        topic: TopicOptions::new("first").partitions(3),
        ..Options::default()
    })
    .await;
    // The last one to be looked at.
    let batch = wanted(390, 1)
        .into_iter()
        .map(|event| event.value.into())
        .collect();
    let topic = &scenario.topic;
    scenario
        .cluster
        .produce_batch(topic, 2, batch, Compression::None)
        .await
        .unwrap();
    let connector = scenario.connector().unwrap();
    // In the order of their first lines: a slow broker may be asked again.
    let opened = |log: &str| {
        let mut partitions = Vec::new();
        for (_, line) in log
            .lines()
            .filter_map(|line| line.split_once(": reading partition="))
        {
            let partition = line.split(' ').next().unwrap_or_default().to_owned();
            if !partitions.contains(&partition) {
                partitions.push(partition);
            }
        }
        partitions
    };
    let all = async {
        while opened(&connector.log()).len() < 3 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(SOON, all).await.unwrap();
    assert_eq!(
        opened(&connector.log()).first().unwrap(),
        "2",
        "{}",
        connector.log()
    );
    stop(&scenario, connector).await;
}
