//! Logs that lost records, or seem to: retention, crashes of the broker, topics created anew.

use conformance::cluster::Backend;
use conformance::scenario::{Options, Scenario};
use conformance::simulator::{Fault, Status, Step, Target};
use conformance::workload::Expected;
use fluvio::Compression;
use fluvio_protocol::record::{Batch, RawRecords, Record};

use crate::{SOON, scenario, stop, wanted};

async fn mock(platform: &str) -> Scenario {
    let options = Options {
        platform: platform.to_owned(),
        ..Options::default()
    };
    match Scenario::start_on(&Backend::Mock, options).await {
        Ok(scenario) => scenario,
        Err(error) => panic!("{error}"),
    }
}

/// Each event in a batch of its own, so that retention can end anywhere.
async fn produce_one_by_one(scenario: &Scenario, seed: u64, count: usize) {
    for event in wanted(seed, count) {
        scenario
            .cluster
            .produce_batch(
                &scenario.topic,
                0,
                vec![event.value.into()],
                Compression::None,
            )
            .await
            .unwrap();
    }
}

/// 20 records are delivered; of the next 20, retention removes the first 10 before the connector is
/// started again.
async fn with_evicted_records(platform: &str) -> Scenario {
    let scenario = mock(platform).await;
    produce_one_by_one(&scenario, 201, 20).await;
    let mut connector = scenario.connector().unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    stop(&scenario, connector).await;
    produce_one_by_one(&scenario, 202, 20).await;
    let cluster = scenario.cluster.mock().unwrap();
    assert_eq!(cluster.evict(&scenario.topic, 0, 30).unwrap(), 30);
    scenario
}

