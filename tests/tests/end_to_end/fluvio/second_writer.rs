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

/// The stored offsets are read back every 30 s, and four looks decide.
const FOUR_ROUNDS: Duration = Duration::from_secs(200);

async fn mock(options: Options) -> Scenario {
    match Scenario::start_on(&Backend::Mock, options).await {
        Ok(scenario) => scenario,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_of_another_process_exit_with_3_and_stay() {
    let scenario = scenario(Options::default()).await;
    scenario.produce(&wanted(101, 20)).await.unwrap();
    let mut connector = scenario.connector().unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    let foreign = 1_000;
    commit_as_another(&scenario, foreign).await;
    let exit = connector.wait(FOUR_ROUNDS).await.unwrap();
    assert_eq!(exit.status.code(), Some(3), "{}", exit.log);
    let told = exit
        .log
        .lines()
        .filter(|line| line.contains("ERROR") && line.contains("another process commits"));
    assert!(told.count() >= 2, "at each sighting: {}", exit.log);
    assert!(
        exit.log
            .contains(&format!("partition 0 stands at {foreign}")),
        "{}",
        exit.log
    );
    assert_eq!(scenario.stored().await.unwrap(), [Some(foreign)]);
}

/// Both keep up with the topic, so both store the very same offsets.
#[tokio::test(flavor = "multi_thread")]
async fn older_of_two_writers_exits_with_3_and_nothing_is_lost() {
    let scenario = scenario(Options::default()).await;
    scenario.produce(&wanted(111, 20)).await.unwrap();
    let mut older = scenario.connector().unwrap();
    scenario.settled(&mut older, SOON).await.unwrap();
    let mut newer = scenario.connector().unwrap();
    let exit = older.wait(FOUR_ROUNDS).await.unwrap();
    assert_eq!(exit.status.code(), Some(3), "{}", exit.log);
    assert!(
        exit.log.contains("has taken over partition 0"),
        "{}",
        exit.log
    );
    scenario.produce(&wanted(112, 20)).await.unwrap();
    scenario.settled(&mut newer, SOON).await.unwrap();
    assert!(newer.is_running().unwrap(), "{}", newer.log());
    clean(&scenario).await;
    stop(&scenario, newer).await;
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
async fn stored_offset_beyond_the_log_exits_with_2_after_a_grace_time() {
    let scenario = scenario(Options::default()).await;
    scenario.produce(&wanted(105, 20)).await.unwrap();
    commit_as_another(&scenario, 25).await;
    let exit = scenario.connector().unwrap().wait(SOON).await.unwrap();
    assert_eq!(exit.status.code(), Some(2), "{}", exit.log);
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
