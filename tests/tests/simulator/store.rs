//! The back end: accepting is not ingesting.

use std::time::Duration;

use conformance::simulator::{FragmentKey, Ingestion, Operation, SimulatorConfig};
use serde_json::{Value, json};

use crate::client::{Bench, event};

fn profile(customer: &str, rest: Value) -> Value {
    let mut record = json!({"identityMap": {"CapillaryId": [{"id": customer, "primary": true}]}});
    record
        .as_object_mut()
        .unwrap()
        .extend(rest.as_object().unwrap().clone());
    record
}

fn fragment(bench: &Bench, customer: &str) -> Option<Value> {
    let key = FragmentKey {
        dataset_id: bench.profiles().dataset_id.clone().unwrap(),
        namespace: "CapillaryId".to_owned(),
        id: customer.to_owned(),
    };
    bench.simulator.look(|seen| {
        seen.store()
            .fragments()
            .get(&key)
            .map(|fragment| fragment.record.clone())
    })
}

#[tokio::test]
async fn acceptances_keep_their_order_their_request_and_their_bytes() {
    let bench = Bench::start().await;
    let entity = r#"{"_id":"a" , "timestamp":"2025-07-14T12:00:00Z","n":1.50,"identityMap":{"CapillaryId":[{"id":"c1","primary":true}]}}"#;
    let message = bench
        .envelope(json!("ENTITY"))
        .to_string()
        .replace("\"ENTITY\"", entity);
    let url = bench.simulator.inlet_url(bench.events());
    assert_eq!(
        bench
            .post(url, message.clone())
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    bench
        .batch(vec![bench.event("b"), bench.event("c")])
        .await
        .unwrap();
    let events = bench.simulator.accepted_events();
    let places: Vec<_> = events
        .iter()
        .map(|event| (event.sequence, event.index))
        .collect();
    assert_eq!(places, [(1, 0), (2, 0), (3, 1)]);
    assert_eq!(
        (events[0].entity.as_ref(), events[0].message.as_ref()),
        (entity.as_bytes(), message.as_bytes())
    );
    assert_eq!(events[1].request, events[2].request);
    assert_eq!(events[0].primary_identity().unwrap().id, "c1");
    let requests = bench.simulator.requests();
    assert_eq!(
        requests
            .iter()
            .map(|request| request.number)
            .collect::<Vec<_>>(),
        [events[0].request, events[1].request]
    );
    assert!(requests[0].ended.unwrap() < requests[1].arrived);
}

#[tokio::test]
async fn lake_keeps_every_copy_and_profile_the_first() {
    let bench = Bench::start().await;
    bench
        .batch(vec![bench.event("a"), bench.event("b"), bench.event("a")])
        .await
        .unwrap();
    bench.batch(vec![bench.event("b")]).await.unwrap();
    bench.simulator.look(|seen| {
        assert_eq!(
            (seen.store().lake().count(), seen.store().distinct_events()),
            (4, 2)
        );
        assert!(seen.store().has_event("a") && !seen.store().has_event("c"));
    });
    let ingestion: Vec<_> = bench
        .simulator
        .accepted_events()
        .iter()
        .map(|event| event.ingestion)
        .collect();
    assert_eq!(
        ingestion,
        [
            Ingestion::Stored,
            Ingestion::Stored,
            Ingestion::Duplicate,
            Ingestion::Duplicate
        ]
    );
}

#[tokio::test]
async fn oversize_and_invalid_records_are_acknowledged_and_lost() {
    let bench = Bench::start().await;
    let sized = |size: usize| {
        let mut event = event("sized", "c1");
        event["pad"] = json!("");
        event["pad"] = json!("x".repeat(size - event.to_string().len()));
        assert_eq!(event.to_string().len(), size);
        event
    };
    let entities = [
        sized(10_001),
        sized(10_000),
        json!({"_id": "no-time", "identityMap": {"CapillaryId": [{"id": "c1", "primary": true}]}}),
        json!({"timestamp": "2025-07-14T12:00:00Z"}),
        json!({"_id": 7, "timestamp": "2025-07-14T12:00:00Z"}),
        json!({"_id": "two", "timestamp": "2025-07-14T12:00:00Z",
               "identityMap": {"CapillaryId": [{"id": "c1", "primary": true}, {"id": "c2",
               "primary": true}]}}),
    ];
    let answer = bench
        .batch(
            entities
                .into_iter()
                .map(|entity| bench.envelope(entity))
                .collect(),
        )
        .await
        .unwrap();
    assert!(
        answer.json()["responses"]
            .as_array()
            .unwrap()
            .iter()
            .all(|item| item.get("statusCode").is_none())
    );
    let ingestion: Vec<_> = bench
        .simulator
        .accepted_events()
        .iter()
        .map(|event| event.ingestion)
        .collect();
    use Ingestion::{Invalid, NoPrimaryIdentity, Oversize, Stored};
    assert_eq!(
        ingestion,
        [
            Oversize,
            Stored,
            Invalid,
            Invalid,
            Invalid,
            NoPrimaryIdentity
        ]
    );
    let counted = bench.simulator.counters().ingestion;
    assert_eq!((counted["oversize"], counted["invalid"]), (1, 3));

    let large = profile("c1", json!({"pad": "x".repeat(100_000)}));
    assert_eq!(
        bench.profile(bench.upsert("merge", large)).await.status,
        200
    );
    assert_eq!(bench.simulator.accepted_profiles()[0].ingestion, Oversize);
    assert_eq!(fragment(&bench, "c1"), None);
}

#[tokio::test]
async fn merge_changes_what_it_states_and_a_create_replaces_everything() {
    let bench = Bench::start().await;
    let send = async |operation: &str, rest: Value| {
        assert_eq!(
            bench
                .profile(bench.upsert(operation, profile("c1", rest)))
                .await
                .status,
            200
        );
    };
    send("merge", json!({"loyalty": {"points": 5, "tier": "gold"}})).await;
    send(
        "merge",
        json!({"loyalty": {"points": 7}, "person": {"name": {"firstName": "A"}}}),
    )
    .await;
    let merged = fragment(&bench, "c1").unwrap();
    assert_eq!(merged["loyalty"], json!({"points": 7, "tier": "gold"}));
    assert_eq!(merged["person"]["name"]["firstName"], "A");
    send("create", json!({"loyalty": {"points": 1}})).await;
    assert_eq!(
        fragment(&bench, "c1").unwrap(),
        profile("c1", json!({"loyalty": {"points": 1}}))
    );
    bench.simulator.look(|seen| {
        assert_eq!(
            seen.store().lake().count(),
            1,
            "the lake does not get merges"
        )
    });
    send("delete", json!({})).await;
    assert_eq!(fragment(&bench, "c1"), None);
    let operations: Vec<_> = bench
        .simulator
        .accepted_profiles()
        .iter()
        .map(|it| it.operation)
        .collect();
    assert_eq!(
        operations,
        [
            Operation::Merge,
            Operation::Merge,
            Operation::Create,
            Operation::Delete
        ]
    );
}

#[tokio::test]
async fn raw_object_without_operations_is_a_create() {
    let bench = Bench::start().await;
    for points in [1, 2] {
        bench
            .profile(profile("c2", json!({"loyalty": {"points": points}})))
            .await;
    }
    assert_eq!(fragment(&bench, "c2").unwrap()["loyalty"]["points"], 2);
}

#[tokio::test]
async fn statements_acknowledged_close_together_are_applied_in_the_wrong_order() {
    for (within, expected) in [(0, 3), (60_000, 1)] {
        let bench = Bench::with(SimulatorConfig {
            reordered_within: Duration::from_millis(within),
            ..SimulatorConfig::default()
        })
        .await;
        for points in [1, 2, 3] {
            let facts = json!({"loyalty": {"points": points, "tier": format!("t{points}")}});
            bench.profile(profile("c2", facts)).await;
        }
        let fragment = fragment(&bench, "c2").unwrap();
        assert_eq!(
            fragment["loyalty"]["points"], expected,
            "within {within} ms"
        );
    }
}

#[tokio::test]
async fn records_sent_to_a_new_flow_are_acknowledged_and_lost() {
    let settles = Duration::from_secs(3600);
    let bench = Bench::with(SimulatorConfig {
        flow_settles_after: settles,
        ..SimulatorConfig::default()
    })
    .await;
    assert_eq!(
        bench.batch(vec![bench.event("a")]).await.unwrap().status,
        207
    );
    assert_eq!(
        bench.simulator.accepted_events()[0].ingestion,
        Ingestion::TooEarly
    );
    bench
        .simulator
        .look(|seen| assert_eq!(seen.store().lake().count(), 0));
}

#[tokio::test]
async fn wait_ends_with_the_awaited_change() {
    let bench = Bench::start().await;
    let waiting = bench
        .simulator
        .wait_until(|seen| seen.store().events().len() == 2);
    let sending = async {
        bench.batch(vec![bench.event("a")]).await.unwrap();
        bench.batch(vec![bench.event("b")]).await.unwrap();
    };
    tokio::time::timeout(Duration::from_secs(5), async {
        tokio::join!(waiting, sending)
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn overlapping_requests_are_distinguished_from_successive_ones() {
    let bench = Bench::start().await;
    let slow = conformance::simulator::Step::new(
        conformance::simulator::Target::Inlets,
        conformance::simulator::Fault::Pass,
    );
    bench.script([slow.times(2).delay(Duration::from_millis(150))]);
    let (one, two) = tokio::join!(
        bench.batch(vec![bench.event("a")]),
        bench.batch(vec![bench.event("b")])
    );
    assert_eq!((one.unwrap().status, two.unwrap().status), (207, 207));
    let requests = bench.simulator.requests();
    assert!(requests[1].arrived < requests[0].ended.unwrap());
    assert_eq!(bench.simulator.counters().inlets["events"].most_at_once, 2);
}
