//! What the connector shows of itself: metrics that are documented, a state without customers, logs
//! for machines.

use std::collections::BTreeSet;
use std::path::Path;

use conformance::cluster::TopicOptions;
use conformance::harness::Observed;
use conformance::scenario::{Options, Scenario};
use conformance::simulator::{Fault, Selector, Status, Step, Target};

use crate::{SOON, clean, events, holds_no_secret, scenario, stop, wanted};

fn text(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A run with a bit of everything: skipped, broken and refused records, repetitions, three
/// partitions.
async fn busy() -> Scenario {
    let scenario = scenario(Options {
        topic: TopicOptions::new("busy").partitions(3),
        ..Options::default()
    })
    .await;
    let status = |code| Status::try_from(code).unwrap();
    scenario
        .simulator
        .add_fault(Step::new(Target::Inlets, Fault::status(status(500))).times(2));
    let refused = Step::new(
        Target::Inlet("events".to_owned()),
        Fault::message(status(400)),
    );
    scenario
        .simulator
        .add_fault(refused.when(Selector::indexes([0])).times(2));
    scenario.produce(&events(701, 200)).await.unwrap();
    scenario
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_those_documented_and_agree_with_what_happened() {
    let scenario = busy().await;
    let mut connector = scenario.connector().unwrap();
    let observed = connector.observed(SOON).await.unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    let metrics = observed.metrics().await.unwrap();
    assert_eq!(
        metrics.undeclared,
        BTreeSet::new(),
        "every sample has a type"
    );
    let documentation = text("docs/metrics.md");
    let documented: BTreeSet<&str> = documentation
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split(['`', '{']).next())
        .filter(|name| !name.starts_with('/'))
        .collect();
    let shown: BTreeSet<&str> = metrics.declared.keys().map(String::as_str).collect();
    assert_eq!(shown, documented);
    for (name, kind) in &metrics.declared {
        assert_eq!(
            name.ends_with("_total"),
            kind == "counter",
            "{name} is a {kind}"
        );
    }

    stop(&scenario, connector).await;
    let verdict = clean(&scenario).await;
    let count = |number: usize| f64::from(u32::try_from(number).unwrap());
    let records = |outcome: &str| {
        metrics.sum(
            "capillary_aep_records_total",
            &format!("outcome=\"{outcome}\""),
        )
    };
    assert_eq!(records("skipped"), count(verdict.skipped), "{verdict}");
    assert_eq!(
        records("dead_lettered"),
        count(verdict.dead_lettered),
        "{verdict}"
    );
    assert_eq!(
        records("delivered") + records("skipped") + records("dead_lettered"),
        count(verdict.produced),
        "{verdict}"
    );
    assert_eq!(
        metrics.value("capillary_aep_statements_total{inlet=\"events\",outcome=\"delivered\"}"),
        Some(count(verdict.events_delivered)),
        "{verdict}"
    );
    assert_eq!(metrics.sum("capillary_aep_lag_records", ""), 0.0);
    assert_eq!(metrics.value("capillary_aep_buffer_bytes"), Some(0.0));
    assert!(metrics.sum("capillary_aep_retries_total", "5xx") > 0.0);
    assert_eq!(
        metrics.value("capillary_aep_topic_retention_seconds"),
        Some(604_800.0),
        "a week, Fluvio's default"
    );
    assert_eq!(
        metrics.value("capillary_aep_token_refreshes_total{result=\"granted\"}"),
        Some(1.0)
    );
    let requests = metrics.sum("capillary_aep_requests_total", "");
    assert_eq!(requests, count(scenario.simulator.requests().len()));
    assert_eq!(
        metrics.sum("capillary_aep_request_duration_seconds_count", ""),
        requests
    );
    for partition in 0..3 {
        let stored = scenario.stored().await.unwrap()[partition].unwrap();
        assert_eq!(
            metrics.value(&format!(
                "capillary_aep_committed_offset{{partition=\"{partition}\"}}"
            )),
            Some(stored as f64)
        );
    }
}

async fn everything(observed: &Observed) -> String {
    let mut all = String::new();
    for path in ["/", "/live", "/ready", "/status", "/metrics"] {
        all.push_str(&observed.get(path).await.unwrap().text);
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn status_names_dead_letters_by_place_without_customer_data() {
    let scenario = busy().await;
    let mut connector = scenario.connector().unwrap();
    let observed = connector.observed(SOON).await.unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    let status = observed.status().await.unwrap();
    assert_eq!(status["ready"], true, "{status}");
    assert_eq!(
        status["partitions"].as_array().unwrap().len(),
        3,
        "{status}"
    );
    let dead_letters = status["lastDeadLetters"].as_array().unwrap();
    assert!(dead_letters.len() >= 2, "{status}");
    for dead_letter in dead_letters {
        assert_eq!(
            dead_letter["source"]["topic"], scenario.topic,
            "{dead_letter}"
        );
        assert!(
            dead_letter["source"]["offset"].is_u64() && dead_letter["reason"].is_string(),
            "{dead_letter}"
        );
        assert!(
            dead_letter["written"].as_i64().unwrap() > 1_700_000_000_000,
            "{dead_letter}"
        );
    }
    let shown = everything(&observed).await;
    holds_no_secret(&scenario, &shown);
    for event in scenario.simulator.accepted_events() {
        for identity in &event.identities {
            assert!(!shown.contains(&identity.id), "a customer's id is shown");
        }
    }
    stop(&scenario, connector).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_log_lines_are_objects_with_time_level_and_message() {
    let scenario = scenario(Options {
        platform: "  observability: {listen: off, log: json}\n".to_owned(),
        ..Options::default()
    })
    .await;
    scenario.produce(&events(704, 40)).await.unwrap();
    let mut connector = scenario.connector().unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    let log = stop(&scenario, connector).await;
    let lines: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    for line in &lines {
        for field in ["timestamp", "level", "message"] {
            assert!(line[field].is_string(), "{field}: {line}");
        }
    }
    assert!(
        lines
            .iter()
            .any(|line| line["message"] == "so far" && line["pending"] == 0),
        "{log}"
    );
    assert!(!log.contains("are served"), "off means off: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lag_grows_while_an_inlet_is_held_and_reading_waits() {
    let scenario = scenario(Options {
        platform: "  shutdown-timeout: 1s\n  buffer: {max-offsets: 10}\n".to_owned(),
        ..Options::default()
    })
    .await;
    assert!(scenario.simulator.enable_flow("events", false));
    scenario.produce(&wanted(702, 40)).await.unwrap();
    let mut connector = scenario.connector().unwrap();
    let observed = connector.observed(SOON).await.unwrap();
    observed
        .ready(SOON, |shown| shown.text.contains("inlet events"))
        .await
        .unwrap();
    scenario.produce(&wanted(703, 400)).await.unwrap();
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let metrics = observed.metrics().await.unwrap();
        let lag = metrics.sum("capillary_aep_lag_records", "");
        if lag == 440.0 && metrics.sum("capillary_aep_oldest_unsettled_age_seconds", "") > 0.0 {
            break;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "lag is {lag}: {:?}\n{}",
            metrics.samples,
            connector.log()
        );
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(scenario.simulator.enable_flow("events", true));
    scenario.settled(&mut connector, SOON).await.unwrap();
    stop(&scenario, connector).await;
    clean(&scenario).await;
}
