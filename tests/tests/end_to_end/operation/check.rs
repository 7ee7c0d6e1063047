//! `check` before a start: every step says ✓ where all is well, and ✗ with what to do where
//! something is not.

use std::collections::HashSet;
use std::path::Path;

use conformance::cluster::{StreamRequest, TopicOptions, scripted_filter};
use conformance::harness::{connector_program, smartmodule_wasm};
use conformance::scenario::{Options, SMARTMODULE, Scenario};
use conformance::simulator::{Fault, SimulatorConfig, Status, Step, Target};
use conformance::workload::{Expected, RawEvent};
use fluvio::Compression;
use fluvio_protocol::link::ErrorCode;
use serde_json::Value;

use crate::{SOON, holds_no_secret, scenario, wanted};

/// What a check came to.
struct Checked {
    code: Option<i32>,
    report: Value,
}

impl Checked {
    /// Status and text of a step.
    #[track_caller]
    fn step(&self, step: &str) -> (&str, String) {
        let checks = self.report["checks"].as_array().unwrap();
        let found = checks.iter().find(|check| check["step"] == step);
        let found = found.unwrap_or_else(|| panic!("no step {step}: {:#}", self.report));
        let advice = found["advice"].as_str().unwrap_or_default();
        (
            found["status"].as_str().unwrap(),
            format!("{} {advice}", found["found"].as_str().unwrap()),
        )
    }

    #[track_caller]
    fn says(&self, step: &str, status: &str, parts: &[&str]) {
        let (found, text) = self.step(step);
        assert_eq!(found, status, "{step}: {:#}", self.report);
        for part in parts {
            assert!(text.contains(part), "{part} is not in {step}: {text}");
        }
    }

    /// Steps that are neither ok nor skipped; the scenarios have no tenant, of which `parameters`
    /// warns.
    fn failing(&self) -> Vec<&str> {
        let checks = self.report["checks"].as_array().unwrap();
        checks
            .iter()
            .filter(|check| check["status"] != "ok" && check["status"] != "skipped")
            .filter(|check| check["step"] != "parameters")
            .map(|check| check["step"].as_str().unwrap())
            .collect()
    }
}

async fn check_with(
    scenario: &Scenario,
    configuration: &str,
    profile: &Path,
    arguments: &[&str],
) -> Checked {
    let directory = tempfile::tempdir().unwrap();
    let (config, secrets) = (
        directory.path().join("c.yaml"),
        directory.path().join("s.txt"),
    );
    std::fs::write(&config, configuration).unwrap();
    std::fs::write(&secrets, scenario.secrets()).unwrap();
    let run = tokio::process::Command::new(connector_program().unwrap())
        .args(["check", "--json", "--config"])
        .arg(config)
        .arg("--secrets")
        .arg(secrets)
        .args(arguments)
        .env("FLV_PROFILE_PATH", profile)
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(SOON, run).await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let log = String::from_utf8_lossy(&output.stderr);
    holds_no_secret(scenario, &text);
    holds_no_secret(scenario, &log);
    Checked {
        code: output.status.code(),
        report: serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text} {log}")),
    }
}

async fn check(scenario: &Scenario, configuration: &str, arguments: &[&str]) -> Checked {
    let profile = scenario.cluster.profile_file().unwrap();
    check_with(scenario, configuration, &profile, arguments).await
}

/// A set-up with some records.
async fn produced(seed: u64, options: Options) -> (Scenario, Vec<RawEvent>) {
    let scenario = scenario(options).await;
    let events = wanted(seed, 40);
    scenario.produce(&events).await.unwrap();
    (scenario, events)
}

