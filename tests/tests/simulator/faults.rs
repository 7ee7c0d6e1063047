//! Fault scripts: each kind, each predicate, and chance.

use std::time::{Duration, Instant};

use conformance::simulator::{
    Chance, Dialect, Fault, FaultScript, Latency, Probability, RandomFaults, Selector, Step,
    Target, Times,
};
use serde_json::{Value, json};

use crate::client::{Bench, event, status};

fn events(fault: Fault) -> Step {
    Step::new(Target::Inlet("events".to_owned()), fault)
}

#[tokio::test]
async fn steps_apply_in_order_each_to_its_number_of_requests() {
    let bench = Bench::start().await;
    let retry_after = Fault::Status {
        status: status(503),
        retry_after: Some("2".to_owned()),
        body: None,
        accept: false,
    };
    bench.script([
        events(Fault::status(status(500))).times(2),
        events(Fault::Pass),
        events(Fault::status(status(429))),
        events(retry_after),
    ]);
    let mut seen = Vec::new();
    for number in 0..6 {
        let answer = bench
            .batch(vec![bench.event(&number.to_string())])
            .await
            .unwrap();
        seen.push((answer.status, answer.retry_after));
    }
    let statuses: Vec<u16> = seen.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [500, 500, 207, 429, 503, 207]);
    assert_eq!(seen[4].1.as_deref(), Some("2"));
    assert_eq!(seen[3].1, None);
    assert_eq!(bench.ids(), ["2", "5"]);
    assert!(bench.simulator.faults_left().steps.is_empty());
    let counters = bench.simulator.counters();
    assert_eq!(
        counters.inlets["events"].by_status,
        [(207, 2), (429, 1), (500, 2), (503, 1)].into()
    );
    assert_eq!(counters.faults["status"], 4);
}

#[tokio::test]
async fn status_may_hide_that_the_records_were_accepted() {
    let bench = Bench::start().await;
    let hidden = Fault::Status {
        status: status(504),
        retry_after: None,
        body: None,
        accept: true,
    };
    bench.script([
        events(hidden),
        events(Fault::Html {
            status: status(502),
            accept: true,
        }),
    ]);
    assert_eq!(
        bench.batch(vec![bench.event("a")]).await.unwrap().status,
        504
    );
    let html = bench.batch(vec![bench.event("b")]).await.unwrap();
    assert_eq!(
        (html.status, html.content_type.as_deref()),
        (502, Some("text/html"))
    );
    assert!(html.text.starts_with("<html>"));
    assert_eq!(bench.ids(), ["a", "b"]);
}

#[tokio::test]
async fn messages_of_a_batch_fail_in_either_dialect() {
    for (dialect, key) in [
        (Dialect::StatusCode, "statusCode"),
        (Dialect::Status, "status"),
    ] {
        let bench = Bench::start().await;
        let fault = |code, dialect| Fault::Message {
            status: status(code),
            message: None,
            dialect,
            accept: false,
        };
        bench.script([
            events(fault(429, Some(dialect))).when(Selector::ids(["b"])),
            events(fault(503, None)).when(Selector::identities(["c3"])),
            events(fault(500, None)).when(Selector::indexes([3])),
        ]);
        let messages = || {
            let customers = [
                ("a", "c1"),
                ("b", "c2"),
                ("c", "c3"),
                ("d", "c4"),
                ("e", "c5"),
            ];
            customers
                .map(|(id, customer)| bench.envelope(event(id, customer)))
                .to_vec()
        };
        let body = bench.batch(messages()).await.unwrap().json();
        let codes: Vec<Option<u64>> = body["responses"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item[key].as_u64())
            .collect();
        assert_eq!(codes, [None, Some(429), Some(503), Some(500), None]);
        assert_eq!(bench.ids(), ["a", "e"]);
        let fates = &bench.simulator.requests()[0].messages;
        assert_eq!(
            fates.iter().map(|fate| fate.status).collect::<Vec<_>>(),
            [200, 429, 503, 500, 200]
        );
        let healed = bench.batch(messages()[1..4].to_vec()).await.unwrap().json();
        assert!(
            healed["responses"]
                .as_array()
                .unwrap()
                .iter()
                .all(|item| item.get("message").is_none())
        );
    }
}

#[tokio::test]
async fn message_fault_on_the_single_endpoint_is_the_status_of_the_request() {
    let bench = Bench::start().await;
    bench.script([events(Fault::message(status(400)))
        .forever()
        .when(Selector::ids(["poison"]))]);
    for _ in 0..3 {
        assert_eq!(
            bench.single(bench.event("poison")).await.unwrap().status,
            400
        );
    }
    assert_eq!(bench.single(bench.event("a")).await.unwrap().status, 200);
}

