//! The inlets: what they accept, what they refuse, and with which words.

use conformance::simulator::{DataType, Dialect, SimulatorConfig};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::{Answer, Bench};

fn about(bench: &Bench, text: &str) -> String {
    format!(
        "inletId: [{}] imsOrgId: [{}] {text}",
        bench.events().id,
        bench.simulator.config().organization_id
    )
}

#[tokio::test]
async fn batch_is_answered_with_one_response_for_each_message() {
    let bench = Bench::start().await;
    let answer = bench
        .batch(vec![bench.event("a"), bench.event("b")])
        .await
        .unwrap();
    let body = answer.json();
    let id = body["batchId"].as_str().unwrap();
    assert_eq!(answer.status, 207);
    assert_eq!(body["inletId"], bench.events().id.as_str());
    assert_eq!(
        body["responses"],
        json!([{"xactionId": format!("{id}:0")}, {"xactionId": format!("{id}:1")}])
    );
    assert_eq!(id.split(':').count(), 3);
    assert_eq!(bench.ids(), ["a", "b"]);
}

#[tokio::test]
async fn single_message_is_answered_with_200_and_a_raw_one_with_its_flow() {
    let bench = Bench::start().await;
    let answer = bench.single(bench.event("a")).await.unwrap();
    assert_eq!(
        (answer.status, &answer.json()["syncValidation"]),
        (200, &json!({"skipped": true}))
    );
    assert!(answer.json().get("flowId").is_none());
    let raw = bench
        .profile(json!({"identityMap": {}, "loyalty": {"points": 1}}))
        .await;
    assert_eq!(
        (raw.status, raw.json()["flowId"].as_str()),
        (200, Some(bench.profiles().flow_id.as_str()))
    );
}

/// What is changed about a message, and the text it is refused with in the documents' form.
fn spoiled(bench: &Bench) -> Vec<(Value, String)> {
    let change = |pointer: &str, value: Value| {
        let mut message = bench.event("bad");
        *message.pointer_mut(pointer).unwrap() = value;
        message
    };
    let unknown = about(bench, "Message has unknown xdm format");
    let organization = about(
        bench,
        "Message has an absent or wrong ims org in the header",
    );
    vec![
        (change("/header", Value::Null), unknown.clone()),
        (change("/body", Value::Null), unknown.clone()),
        (
            change(
                "/header/schemaRef/id",
                json!("https://ns.adobe.com/demo/schemas/other"),
            ),
            unknown.clone(),
        ),
        (
            change(
                "/body/xdmMeta/schemaRef/contentType",
                json!("application/json"),
            ),
            unknown.clone(),
        ),
        (change("/body/xdmEntity", json!("text")), unknown.clone()),
        (
            change("/header/imsOrgId", json!("other@AdobeOrg")),
            organization,
        ),
        (
            change("/header/datasetId", Value::Null),
            about(
                bench,
                "Message has an absent or wrong dataset in the header",
            ),
        ),
        (
            change("/header/flowId", json!("other")),
            about(bench, "Message has an absent, disabled or wrong flow"),
        ),
        (json!([]), unknown),
    ]
}

#[tokio::test]
async fn bad_message_is_refused_and_its_neighbours_are_accepted() {
    let bench = Bench::start().await;
    for (number, (message, text)) in spoiled(&bench).into_iter().enumerate() {
        let (before, after) = (format!("{number}-before"), format!("{number}-after"));
        let answer = bench
            .batch(vec![
                bench.event(&before),
                message.clone(),
                bench.event(&after),
            ])
            .await
            .unwrap();
        let body = answer.json();
        let id = body["batchId"].as_str().unwrap();
        assert_eq!(answer.status, 207);
        assert_eq!(
            body["responses"],
            json!([{"xactionId": format!("{id}:0")}, {"statusCode": 400, "message": text},
                {"xactionId": format!("{id}:2")}])
        );
        let alone = bench.single(message).await.unwrap();
        assert_eq!(
            (alone.status, alone.json()["report"]["message"].as_str()),
            (400, Some(text.as_str()))
        );
        assert_eq!(alone.json()["status"], 400);
    }
    assert_eq!(bench.ids().len(), 2 * spoiled(&bench).len());
    assert!(!bench.ids().contains(&"bad".to_owned()));
}

#[tokio::test]
async fn connectors_dialect_says_status_and_carries_the_index() {
    let bench = Bench::with(SimulatorConfig {
        dialect: Dialect::Status,
        ..SimulatorConfig::default()
    })
    .await;
    let body = bench
        .batch(vec![json!({"body": {}}), bench.event("a")])
        .await
        .unwrap()
        .json();
    let id = body["batchId"].as_str().unwrap();
    let text = "The 'header' field is mandatory. Provide a valid 'header' value and try again.";
    assert_eq!(
        body["responses"],
        json!([{"xactionId": format!("{id}-0"), "status": 400, "message": text},
            {"xactionId": format!("{id}-1")}])
    );
}

