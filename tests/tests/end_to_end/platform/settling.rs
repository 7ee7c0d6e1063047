//! Profile may apply two close statements in either order; the newest value is to win all the same.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use conformance::scenario::Options;
use conformance::simulator::SimulatorConfig;
use conformance::workload::{Expected, RawEvent, sample, set_customer};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{SOON, scenario, stop};

const CUSTOMERS: u64 = 6;
const FIRST: u64 = 700_100_300;

/// An event after which every customer has these points.
fn points(points: i64, created_at: i64) -> Vec<RawEvent> {
    let event = |customer: u64| {
        let mut event = sample("pointsIssued").unwrap();
        let id = format!("11111111-0000-4000-8000-{points:04}{customer:08}");
        event["eventId"] = json!(id);
        event["createdAt"] = json!(created_at);
        event["data"]["programCurrentPoints"] = json!(points);
        set_customer(&mut event, customer);
        RawEvent {
            key: customer.to_string(),
            value: event.to_string().into_bytes(),
            expected: Expected::Delivered { id },
        }
    };
    (FIRST..FIRST + CUSTOMERS).map(event).collect()
}

/// What Profile says of the customers' points when each got two statements, one right after the
/// acknowledgement of the other.
async fn points_in_profile(settle: &str, reordered_within: Duration) -> Vec<Value> {
    let scenario = scenario(Options {
        settle: settle.to_owned(),
        simulator: SimulatorConfig {
            reordered_within,
            ..SimulatorConfig::default()
        },
        ..Options::default()
    })
    .await;
    let mut connector = scenario.connector().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_millis()).unwrap();
    for statements in 1..=2 {
        let events = points(statements, now - 10_000 + statements);
        scenario.produce(&events).await.unwrap();
        let accepted = scenario.simulator.wait_until(|seen| {
            let states = |points: &Value| points["loyalty"]["points"] == json!(statements);
            let profiles = seen.store().profiles().iter();
            let stated = profiles.filter(|accepted| states(&accepted.entity()));
            stated.count() >= CUSTOMERS as usize
        });
        timeout(SOON, accepted).await.unwrap();
    }
    scenario.settled(&mut connector, SOON).await.unwrap();
    stop(&scenario, connector).await;
    scenario.simulator.look(|seen| {
        let fragments = seen.store().fragments().values();
        let points = fragments.map(|fragment| fragment.record["loyalty"]["points"].clone());
        points.collect()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn newest_statement_wins_when_profile_applies_within_the_settling_time() {
    let newest = vec![json!(2); CUSTOMERS as usize];
    let second = Duration::from_secs(1);
    assert_eq!(points_in_profile("1500ms", second).await, newest);
    // Longer than a loaded machine takes between the two.
    let older = vec![json!(1); CUSTOMERS as usize];
    assert_eq!(points_in_profile("0s", 300 * second).await, older);
}