#[tokio::test]
async fn poison_record_spoils_every_request_that_holds_it() {
    let bench = Bench::start().await;
    bench.script([events(Fault::status(status(500)))
        .forever()
        .when(Selector::ids(["poison"]))]);
    assert_eq!(
        bench
            .batch(vec![bench.event("a"), bench.event("poison")])
            .await
            .unwrap()
            .status,
        500
    );
    assert_eq!(
        bench.batch(vec![bench.event("a")]).await.unwrap().status,
        207
    );
    assert_eq!(
        bench
            .batch(vec![bench.event("poison")])
            .await
            .unwrap()
            .status,
        500
    );
    assert_eq!(bench.ids(), ["a"]);
}

#[tokio::test]
async fn responses_may_be_short_empty_missing_or_not_there() {
    let bench = Bench::start().await;
    bench.script([
        events(Fault::ShortResponses { missing: 1 }),
        events(Fault::EmptyResponses),
        events(Fault::NoResponses),
        events(Fault::EmptyBody),
        events(Fault::OkForBatch),
    ]);
    let send = async || {
        bench
            .batch(vec![bench.event("a"), bench.event("b"), bench.event("c")])
            .await
            .unwrap()
    };
    assert_eq!(
        send().await.json()["responses"].as_array().unwrap().len(),
        2
    );
    assert_eq!(send().await.json()["responses"], json!([]));
    assert!(send().await.json().get("responses").is_none());
    let empty = send().await;
    assert_eq!((empty.status, empty.text.as_str()), (207, ""));
    let ok = send().await;
    assert_eq!(
        (ok.status, ok.json()["responses"].as_array().unwrap().len()),
        (200, 3)
    );
    assert_eq!(bench.ids().len(), 15);
}

#[tokio::test]
async fn ids_may_lie_and_responses_may_stand_in_another_order() {
    let bench = Bench::start().await;
    let refused = || events(Fault::message(status(400))).when(Selector::ids(["b"]));
    bench.script([events(Fault::MisnumberedIds), refused()]);
    let messages = || vec![bench.event("a"), bench.event("b"), bench.event("c")];
    let lying = bench.batch(messages()).await.unwrap().json();
    assert!(
        lying["responses"][0]["xactionId"]
            .as_str()
            .unwrap()
            .ends_with(":2")
    );
    assert_eq!(lying["responses"][1]["statusCode"], 400);

    bench.script([
        events(Fault::ReversedResponses),
        events(Fault::message(status(400))).when(Selector::ids(["a"])),
    ]);
    let reversed = bench.batch(messages()).await.unwrap().json();
    assert!(
        reversed["responses"][2]["xactionId"]
            .as_str()
            .unwrap()
            .ends_with("-0")
    );
    assert_eq!(reversed["responses"][2]["status"], 400);

    bench.script([events(Fault::TextNumbers), refused()]);
    assert_eq!(
        bench.batch(messages()).await.unwrap().json()["responses"][1]["statusCode"],
        "400"
    );
}

#[tokio::test]
async fn reset_before_the_body_accepts_nothing_and_one_after_it_everything() {
    let bench = Bench::start().await;
    bench.script([
        events(Fault::ResetBeforeBody),
        events(Fault::ResetAfterBody { accept: true }),
        events(Fault::ResetAfterBody { accept: false }),
    ]);
    for id in ["a", "b", "c"] {
        assert!(bench.batch(vec![bench.event(id)]).await.is_err());
    }
    assert_eq!(bench.ids(), ["b"]);
    assert_eq!(bench.simulator.counters().inlets["events"].unanswered, 3);
}

#[tokio::test]
async fn hang_lasts_as_long_as_the_client_waits() {
    let bench = Bench::start().await;
    bench.script([
        events(Fault::Hang { accept: false }),
        events(Fault::Hang { accept: true }),
    ]);
    let url = bench.simulator.batch_url(bench.events());
    for id in ["a", "b"] {
        let body = json!({"messages": [bench.event(id)]}).to_string();
        let request = bench
            .post(url.clone(), body)
            .timeout(Duration::from_millis(200));
        assert!(request.send().await.unwrap_err().is_timeout());
    }
    let done = bench
        .simulator
        .wait_until(|seen| seen.counters().inlets["events"].under_way == 0);
    tokio::time::timeout(Duration::from_secs(5), done)
        .await
        .unwrap();
    assert_eq!(bench.ids(), ["b"]);
    assert_eq!(bench.simulator.counters().inlets["events"].unanswered, 2);
}