#[tokio::test]
async fn missing_organization_is_filled_in() {
    let bench = Bench::start().await;
    let mut message = bench.event("a");
    message["header"]
        .as_object_mut()
        .unwrap()
        .remove("imsOrgId");
    assert_eq!(bench.single(message).await.unwrap().status, 200);
}

#[tokio::test]
async fn batch_of_nothing_but_bad_messages_is_still_207() {
    let bench = Bench::start().await;
    let answer = bench.batch(vec![json!({}), json!(1)]).await.unwrap();
    assert_eq!(answer.status, 207);
    assert!(
        answer.json()["responses"]
            .as_array()
            .unwrap()
            .iter()
            .all(|item| item["statusCode"] == 400)
    );
}

#[tokio::test]
async fn body_that_is_not_json_or_no_batch_is_refused_whole() {
    let bench = Bench::start().await;
    let batch = bench.simulator.batch_url(bench.events());
    for body in [
        "{\"messages\":[{]}",
        "{}",
        "[]",
        "",
        "{\"messages\":{}}",
        "\u{0}",
    ] {
        assert_eq!(
            bench
                .post(batch.clone(), body)
                .send()
                .await
                .unwrap()
                .status(),
            400,
            "{body:?}"
        );
    }
    let single = bench.simulator.inlet_url(bench.events());
    assert_eq!(
        bench
            .post(single, vec![b'"', 0xff, b'"'])
            .send()
            .await
            .unwrap()
            .status(),
        400
    );
}

#[tokio::test]
async fn authenticated_inlet_asks_for_a_token_and_another_does_not() {
    let mut config = SimulatorConfig::default();
    config.inlets[1].authenticated = false;
    let bench = Bench::with(config).await;
    let send = async |url: String, flow: &str| {
        let request = bench
            .http
            .post(url)
            .header("content-type", "application/json")
            .header("x-adobe-flow-id", flow);
        Answer::read(request.body("{}").send().await.unwrap())
            .await
            .unwrap()
    };
    let refused = send(bench.simulator.inlet_url(bench.events()), "").await;
    assert_eq!(
        (refused.status, refused.json()["status"].as_str()),
        (401, Some("401"))
    );
    let open = send(
        bench.simulator.inlet_url(bench.profiles()),
        &bench.profiles().flow_id.clone(),
    )
    .await;
    assert_eq!(open.status, 200);
}

#[tokio::test]
async fn raw_inlet_takes_the_flow_from_header_or_query_and_refuses_without() {
    let bench = Bench::start().await;
    let (url, flow) = (
        bench.simulator.inlet_url(bench.profiles()),
        bench.profiles().flow_id.clone(),
    );
    let sent =
        async |request: reqwest::RequestBuilder| request.send().await.unwrap().status().as_u16();
    assert_eq!(sent(bench.post(url.clone(), "{}")).await, 400);
    assert_eq!(
        sent(
            bench
                .post(url.clone(), "{}")
                .header("x-adobe-flow-id", "other")
        )
        .await,
        400
    );
    assert_eq!(
        sent(bench.post(format!("{url}?x-adobe-flow-id={flow}"), "{}")).await,
        200
    );
    assert_eq!(
        sent(
            bench
                .post(url.clone(), "[]")
                .header("x-adobe-flow-id", &flow)
        )
        .await,
        400
    );
    bench.simulator.enable_flow("profiles", false);
    assert_eq!(
        sent(
            bench
                .post(url.clone(), "{}")
                .header("x-adobe-flow-id", &flow)
        )
        .await,
        400
    );
    bench.simulator.enable_flow("profiles", true);
    assert_eq!(
        sent(bench.post(url, "{}").header("x-adobe-flow-id", &flow)).await,
        200
    );
}

#[tokio::test]
async fn raw_batches_are_refused_unless_allowed() {
    for (batches, expected) in [(false, Some(400)), (true, None)] {
        let mut config = SimulatorConfig::default();
        config.inlets[1].data_type = DataType::Raw { batches };
        let bench = Bench::with(config).await;
        let request = bench.post(
            bench.simulator.batch_url(bench.profiles()),
            r#"{"messages":[{"a":1}]}"#,
        );
        let request = request.header("x-adobe-flow-id", &bench.profiles().flow_id);
        let answer = Answer::read(request.send().await.unwrap()).await.unwrap();
        assert_eq!(
            answer.json()["responses"][0]["statusCode"].as_u64(),
            expected
        );
    }
}