fn names_the_range(log: &str) {
    let told = log
        .lines()
        .find(|line| line.contains("ERROR") && line.contains("retention"));
    let told = told.unwrap_or_else(|| panic!("no ERROR line: {log}"));
    for part in ["first=20", "last=29", "lost=10"] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn evicted_records_are_logged_and_reading_resumes_at_the_log_start() {
    let scenario = with_evicted_records("").await;
    let mut connector = scenario.connector().unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    assert_eq!(scenario.stored().await.unwrap(), [Some(39)]);
    let log = stop(&scenario, connector).await;
    names_the_range(&log);
    assert!(log.contains("evicted=10"), "the summary counts them: {log}");
    assert_eq!(scenario.simulator.accepted_events().len(), 30, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn evicted_records_stop_the_connector_when_so_configured() {
    let scenario = with_evicted_records("  on-evicted: stop\n").await;
    let connector = scenario.connector().unwrap();
    let exit = connector.wait(SOON).await.unwrap();
    assert_eq!(exit.status.code(), Some(1), "{}", exit.log);
    names_the_range(&exit.log);
    assert_eq!(
        scenario.stored().await.unwrap(),
        [Some(19)],
        "an offset was settled that nobody gave up"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn single_replica_is_read_to_its_end_whatever_the_high_watermark() {
    let scenario = mock("").await;
    scenario.produce(&wanted(203, 20)).await.unwrap();
    let mut connector = scenario.connector().unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    stop(&scenario, connector).await;
    scenario.produce(&wanted(204, 20)).await.unwrap();
    let cluster = scenario.cluster.mock().unwrap();
    cluster.lag_high_watermark(&scenario.topic, 0, 5).unwrap();
    let connector = scenario.connector().unwrap();
    // Nothing is written meanwhile, so the broker goes on telling the old one.
    scenario
        .seen("every event", SOON, |seen| {
            seen.store().distinct_events() >= 40
        })
        .await
        .unwrap();
    let committed = async {
        while scenario.stored().await.unwrap() != [Some(39)] {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let in_time = tokio::time::timeout(SOON, committed).await;
    assert!(in_time.is_ok(), "{}", connector.log());
    stop(&scenario, connector).await;
    assert_eq!(scenario.simulator.accepted_events().len(), 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn log_end_before_the_stored_offset_exits_with_3() {
    let scenario = mock("").await;
    scenario.produce(&wanted(205, 20)).await.unwrap();
    let mut connector = scenario.connector().unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    stop(&scenario, connector).await;
    let cluster = scenario.cluster.mock().unwrap();
    cluster.recreate_topic(&scenario.topic).unwrap();
    scenario.produce(&wanted(206, 5)).await.unwrap();
    let exit = scenario.connector().unwrap().wait(SOON).await.unwrap();
    assert_eq!(exit.status.code(), Some(3), "{}", exit.log);
    assert!(exit.log.contains("fluvio consumer delete"), "{}", exit.log);
    assert!(
        exit.log.contains("WARN"),
        "the time of grace is told: {}",
        exit.log
    );
    assert_eq!(scenario.stored().await.unwrap(), [Some(19)]);
    assert_eq!(scenario.simulator.accepted_events().len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_evicted_while_delivery_is_held_up_are_logged() {
    let options = Options {
        platform: "  buffer: {max-bytes: 24MiB, max-offsets: 10}\n".to_owned(),
        max_bytes: "10kB".to_owned(),
        ..Options::default()
    };
    let scenario = match Scenario::start_on(&Backend::Mock, options).await {
        Ok(scenario) => scenario,
        Err(error) => panic!("{error}"),
    };
    // Compiling the SmartModule takes a loaded broker so long that the connector reads directly,
    // and too far ahead.
    produce_one_by_one(&scenario, 210, 1).await;
    let mut connector = scenario.connector().unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    let down = Fault::status(Status::try_from(503).unwrap());
    scenario
        .simulator
        .add_fault(Step::new(Target::Inlets, down).forever());
    produce_one_by_one(&scenario, 208, 200).await;
    scenario
        .seen("repeated requests", SOON, |seen| seen.requests().len() >= 4)
        .await
        .unwrap();
    let cluster = scenario.cluster.mock().unwrap();
    cluster.evict(&scenario.topic, 0, 150).unwrap();
    scenario.simulator.clear_faults();
    scenario.settled(&mut connector, SOON).await.unwrap();
    let log = stop(&scenario, connector).await;
    let told = log
        .lines()
        .find(|line| line.contains("ERROR") && line.contains("retention"));
    let lost: Option<usize> = told.and_then(|line| {
        let number = line.split("lost=").nth(1)?;
        number.split_whitespace().next()?.parse().ok()
    });
    let lost = lost.unwrap_or_else(|| panic!("no ERROR line with a count: {log}"));
    assert!(lost > 0 && log.contains("last=149"), "{log}");
    assert_eq!(
        scenario.simulator.accepted_events().len(),
        201 - lost,
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn records_taken_back_by_a_broker_crash_exit_with_3() {
    let scenario = mock("").await;
    produce_one_by_one(&scenario, 209, 20).await;
    let mut connector = scenario.connector().unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    let cluster = scenario.cluster.mock().unwrap();
    cluster.truncate(&scenario.topic, 0, 15).unwrap();
    cluster.drop_connections();
    let exit = connector.wait(SOON).await.unwrap();
    assert_eq!(exit.status.code(), Some(3), "{}", exit.log);
    assert!(
        exit.log.contains("the next offset to read is 20"),
        "{}",
        exit.log
    );
    assert_eq!(scenario.stored().await.unwrap(), [Some(19)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn recreated_log_that_has_grown_longer_exits_with_3_and_skips_nothing() {
    let scenario = mock("").await;
    scenario.produce(&wanted(221, 20)).await.unwrap();
    let mut connector = scenario.connector().unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    stop(&scenario, connector).await;
    let cluster = scenario.cluster.mock().unwrap();
    cluster.recreate_topic(&scenario.topic).unwrap();
    scenario.produce(&wanted(222, 30)).await.unwrap();
    let exit = scenario.connector().unwrap().wait(SOON).await.unwrap();
    assert_eq!(exit.status.code(), Some(3), "{}", exit.log);
    assert!(
        exit.log.contains("is not the log that was read"),
        "{}",
        exit.log
    );
    assert_eq!(scenario.stored().await.unwrap(), [Some(19)]);
    assert_eq!(scenario.simulator.accepted_events().len(), 20);
    // As the message says.
    scenario
        .cluster
        .delete_offset(&scenario.name, &scenario.topic, 0)
        .await
        .unwrap();
    let mut connector = scenario.connector().unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    stop(&scenario, connector).await;
    assert_eq!(scenario.simulator.accepted_events().len(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn log_that_lost_its_end_and_grew_again_exits_with_3() {
    let scenario = mock("").await;
    produce_one_by_one(&scenario, 223, 20).await;
    let mut connector = scenario.connector().unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    let cluster = scenario.cluster.mock().unwrap();
    // Nothing of it is seen meanwhile.
    let leader = cluster.leader(&scenario.topic, 0).unwrap();
    cluster.stop_spu(leader).await;
    cluster.truncate(&scenario.topic, 0, 15).unwrap();
    for event in wanted(224, 10) {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        let mut batch: Batch = Batch::from(vec![Record::new(event.value)]);
        batch.header.first_timestamp = i64::try_from(now.as_millis()).unwrap();
        let batch = Batch::<RawRecords>::try_from(batch).unwrap();
        cluster.append(&scenario.topic, 0, batch).unwrap();
    }
    cluster.start_spu(leader).await.unwrap();
    let exit = connector.wait(SOON).await.unwrap();
    assert_eq!(exit.status.code(), Some(3), "{}", exit.log);
    assert!(exit.log.contains("its record at offset 19"), "{}", exit.log);
    assert_eq!(scenario.stored().await.unwrap(), [Some(19)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn topic_deleted_while_it_is_read_ends_the_connector_with_a_message() {
    let scenario = scenario(Options::default()).await;
    scenario.produce(&wanted(207, 20)).await.unwrap();
    let mut connector = scenario.connector().unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    scenario
        .cluster
        .delete_topic(&scenario.topic)
        .await
        .unwrap();
    let exit = connector.wait(SOON).await.unwrap();
    assert_eq!(exit.status.code(), Some(1), "{}", exit.log);
    assert!(
        exit.log
            .contains(&format!("topic {} was deleted", scenario.topic)),
        "{}",
        exit.log
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn records_in_flight_of_a_deleted_topic_leave_no_stored_offset() {
    let scenario = mock("").await;
    scenario.produce(&wanted(211, 10)).await.unwrap();
    let mut connector = scenario.connector().unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    let before = scenario.simulator.requests().len();
    let slow =
        Step::new(Target::Inlets, Fault::Pass).answer_delay(std::time::Duration::from_secs(3));
    scenario.simulator.add_fault(slow.forever());
    scenario.produce(&wanted(212, 20)).await.unwrap();
    scenario
        .seen("a request", SOON, |seen| seen.requests().len() > before)
        .await
        .unwrap();
    scenario
        .cluster
        .delete_topic(&scenario.topic)
        .await
        .unwrap();
    let exit = connector.wait(SOON).await.unwrap();
    assert_eq!(exit.status.code(), Some(1), "{}", exit.log);
    assert_eq!(scenario.stored().await.unwrap(), [None], "{}", exit.log);

    scenario.simulator.clear_faults();
    scenario
        .cluster
        .mock()
        .unwrap()
        .create_topic(&scenario.topic, 1);
    let events = wanted(213, 60);
    scenario.produce(&events).await.unwrap();
    let mut connector = scenario.connector().unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    let log = stop(&scenario, connector).await;
    let accepted = scenario.simulator.accepted_events();
    for event in &events {
        let Expected::Delivered { id } = &event.expected else {
            panic!("not to be delivered: {:?}", event.expected);
        };
        assert!(
            accepted
                .iter()
                .any(|accepted| accepted.id.as_ref() == Some(id)),
            "{id} of the new topic was not delivered: {log}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reader_waiting_for_buffer_notices_a_deleted_topic() {
    let options = Options {
        platform: "  buffer: {max-bytes: 24MiB, max-offsets: 10}\n  shutdown-timeout: 1s\n"
            .to_owned(),
        max_bytes: "10kB".to_owned(),
        ..Options::default()
    };
    let scenario = match Scenario::start_on(&Backend::Mock, options).await {
        Ok(scenario) => scenario,
        Err(error) => panic!("{error}"),
    };
    produce_one_by_one(&scenario, 214, 1).await;
    let mut connector = scenario.connector().unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    let down = Fault::status(Status::try_from(503).unwrap());
    scenario
        .simulator
        .add_fault(Step::new(Target::Inlets, down).forever());
    produce_one_by_one(&scenario, 215, 200).await;
    scenario
        .seen("repeated requests", SOON, |seen| seen.requests().len() >= 4)
        .await
        .unwrap();
    scenario
        .cluster
        .delete_topic(&scenario.topic)
        .await
        .unwrap();
    let exit = connector.wait(SOON).await.unwrap();
    assert_eq!(exit.status.code(), Some(1), "{}", exit.log);
    assert!(exit.log.contains("was deleted"), "{}", exit.log);
    assert_eq!(scenario.stored().await.unwrap(), [None], "{}", exit.log);
}

/// Two records, compressed, whose bytes were damaged.
fn damaged() -> Batch<RawRecords> {
    let mut batch: Batch = Batch::from(vec![Record::new("one"), Record::new("two")]);
    batch.header.set_compression(Compression::Gzip);
    let mut batch = Batch::<RawRecords>::try_from(batch).unwrap();
    let bytes: Vec<u8> = batch.records().0.iter().map(|byte| byte ^ 0xff).collect();
    *batch.mut_records() = RawRecords(bytes.into());
    batch
}

#[tokio::test(flavor = "multi_thread")]
async fn batch_that_cannot_be_decoded_is_named_and_passed_over_when_so_decided() {
    let scenario = mock("").await;
    scenario.produce(&wanted(207, 5)).await.unwrap();
    let cluster = scenario.cluster.mock().unwrap();
    let first = cluster.append(&scenario.topic, 0, damaged()).unwrap();
    scenario.produce(&wanted(208, 5)).await.unwrap();
    let range = format!("0:{first}-{}", first + 1);
    let mut connector = scenario.connector().unwrap();
    let observed = connector.observed(SOON).await.unwrap();
    let named = observed.ready(SOON, |shown| {
        shown.status == 503 && shown.text.contains(&range)
    });
    if let Err(last) = named.await {
        panic!("{last}\n{}", connector.log());
    }
    stop(&scenario, connector).await;
    assert_eq!(scenario.simulator.accepted_events().len(), 5);
    let configuration = format!(
        "{}  skip-offsets: [\"{range}\"]\n",
        scenario.configuration()
    );
    let connector = scenario.connector_with(&configuration).unwrap();
    scenario
        .seen("what is after it", SOON, |seen| {
            seen.store().distinct_events() >= 10
        })
        .await
        .unwrap();
    let log = stop(&scenario, connector).await;
    assert!(log.contains("passing over offsets"), "{log}");
    assert_eq!(scenario.simulator.accepted_events().len(), 10, "{log}");
}