#[tokio::test]
async fn truncated_answers_end_early_or_lose_the_connection() {
    let bench = Bench::start().await;
    bench.script([
        events(Fault::Truncated {
            lose_connection: false,
        }),
        events(Fault::Truncated {
            lose_connection: true,
        }),
    ]);
    let cut = bench.batch(vec![bench.event("a")]).await.unwrap();
    assert_eq!(cut.status, 207);
    assert!(serde_json::from_str::<Value>(&cut.text).is_err());
    assert!(bench.batch(vec![bench.event("b")]).await.is_err());
    assert_eq!(bench.ids(), ["a", "b"]);
}

#[tokio::test]
async fn connection_may_close_silently_after_a_complete_response() {
    let bench = Bench::start().await;
    bench.script([events(Fault::Close)]);
    let before = bench.simulator.counters().connections;
    let url = bench.simulator.batch_url(bench.events());
    let body = json!({"messages": [bench.event("a")]}).to_string();
    let response = bench.post(url, body).send().await.unwrap();
    assert_eq!(response.status(), 207);
    assert!(response.headers().get("connection").is_none());
    assert!(!response.bytes().await.unwrap().is_empty());
    // A pooled connection may be found closed only when it is used; a second attempt needs a new
    // one.
    let again = async || bench.batch(vec![bench.event("b")]).await;
    let answer = match again().await {
        Ok(answer) => answer,
        Err(_) => again().await.unwrap(),
    };
    assert_eq!(answer.status, 207);
    assert_eq!(bench.simulator.counters().connections, before + 1);
}

#[tokio::test]
async fn delays_come_before_or_after_the_acceptance() {
    let bench = Bench::start().await;
    let pause = Duration::from_millis(300);
    bench.script([
        events(Fault::Pass).delay(pause),
        events(Fault::Pass).answer_delay(pause),
    ]);
    let url = bench.simulator.batch_url(bench.events());
    for id in ["never", "late"] {
        let body = json!({"messages": [bench.event(id)]}).to_string();
        let impatient = bench
            .post(url.clone(), body)
            .timeout(Duration::from_millis(100))
            .send()
            .await;
        assert!(impatient.unwrap_err().is_timeout());
    }
    assert_eq!(bench.ids(), ["late"]);
    bench.script([events(Fault::Pass).delay(pause)]);
    let begun = Instant::now();
    assert_eq!(
        bench.batch(vec![bench.event("c")]).await.unwrap().status,
        207
    );
    assert!(begun.elapsed() >= pause);
    // By now the delay of the first is over as well.
    assert_eq!(bench.ids(), ["late", "c"]);
}

#[tokio::test]
async fn response_and_body_may_be_transferred_in_pieces() {
    let bench = Bench::start().await;
    let slow = |fault| {
        bench.script([events(fault)]);
        Instant::now()
    };
    let begun = slow(Fault::SlowAnswer { over_ms: 300 });
    let whole = bench.batch(vec![bench.event("a")]).await.unwrap();
    assert_eq!(whole.json()["responses"].as_array().map(Vec::len), Some(1));
    assert!(begun.elapsed() >= Duration::from_millis(300));
    let begun = slow(Fault::SlowReading { pause_ms: 200 });
    assert_eq!(
        bench.batch(vec![bench.event("b")]).await.unwrap().status,
        207
    );
    assert!(begun.elapsed() >= Duration::from_millis(200));
    slow(Fault::SlowAnswer { over_ms: 5_000 });
    let body = json!({"messages": [bench.event("c")]}).to_string();
    let impatient = bench.post(bench.simulator.batch_url(bench.events()), body);
    let impatient = impatient
        .timeout(Duration::from_millis(200))
        .send()
        .await
        .unwrap();
    assert!(impatient.text().await.unwrap_err().is_timeout());
    assert_eq!(bench.ids(), ["a", "b", "c"], "accepted before the answer");
}

#[tokio::test]
async fn targets_tell_the_token_server_and_the_inlets_apart() {
    let bench = Bench::start().await;
    bench.script([
        Step::new(
            Target::Inlet(bench.profiles().id.to_string()),
            Fault::status(status(503)),
        ),
        Step::new(Target::Ims, Fault::status(status(500))),
        Step::new(Target::Inlets, Fault::status(status(502))),
        Step::new(Target::Any, Fault::status(status(504))),
    ]);
    assert_eq!(
        bench.batch(vec![bench.event("a")]).await.unwrap().status,
        502
    );
    let token = bench
        .ask_token(&bench.simulator.token_url(), bench.good_form())
        .await
        .unwrap();
    assert_eq!(token.status, 500);
    assert_eq!(bench.profile(json!({})).await.status, 503);
    assert_eq!(
        bench.batch(vec![bench.event("a")]).await.unwrap().status,
        504
    );
    assert_eq!(
        bench.batch(vec![bench.event("a")]).await.unwrap().status,
        207
    );
}

