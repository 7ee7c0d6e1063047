//! `/ready` says whose fault it is and what to do, and nothing is lost until somebody has done it.

use std::time::Duration;

use conformance::cluster::Backend;
use conformance::harness::{Connector, Observed, Shown};
use conformance::mock_cluster::CommitFault;
use conformance::scenario::{Options, Scenario};
use conformance::simulator::{Fault, Status, Step, Target};

use crate::{SOON, clean, scenario, stop, wanted};

/// A wrong credential is asked for again a minute later.
const A_MINUTE_AND_MORE: Duration = Duration::from_secs(150);
/// More than the refusals in a row that are needed to blame the target.
const RECORDS: usize = 42;

fn options() -> Options {
    Options {
        // A held inlet cannot be drained.
        platform: "  shutdown-timeout: 1s\n".to_owned(),
        ..Options::default()
    }
}

/// Waits for a 503 that says all of this.
async fn not_ready(observed: &Observed, parts: &[&str]) -> Shown {
    let says_all =
        |shown: &Shown| shown.status == 503 && parts.iter().all(|part| shown.text.contains(part));
    match observed.ready(SOON, says_all).await {
        Ok(shown) => shown,
        Err(last) => panic!("{last}; wanted: {parts:?}"),
    }
}

async fn ready(observed: &Observed, within: Duration) {
    if let Err(last) = observed.ready(within, |shown| shown.status == 200).await {
        panic!("{last}");
    }
}

/// Nothing left the stream: no dead letter, nothing accepted, no offset of a record stored.
async fn nothing_is_lost(scenario: &Scenario, observed: &Observed, stored: Option<i64>) {
    assert!(scenario.dead_letters().await.unwrap().is_empty());
    assert_eq!(scenario.stored().await.unwrap(), [stored]);
    let metrics = observed.metrics().await.unwrap();
    assert_eq!(metrics.value("capillary_aep_ready"), Some(0.0));
    assert_eq!(metrics.sum("capillary_aep_dead_letters_total", ""), 0.0);
}

/// A configuration that is wrong in one place holds the inlet; the right one delivers everything.
async fn a_wrong_configuration(scenario: Scenario, wrong: String, says: &[&str]) {
    assert_ne!(wrong, scenario.configuration());
    scenario.produce(&wanted(601, RECORDS)).await.unwrap();
    let mut connector = scenario.connector_with(&wrong).unwrap();
    let observed = connector.observed(SOON).await.unwrap();
    not_ready(&observed, says).await;
    nothing_is_lost(&scenario, &observed, None).await;
    let metrics = observed.metrics().await.unwrap();
    assert_eq!(
        metrics.value("capillary_aep_inlet_state{inlet=\"events\",state=\"held\"}"),
        Some(1.0)
    );
    stop(&scenario, connector).await;

    let mut connector = scenario.connector().unwrap();
    let observed = connector.observed(SOON).await.unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    ready(&observed, SOON).await;
    all_delivered(&scenario, connector, RECORDS).await;
}

