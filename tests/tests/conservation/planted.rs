//! The oracle catches every planted bug, and acquits the same run without it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use capillary_xdm::{Input, Mapper};
use conformance::cluster::ProducedRecord;
use conformance::oracle::Verdict;
use conformance::scenario::{Options, Scenario};
use conformance::simulator::{Fault, Selector, SimulatorConfig, Status, Step, Target};
use conformance::workload::{Expected, Mix, RawEvent, Workload};
use fluvio::Compression;
use tokio::time::timeout;
use xdm_schema::{Registry, event_schema};

use super::faulty::{BATCH, Bug, FaultyConnector};

/// No limit on the requests of the model.
const ALL: usize = usize::MAX;
/// A model that hangs fails its test.
const SOON: Duration = Duration::from_secs(90);

fn status(code: u16) -> Status {
    Status::try_from(code).unwrap()
}

fn id(event: &RawEvent) -> &str {
    match &event.expected {
        Expected::Delivered { id } => id,
        other => panic!("not delivered: {other:?}"),
    }
}

/// A set-up for the model: one partition, no profile statements, no token needed.
async fn scenario() -> Scenario {
    scenario_with(false).await
}

async fn scenario_with(profiles: bool) -> Scenario {
    let mut simulator = SimulatorConfig::default();
    for inlet in &mut simulator.inlets {
        inlet.authenticated = false;
    }
    let options = Options {
        profiles,
        simulator,
        ..Options::default()
    };
    match Scenario::start(options).await {
        Ok(scenario) => scenario,
        Err(error) => panic!("{error}"),
    }
}

/// Events of one customer, so that all share an ordering key.
fn events(count: usize) -> Vec<RawEvent> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let mix = Mix {
        unwanted_every: 0,
        broken_every: 0,
    };
    let mut workload = Workload::new(1, 1, mix, i64::try_from(now.as_millis()).unwrap()).unwrap();
    std::iter::repeat_with(|| workload.next_event())
        .take(count)
        .collect()
}

/// One batch each, so that only what is meant to be a hole is one.
async fn produce(scenario: &Scenario, events: &[RawEvent]) {
    for event in events {
        let record = ProducedRecord::from(event.value.clone());
        scenario
            .cluster
            .produce_batch(&scenario.topic, 0, vec![record], Compression::None)
            .await
            .unwrap();
    }
}

/// Plays 20 events against a script with the bug, for so many requests, and judges.
async fn play(bug: Bug, requests: usize, script: impl FnOnce(&[RawEvent]) -> Vec<Step>) -> Verdict {
    let scenario = scenario().await;
    let events = events(4 * BATCH);
    for step in script(&events) {
        scenario.simulator.add_fault(step);
    }
    produce(&scenario, &events).await;
    let mut model = FaultyConnector::new(&scenario, bug).await;
    timeout(SOON, model.run(requests)).await.unwrap();
    scenario.verdict().await.unwrap()
}

fn told_to_wait(events: &[RawEvent]) -> Vec<Step> {
    vec![
        Step::new(Target::Inlets, Fault::message(status(503)))
            .when(Selector::ids([id(&events[1])])),
    ]
}

/// A refusal for a fault of the record.
fn invalid() -> Fault {
    Fault::Message {
        status: status(400),
        message: Some("Message is invalid".to_owned()),
        dialect: None,
        accept: false,
    }
}

fn refused_for_good(events: &[RawEvent]) -> Vec<Step> {
    vec![
        Step::new(Target::Inlets, invalid())
            .when(Selector::ids([id(&events[7])]))
            .forever(),
    ]
}

fn wrong_flow(_: &[RawEvent]) -> Vec<Step> {
    vec![Step::new(Target::Inlets, Fault::status(status(404))).forever()]
}

