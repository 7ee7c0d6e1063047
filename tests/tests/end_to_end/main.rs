//! The end-to-end suite: the real connector binary, the real wasm, and whichever cluster
//! `FLUVIO_TEST_CLUSTER` names.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod fluvio;
mod main_job;
mod operation;
mod platform;
mod tls;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use conformance::harness::{Connector, connector_program};
use conformance::oracle::Verdict;
use conformance::scenario::{Options, Scenario};
use conformance::workload::{Mix, RawEvent, Workload};

/// Long enough for a loaded machine; only a failing test waits this long.
const SOON: Duration = Duration::from_secs(90);

/// A started set-up; a cluster that is not there fails the test with its one line.
async fn scenario(options: Options) -> Scenario {
    match Scenario::start(options).await {
        Ok(scenario) => scenario,
        Err(error) => panic!("{error}"),
    }
}

/// Made-up events, all kinds, some unwanted and some broken.
fn events(seed: u64, count: usize) -> Vec<RawEvent> {
    workload(seed, Mix::default()).take(count).collect()
}

/// Made-up events that are all delivered.
fn wanted(seed: u64, count: usize) -> Vec<RawEvent> {
    let mix = Mix {
        unwanted_every: 0,
        broken_every: 0,
    };
    workload(seed, mix).take(count).collect()
}

fn workload(seed: u64, mix: Mix) -> impl Iterator<Item = RawEvent> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let mut workload =
        Workload::new(seed, 12, mix, i64::try_from(now.as_millis()).unwrap()).unwrap();
    std::iter::repeat_with(move || workload.next_event())
}

/// Runs the connector until everything is settled, stops it, and judges.
async fn settle(scenario: &Scenario) -> Verdict {
    let mut connector = scenario.connector().unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    stop(scenario, connector).await;
    clean(scenario).await
}

/// Stops the connector as a service manager does; its log must hold no secret and no token.
async fn stop(scenario: &Scenario, connector: Connector) -> String {
    let exit = connector.stop(SOON).await.unwrap();
    assert!(
        exit.status.success(),
        "the connector ended with {}:\n{}",
        exit.status,
        exit.log
    );
    holds_no_secret(scenario, &exit.log);
    exit.log
}

/// The verdict, which must be clean.
async fn clean(scenario: &Scenario) -> Verdict {
    let verdict = scenario.verdict().await.unwrap();
    assert!(verdict.is_clean(), "{verdict}");
    verdict
}

/// What `check` says for a person about a configuration.
async fn run_check(scenario: &Scenario, configuration: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let (config, secrets) = (
        directory.path().join("c.yaml"),
        directory.path().join("s.txt"),
    );
    std::fs::write(&config, configuration).unwrap();
    std::fs::write(&secrets, scenario.secrets()).unwrap();
    let run = tokio::process::Command::new(connector_program().unwrap())
        .args(["check", "--config"])
        .arg(config)
        .arg("--secrets")
        .arg(secrets)
        .env("FLV_PROFILE_PATH", scenario.cluster.profile_file().unwrap())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(SOON, run).await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    holds_no_secret(scenario, &text);
    text
}

/// Searches a log for the credential and for every token that was ever issued.
fn holds_no_secret(scenario: &Scenario, log: &str) {
    let credential = &scenario.simulator.config().credential;
    assert!(
        !log.contains(&credential.client_secret),
        "the client secret is in the log:\n{log}"
    );
    assert!(
        !log.contains(&credential.client_id),
        "the client id is in the log:\n{log}"
    );
    for token in scenario.simulator.issued_tokens() {
        assert!(
            !log.contains(&token),
            "an access token is in the log:\n{log}"
        );
    }
    // Customers' data: every made-up address ends like this.
    assert!(
        !log.contains("@example.com"),
        "a customer's address is in the log:\n{log}"
    );
}