async fn all_delivered(scenario: &Scenario, connector: Connector, records: usize) {
    stop(scenario, connector).await;
    let verdict = clean(scenario).await;
    assert_eq!(
        (verdict.events_delivered, verdict.dead_lettered),
        (records, 0),
        "{verdict}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_dataset_holds_the_inlet_and_readiness_names_it() {
    let scenario = scenario(options()).await;
    let right = scenario
        .simulator
        .events_inlet()
        .unwrap()
        .dataset_id
        .clone()
        .unwrap();
    let wrong = scenario
        .configuration()
        .replace(&right, "65f1a2b3c4d5e6f708192a3b");
    a_wrong_configuration(
        scenario,
        wrong,
        &[
            "inlet events",
            "yours",
            "unknown_dataset",
            "check dataset-id",
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_organisation_holds_the_inlet_and_readiness_names_it() {
    let scenario = scenario(options()).await;
    let right = scenario.simulator.config().organization_id.clone();
    let wrong = scenario
        .configuration()
        .replace(&right, "FFFFFFFFFFFFFFFFFFFFFFFF@AdobeOrg");
    a_wrong_configuration(
        scenario,
        wrong,
        &[
            "inlet events",
            "yours",
            "wrong_organization",
            "check organization-id",
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_inlet_is_held_and_readiness_names_it() {
    let scenario = scenario(options()).await;
    let right = scenario.simulator.events_inlet().unwrap().id.to_string();
    let wrong = scenario.configuration().replace(&right, &"ab".repeat(32));
    a_wrong_configuration(
        scenario,
        wrong,
        &["inlet events", "yours", "not_found", "check inlet-url"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusal_is_shown_with_its_rule_and_names_and_without_what_it_quotes() {
    let scenario = scenario(options()).await;
    let quotes = Fault::Message {
        status: Status::try_from(400).unwrap(),
        message: Some(
            "DCVS-1106-400: The message cannot be validated: [#: required key [_acme] not found, \
            #/person/name: String [Mara Ellison]]"
                .to_owned(),
        ),
        dialect: None,
        accept: false,
    };
    let events = Target::Inlet("events".to_owned());
    scenario
        .simulator
        .add_fault(Step::new(events, quotes).forever());
    scenario.produce(&wanted(604, RECORDS)).await.unwrap();
    let mut connector = scenario.connector().unwrap();
    let observed = connector.observed(SOON).await.unwrap();
    let rule = "DCVS-1106-400: The message cannot be validated: [#: required key [_acme] not \
        found, #/person/name: String […]]";
    let shown = not_ready(&observed, &["inlet events", rule]).await;
    let log = stop(&scenario, connector).await;
    assert!(log.contains(rule), "{log}");
    for text in [&log, &shown.text] {
        assert!(!text.contains("Mara"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn disabled_flow_holds_the_inlet_until_it_is_enabled_again() {
    let scenario = scenario(options()).await;
    assert!(scenario.simulator.enable_flow("events", false));
    scenario.produce(&wanted(602, RECORDS)).await.unwrap();
    let mut connector = scenario.connector().unwrap();
    let observed = connector.observed(SOON).await.unwrap();
    not_ready(
        &observed,
        &[
            "inlet events",
            "yours",
            "unknown_flow",
            "dataflow is enabled",
        ],
    )
    .await;
    nothing_is_lost(&scenario, &observed, None).await;
    assert!(scenario.simulator.enable_flow("events", true));
    scenario.settled(&mut connector, SOON).await.unwrap();
    ready(&observed, SOON).await;
    all_delivered(&scenario, connector, RECORDS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_credential_stops_delivery_until_it_is_valid_again() {
    let scenario = scenario(options()).await;
    scenario.produce(&wanted(603, RECORDS)).await.unwrap();
    let mut connector = scenario.connector().unwrap();
    let observed = connector.observed(SOON).await.unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    ready(&observed, SOON).await;
    let stored = scenario.stored().await.unwrap()[0];

    let refusal =
        r#"{"error": "invalid_client", "error_description": "invalid client_secret parameter"}"#;
    let revoked = Fault::Status {
        status: Status::try_from(400).unwrap(),
        retry_after: None,
        body: Some(refusal.to_owned()),
        accept: false,
    };
    scenario
        .simulator
        .add_fault(Step::new(Target::Ims, revoked).forever());
    scenario.simulator.revoke_tokens();
    scenario.produce(&wanted(604, RECORDS)).await.unwrap();
    not_ready(
        &observed,
        &[
            "access token",
            "yours",
            "client secret",
            "secrets.IMS_CLIENT_SECRET",
        ],
    )
    .await;
    nothing_is_lost(&scenario, &observed, stored).await;

    scenario.simulator.clear_faults();
    ready(&observed, A_MINUTE_AND_MORE).await;
    scenario.settled(&mut connector, SOON).await.unwrap();
    all_delivered(&scenario, connector, 2 * RECORDS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inlet_that_does_not_respond_differs_from_one_that_refuses() {
    let scenario = scenario(options()).await;
    let down = Step::new(
        Target::Inlets,
        Fault::status(Status::try_from(503).unwrap()),
    )
    .forever();
    scenario.simulator.add_fault(down);
    scenario.produce(&wanted(605, RECORDS)).await.unwrap();
    let mut connector = scenario.connector().unwrap();
    let observed = connector.observed(SOON).await.unwrap();
    not_ready(&observed, &["inlet events", "outside", "503"]).await;
    scenario.simulator.clear_faults();
    ready(&observed, SOON).await;
    scenario.settled(&mut connector, SOON).await.unwrap();
    all_delivered(&scenario, connector, RECORDS).await;
}

async fn mock() -> Scenario {
    match Scenario::start_on(&Backend::Mock, options()).await {
        Ok(scenario) => scenario,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_reports_lost_cluster_unstored_offsets_and_letters() {
    let scenario = mock().await;
    let cluster = scenario.cluster.mock().unwrap();
    scenario.produce(&wanted(606, 20)).await.unwrap();
    let mut connector = scenario.connector().unwrap();
    let observed = connector.observed(SOON).await.unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    ready(&observed, SOON).await;

    cluster.fail_commits(CommitFault::Refused);
    scenario.produce(&wanted(607, 20)).await.unwrap();
    not_ready(&observed, &["committing partition 0", "outside"]).await;
    cluster.heal();
    ready(&observed, SOON).await;

    cluster.fail_produce(
        &scenario.dead_letter_topic(),
        fluvio_protocol::link::ErrorCode::StorageError,
    );
    let broken = conformance::cluster::ProducedRecord {
        key: None,
        value: b"not json".to_vec(),
    };
    scenario
        .cluster
        .produce_batch(&scenario.topic, 0, vec![broken], fluvio::Compression::None)
        .await
        .unwrap();
    not_ready(&observed, &["dead letters", &scenario.dead_letter_topic()]).await;
    cluster.heal();
    ready(&observed, SOON).await;

    let leader = cluster.leader(&scenario.topic, 0).unwrap();
    cluster.stop_spu(leader).await;
    not_ready(&observed, &["reading partition 0", "outside"]).await;
    cluster.start_spu(leader).await.unwrap();
    ready(&observed, SOON).await;
    scenario.settled(&mut connector, SOON).await.unwrap();
    stop(&scenario, connector).await;
    let verdict = clean(&scenario).await;
    assert_eq!(
        (verdict.events_delivered, verdict.dead_lettered),
        (40, 1),
        "{verdict}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letter_that_is_not_replicated_is_waited_for_and_stored_once() {
    let mut options = options();
    options
        .platform
        .push_str("  dead-letter: {replicas: 2}\n  retry: {max: 1s}\n");
    let scenario = match Scenario::start_on(&Backend::Mock, options).await {
        Ok(scenario) => scenario,
        Err(error) => panic!("{error}"),
    };
    let cluster = scenario.cluster.mock().unwrap();
    scenario.produce(&wanted(608, 20)).await.unwrap();
    let mut connector = scenario.connector().unwrap();
    let observed = connector.observed(SOON).await.unwrap();
    ready(&observed, SOON).await;
    let dead_letters = scenario.dead_letter_topic();
    cluster.stop_followers(&dead_letters, 0).unwrap();
    let broken = conformance::cluster::ProducedRecord {
        key: None,
        value: b"not json".to_vec(),
    };
    scenario
        .cluster
        .produce_batch(&scenario.topic, 0, vec![broken], fluvio::Compression::None)
        .await
        .unwrap();
    not_ready(&observed, &["dead letters", "has not replicated them yet"]).await;
    let failures = async || {
        let metrics = observed.metrics().await.unwrap();
        metrics.sum("capillary_aep_dead_letter_write_failures_total", "")
    };
    while failures().await < 3.0 {
        tokio::task::yield_now().await;
    }
    cluster.start_followers(&dead_letters, 0).unwrap();
    ready(&observed, SOON).await;
    scenario.settled(&mut connector, SOON).await.unwrap();
    stop(&scenario, connector).await;
    assert_eq!(clean(&scenario).await.dead_lettered, 1);
    assert_eq!(cluster.records(&dead_letters, 0).unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_ends_while_the_connector_stops() {
    let scenario = scenario(Options {
        platform: "  shutdown-timeout: 60s\n".to_owned(),
        ..Options::default()
    })
    .await;
    let down = Step::new(
        Target::Inlets,
        Fault::status(Status::try_from(503).unwrap()),
    )
    .forever();
    scenario.simulator.add_fault(down);
    scenario.produce(&wanted(608, 20)).await.unwrap();
    let mut connector = scenario.connector().unwrap();
    let observed = connector.observed(SOON).await.unwrap();
    not_ready(&observed, &["inlet events"]).await;
    connector.signal("TERM").await.unwrap();
    not_ready(&observed, &["stopping"]).await;
    scenario.simulator.clear_faults();
    let exit = connector.wait(SOON).await.unwrap();
    assert!(exit.status.success(), "{}", exit.log);
    clean(&scenario).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partition_waiting_for_buffer_blames_the_inlet_not_the_broker() {
    let scenario = match Scenario::start_on(
        &Backend::Mock,
        Options {
            platform: "  buffer: {max-bytes: 24MiB, max-offsets: 10}\n  shutdown-timeout: 1s\n"
                .to_owned(),
            max_bytes: "10kB".to_owned(),
            ..Options::default()
        },
    )
    .await
    {
        Ok(scenario) => scenario,
        Err(error) => panic!("{error}"),
    };
    let down = Step::new(
        Target::Inlets,
        Fault::status(Status::try_from(503).unwrap()),
    )
    .forever();
    scenario.simulator.add_fault(down);
    for event in wanted(609, 100) {
        let batch = vec![event.value.into()];
        let produced =
            scenario
                .cluster
                .produce_batch(&scenario.topic, 0, batch, fluvio::Compression::None);
        produced.await.unwrap();
    }
    let mut connector = scenario.connector().unwrap();
    let observed = connector.observed(SOON).await.unwrap();
    not_ready(&observed, &["inlet events"]).await;
    scenario.cluster.mock().unwrap().drop_connections();
    let interrupted = tokio::time::timeout(SOON, async {
        while !connector.log().contains("reading is interrupted") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(interrupted.await.is_ok(), "{}", connector.log());
    let blames_the_inlet_alone = |shown: &Shown| {
        shown.text.contains("inlet events") && !shown.text.contains("reading partition 0")
    };
    if let Err(last) = observed.ready(SOON, blames_the_inlet_alone).await {
        panic!("{last}");
    }
    scenario.simulator.clear_faults();
    scenario.settled(&mut connector, SOON).await.unwrap();
    all_delivered(&scenario, connector, 100).await;
}
