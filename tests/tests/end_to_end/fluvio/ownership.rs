//! Several processes with one consumer id: one of them has a partition at a time, and nobody ends
//! because of another.

use std::time::Duration;

use conformance::cluster::TopicOptions;
use conformance::harness::Connector;
use conformance::scenario::{Options, Scenario};
use fluvio::Compression;
use tokio::time::{Instant, sleep, timeout};

use crate::{SOON, clean, scenario, stop, wanted};

const LOOK: Duration = Duration::from_millis(50);

fn partitions(count: u32) -> Options {
    Options {
        topic: TopicOptions::new("owned").partitions(count),
        ..Options::default()
    }
}

/// Waits until a connector has said something.
async fn says(connector: &Connector, text: &str) {
    let said = async {
        while !connector.log().contains(text) {
            sleep(LOOK).await;
        }
    };
    if timeout(SOON, said).await.is_err() {
        panic!("'{text}' was not said:\n{}", connector.log());
    }
}

/// The partitions a connector has begun to read, in order.
fn begun(connector: &Connector) -> Vec<String> {
    let log = connector.log();
    let lines = log
        .lines()
        .filter_map(|line| line.split_once("reading this partition from now on partition="));
    let mut begun: Vec<String> = lines
        .filter_map(|(_, rest)| Some(rest.split(' ').next()?.to_owned()))
        .collect();
    begun.sort();
    begun
}

/// A process that has everything, and a second one that stands by.
async fn owner_and_standby(scenario: &Scenario, seed: u64) -> (Connector, Connector) {
    let mut owner = scenario.connector().unwrap();
    scenario.produce(&wanted(seed, 20)).await.unwrap();
    scenario.settled(&mut owner, SOON).await.unwrap();
    let standby = scenario.connector().unwrap();
    says(&standby, "standing by").await;
    (owner, standby)
}