#[tokio::test]
async fn chance_is_the_same_for_the_same_seed() {
    let run = async |seed: u64| {
        let bench = Bench::start().await;
        let chance = |probability: f64, fault| Chance {
            target: Target::Inlets,
            probability: Probability::try_from(probability).unwrap(),
            delay_ms: 0,
            answer_delay_ms: 0,
            fault,
        };
        let chances = vec![
            chance(0.3, Fault::status(status(503))),
            chance(0.3, Fault::message(status(429))),
        ];
        bench.simulator.add_faults(FaultScript {
            steps: vec![],
            random: Some(RandomFaults {
                seed,
                chances,
                latency_ms: None,
            }),
        });
        for request in 0..40 {
            let messages = (0..3)
                .map(|message| bench.event(&format!("{request}-{message}")))
                .collect();
            bench.batch(messages).await.unwrap();
        }
        let whole = bench.simulator.counters().inlets["events"].by_status[&503];
        (bench.ids(), whole)
    };
    let (ids, whole) = run(1).await;
    assert_eq!((ids.clone(), whole), run(1).await);
    assert_ne!((ids.clone(), whole), run(2).await);
    assert!(
        (4..30).contains(&whole) && (40..110).contains(&ids.len()),
        "{whole} {}",
        ids.len()
    );
}

#[tokio::test]
async fn random_latency_stays_in_its_range() {
    let bench = Bench::start().await;
    let latency_ms = Some(Latency::try_from((40, 60)).unwrap());
    let random = Some(RandomFaults {
        seed: 3,
        chances: vec![],
        latency_ms,
    });
    bench.simulator.add_faults(FaultScript {
        steps: vec![],
        random,
    });
    for id in ["a", "b", "c"] {
        let begun = Instant::now();
        assert_eq!(
            bench.batch(vec![bench.event(id)]).await.unwrap().status,
            207
        );
        assert!(begun.elapsed() >= Duration::from_millis(40));
    }
}

#[tokio::test]
async fn request_that_was_not_accepted_still_shows_what_it_held() {
    let bench = Bench::start().await;
    bench.script([events(Fault::status(status(503)))]);
    bench
        .batch(vec![bench.event("a"), bench.event("b")])
        .await
        .unwrap();
    let fates = bench.simulator.requests()[0].messages.clone();
    let seen: Vec<_> = fates
        .iter()
        .map(|fate| (fate.id.as_deref().unwrap(), fate.accepted, fate.status))
        .collect();
    assert_eq!(seen, [("a", false, 503), ("b", false, 503)]);
}

#[test]
fn scripts_are_read_from_json_and_mistakes_are_named() {
    let script: FaultScript = serde_json::from_value(json!({
        "steps": [
            {"target": "ims", "fault": {"kind": "status", "status": 429}},
            {"target": "events", "times": "forever", "when": {"ids": ["a"]},
             "fault": {"kind": "message", "status": 503, "dialect": "status"}},
            {"times": 3, "delay-ms": 50, "fault": {"kind": "reset-after-body"}},
            {"answer-delay-ms": 5},
        ],
        "random": {"seed": 9, "chances": [{"target": "inlets", "probability": 0.5,
        "fault": {"kind": "close"}}]},
    }))
    .unwrap();
    assert_eq!(script.steps[1].times, Times::Forever);
    assert_eq!(
        script.steps[2],
        Step::new(Target::Any, Fault::ResetAfterBody { accept: true })
            .times(3)
            .delay(Duration::from_millis(50))
    );
    assert_eq!(script.steps[3].fault, Fault::Pass);
    let again: FaultScript =
        serde_json::from_str(&serde_json::to_string(&script).unwrap()).unwrap();
    assert_eq!(again, script);
    for (wrong, named) in [
        (
            json!({"steps": [{"fault": {"kind": "status", "status": 99}}]}),
            "99",
        ),
        (
            json!({"steps": [{"fault": {"kind": "explode"}}]}),
            "explode",
        ),
        (json!({"steps": [{"tmies": 3}]}), "tmies"),
        (
            json!({"steps": [{"fault": {"kind": "status", "status": 500, "after": 3}}]}),
            "after",
        ),
        (
            json!({"random": {"seed": 1, "chances": [{"probability": 1.5}]}}),
            "1.5",
        ),
        (
            json!({"random": {"seed": 1, "latency-ms": [9, 3]}}),
            "[9, 3]",
        ),
    ] {
        let error = serde_json::from_value::<FaultScript>(wrong)
            .unwrap_err()
            .to_string();
        assert!(error.contains(named), "{error}");
    }
}
