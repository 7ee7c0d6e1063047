//! Connections: how many there are, and what one that fails holds up.

use std::time::{Duration, Instant};

use conformance::cluster::{Backend, TopicOptions};
use conformance::mock_cluster::MockCluster;
use conformance::scenario::{Options, Scenario};

use crate::{SOON, clean, stop, wanted};

/// How many partitions share connections: a few, since the mock's engine, built for debugging,
/// compiles the SmartModule for each. `CAPILLARY_TEST_PARTITIONS=100` measures more.
fn many() -> u32 {
    let asked = std::env::var("CAPILLARY_TEST_PARTITIONS");
    asked.ok().and_then(|asked| asked.parse().ok()).unwrap_or(8)
}

async fn mock(topic: TopicOptions) -> Scenario {
    let options = Options {
        topic,
        ..Options::default()
    };
    match Scenario::start_on(&Backend::Mock, options).await {
        Ok(scenario) => scenario,
        Err(error) => panic!("{error}"),
    }
}

/// Writes one event to each partition, past the controller.
fn append(cluster: &MockCluster, scenario: &Scenario, seed: u64) {
    for partition in 0..scenario.partitions() {
        let event = wanted(seed + u64::from(partition), 1).remove(0);
        cluster
            .append_with_gaps(&scenario.topic, partition, &[(0, &event.value)], 0)
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn controller_that_swallows_packets_delays_no_commit() {
    let scenario = mock(TopicOptions::new("swallowed").partitions(4)).await;
    let cluster = scenario.cluster.mock().unwrap();
    append(cluster, &scenario, 900);
    let mut connector = scenario.connector().unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    cluster.swallow_controller();
    for spu in 0..cluster.spu_count() {
        cluster.drop_spu_connections(spu);
    }
    append(cluster, &scenario, 950);
    // An attempt to commit has 5 s, and one to reach the controller takes 10: with a look-up in it,
    // none would ever succeed.
    let committed = async {
        let stored = |partition| cluster.stored_offset(&scenario.name, &scenario.topic, partition);
        while !(0..4).all(|partition| stored(partition) == Some(1)) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let in_time = tokio::time::timeout(SOON, committed).await;
    assert!(in_time.is_ok(), "{}", connector.log());
    cluster.heal();
    stop(&scenario, connector).await;
    let verdict = clean(&scenario).await;
    assert_eq!(verdict.events_delivered, 8, "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_share_the_connections_of_their_spus() {
    let scenario = mock(TopicOptions::new("shared").partitions(many())).await;
    let cluster = scenario.cluster.mock().unwrap();
    let all = usize::try_from(many()).unwrap();
    append(cluster, &scenario, 1_000);
    let began = Instant::now();
    let mut connector = scenario.connector().unwrap();
    scenario
        .seen("an event of each partition", SOON, |seen| {
            seen.store().distinct_events() >= all
        })
        .await
        .unwrap();
    println!("start to all read: {:?}", began.elapsed());
    scenario.settled(&mut connector, SOON).await.unwrap();
    cluster.stop_spu(0).await;
    append(cluster, &scenario, 2_000);
    cluster.start_spu(0).await.unwrap();
    let began = Instant::now();
    scenario
        .seen("both events of each partition", SOON, |seen| {
            seen.store().distinct_events() >= 2 * all
        })
        .await
        .unwrap();
    println!("restart of an SPU to all read: {:?}", began.elapsed());
    scenario.settled(&mut connector, SOON).await.unwrap();
    // Those of the scenario itself are left when the connector has stopped.
    let open = |spu| cluster.spu_connections(spu);
    let before: Vec<usize> = (0..cluster.spu_count()).map(open).collect();
    stop(&scenario, connector).await;
    for (spu, before) in before.into_iter().enumerate() {
        let closed = async {
            while open(spu) == before {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(SOON, closed).await.unwrap();
        let connections = before - open(spu);
        println!("SPU {spu}: {connections} connections");
        // Reading, offsets, parts of the log, and dead letters at one.
        assert!(connections <= 4, "{connections} to one SPU");
    }
    let verdict = clean(&scenario).await;
    assert_eq!(verdict.events_delivered, 2 * all, "{verdict}");
}
