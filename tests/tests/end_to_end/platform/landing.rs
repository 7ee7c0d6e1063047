//! Records that Experience Platform drops after it acknowledged them.

use std::process::Output;

use conformance::harness::connector_program;
use conformance::scenario::{Options, Scenario};
use conformance::simulator::Seen;
use serde_json::Value;
use xdm_schema::{Registry, event_schema, profile_schema};

use super::replay::replay;
use crate::{SOON, clean, holds_no_secret, scenario, stop, wanted};

/// Looks often, and counts as landed soon.
const LOOKS: &str = "  landed: {interval: 1s, within: 1h}\n";

async fn watched() -> Scenario {
    scenario(Options {
        platform: LOOKS.to_owned(),
        ..Options::default()
    })
    .await
}

/// Validates events as an organisation whose registry is so old does.
fn set_registry(scenario: &Scenario, registry: Registry) {
    let (event, profile) = (event_schema(registry), profile_schema(Registry::Newest));
    let simulator = &scenario.simulator;
    simulator
        .set_schema("events", Some(&event.unwrap()))
        .unwrap();
    let profile = profile.unwrap();
    simulator.set_schema("profiles", Some(&profile)).unwrap();
}

async fn diagnose(scenario: &Scenario) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    std::fs::write(path("c.yaml"), scenario.configuration()).unwrap();
    std::fs::write(path("s.txt"), scenario.secrets()).unwrap();
    let run = tokio::process::Command::new(connector_program().unwrap())
        .args(["diagnose", "--json", "--config"])
        .arg(path("c.yaml"))
        .arg("--secrets")
        .arg(path("s.txt"))
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(SOON, run).await.unwrap().unwrap();
    holds_no_secret(scenario, &String::from_utf8_lossy(&output.stderr));
    output
}

#[tokio::test(flavor = "multi_thread")]
async fn record_that_fails_after_its_207_is_named_once_and_replayed_when_mended() {
    let scenario = watched().await;
    set_registry(&scenario, Registry::Oldest);
    scenario.produce(&wanted(801, 60)).await.unwrap();
    let mut connector = scenario.connector().unwrap();
    let observed = connector.observed(SOON).await.unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    let failed = scenario.simulator.failed_to_land();
    assert!((1..60).contains(&failed), "{failed}");
    scenario.named(failed, SOON).await.unwrap();
    let says = "the schema has no field /loyalty";
    let told = observed
        .ready(SOON, |shown| shown.text.contains(says))
        .await;
    assert_eq!(told.unwrap().status, 503);
    let metrics = observed.metrics().await.unwrap();
    let of = |what: &str| metrics.sum("capillary_aep_landing_statements", what);
    assert_eq!(of("outcome=\"failed\""), failed as f64);
    stop(&scenario, connector).await;
    let verdict = clean(&scenario).await;
    assert_eq!(verdict.named, failed, "{verdict}");
    assert_eq!(verdict.reasons["unknown_field"], failed, "{verdict}");

    let output = diagnose(&scenario).await;
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["records"], failed);
    assert_eq!(report["causes"][0]["field"], "/loyalty");

    // Another process finds the same failed batches, and their dead letters.
    let mut connector = scenario.connector().unwrap();
    let observed = connector.observed(SOON).await.unwrap();
    let told = observed
        .ready(SOON, |shown| shown.text.contains(says))
        .await;
    assert_eq!(told.unwrap().status, 503);
    stop(&scenario, connector).await;
    assert_eq!(scenario.dead_letters().await.unwrap().len(), failed);

    set_registry(&scenario, Registry::Newest);
    let arrived = scenario.simulator.accepted_events().len();
    replay(&scenario, &[]).await;
    let arrived = scenario.simulator.accepted_events().len() - arrived;
    assert_eq!(arrived, failed);
    assert_eq!(scenario.simulator.failed_to_land(), failed);
    clean(&scenario).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credential_that_may_not_look_is_told_once_and_delivers_all_the_same() {
    let scenario = watched().await;
    scenario.simulator.allow_looking(false);
    scenario.produce(&wanted(802, 20)).await.unwrap();
    let mut connector = scenario.connector().unwrap();
    let observed = connector.observed(SOON).await.unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    // Three looks, each of them refused.
    let enough = |seen: &Seen| seen.counters().landing_requests >= 9;
    scenario.seen("looks", SOON, enough).await.unwrap();
    let told = observed
        .ready(SOON, |shown| shown.text.contains("View Datasets"))
        .await;
    assert_eq!(told.unwrap().status, 200);
    let log = stop(&scenario, connector).await;
    let warnings = log.matches("whether records landed is not known").count();
    assert_eq!(warnings, 1, "{log}");
    clean(&scenario).await;
}
