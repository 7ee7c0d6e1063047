//! The control API over HTTP, the configuration section, and the binary.

use std::process::Stdio;
use std::time::Duration;

use conformance::simulator::SimulatorConfig;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

use crate::client::{Answer, Bench};

async fn get(bench: &Bench, path: &str) -> Value {
    let url = format!("{}/simulator{path}", bench.simulator.base_url());
    let answer = Answer::read(bench.http.get(url).send().await.unwrap())
        .await
        .unwrap();
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.json()
}

async fn post(bench: &Bench, path: &str, body: Value) -> Answer {
    let url = format!("{}/simulator{path}", bench.simulator.base_url());
    Answer::read(
        bench
            .http
            .post(url)
            .body(body.to_string())
            .send()
            .await
            .unwrap(),
    )
    .await
    .unwrap()
}

#[tokio::test]
async fn seen_requests_can_be_read_back() {
    let bench = Bench::start().await;
    bench
        .batch(vec![bench.event("a"), bench.event("b")])
        .await
        .unwrap();
    let merge = json!({"identityMap": {"CapillaryId": [{"id": "c1", "primary": true}]},
        "loyalty": {"points": 3}});
    bench.profile(bench.upsert("merge", merge)).await;
    bench.batch(vec![bench.event("a")]).await.unwrap();

    let events = get(&bench, "/events").await;
    assert_eq!(events["total"], 3);
    assert_eq!(events["records"][1]["entity"]["_id"], "b");
    assert_eq!(events["records"][2]["ingestion"], "duplicate");
    // The profile took sequence 3.
    let later = get(&bench, "/events?after=1&limit=1").await;
    assert_eq!(
        (
            &later["records"][0]["sequence"],
            later["records"].as_array().unwrap().len()
        ),
        (&json!(2), 1)
    );
    assert_eq!(
        get(&bench, "/events?after=2").await["records"][0]["sequence"],
        4
    );
    assert_eq!(
        get(&bench, "/profiles").await["records"][0]["operation"],
        "merge"
    );
    let stored = get(&bench, "/profile-store").await;
    assert_eq!(
        (&stored[0]["id"], &stored[0]["record"]["loyalty"]["points"]),
        (&json!("c1"), &json!(3))
    );
    assert_eq!(get(&bench, "/lake").await.as_array().unwrap().len(), 3);
    assert_eq!(get(&bench, "/requests").await[0]["messages"][1]["id"], "b");
    assert_eq!(get(&bench, "/token-calls").await[0]["status"], 200);
    let counters = get(&bench, "/counters").await;
    assert_eq!(
        (
            &counters["events-accepted"],
            &counters["inlets"]["events"]["by-status"]["207"]
        ),
        (&json!(3), &json!(2))
    );
    assert_eq!(
        get(&bench, "").await["inlets"][0]["inlet-url"],
        bench.simulator.inlet_url(bench.events())
    );
}

#[tokio::test]
async fn faults_tokens_and_flows_can_be_steered() {
    let bench = Bench::start().await;
    let script = json!({"steps": [{"target": "events", "times": 2, "fault": {"kind": "status",
        "status": 503}}]});
    assert_eq!(post(&bench, "/faults", script).await.status, 200);
    assert_eq!(
        bench.batch(vec![bench.event("a")]).await.unwrap().status,
        503
    );
    assert_eq!(get(&bench, "/faults").await["steps"][0]["times"], 1);
    let url = format!("{}/simulator/faults", bench.simulator.base_url());
    assert_eq!(bench.http.delete(url).send().await.unwrap().status(), 200);
    assert_eq!(
        bench.batch(vec![bench.event("a")]).await.unwrap().status,
        207
    );

    assert_eq!(
        post(&bench, "/inlets/events", json!({"flow-enabled": false}))
            .await
            .status,
        200
    );
    let disabled = bench.batch(vec![bench.event("b")]).await.unwrap().json();
    assert_eq!(disabled["responses"][0]["statusCode"], 400);
    assert_eq!(post(&bench, "/reset", Value::Null).await.status, 200);
    assert_eq!(get(&bench, "/counters").await["events-accepted"], 0);
    assert_eq!(
        bench.batch(vec![bench.event("b")]).await.unwrap().status,
        207
    );

    assert_eq!(
        post(
            &bench,
            "/token-refusal",
            json!({"token-refusal": "forbidden"})
        )
        .await
        .status,
        200
    );
    assert_eq!(
        post(&bench, "/revoke-tokens", Value::Null).await.json(),
        json!({"revoked": 1})
    );
    assert_eq!(
        bench.batch(vec![bench.event("c")]).await.unwrap().status,
        403
    );
    assert_eq!(
        post(&bench, "/token-shape", json!({"expires-in": "text"}))
            .await
            .status,
        200
    );
    let token = bench
        .ask_token(&bench.simulator.token_url(), bench.good_form())
        .await
        .unwrap();
    assert_eq!(token.json()["expires_in"], "86399");

    let mistake = post(&bench, "/faults", json!({"stesp": []})).await;
    assert_eq!(mistake.status, 400);
    assert!(mistake.text.contains("stesp"), "{}", mistake.text);
    assert_eq!(post(&bench, "/nothing", Value::Null).await.status, 404);
}

