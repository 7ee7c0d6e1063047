//! Dead letters sent again, and refusals that are dead-lettered on purpose.

use std::process::Output;

use conformance::cluster::Backend;
use conformance::harness::connector_program;
use conformance::oracle::Verdict;
use conformance::scenario::{Options, Scenario};
use conformance::simulator::{Fault, Selector, Status, Step, Target};
use conformance::workload::{Expected, RawEvent};
use serde_json::Value;

use crate::{SOON, holds_no_secret, scenario, stop, wanted};

fn id(event: &RawEvent) -> String {
    match &event.expected {
        Expected::Delivered { id } => id.clone(),
        other => panic!("not delivered: {other:?}"),
    }
}

fn refuses(ids: impl IntoIterator<Item = String>, status: u16) -> Step {
    let fault = Fault::Message {
        status: Status::try_from(status).unwrap(),
        message: Some("Message is invalid".to_owned()),
        dialect: None,
        accept: false,
    };
    Step::new(Target::Inlet("events".to_owned()), fault)
        .when(Selector::ids(ids))
        .forever()
}

/// Runs the connector until everything is settled, stops it, and judges. Not by `is_clean`: when an
/// event is refused and its record's profile statement is accepted, the dead letter is about the event
/// alone, and the oracle knows no such halves.
async fn settle(scenario: &Scenario) -> Verdict {
    let mut connector = scenario.connector().unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    stop(scenario, connector).await;
    let verdict = scenario.verdict().await.unwrap();
    assert!(
        verdict.lost.is_empty() && verdict.changed.is_empty() && verdict.reordered.is_empty(),
        "{verdict}"
    );
    verdict
}

/// How often an event arrived.
fn arrivals(scenario: &Scenario, id: &str) -> usize {
    let accepted = scenario.simulator.accepted_events();
    accepted
        .iter()
        .filter(|event| event.id.as_deref() == Some(id))
        .count()
}

/// Runs `replay` to its end with a configuration.
async fn replay_with(scenario: &Scenario, configuration: &str, arguments: &[&str]) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let (config, secrets) = (
        directory.path().join("c.yaml"),
        directory.path().join("s.txt"),
    );
    std::fs::write(&config, configuration).unwrap();
    std::fs::write(&secrets, scenario.secrets()).unwrap();
    let run = tokio::process::Command::new(connector_program().unwrap())
        .args(["replay", "--json", "--config"])
        .arg(config)
        .arg("--secrets")
        .arg(secrets)
        .args(arguments)
        .env("FLV_PROFILE_PATH", scenario.cluster.profile_file().unwrap())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(SOON, run).await.unwrap().unwrap();
    holds_no_secret(scenario, &String::from_utf8_lossy(&output.stderr));
    output
}

/// The result of a replay that must have gone well.
pub(super) async fn replay(scenario: &Scenario, arguments: &[&str]) -> Value {
    let output = replay_with(scenario, &scenario.configuration(), arguments).await;
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {log}", output.status);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {log}"))
}

/// Where the record of what was replayed is.
async fn progress(scenario: &Scenario) -> Option<i64> {
    let (consumer, topic) = (
        format!("{}-replay", scenario.name),
        scenario.dead_letter_topic(),
    );
    scenario
        .cluster
        .stored_offset(&consumer, &topic, 0)
        .await
        .unwrap()
}

/// A scenario in which some of 60 events were dead-lettered because the platform refused them, and
/// is mended since.
async fn mended(seed: u64, guilty: &[usize]) -> (Scenario, Vec<String>) {
    let scenario = scenario(Options::default()).await;
    let events = wanted(seed, 60);
    let ids: Vec<String> = guilty.iter().map(|index| id(&events[*index])).collect();
    scenario.simulator.add_fault(refuses(ids.clone(), 400));
    scenario.produce(&events).await.unwrap();
    let verdict = settle(&scenario).await;
    assert_eq!(verdict.dead_lettered, guilty.len(), "{verdict}");
    scenario.simulator.clear_faults();
    (scenario, ids)
}