fn down_at_last(_: &[RawEvent]) -> Vec<Step> {
    vec![
        Step::new(Target::Inlets, Fault::Pass).times(2),
        Step::new(Target::Inlets, Fault::status(status(503))).forever(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_commit_before_acknowledgement_is_caught() {
    let verdict = play(Bug::CommitsBeforeAcknowledgement, 4, down_at_last).await;
    assert_eq!(verdict.committed_early.len(), BATCH, "{verdict}");
    let verdict = play(Bug::None, 4, down_at_last).await;
    assert!(verdict.committed_early.is_empty(), "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_commit_of_the_next_offset_is_caught() {
    for (bug, skipped) in [(Bug::CommitsTheNextOffset, 1), (Bug::None, 0)] {
        let scenario = scenario().await;
        produce(&scenario, &events(4 * BATCH)).await;
        let mut model = FaultyConnector::new(&scenario, bug).await;
        timeout(SOON, model.run(2)).await.unwrap();
        let verdict = scenario.verdict().await.unwrap();
        assert_eq!(verdict.committed_early.len(), skipped, "{bug:?}: {verdict}");
        timeout(SOON, model.run(ALL)).await.unwrap();
        let verdict = scenario.verdict().await.unwrap();
        assert_eq!(
            verdict.lost.len(),
            skipped,
            "what the restart skips, {bug:?}: {verdict}"
        );
        assert!(skipped > 0 || verdict.is_clean(), "{verdict}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_blindness_to_the_errors_inside_a_207_is_caught() {
    let verdict = play(Bug::IgnoresInnerErrors, ALL, told_to_wait).await;
    assert_eq!(
        (verdict.lost.len(), verdict.committed_early.len()),
        (1, 1),
        "{verdict}"
    );
    let verdict = play(Bug::None, ALL, told_to_wait).await;
    assert!(
        verdict.is_clean() && verdict.events_delivered == 4 * BATCH,
        "{verdict}"
    );
}

/// The last event that states something about its profile too: nothing later can say the same.
fn last_of_two_parts(scenario: &Scenario, events: &[RawEvent]) -> String {
    let mut mapper = Mapper::new(scenario.params().unwrap());
    let two_parts = |event: &&RawEvent| {
        let mut answer = Vec::new();
        let input = Input {
            offset: 0,
            timestamp: None,
            value: &event.value,
        };
        mapper.answer(input, &mut answer);
        let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
        answer.get("event").is_some() && answer.get("profile").is_some()
    };
    id(events.iter().rfind(two_parts).unwrap()).to_owned()
}

/// One part of a record is refused for good, and the record counts as ended with its dead letter.
async fn with_a_part_refused(bug: Bug, inlet: &str) -> Verdict {
    let scenario = scenario_with(true).await;
    let mut events = events(4 * BATCH);
    let guilty = last_of_two_parts(&scenario, &events);
    let at = events.iter().position(|event| id(event) == guilty).unwrap();
    let last = events.split_off(at);
    let target = Target::Inlet(inlet.to_owned());
    let refused = match inlet {
        "events" => Step::new(target, invalid()).when(Selector::ids([guilty.as_str()])),
        // Statements have no id; by then there is but one to refuse.
        _ => Step::new(target, Fault::status(status(400))),
    };
    let mut model = FaultyConnector::new(&scenario, bug).await.with_profiles();
    produce(&scenario, &events).await;
    timeout(SOON, model.run(ALL)).await.unwrap();
    scenario.simulator.add_fault(refused.forever());
    produce(&scenario, &last[..1]).await;
    timeout(SOON, model.run(ALL)).await.unwrap();
    scenario.verdict().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_dead_letter_of_one_part_instead_of_the_record_is_caught() {
    let verdict = with_a_part_refused(Bug::SettlesWithTheEvent, "events").await;
    assert!(
        !verdict.lost.is_empty(),
        "the profile statement is nowhere: {verdict}"
    );
    assert!(
        verdict.lost.iter().all(|lost| lost.contains("of profile")),
        "{verdict}"
    );
    let verdict = with_a_part_refused(Bug::SettlesWithTheProfile, "profiles").await;
    assert_eq!(
        (verdict.lost.len(), verdict.committed_early.len()),
        (1, 1),
        "the event is nowhere: {verdict}"
    );
    for inlet in ["events", "profiles"] {
        let verdict = with_a_part_refused(Bug::None, inlet).await;
        assert!(
            verdict.is_clean() && verdict.dead_lettered == 1,
            "{inlet}: {verdict}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_wrong_index_of_a_207_is_caught() {
    let verdict = play(Bug::DeadLettersTheNeighbour, ALL, refused_for_good).await;
    assert_eq!(
        verdict.lost.len(),
        1,
        "the guilty one is nowhere: {verdict}"
    );
    assert_eq!(
        verdict.invented.len(),
        1,
        "its neighbour was never refused: {verdict}"
    );
    let verdict = play(Bug::None, ALL, refused_for_good).await;
    assert!(
        verdict.is_clean() && verdict.dead_lettered == 1,
        "{verdict}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_reordering_is_caught_and_the_documented_exception_is_not() {
    let verdict = play(Bug::ReordersWithinKey, ALL, told_to_wait).await;
    // Those accepted in the batch that told it to wait may overtake; all of the later batches may
    // not.
    assert_eq!(verdict.reordered.len(), 3 * BATCH, "{verdict}");
    let verdict = play(Bug::None, ALL, told_to_wait).await;
    assert!(verdict.is_clean(), "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_blindness_to_a_gap_at_the_tail_is_caught() {
    for bug in [Bug::MissesTheTailHole, Bug::None] {
        let scenario = scenario().await;
        produce(&scenario, &events(BATCH)).await;
        // Its answer carries the original and is larger than any response; compressed, the record
        // itself is small.
        let oversize = ProducedRecord::from("x".repeat(50_000));
        let topic = &scenario.topic;
        let batch = scenario
            .cluster
            .produce_batch(topic, 0, vec![oversize], Compression::Gzip);
        batch.await.unwrap();
        let mut model = FaultyConnector::new(&scenario, bug).await;
        timeout(SOON, model.run(ALL)).await.unwrap();
        let verdict = scenario.verdict().await.unwrap();
        let caught = verdict
            .lost
            .iter()
            .any(|finding| finding.contains("no dead letter"));
        assert_eq!(caught, bug == Bug::MissesTheTailHole, "{bug:?}: {verdict}");
        assert!(caught || verdict.is_clean(), "{bug:?}: {verdict}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_dead_letters_for_a_configuration_fault_are_caught() {
    let verdict = play(Bug::DeadLettersConfigurationFaults, ALL, wrong_flow).await;
    assert_eq!(verdict.invented.len(), 4 * BATCH, "{verdict}");
    let verdict = play(Bug::None, ALL, wrong_flow).await;
    assert!(
        verdict.invented.is_empty() && verdict.dead_lettered == 0,
        "{verdict}"
    );
    assert!(verdict.committed_early.is_empty(), "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_dead_letter_with_another_reason_is_caught() {
    let verdict = play(Bug::DeadLettersForAnotherReason, ALL, refused_for_good).await;
    assert_eq!(verdict.wrong_reasons.len(), 1, "{verdict}");
    assert!(
        verdict.lost.is_empty() && verdict.invented.is_empty(),
        "{verdict}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_change_of_the_payload_is_caught() {
    let verdict = play(Bug::ChangesThePayload, ALL, |_| Vec::new()).await;
    assert_eq!(verdict.changed.len(), 4 * BATCH, "{verdict}");
    assert!(
        verdict.lost.is_empty() && verdict.invented.is_empty(),
        "{verdict}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_stall_before_the_fresh_record_is_caught() {
    let scenario = scenario().await;
    produce(&scenario, &events(2 * BATCH)).await;
    let mut model = FaultyConnector::new(&scenario, Bug::None).await;
    timeout(SOON, model.run(ALL)).await.unwrap();
    let behind =
        || async { scenario.stored().await.unwrap() != scenario.without_lag().await.unwrap() };
    assert!(!behind().await, "everything is settled");
    // It has ended, so the fresh record waits; the verdict names it.
    let mut fresh = events(2 * BATCH + 1);
    produce(&scenario, &fresh.split_off(2 * BATCH)).await;
    assert!(
        behind().await,
        "the wait for the fresh record would never end"
    );
    let verdict = scenario.verdict().await.unwrap();
    assert_eq!(verdict.lost.len(), 1, "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn record_that_fails_after_its_acknowledgement_must_be_named() {
    for (registry, is_clean) in [(Registry::Oldest, false), (Registry::Newest, true)] {
        let scenario = scenario().await;
        let schema = event_schema(registry).unwrap();
        let simulator = &scenario.simulator;
        simulator.set_schema("events", Some(&schema)).unwrap();
        produce(&scenario, &events(4 * BATCH)).await;
        let mut model = FaultyConnector::new(&scenario, Bug::None).await;
        timeout(SOON, model.run(ALL)).await.unwrap();
        let verdict = scenario.verdict().await.unwrap();
        assert_eq!(verdict.unlanded.len(), simulator.failed_to_land());
        assert_eq!(verdict.is_clean(), is_clean, "{verdict}");
    }
}
