//! Stopping by signals.

use conformance::scenario::Options;
use conformance::simulator::{Fault, Status, Step, Target};

use crate::{SOON, clean, holds_no_secret, scenario, settle, wanted};

#[tokio::test(flavor = "multi_thread")]
async fn stop_signals_deliver_what_was_read_commit_and_exit_with_0() {
    let scenario = scenario(Options::default()).await;
    for (seed, signal) in [(300, "INT"), (301, "HUP"), (302, "TERM")] {
        scenario.produce(&wanted(seed, 30)).await.unwrap();
        let before = scenario.simulator.requests().len();
        // Answers take a moment, so that something is under way when the signal comes.
        let slow = Step::new(Target::Inlets, Fault::Pass)
            .answer_delay(std::time::Duration::from_millis(500));
        scenario.simulator.add_fault(slow.forever());
        let connector = scenario.connector().unwrap();
        scenario
            .seen("a request", SOON, |seen| seen.requests().len() > before)
            .await
            .unwrap();
        connector.signal(signal).await.unwrap();
        let exit = connector.wait(SOON).await.unwrap();
        assert_eq!(exit.status.code(), Some(0), "{signal}: {}", exit.log);
        holds_no_secret(&scenario, &exit.log);
        assert!(
            scenario.stored().await.unwrap()[0].is_some(),
            "{signal}: nothing was committed"
        );
        scenario.simulator.clear_faults();
    }
    scenario.produce(&wanted(303, 30)).await.unwrap();
    let verdict = settle(&scenario).await;
    assert_eq!(
        (verdict.events_delivered, verdict.dead_lettered),
        (120, 0),
        "{verdict}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn second_signal_exits_at_once_and_the_next_start_delivers() {
    let scenario = scenario(Options {
        // Longer than the test would wait.
        platform: "  shutdown-timeout: 1h\n".to_owned(),
        ..Options::default()
    })
    .await;
    scenario.produce(&wanted(310, 30)).await.unwrap();
    let down = Fault::status(Status::try_from(503).unwrap());
    scenario
        .simulator
        .add_fault(Step::new(Target::Inlets, down).forever());
    let connector = scenario.connector().unwrap();
    scenario
        .seen("a refused request", SOON, |seen| {
            !seen.requests().is_empty()
        })
        .await
        .unwrap();
    connector.signal("TERM").await.unwrap();
    let drains = tokio::time::timeout(SOON, async {
        while !connector.log().contains("stopping: reading ends") {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    });
    assert!(drains.await.is_ok(), "{}", connector.log());
    connector.signal("TERM").await.unwrap();
    let exit = connector.wait(SOON).await.unwrap();
    assert_eq!(exit.status.code(), Some(1), "{}", exit.log);
    assert!(exit.log.contains("second signal"), "{}", exit.log);
    scenario.simulator.clear_faults();
    settle(&scenario).await;
    assert_eq!(clean(&scenario).await.events_delivered, 30);
}
