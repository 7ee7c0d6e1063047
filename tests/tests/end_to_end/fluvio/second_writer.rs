//! Who writes the stored offsets: this process, nobody any more, or another one.

use std::time::Duration;

use conformance::cluster::Backend;
use conformance::mock_cluster::CommitFault;
use conformance::scenario::{Options, Scenario};

use crate::{SOON, clean, scenario, stop, wanted};

/// Stores an offset as another process with the same consumer id does.
async fn commit_as_another(scenario: &Scenario, offset: i64) {
    let stored = scenario
        .cluster
        .store_offset(&scenario.name, &scenario.topic, 0, offset);
    stored.await.unwrap();
}

async fn mock(options: Options) -> Scenario {
    match Scenario::start_on(&Backend::Mock, options).await {
        Ok(scenario) => scenario,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn offset_set_by_something_else_is_told_and_replaced() {
    let scenario = scenario(Options::default()).await;
    scenario.produce(&wanted(101, 20)).await.unwrap();
    let mut connector = scenario.connector().unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    commit_as_another(&scenario, 1_000).await;
    let told = async {
        while !connector
            .log()
            .contains("something else stored this offset")
        {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    // The stored offsets are read back every 30 s.
    let in_time = tokio::time::timeout(Duration::from_secs(90), told).await;
    assert!(in_time.is_ok(), "{}", connector.log());
    scenario.produce(&wanted(102, 20)).await.unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    stop(&scenario, connector).await;
    let verdict = clean(&scenario).await;
    assert_eq!(verdict.events_delivered, 40, "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_offset_that_the_broker_lost_is_committed_again() {
    let scenario = mock(Options::default()).await;
    scenario.produce(&wanted(102, 20)).await.unwrap();
    let mut connector = scenario.connector().unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    let cluster = scenario.cluster.mock().unwrap();
    cluster.forget_stored_offset(&scenario.name, &scenario.topic, 0);
    scenario.settled(&mut connector, SOON).await.unwrap();
    // Nobody in this run wrote it: what an earlier run may have left.
    cluster.set_stored_offset(&scenario.name, &scenario.topic, 0, 3);
    scenario.settled(&mut connector, SOON).await.unwrap();
    let log = stop(&scenario, connector).await;
    assert_eq!(
        log.matches("lost the newest commits").count(),
        2,
        "once for each loss: {log}"
    );
    assert!(!log.contains("ERROR"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn commit_whose_response_is_lost_is_sent_again() {
    let scenario = mock(Options::default()).await;
    let cluster = scenario.cluster.mock().unwrap();
    cluster.fail_commits(CommitFault::AnswerLost);
    scenario.produce(&wanted(103, 20)).await.unwrap();
    let mut connector = scenario.connector().unwrap();
    scenario
        .seen("every event", SOON, |seen| {
            seen.store().events().len() >= 20
        })
        .await
        .unwrap();
    cluster.heal();
    cluster.drop_connections();
    scenario.produce(&wanted(104, 20)).await.unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    stop(&scenario, connector).await;
    let verdict = clean(&scenario).await;
    assert_eq!(verdict.events_delivered, 40, "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_offset_beyond_the_log_exits_with_3_after_a_grace_time() {
    let scenario = scenario(Options::default()).await;
    scenario.produce(&wanted(105, 20)).await.unwrap();
    commit_as_another(&scenario, 25).await;
    let exit = scenario.connector().unwrap().wait(SOON).await.unwrap();
    assert_eq!(exit.status.code(), Some(3), "{}", exit.log);
    assert!(
        exit.log.contains("WARN"),
        "the time of grace is told: {}",
        exit.log
    );
    assert!(
        exit.log.contains("the next offset to read is 26"),
        "{}",
        exit.log
    );
    assert_eq!(
        scenario.stored().await.unwrap(),
        [Some(25)],
        "never clamped"
    );
    assert!(scenario.simulator.accepted_events().is_empty());
}