#[tokio::test(flavor = "multi_thread")]
async fn replay_delivers_refused_records_and_a_second_run_sends_nothing() {
    let (scenario, ids) = mended(201, &[7, 31]).await;
    let report = replay(&scenario, &[]).await;
    assert_eq!(
        (&report["letters"], &report["events_delivered"]),
        (&2.into(), &2.into()),
        "{report}"
    );
    assert_eq!(
        progress(&scenario).await,
        Some(2),
        "after both dead letters"
    );
    let requests = scenario.simulator.requests().len();
    let again = replay(&scenario, &[]).await;
    assert_eq!(again["letters"], 0, "{again}");
    assert_eq!(scenario.simulator.requests().len(), requests);
    assert!(ids.iter().all(|id| arrivals(&scenario, id) == 1));
    let forced = replay(&scenario, &["--again"]).await;
    assert_eq!(forced["events_delivered"], 2, "{forced}");
}

#[tokio::test(flavor = "multi_thread")]
async fn replay_dry_run_sends_and_stores_nothing() {
    let (scenario, ids) = mended(202, &[5, 20, 40]).await;
    let calls = (
        scenario.simulator.requests().len(),
        scenario.simulator.token_calls().len(),
    );
    let report = replay(&scenario, &["--dry-run"]).await;
    assert_eq!(
        (&report["to_send"], &report["events_delivered"]),
        (&3.into(), &0.into()),
        "{report}"
    );
    assert_eq!(
        (
            scenario.simulator.requests().len(),
            scenario.simulator.token_calls().len()
        ),
        calls
    );
    assert_eq!(progress(&scenario).await, None);
    assert!(ids.iter().all(|id| arrivals(&scenario, id) == 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn replay_filter_sends_what_matches_and_keeps_the_rest() {
    let (scenario, _) = mended(203, &[4, 6]).await;
    let dead_letters = scenario.dead_letters().await.unwrap();
    let kinds: Vec<String> = dead_letters
        .iter()
        .map(|dead_letter| {
            let dead_letter: Value = serde_json::from_slice(dead_letter).unwrap();
            dead_letter["event"]["name"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_ne!(kinds[0], kinds[1]);
    for nothing in [
        ["--reason", "too_large"],
        ["--event", "streakStart"],
        ["--since", "2999-01-01T00:00:00Z"],
    ] {
        let report = replay(&scenario, &nothing).await;
        assert_eq!(
            (&report["to_send"], &report["unmatched"]),
            (&0.into(), &2.into()),
            "{report}"
        );
    }
    let second = replay(&scenario, &["--event", &kinds[1], "--since", "1h"]).await;
    assert_eq!(second["events_delivered"], 1, "{second}");
    let requests = scenario.simulator.requests().len();
    let again = replay(&scenario, &["--event", &kinds[1], "--since", "1h"]).await;
    assert_eq!(again["letters"], 1, "only the one passed over: {again}");
    assert_eq!(scenario.simulator.requests().len(), requests);
    let nothing = replay(&scenario, &["--from", "1"]).await;
    assert_eq!(nothing["letters"], 0, "{nothing}");
    let first = replay(&scenario, &["--reason", "refused", "--event", &kinds[0]]).await;
    assert_eq!(first["events_delivered"], 1, "{first}");
    let all = replay(&scenario, &[]).await;
    assert_eq!(all["letters"], 0, "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn replay_refuses_while_another_moves_its_mark() {
    let (scenario, ids) = mended(209, &[7]).await;
    scenario.simulator.add_fault(refuses(ids.clone(), 503));
    let configuration = scenario.configuration();
    let first = replay_with(&scenario, &configuration, &[]);
    let second = async {
        // Its mark is there.
        let (consumer, topic) = (
            format!("{}-replay-lease", scenario.name),
            scenario.dead_letter_topic(),
        );
        while scenario
            .cluster
            .stored_offset(&consumer, &topic, 0)
            .await
            .unwrap()
            .is_none()
        {
            tokio::task::yield_now().await;
        }
        let output = replay_with(&scenario, &configuration, &[]).await;
        scenario.simulator.clear_faults();
        output
    };
    let (first, second) = tokio::join!(first, second);
    assert!(first.status.success());
    assert_eq!(second.status.code(), Some(2));
    let log = String::from_utf8_lossy(&second.stderr);
    assert!(log.contains("another replay is under way"), "{log}");
    assert_eq!(arrivals(&scenario, &ids[0]), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn replay_reports_what_is_refused_again_and_writes_no_letter() {
    let (scenario, ids) = mended(204, &[7, 31]).await;
    scenario.simulator.add_fault(refuses([ids[1].clone()], 400));
    let output = replay_with(&scenario, &scenario.configuration(), &[]).await;
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (
            &report["events_delivered"],
            &report["refused_again"]["refused"]
        ),
        (&1.into(), &1.into()),
        "{report}"
    );
    assert_eq!(scenario.dead_letters().await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn replay_maps_rejected_records_with_current_parameters() {
    let mut options = Options::default();
    let parameter = ("qualify-identity".to_owned(), "true".to_owned());
    options.params.push(parameter);
    let scenario = scenario(options).await;
    let mut events = wanted(205, 30);
    let mut anonymous: Value = serde_json::from_slice(&events[9].value).unwrap();
    anonymous.as_object_mut().unwrap().remove("orgId");
    events[9].value = anonymous.to_string().into_bytes();
    scenario.produce(&events).await.unwrap();
    let verdict = settle(&scenario).await;
    assert_eq!(
        verdict.reasons.get("no_organization"),
        Some(&1),
        "{verdict}"
    );
    let still = replay_with(&scenario, &scenario.configuration(), &["--dry-run"]).await;
    assert_eq!(still.status.code(), Some(1), "it is still rejected");
    let changed = scenario
        .configuration()
        .replace("qualify-identity: \"true\"", "qualify-identity: \"false\"");
    let output = replay_with(&scenario, &changed, &[]).await;
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["events_delivered"], 1, "{report}");
    assert_eq!(arrivals(&scenario, &id(&events[9])), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn accepted_reason_dead_letters_instead_of_holding_the_inlet() {
    let scenario = scenario(Options {
        platform: "  dead-letter: {accept: [not_found]}\n".to_owned(),
        ..Options::default()
    })
    .await;
    let fault = Fault::status(Status::try_from(404).unwrap());
    scenario
        .simulator
        .add_fault(Step::new(Target::Inlet("events".to_owned()), fault).forever());
    scenario.produce(&wanted(206, 25)).await.unwrap();
    let verdict = settle(&scenario).await;
    assert_eq!(verdict.reasons.get("not_found"), Some(&25), "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn replay_of_letters_removed_by_retention_stores_nothing() {
    let scenario = match Scenario::start_on(&Backend::Mock, Options::default()).await {
        Ok(scenario) => scenario,
        Err(error) => panic!("{error}"),
    };
    let events = wanted(207, 60);
    scenario
        .simulator
        .add_fault(refuses([id(&events[7]), id(&events[31])], 400));
    scenario.produce(&events).await.unwrap();
    assert_eq!(settle(&scenario).await.dead_lettered, 2);
    let cluster = scenario.cluster.mock().unwrap();
    assert_eq!(
        cluster.evict(&scenario.dead_letter_topic(), 0, 2).unwrap(),
        2
    );
    let report = replay(&scenario, &[]).await;
    assert_eq!(report["letters"], 0, "{report}");
    assert_eq!(progress(&scenario).await, None, "nothing was dealt with");
}

#[tokio::test(flavor = "multi_thread")]
async fn replay_sends_event_and_profile_although_duplicates_are_skipped() {
    let scenario = scenario(Options {
        platform: "  deduplicate: {}\n".to_owned(),
        ..Options::default()
    })
    .await;
    let fault = || Fault::Message {
        status: Status::try_from(400).unwrap(),
        message: Some("Message is invalid".to_owned()),
        dialect: None,
        accept: false,
    };
    for inlet in ["events", "profiles"] {
        let refuse = Step::new(Target::Inlet(inlet.to_owned()), fault());
        scenario.simulator.add_fault(refuse.forever());
    }
    scenario.produce(&wanted(208, 6)).await.unwrap();
    let mut connector = scenario.connector().unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    stop(&scenario, connector).await;
    let dead_letters = scenario.dead_letters().await.unwrap().len();
    assert!(
        dead_letters > 6,
        "some have a letter for each half: {dead_letters}"
    );
    scenario.simulator.clear_faults();
    let report = replay(&scenario, &["--profiles"]).await;
    let delivered = |kind: &str| report[kind].as_u64().unwrap();
    let sent = delivered("events_delivered") + delivered("profiles_delivered");
    assert_eq!(sent, u64::try_from(dead_letters).unwrap(), "{report}");
}
