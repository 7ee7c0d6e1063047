//! What the platform tells of records after it acknowledged them.

use std::time::Duration;

use conformance::simulator::{LandingConfig, SimulatorConfig};
use serde_json::{Value, json};
use xdm_schema::{Registry, event_schema};

use crate::client::{Answer, Bench, event};

async fn bench(landing: LandingConfig) -> Bench {
    let bench = Bench::with(SimulatorConfig {
        landing,
        ..SimulatorConfig::default()
    })
    .await;
    let schema = event_schema(Registry::Newest).unwrap();
    bench.simulator.set_schema("events", Some(&schema)).unwrap();
    bench
}

/// Asks the platform's API with all headers but those left out.
async fn get(bench: &Bench, path: &str, without: &str) -> Answer {
    let url = format!("{}{path}", bench.simulator.base_url());
    let mut request = bench.http.get(url);
    for (name, value) in [
        ("authorization", format!("Bearer {}", bench.token)),
        ("x-api-key", "id".to_owned()),
        (
            "x-gw-ims-org-id",
            bench.simulator.config().organization_id.clone(),
        ),
        ("x-sandbox-name", "prod".to_owned()),
    ] {
        if name != without {
            request = request.header(name, value);
        }
    }
    Answer::read(request.send().await.unwrap()).await.unwrap()
}

/// Sends one record that the schema refuses, and one it takes.
async fn send(bench: &Bench, id: &str) {
    let mut wrong = event(id, "c1");
    wrong["workEmail"] = json!("a@example.com");
    wrong["eventType"] = json!("loyalty.pointsIssued");
    let mut right = event(&format!("{id}-right"), "c1");
    right["eventType"] = json!("loyalty.pointsIssued");
    let messages = vec![bench.envelope(wrong), bench.envelope(right)];
    let answer = bench.batch(messages).await.unwrap();
    assert_eq!(answer.status, 207);
    assert!(!answer.text.contains("status"), "{}", answer.text);
}

fn batches(bench: &Bench) -> String {
    let dataset = bench.events().dataset_id.clone().unwrap();
    format!("/data/foundation/catalog/batches?dataSet={dataset}&orderBy=desc:created")
}

#[tokio::test]
async fn record_that_breaks_the_schema_is_acknowledged_and_in_a_failed_batch() {
    let bench = bench(LandingConfig::default()).await;
    send(&bench, "e1").await;
    let list = get(&bench, &batches(&bench), "").await.json();
    let (id, batch) = list.as_object().unwrap().iter().next().unwrap();
    assert_eq!(batch["status"], "failed");
    assert_eq!(batch["metrics"]["failedRecordCount"], 1);
    assert_eq!(batch["metrics"]["outputRecordCount"], 1);
    let failed = format!("/data/foundation/export/batches/{id}/failed");
    let files = get(&bench, &failed, "").await.json();
    assert_eq!(files["_page"]["count"], 2);
    let name = files["data"][1]["name"].as_str().unwrap().to_owned();
    let line = get(&bench, &format!("{failed}?path={name}"), "")
        .await
        .json();
    assert_eq!(line["body"]["xdmEntity"]["_id"], "e1");
    assert_eq!(
        line["_validationErrors"][0]["message"],
        "extraneous key [workEmail] is not permitted"
    );
    let meta = format!("/data/foundation/export/batches/{id}/meta?path=row_errors");
    assert_eq!(get(&bench, &meta, "").await.status, 404);
    let flow = &bench.events().flow_id;
    let runs = format!("/data/foundation/flowservice/runs?property=flowId=={flow}");
    let runs = get(&bench, &runs, "").await.json();
    let metrics = &runs["items"][0]["metrics"];
    assert_eq!(metrics["statusSummary"]["status"], "partial success");
}

#[tokio::test]
async fn batches_come_in_pages_and_are_seen_when_their_time_has_come() {
    let bench = bench(LandingConfig {
        visible_after: Duration::from_secs(3600),
        page: Some(2),
    })
    .await;
    for id in ["e1", "e2", "e3"] {
        send(&bench, id).await;
    }
    let page = |list: Answer| list.json().as_object().map_or(0, serde_json::Map::len);
    assert_eq!(page(get(&bench, &batches(&bench), "").await), 0);
    bench.simulator.advance_landing(Duration::from_secs(3600));
    assert_eq!(page(get(&bench, &batches(&bench), "").await), 2);
    let second = format!("{}&start=2", batches(&bench));
    assert_eq!(page(get(&bench, &second, "").await), 1);
    let future = format!("{}&createdAfter=99999999999999", batches(&bench));
    assert_eq!(page(get(&bench, &future, "").await), 0);
}

#[tokio::test]
async fn gateway_refuses_what_its_page_says() {
    let bench = bench(LandingConfig::default()).await;
    let code = |answer: &Answer| answer.json()["error_code"].clone();
    for (without, status, expected) in [
        ("x-api-key", 403, "403000"),
        ("authorization", 403, "403010"),
        ("x-gw-ims-org-id", 400, "400003"),
        ("x-sandbox-name", 400, "400003"),
    ] {
        let answer = get(&bench, &batches(&bench), without).await;
        assert_eq!((answer.status, code(&answer)), (status, json!(expected)));
    }
    bench.simulator.allow_looking(false);
    let answer = get(&bench, &batches(&bench), "").await;
    assert_eq!((answer.status, code(&answer)), (403, json!("403025")));
    bench.simulator.allow_looking(true);
    bench.simulator.revoke_tokens();
    let answer = get(&bench, &batches(&bench), "").await;
    assert_eq!((answer.status, code(&answer)), (401, json!("401013")));
}

#[tokio::test]
async fn profile_is_read_back_by_its_identity() {
    let bench = bench(LandingConfig::default()).await;
    let entity = json!({
        "identityMap": {"CapillaryId": [{"id": "7", "primary": true}]},
        "loyalty": {"points": 40},
    });
    let message = bench.upsert("merge", entity);
    assert_eq!(bench.profile(message).await.status, 200);
    let path = |id: &str| {
        format!(
            "/data/core/ups/access/entities?schema.name=_xdm.context.profile&entityId={id}&entityIdNS=CapillaryId"
        )
    };
    let found = get(&bench, &path("7"), "").await.json();
    let entity = found.as_object().unwrap().values().next().unwrap();
    assert_eq!(entity["entity"]["loyalty"]["points"], 40);
    let other: Value = get(&bench, &path("8"), "").await.json();
    assert_eq!(other, json!({}));
}