/// Produces events to every partition.
async fn produce_everywhere(scenario: &Scenario, seed: u64) {
    for partition in 0..scenario.partitions() {
        let batch = wanted(seed + u64::from(partition), 10)
            .into_iter()
            .map(|event| event.value.into())
            .collect();
        scenario
            .cluster
            .produce_batch(&scenario.topic, partition, batch, Compression::None)
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn second_copy_that_came_and_went_harms_nobody() {
    let scenario = scenario(Options::default()).await;
    let (mut owner, mut copy) = owner_and_standby(&scenario, 121).await;
    let observed = copy.observed(SOON).await.unwrap();
    let standing = observed.ready(SOON, |shown| {
        shown.status == 200 && shown.text.contains("standing by")
    });
    assert!(standing.await.is_ok(), "{}", copy.log());
    copy.signal("INT").await.unwrap();
    let exit = copy.wait(SOON).await.unwrap();
    assert_eq!(exit.status.code(), Some(0), "{}", exit.log);
    scenario.produce(&wanted(122, 20)).await.unwrap();
    scenario.settled(&mut owner, SOON).await.unwrap();
    let log = stop(&scenario, owner).await;
    assert!(!log.contains("taken over"), "{log}");
    let verdict = clean(&scenario).await;
    assert_eq!(
        (verdict.events_delivered, verdict.duplicates),
        (40, 0),
        "{verdict}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_start_together_share_the_partitions_and_lose_nothing() {
    let scenario = scenario(partitions(3)).await;
    produce_everywhere(&scenario, 130).await;
    let mut one = scenario.connector().unwrap();
    let mut other = scenario.connector().unwrap();
    let observed = [
        one.observed(SOON).await.unwrap(),
        other.observed(SOON).await.unwrap(),
    ];
    scenario.settled(&mut one, SOON).await.unwrap();
    let sorted_out = async {
        loop {
            let mut counts = [0.0, 0.0];
            for observed in &observed {
                let metrics = observed.metrics().await.unwrap();
                for (count, state) in counts.iter_mut().zip(["owned", "standby"]) {
                    let name = format!("capillary_aep_partitions{{state=\"{state}\"}}");
                    *count += metrics.value(&name).unwrap_or_default();
                }
            }
            if counts == [3.0, 3.0] {
                return;
            }
            sleep(LOOK).await;
        }
    };
    let in_time = timeout(SOON, sorted_out).await;
    assert!(in_time.is_ok(), "one owner for each:\n{}", one.log());
    stop(&scenario, one).await;
    produce_everywhere(&scenario, 140).await;
    scenario.settled(&mut other, SOON).await.unwrap();
    stop(&scenario, other).await;
    let verdict = clean(&scenario).await;
    assert_eq!(verdict.events_delivered, 60, "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn standby_takes_over_at_once_after_an_orderly_stop() {
    let options = Options {
        // An orderly stop does not wait for the lease.
        platform: "  lease: 20s\n".to_owned(),
        ..Options::default()
    };
    let scenario = scenario(options).await;
    let (owner, mut standby) = owner_and_standby(&scenario, 151).await;
    stop(&scenario, owner).await;
    let stopped = Instant::now();
    says(&standby, "reading this partition from now on").await;
    assert!(
        stopped.elapsed() < Duration::from_secs(10),
        "{:?}",
        stopped.elapsed()
    );
    scenario.produce(&wanted(152, 20)).await.unwrap();
    scenario.settled(&mut standby, SOON).await.unwrap();
    stop(&scenario, standby).await;
    let verdict = clean(&scenario).await;
    assert_eq!(
        (verdict.events_delivered, verdict.duplicates),
        (40, 0),
        "{verdict}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn standby_takes_over_from_a_killed_owner_after_the_lease() {
    let scenario = scenario(Options::default()).await;
    let (owner, mut standby) = owner_and_standby(&scenario, 161).await;
    owner.kill().await.unwrap();
    scenario.produce(&wanted(162, 20)).await.unwrap();
    scenario.settled(&mut standby, SOON).await.unwrap();
    stop(&scenario, standby).await;
    let verdict = clean(&scenario).await;
    assert_eq!(verdict.events_delivered, 40, "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn owner_that_was_asleep_gives_way_and_then_stands_by() {
    let scenario = scenario(Options::default()).await;
    let (owner, other) = owner_and_standby(&scenario, 171).await;
    owner.signal("STOP").await.unwrap();
    says(&other, "reading this partition from now on").await;
    owner.signal("CONT").await.unwrap();
    // A mark it had sent when it fell asleep may come last: then the other one gives way.
    let given_up = |connector: &Connector| connector.log().contains("the partition is given up");
    let gives_way = async {
        while !given_up(&owner) && !given_up(&other) {
            sleep(LOOK).await;
        }
    };
    timeout(SOON, gives_way).await.expect("neither gives way");
    let (mut owner, mut standby) = if given_up(&owner) {
        (other, owner)
    } else {
        (owner, other)
    };
    assert!(standby.is_running().unwrap());
    scenario.produce(&wanted(172, 20)).await.unwrap();
    scenario.settled(&mut owner, SOON).await.unwrap();
    stop(&scenario, owner).await;
    scenario.produce(&wanted(173, 20)).await.unwrap();
    scenario.settled(&mut standby, SOON).await.unwrap();
    stop(&scenario, standby).await;
    let verdict = clean(&scenario).await;
    assert_eq!(verdict.events_delivered, 60, "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_divide_the_partitions_and_a_third_joins() {
    let scenario = scenario(partitions(3)).await;
    let share = |index: u32, of: u32| {
        let share = format!("partition: {{index: {index}, of: {of}}}");
        scenario.configuration().replace("partition: all", &share)
    };
    let mut first = scenario.connector_with(&share(0, 2)).unwrap();
    let second = scenario.connector_with(&share(1, 2)).unwrap();
    produce_everywhere(&scenario, 180).await;
    scenario.settled(&mut first, SOON).await.unwrap();
    assert_eq!(
        (begun(&first), begun(&second)),
        (vec!["0".to_owned(), "2".to_owned()], vec!["1".to_owned()])
    );
    // A rolling restart from two to three, from the last one down.
    let mut third = scenario.connector_with(&share(2, 3)).unwrap();
    says(&third, "standing by").await;
    stop(&scenario, second).await;
    let second = scenario.connector_with(&share(1, 3)).unwrap();
    stop(&scenario, first).await;
    let first = scenario.connector_with(&share(0, 3)).unwrap();
    produce_everywhere(&scenario, 190).await;
    scenario.settled(&mut third, SOON).await.unwrap();
    for (connector, partition) in [(first, "0"), (second, "1"), (third, "2")] {
        assert_eq!(begun(&connector), [partition], "{}", connector.log());
        stop(&scenario, connector).await;
    }
    let verdict = clean(&scenario).await;
    assert_eq!(
        (verdict.events_delivered, verdict.duplicates),
        (60, 0),
        "{verdict}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn records_pending_since_a_start_at_the_end_are_read_again() {
    let scenario = scenario(Options {
        platform: "  shutdown-timeout: 1s\n".to_owned(),
        ..Options::default()
    })
    .await;
    let at_end = scenario
        .configuration()
        .replace("start: beginning", "start: end");
    let down = conformance::simulator::Fault::status(
        conformance::simulator::Status::try_from(503).unwrap(),
    );
    let target = conformance::simulator::Target::Inlets;
    scenario
        .simulator
        .add_fault(conformance::simulator::Step::new(target, down).forever());
    let connector = scenario.connector_with(&at_end).unwrap();
    says(&connector, "first start: reading begins here").await;
    says(&connector, "reading partition=0").await;
    scenario.produce(&wanted(195, 300)).await.unwrap();
    scenario
        .seen("a refused request", SOON, |seen| {
            !seen.requests().is_empty()
        })
        .await
        .unwrap();
    stop(&scenario, connector).await;
    let stored = scenario
        .cluster
        .stored_offset(&scenario.name, &scenario.topic, 0);
    assert_eq!(stored.await.unwrap(), Some(-1), "the beginning is stored");
    scenario.simulator.clear_faults();
    let mut connector = scenario.connector_with(&at_end).unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    // A partition that came while nobody ran is read from its beginning.
    stop(&scenario, connector).await;
    scenario.add_partitions(1).await.unwrap();
    let batch = wanted(196, 10)
        .into_iter()
        .map(|event| event.value.into())
        .collect();
    let topic = &scenario.topic;
    scenario
        .cluster
        .produce_batch(topic, 1, batch, Compression::None)
        .await
        .unwrap();
    let mut connector = scenario.connector_with(&at_end).unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    stop(&scenario, connector).await;
    let verdict = clean(&scenario).await;
    assert_eq!(verdict.events_delivered, 310, "{verdict}");
}