#[tokio::test]
async fn upserts_must_name_dataset_and_organization_and_known_operations() {
    let bench = Bench::start().await;
    let good = bench.upsert("merge", json!({"a": 1}));
    assert_eq!(bench.profile(good.clone()).await.status, 200);
    let cases = [
        ("/header/imsOrgId", json!("other@AdobeOrg")),
        ("/header/datasetId", json!("000000000000000000000000")),
        ("/header/flowId", json!("other")),
        (
            "/header/operations",
            json!({"data": "merge", "identity": "create"}),
        ),
        (
            "/header/operations",
            json!({"data": "merge", "identity": "delete", "identityDatasetId": "x"}),
        ),
    ];
    for (pointer, value) in cases {
        let mut message = good.clone();
        *message.pointer_mut(pointer).unwrap() = value;
        assert_eq!(bench.profile(message).await.status, 400, "{pointer}");
    }
}

#[tokio::test]
async fn unknown_inlets_methods_types_and_compression_are_refused() {
    let bench = Bench::start().await;
    let url = bench.simulator.inlet_url(bench.events());
    let other = format!(
        "{}/collection/{}",
        bench.simulator.base_url(),
        "0".repeat(64)
    );
    let sent =
        async |request: reqwest::RequestBuilder| request.send().await.unwrap().status().as_u16();
    let body = bench.event("a").to_string();
    assert_eq!(sent(bench.post(other, body.clone())).await, 404);
    assert_eq!(
        sent(
            bench
                .http
                .get(&url)
                .header("authorization", format!("Bearer {}", bench.token))
        )
        .await,
        405
    );
    assert_eq!(
        sent(
            bench
                .post(url.clone(), body.clone())
                .header("content-encoding", "gzip")
        )
        .await,
        415
    );
    let plain = bench
        .http
        .post(&url)
        .header("authorization", format!("Bearer {}", bench.token))
        .body(body);
    assert_eq!(sent(plain).await, 415);
    assert_eq!(bench.simulator.counters().unknown_inlet, 1);
    assert!(bench.ids().is_empty());
}

#[tokio::test]
async fn body_over_the_limit_is_refused_unread_and_the_connection_ends() {
    let bench = Bench::start().await;
    let url = bench.simulator.batch_url(bench.events());
    let answer = bench.post(url, vec![b' '; 3_000_000]).send().await.unwrap();
    assert_eq!(
        (
            answer.status().as_u16(),
            answer.headers()["connection"].to_str().unwrap()
        ),
        (413, "close")
    );
    // The answer comes before the body is sent, so it cannot have been read.
    let mut socket = tokio::net::TcpStream::connect(bench.simulator.address())
        .await
        .unwrap();
    let path = format!("/collection/{}", bench.events().id);
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000001\r\n\r\n");
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn body_of_exactly_the_limit_is_read() {
    let bench = Bench::start().await;
    let url = bench.simulator.batch_url(bench.events());
    let mut body = json!({"messages": [bench.event("a")]}).to_string();
    body.push_str(&" ".repeat(1_000_000 - body.len()));
    assert_eq!(
        bench
            .post(url.clone(), body.clone())
            .send()
            .await
            .unwrap()
            .status(),
        207
    );
    body.push(' ');
    assert_eq!(bench.post(url, body).send().await.unwrap().status(), 413);
}

#[tokio::test]
async fn synchronous_validation_exists_at_one_location_and_is_rationed() {
    let bench = Bench::start().await;
    let url = |bench: &Bench| {
        format!(
            "{}?syncValidation=true",
            bench.simulator.inlet_url(bench.events())
        )
    };
    let message = bench.event("a").to_string();
    assert_eq!(
        bench
            .post(url(&bench), message.clone())
            .send()
            .await
            .unwrap()
            .status(),
        501
    );

    let bench = Bench::with(SimulatorConfig {
        sync_validation: true,
        ..SimulatorConfig::default()
    })
    .await;
    let pass = Answer::read(
        bench
            .post(url(&bench), message.clone())
            .send()
            .await
            .unwrap(),
    )
    .await
    .unwrap();
    assert_eq!(pass.json()["syncValidation"], json!({"status": "pass"}));
    let invalid = bench.envelope(json!({"_id": "b"})).to_string();
    let refused = Answer::read(bench.post(url(&bench), invalid).send().await.unwrap())
        .await
        .unwrap();
    assert_eq!(refused.status, 400);
    assert_eq!(
        refused.json()["report"]["message"],
        about(&bench, "Message is invalid")
    );
    for _ in 2..60 {
        assert_eq!(
            bench
                .post(url(&bench), message.clone())
                .send()
                .await
                .unwrap()
                .status(),
            200
        );
    }
    assert_eq!(
        bench
            .post(url(&bench), message)
            .send()
            .await
            .unwrap()
            .status(),
        429
    );
}