#[tokio::test(flavor = "multi_thread")]
async fn check_of_a_sound_setup_passes_and_changes_nothing() {
    let (scenario, _) = produced(401, Options::default()).await;
    let checked = check(&scenario, &scenario.configuration(), &[]).await;
    assert_eq!(checked.code, Some(0), "{:#}", checked.report);
    assert_eq!(checked.report["ok"], true);
    assert!(checked.failing().is_empty(), "{:#}", checked.report);
    checked.says("cluster", "ok", &[scenario.cluster.endpoint(), "profile"]);
    checked.says("topic", "ok", &[&scenario.topic, "1 partition"]);
    checked.says("offsets", "ok", &[&scenario.name, "40 records to read"]);
    checked.says("smartmodule", "ok", &[SMARTMODULE, "version 0.1.0"]);
    checked.says(
        "answers",
        "ok",
        &["40 answers", "the same as this binary's"],
    );
    checked.says(
        "dead letters",
        "ok",
        &[&scenario.dead_letter_topic(), "would create it"],
    );
    checked.says("token", "ok", &["good for 23h 59m"]);
    for inlet in ["events inlet", "profiles inlet"] {
        checked.says(inlet, "ok", &["lets us in"]);
    }
    checked.says("samples", "skipped", &["--send-samples", "ingested"]);
    assert!(scenario.simulator.accepted_events().is_empty());
    assert!(scenario.simulator.accepted_profiles().is_empty());
    assert_eq!(scenario.stored().await.unwrap(), [None]);
    let dead_letters = scenario
        .cluster
        .partition_count(&scenario.dead_letter_topic())
        .await;
    assert!(
        !matches!(dead_letters, Ok(1..)),
        "the dead-letter topic was created"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn check_output_has_marks_lines_and_a_summary() {
    let (scenario, _) = produced(402, Options::default()).await;
    let configuration = scenario
        .configuration()
        .replace(&scenario.topic, "no-such-topic");
    let text = crate::run_check(&scenario, &configuration).await;
    for part in [
        "✓ configuration",
        "✗ topic",
        "fluvio topic create no-such-topic",
        "– answers",
        "✓ token",
        "1 failed",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn offline_check_reads_files_only() {
    let scenario = scenario(Options::default()).await;
    let good = scenario.configuration();
    let nowhere = Path::new("/nowhere/profile.toml");
    let checked = check_with(&scenario, &good, nowhere, &["--offline"]).await;
    assert_eq!(checked.code, Some(0), "{:#}", checked.report);
    checked.says("parameters", "warning", &["`tenant`", "`points` of"]);
    let doubts = checked.report["checks"].as_array().unwrap();
    let is_of_zone = |check: &serde_json::Value| check["found"].to_string().contains("`time-zone`");
    assert!(doubts.iter().any(is_of_zone), "{:#}", checked.report);
    assert!(checked.failing().is_empty(), "{:#}", checked.report);

    let with_tenant = good.replace(
        "    with:\n",
        "    with:\n      tenant: acme\n      time-zone: Asia/Kolkata\n",
    );
    let checked = check_with(&scenario, &with_tenant, nowhere, &["--offline"]).await;
    assert_eq!(
        checked.report["checks"].as_array().unwrap().len(),
        4,
        "{:#}",
        checked.report
    );

    let mistyped = good.replace("organization-id:", "organisation-id:");
    let checked = check_with(&scenario, &mistyped, nowhere, &["--offline"]).await;
    assert_eq!(checked.code, Some(2));
    checked.says(
        "configuration",
        "wrong",
        &["experience-platform.organisation-id", ".yaml:"],
    );
    checked.says("secrets", "skipped", &[]);

    let listed = good.replace(
        "{name: IMS_CLIENT_SECRET}",
        "{name: IMS_CLIENT_SECRET}, {name: ANOTHER}",
    );
    let checked = check_with(&scenario, &listed, nowhere, &["--offline"]).await;
    assert_eq!(checked.code, Some(2));
    checked.says("configuration", "skipped", &[]);
    checked.says("secrets", "wrong", &["ANOTHER", "NAME=VALUE"]);

    let authority = format!("{good}  http: {{ca-file: /nowhere/ca.pem}}\n");
    let checked = check_with(&scenario, &authority, nowhere, &["--offline"]).await;
    assert_eq!(checked.code, Some(2));
    checked.says("http", "wrong", &["/nowhere/ca.pem"]);
    assert!(
        scenario.simulator.requests().is_empty() && scenario.simulator.token_calls().is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn absent_cluster_is_named_and_the_platform_is_still_checked() {
    let scenario = scenario(Options::default()).await;
    let directory = tempfile::tempdir().unwrap();
    let profile = directory.path().join("profile.toml");
    // Port 9 discards; nobody listens there on a test machine.
    let text = "version = \"2.0\"\ncurrent_profile = \"x\"\n[profile.x]\ncluster = \
        \"x\"\n[cluster.x]\nendpoint = \"127.0.0.1:9\"\n[cluster.x.tls]\ntls_policy = \
        \"disabled\"\n";
    std::fs::write(&profile, text).unwrap();
    let checked = check_with(&scenario, &scenario.configuration(), &profile, &[]).await;
    assert_eq!(checked.code, Some(1), "{:#}", checked.report);
    checked.says(
        "cluster",
        "unavailable",
        &["127.0.0.1:9", "fluvio profile list"],
    );
    for step in [
        "topic",
        "offsets",
        "smartmodule",
        "answers",
        "customers",
        "dead letters",
    ] {
        checked.says(step, "skipped", &["no cluster"]);
    }
    checked.says("events inlet", "ok", &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn smartmodule_missing_outdated_or_foreign_is_distinguished() {
    let (scenario, _) = produced(403, Options::default()).await;
    let uses = |uses: &str| scenario.configuration().replace(SMARTMODULE, uses);
    let checked = check(&scenario, &uses("capillary-aep/capillary-xdm@7.7.7"), &[]).await;
    assert_eq!(checked.code, Some(2));
    checked.says("smartmodule", "wrong", &["7.7.7", "smdk load"]);
    checked.says("answers", "skipped", &[]);

    let later = "capillary-aep/capillary-xdm@9.9.9";
    let wasm = smartmodule_wasm().unwrap();
    scenario
        .cluster
        .load_smartmodule(&wasm, later)
        .await
        .unwrap();
    let checked = check(&scenario, &uses(later), &[]).await;
    assert_eq!(checked.code, Some(2));
    checked.says("smartmodule", "wrong", &["9.9.9", "0.1.0"]);

    scenario
        .cluster
        .load_smartmodule(scripted_filter(), "another")
        .await
        .unwrap();
    let checked = check(&scenario, &uses("another"), &[]).await;
    assert_eq!(checked.code, Some(2), "{:#}", checked.report);
    checked.says("smartmodule", "ok", &["without package data"]);
    assert_eq!(checked.failing(), ["answers"], "{:#}", checked.report);
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_offset_beyond_the_log_is_found_before_the_start() {
    let (scenario, _) = produced(404, Options::default()).await;
    let request = StreamRequest {
        consumer: Some(scenario.name.clone()),
        ..StreamRequest::new(&scenario.topic, 0)
    };
    let mut stream = scenario.cluster.stream(request).await.unwrap();
    stream.next(SOON).await.unwrap();
    assert_eq!(stream.commit(4711).await.unwrap(), ErrorCode::None);
    let checked = check(&scenario, &scenario.configuration(), &[]).await;
    assert_eq!(checked.code, Some(2));
    checked.says("offsets", "wrong", &["4712", "fluvio consumer delete"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letter_topic_without_its_leader_is_reported() {
    let (scenario, _) = produced(405, Options::default()).await;
    let dead_letters = TopicOptions::new(scenario.dead_letter_topic());
    scenario.cluster.create_topic(dead_letters).await.unwrap();
    let checked = check(&scenario, &scenario.configuration(), &[]).await;
    checked.says("dead letters", "ok", &["is there", "nothing was written"]);
    assert!(scenario.dead_letters().await.unwrap().is_empty());
    for spu in 0..scenario.cluster.spu_count() {
        scenario.cluster.stop_spu(spu).await.unwrap();
    }
    let checked = check(&scenario, &scenario.configuration(), &[]).await;
    assert_eq!(checked.code, Some(1), "{:#}", checked.report);
    checked.says(
        "dead letters",
        "unavailable",
        &[&scenario.dead_letter_topic()],
    );
    checked.says("topic", "unavailable", &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credential_is_named_and_inlets_are_not_called() {
    let mut options = Options::default();
    options.simulator.credential.scopes.remove("session");
    let scenario = scenario(options).await;
    let checked = check(&scenario, &scenario.configuration(), &[]).await;
    assert_eq!(checked.code, Some(2));
    checked.says("token", "wrong", &["scope"]);
    checked.says("events inlet", "skipped", &["no token"]);
    assert!(scenario.simulator.requests().is_empty());

    let elsewhere = scenario
        .configuration()
        .replace(&scenario.simulator.token_url(), "http://127.0.0.1:9/token");
    let checked = check(&scenario, &elsewhere, &[]).await;
    assert_eq!(checked.code, Some(1));
    checked.says("token", "unavailable", &["127.0.0.1:9"]);

    // A page in front of IMS is no word of IMS about the credential.
    let page = Fault::Html {
        status: Status::try_from(403).unwrap(),
        accept: false,
    };
    let busy = Fault::status(Status::try_from(429).unwrap());
    for (fault, says) in [
        (page, ["in between answers 403", "http.proxy"]),
        (busy, ["asks to wait", "nothing to change here"]),
    ] {
        scenario.simulator.clear_faults();
        scenario
            .simulator
            .add_fault(Step::new(Target::Ims, fault).forever());
        let checked = check(&scenario, &scenario.configuration(), &[]).await;
        assert_eq!(checked.code, Some(1));
        checked.says("token", "unavailable", &says);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn inlet_absent_misconfigured_or_down_is_distinguished() {
    let scenario = scenario(Options::default()).await;
    let good = scenario.configuration();
    let unknown = good.replace(&"e7".repeat(32), &"ab".repeat(32));
    let checked = check(&scenario, &unknown, &[]).await;
    assert_eq!(checked.code, Some(2), "{:#}", checked.report);
    checked.says("events inlet", "wrong", &["404", "inlet-url"]);
    checked.says("profiles inlet", "ok", &[]);

    let flow = scenario.simulator.profiles_inlet().unwrap().flow_id.clone();
    let other = good.replace(&flow, "00000000-0000-4000-8000-000000000000");
    let checked = check(&scenario, &other, &[]).await;
    assert_eq!(checked.code, Some(2));
    checked.says("profiles inlet", "wrong", &["flow-id"]);

    let fault = Fault::status(Status::try_from(503).unwrap());
    scenario
        .simulator
        .add_fault(Step::new(Target::Inlet("events".to_owned()), fault).forever());
    let checked = check(&scenario, &good, &[]).await;
    assert_eq!(checked.code, Some(1));
    checked.says("events inlet", "unavailable", &["503", "later"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_from_the_topic_are_validated_where_offered() {
    let simulator = SimulatorConfig {
        sync_validation: true,
        ..SimulatorConfig::default()
    };
    let (scenario, events) = produced(
        406,
        Options {
            simulator,
            ..Options::default()
        },
    )
    .await;
    let checked = check(&scenario, &scenario.configuration(), &["--send-samples"]).await;
    assert_eq!(checked.code, Some(0), "{:#}", checked.report);
    checked.says(
        "samples",
        "ok",
        &["pointsIssued", "transactionAdded", "ingested"],
    );
    let accepted = scenario.simulator.accepted_events();
    let ids: HashSet<&str> = events
        .iter()
        .filter_map(|event| match &event.expected {
            Expected::Delivered { id } => Some(id.as_str()),
            _ => None,
        })
        .collect();
    assert!(
        !accepted.is_empty() && accepted.len() <= 14,
        "{}",
        accepted.len()
    );
    assert!(
        accepted
            .iter()
            .all(|event| ids.contains(event.id.as_deref().unwrap()))
    );
    assert!(
        scenario.simulator.accepted_profiles().is_empty(),
        "a statement may overwrite a newer one"
    );

    let body = r##"{"status":400,"title":"Invalid XDM Message Format","report":{"message":"Message is invalid","cause":{"_streamingValidation":[{"pointerToViolation":"#/loyalty/points","message":"expected type: Number","causingExceptions":[]}]}}}"##;
    let refusal = Fault::Status {
        status: Status::try_from(400).unwrap(),
        retry_after: None,
        body: Some(body.to_owned()),
        accept: false,
    };
    scenario
        .simulator
        .add_fault(Step::new(Target::Inlet("events".to_owned()), refusal).forever());
    let checked = check(&scenario, &scenario.configuration(), &["--send-samples"]).await;
    assert_eq!(checked.code, Some(2), "{:#}", checked.report);
    checked.says("samples", "wrong", &["/loyalty/points", "omit-fields"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sample_is_not_ingested_where_validation_is_not_offered() {
    let (scenario, _) = produced(407, Options::default()).await;
    let checked = check(&scenario, &scenario.configuration(), &["--send-samples"]).await;
    assert_eq!(checked.code, Some(0), "{:#}", checked.report);
    checked.says("samples", "skipped", &["501"]);
    assert!(scenario.simulator.accepted_events().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn customer_in_several_partitions_is_only_a_warning() {
    let options = Options {
        topic: TopicOptions::new("spread").partitions(3),
        ..Options::default()
    };
    let scenario = scenario(options).await;
    let events = wanted(408, 30);
    scenario.produce(&events).await.unwrap();
    let checked = check(&scenario, &scenario.configuration(), &[]).await;
    checked.says(
        "customers",
        "ok",
        &["each customer's records are in one partition"],
    );
    // The same events without their key, wherever it may be.
    for (index, event) in events.iter().enumerate() {
        let partition = u32::try_from(index % 3).unwrap();
        let records = vec![event.value.clone().into()];
        let produced =
            scenario
                .cluster
                .produce_batch(&scenario.topic, partition, records, Compression::None);
        produced.await.unwrap();
    }
    let checked = check(&scenario, &scenario.configuration(), &[]).await;
    assert_eq!(checked.code, Some(0), "{:#}", checked.report);
    checked.says(
        "customers",
        "warning",
        &["spread over several partitions", "record's key"],
    );
}
