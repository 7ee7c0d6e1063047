//! The token server.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use conformance::simulator::{
    ExpiresIn, Fault, SimulatorConfig, Step, Target, TokenRefusal, TokenShape,
};
use serde_json::{Value, json};

use crate::client::{Answer, Bench, SCOPE, form, status};

const ID: &str = "demo-client-id";
const SECRET: &str = "demo&secret+with%signs=";

fn refusal(code: &str, description: &str) -> String {
    format!(r#"{{"error":"{code}","error_description":"{description}"}}"#)
}

#[tokio::test]
async fn paths_of_ims_respond_in_their_own_unit() {
    let bench = Bench::start().await;
    let base = bench.simulator.base_url().to_owned();
    for (path, expires_in) in [
        ("/ims/token/v3", 86_399),
        ("/ims/token", 86_399_994),
        ("/ims/token/v1", 86_399_994),
    ] {
        let answer = bench
            .ask_token(&format!("{base}{path}"), bench.good_form())
            .await
            .unwrap();
        let body = answer.json();
        let token = body["access_token"].as_str().unwrap();
        assert_eq!(
            answer.text,
            format!(
                r#"{{"access_token":"{token}","token_type":"bearer","expires_in":{expires_in}}}"#
            )
        );
    }
}

#[tokio::test]
async fn token_is_a_jwt_whose_times_are_text_in_milliseconds() {
    let bench = Bench::start().await;
    let parts: Vec<&str> = bench.token.split('.').collect();
    assert_eq!(parts.len(), 3);
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    assert_eq!(claims["expires_in"], "86400000");
    assert!(
        claims["created_at"]
            .as_str()
            .unwrap()
            .parse::<u64>()
            .unwrap()
            > 1_600_000_000_000
    );
    assert!(claims.get("exp").is_none());
    assert_eq!(bench.simulator.issued_tokens(), vec![bench.token.clone()]);
}

#[tokio::test]
async fn wrong_credentials_are_refused_with_the_known_texts() {
    let bench = Bench::start().await;
    let url = bench.simulator.token_url();
    let cases = [
        (
            form(ID, "wrong", SCOPE),
            refusal("invalid_client", "invalid client_secret parameter"),
        ),
        (
            form("wrong", SECRET, SCOPE),
            refusal("invalid_client", "invalid client_id parameter"),
        ),
    ];
    for (form, body) in cases {
        let answer = bench.ask_token(&url, form).await.unwrap();
        assert_eq!((answer.status, answer.text), (400, body));
    }
    let answer = bench
        .ask_token(&url, form(ID, SECRET, "openid,adobe_everything"))
        .await
        .unwrap();
    assert_eq!(
        (answer.status, answer.json()["error"].as_str()),
        (400, Some("invalid_scope"))
    );
}

#[tokio::test]
async fn secret_that_is_not_percent_encoded_is_refused() {
    let bench = Bench::start().await;
    let form =
        format!("grant_type=client_credentials&client_id={ID}&client_secret={SECRET}&scope=openid");
    assert_eq!(
        bench
            .ask_token(&bench.simulator.token_url(), form)
            .await
            .unwrap()
            .status,
        400
    );
}

#[tokio::test]
async fn scopes_may_be_separated_by_commas_or_spaces() {
    let bench = Bench::start().await;
    for scope in [
        SCOPE.to_owned(),
        SCOPE.replace(',', " "),
        SCOPE.replace(',', ", "),
    ] {
        let answer = bench
            .ask_token(
                &bench.simulator.unversioned_token_url(),
                form(ID, SECRET, &scope),
            )
            .await
            .unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(
            bench
                .simulator
                .token_calls()
                .last()
                .unwrap()
                .scope
                .as_deref(),
            Some(scope.as_str())
        );
    }
}

#[tokio::test]
async fn body_that_is_not_a_form_is_refused_and_a_query_is_accepted() {
    let bench = Bench::start().await;
    let url = bench.simulator.token_url();
    let json = bench
        .http
        .post(&url)
        .header("content-type", "application/json")
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(json.status(), 400);
    let query = bench
        .http
        .post(format!("{url}?{}", bench.good_form()))
        .send()
        .await
        .unwrap();
    assert_eq!(query.status(), 200);
}

#[tokio::test]
async fn credential_may_hold_two_secrets() {
    let mut config = SimulatorConfig::default();
    config.credential.second_secret = Some("next+secret".to_owned());
    let bench = Bench::with(config).await;
    let answer = bench
        .ask_token(&bench.simulator.token_url(), form(ID, "next+secret", SCOPE))
        .await
        .unwrap();
    assert_eq!(answer.status, 200);
    let secrets: Vec<_> = bench
        .simulator
        .token_calls()
        .iter()
        .map(|call| call.secret)
        .collect();
    assert_eq!(secrets, [Some(1), Some(2)]);
}

#[tokio::test]
async fn shape_of_the_answer_can_vary() {
    let bench = Bench::start().await;
    let url = bench.simulator.token_url();
    let shape = TokenShape {
        token_type: false,
        lifetime_ms: 3_600_000,
        ..TokenShape::default()
    };
    let cases = [
        (shape, json!(3599), true),
        (
            TokenShape {
                expires_in: ExpiresIn::Text,
                ..shape
            },
            json!("3599"),
            true,
        ),
        (
            TokenShape {
                expires_in: ExpiresIn::Milliseconds,
                jwt: false,
                ..shape
            },
            json!(3_599_994),
            false,
        ),
        (
            TokenShape {
                expires_in: ExpiresIn::Absent,
                ..shape
            },
            Value::Null,
            true,
        ),
    ];
    for (shape, expires_in, jwt) in cases {
        bench.simulator.set_token_shape(shape);
        let body = bench
            .ask_token(&url, bench.good_form())
            .await
            .unwrap()
            .json();
        assert_eq!(body["expires_in"], expires_in);
        assert!(body.get("token_type").is_none());
        assert_eq!(
            body["access_token"].as_str().unwrap().split('.').count() == 3,
            jwt
        );
    }
}

#[tokio::test]
async fn revoked_expired_and_foreign_tokens_are_refused_in_every_form() {
    let mut bench = Bench::start().await;
    assert_eq!(
        bench.batch(vec![bench.event("a")]).await.unwrap().status,
        207
    );
    assert_eq!(bench.simulator.revoke_tokens(), 1);
    for (refusal, status, empty) in [
        (TokenRefusal::Unauthorized, 401, false),
        (TokenRefusal::Forbidden, 403, false),
        (TokenRefusal::ForbiddenWithoutBody, 403, true),
    ] {
        bench.simulator.set_token_refusal(refusal);
        let answer = bench.batch(vec![bench.event("b")]).await.unwrap();
        assert_eq!((answer.status, answer.text.is_empty()), (status, empty));
    }
    bench.renew().await;
    assert_eq!(
        bench.batch(vec![bench.event("b")]).await.unwrap().status,
        207
    );
    bench.simulator.set_token_shape(TokenShape {
        lifetime_ms: 0,
        ..TokenShape::default()
    });
    bench.renew().await;
    assert_eq!(
        bench.batch(vec![bench.event("c")]).await.unwrap().status,
        403
    );
    assert_eq!(bench.ids(), ["a", "b"]);
}

#[tokio::test]
async fn token_server_fails_as_scripted() {
    let bench = Bench::start().await;
    let ims = |fault| Step::new(Target::Ims, fault);
    bench.script([
        ims(Fault::status(status(429))),
        ims(Fault::Html {
            status: status(500),
            accept: false,
        }),
        ims(Fault::Truncated {
            lose_connection: false,
        }),
        ims(Fault::ResetAfterBody { accept: true }),
        ims(Fault::ResetBeforeBody),
        ims(Fault::EmptyBody),
    ]);
    let url = bench.simulator.token_url();
    let ask = async || bench.ask_token(&url, bench.good_form()).await;
    let throttled: Answer = ask().await.unwrap();
    assert_eq!(
        (
            throttled.status,
            throttled.text.as_str(),
            throttled.retry_after
        ),
        (429, "", None)
    );
    let broken = ask().await.unwrap();
    assert_eq!(
        (broken.status, broken.content_type.as_deref()),
        (500, Some("text/html"))
    );
    let cut = ask().await.unwrap();
    assert_eq!(cut.status, 200);
    assert!(serde_json::from_str::<Value>(&cut.text).is_err());
    assert!(ask().await.is_err());
    assert!(ask().await.is_err());
    assert_eq!(ask().await.unwrap().text, "");
    assert_eq!(ask().await.unwrap().status, 200);
    let counters = bench.simulator.counters();
    assert_eq!(
        (counters.token_calls, counters.faults.values().sum::<u64>()),
        (8, 6)
    );
}

#[tokio::test]
async fn concurrent_calls_are_distinguished_from_successive_ones() {
    let bench = Bench::start().await;
    assert_eq!(bench.simulator.counters().most_token_calls_at_once, 1);
    let pause = Duration::from_millis(150);
    bench.script([Step::new(Target::Ims, Fault::Pass).times(2).delay(pause)]);
    let url = bench.simulator.token_url();
    let (one, two) = tokio::join!(
        bench.ask_token(&url, bench.good_form()),
        bench.ask_token(&url, bench.good_form())
    );
    assert_eq!((one.unwrap().status, two.unwrap().status), (200, 200));
    let counters = bench.simulator.counters();
    assert_eq!(
        (
            counters.most_token_calls_at_once,
            counters.token_calls_under_way
        ),
        (2, 0)
    );
}
