//! Two replicas and one SPU: what may be read, and what is said while it may not.

use conformance::cluster::TopicOptions;
use conformance::scenario::{Options, Scenario};

use crate::{SOON, clean, scenario, stop, wanted};

/// A topic with two replicas, and the index of its follower, which does not keep the stored
/// offsets: they would be away with it.
async fn replicated(name: &str) -> (Scenario, usize) {
    let options = || Options {
        topic: TopicOptions::new(name).replicas(2),
        ..Options::default()
    };
    let mut scenario = scenario(options()).await;
    for _ in 0..10 {
        let leader = scenario.cluster.leader(&scenario.topic, 0).await.unwrap();
        if scenario.cluster.offsets_leader().await.unwrap() == leader {
            return (scenario, 1 - leader);
        }
        scenario = scenario.beside(options()).await.unwrap();
    }
    panic!("no topic is led by the SPU that keeps the offsets");
}

#[tokio::test(flavor = "multi_thread")]
async fn replication_that_stands_still_is_named_and_read_when_it_goes_on() {
    let (scenario, follower) = replicated("committed").await;
    scenario.produce(&wanted(801, 10)).await.unwrap();
    let mut connector = scenario.connector().unwrap();
    let observed = connector.observed(SOON).await.unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    scenario.cluster.stop_spu(follower).await.unwrap();
    scenario.produce(&wanted(802, 20)).await.unwrap();
    let named = observed.ready(SOON, |shown| {
        shown.status == 503
            && ["replication stands still", "is away", "20 records"]
                .iter()
                .all(|part| shown.text.contains(part))
    });
    if let Err(last) = named.await {
        panic!("{last}\n{}", connector.log());
    }
    let metrics = observed.metrics().await.unwrap();
    for metric in ["unreplicated_records", "lag_records"] {
        let metric = format!("capillary_aep_{metric}{{partition=\"0\"}}");
        assert_eq!(metrics.value(&metric), Some(20.0), "{metric}");
    }
    assert_eq!(scenario.simulator.accepted_events().len(), 10);
    scenario.cluster.start_spu(follower).await.unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    let well = observed.ready(SOON, |shown| shown.status == 200).await;
    assert!(well.is_ok(), "{}", connector.log());
    stop(&scenario, connector).await;
    let verdict = clean(&scenario).await;
    assert_eq!(verdict.events_delivered, 30, "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn uncommitted_records_are_delivered_and_committed_while_a_follower_is_away() {
    let (scenario, follower) = replicated("uncommitted").await;
    let configuration = scenario
        .configuration()
        .replace("partition: all", "partition: all, isolation: uncommitted");
    scenario.produce(&wanted(803, 10)).await.unwrap();
    let connector = scenario.connector_with(&configuration).unwrap();
    let committed = async |offset| {
        let stored = async {
            while scenario.stored().await.unwrap() != [Some(offset)] {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        let in_time = tokio::time::timeout(SOON, stored).await;
        assert!(in_time.is_ok(), "{}", connector.log());
    };
    // What is stored, and not the high watermark: it may not show these records yet.
    committed(9).await;
    if let Some(mock) = scenario.cluster.mock() {
        // A controller elects another leader for this one as well; the mock elects nobody.
        let dead_letters = scenario.dead_letter_topic();
        mock.move_leader(&dead_letters, 0, 1 - follower).unwrap();
    }
    scenario.cluster.stop_spu(follower).await.unwrap();
    scenario.produce(&wanted(804, 20)).await.unwrap();
    committed(29).await;
    // A start beyond the high watermark, which is at 10.
    stop(&scenario, connector).await;
    scenario.produce(&wanted(805, 10)).await.unwrap();
    let connector = scenario.connector_with(&configuration).unwrap();
    let all = scenario
        .seen("every event", SOON, |seen| {
            seen.store().distinct_events() >= 40
        })
        .await;
    assert!(all.is_ok(), "{}", connector.log());
    stop(&scenario, connector).await;
    scenario.cluster.start_spu(follower).await.unwrap();
    let verdict = clean(&scenario).await;
    assert_eq!(verdict.events_delivered, 40, "{verdict}");
}