#[tokio::test]
async fn read_back_holds_no_secret_or_token() {
    let bench = Bench::start().await;
    bench.batch(vec![bench.event("a")]).await.unwrap();
    let secret = &bench.simulator.config().credential.client_secret;
    for path in [
        "",
        "/counters",
        "/events",
        "/requests",
        "/token-calls",
        "/faults",
    ] {
        let text = get(&bench, path).await.to_string();
        assert!(
            !text.contains(secret.as_str()) && !text.contains(&bench.token),
            "{path}"
        );
    }
    assert!(!format!("{:?}", bench.simulator.config()).contains(secret.as_str()));
}

#[tokio::test]
async fn dropped_simulator_is_gone() {
    let bench = Bench::start().await;
    let address = bench.simulator.address();
    let client = bench.http.clone();
    drop(bench);
    let gone = async { while tokio::net::TcpStream::connect(address).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(5), gone)
        .await
        .unwrap();
    assert!(
        client
            .get(format!("http://{address}/simulator"))
            .send()
            .await
            .is_err()
    );
}

#[tokio::test]
async fn section_names_a_foreign_credential_instead_of_showing_it() {
    let bench = Bench::start().await;
    let section = bench.simulator.experience_platform_section();
    assert!(
        section.contains(r#"client-secret: "demo&secret+with%signs=""#),
        "{section}"
    );
    assert!(
        section.contains(&format!(
            "inlet-url: \"{}\"",
            bench.simulator.inlet_url(bench.events())
        )),
        "{section}"
    );
    let mut config = SimulatorConfig::default();
    config.credential.client_secret = "somebody's".to_owned();
    let section = Bench::with(config)
        .await
        .simulator
        .experience_platform_section();
    assert!(
        section.contains("${{ secrets.IMS_CLIENT_SECRET }}") && !section.contains("somebody"),
        "{section}"
    );
}

#[tokio::test]
async fn binary_says_where_it_listens_and_counts_at_the_end() {
    let faults = tempfile::NamedTempFile::new().unwrap();
    let script = json!({"steps": [{"target": "ims", "fault": {"kind": "status", "status": 429}}]});
    std::fs::write(faults.path(), script.to_string()).unwrap();
    let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_aep-simulator"))
        .args(["--client-secret", "only mine", "--faults"])
        .arg(faults.path())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    while !text.contains("identity-dataset-id") {
        assert_ne!(out.read_line(&mut text).await.unwrap(), 0, "{text}");
    }
    let url = text
        .lines()
        .find_map(|line| line.strip_prefix("token server"))
        .unwrap()
        .trim()
        .to_owned();
    assert_eq!(
        reqwest::Client::new()
            .post(url)
            .send()
            .await
            .unwrap()
            .status(),
        429
    );
    let pid = child.id().unwrap().to_string();
    let interrupt = tokio::process::Command::new("kill")
        .args(["-INT", &pid])
        .status()
        .await
        .unwrap();
    assert!(interrupt.success());
    out.read_to_string(&mut text).await.unwrap();
    assert!(child.wait().await.unwrap().success());
    assert!(
        text.contains(r#""token-calls": 1"#) && !text.contains("only mine"),
        "{text}"
    );
}

#[tokio::test]
async fn binary_names_what_is_wrong_with_its_arguments() {
    for (arguments, named) in [
        (vec!["--prot", "1"], "--prot"),
        (vec!["--port", "many"], "many"),
        (vec!["--port"], "--port needs a value"),
        (vec!["--faults", "/nowhere.json"], "/nowhere.json"),
    ] {
        let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_aep-simulator"))
            .args(arguments)
            .output()
            .await
            .unwrap();
        assert_eq!(output.status.code(), Some(2));
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(message.contains(named), "{message}");
    }
}
