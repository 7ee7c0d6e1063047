//! The token lifecycle, seen from outside.

use conformance::scenario::Options;
use conformance::simulator::{
    ExpiresIn, Fault, SimulatorConfig, Status, Step, Target, TokenRefusal, TokenShape,
};

use crate::{SOON, clean, events, holds_no_secret, scenario, settle, stop, wanted};

#[tokio::test(flavor = "multi_thread")]
async fn token_serves_a_whole_run() {
    let scenario = scenario(Options::default()).await;
    scenario.produce(&events(201, 200)).await.unwrap();
    settle(&scenario).await;
    assert_eq!(scenario.simulator.token_calls().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_token_is_replaced_whatever_the_refusal_looks_like() {
    for refusal in [
        TokenRefusal::Unauthorized,
        TokenRefusal::Forbidden,
        TokenRefusal::ForbiddenWithoutBody,
    ] {
        let scenario = scenario(Options::default()).await;
        scenario.simulator.set_token_refusal(refusal);
        let mut connector = scenario.connector().unwrap();
        for seed in 0..3 {
            scenario.produce(&wanted(210 + seed, 40)).await.unwrap();
            scenario.settled(&mut connector, SOON).await.unwrap();
            scenario.simulator.revoke_tokens();
        }
        stop(&scenario, connector).await;
        let verdict = clean(&scenario).await;
        assert_eq!(verdict.dead_lettered, 0, "{refusal:?}: {verdict}");
        assert_eq!(
            scenario.simulator.token_calls().len(),
            3,
            "{refusal:?}: one token for each revocation"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unversioned_token_endpoint_with_milliseconds_works() {
    let scenario = scenario(Options::default()).await;
    scenario.produce(&wanted(220, 28)).await.unwrap();
    let configuration = scenario.configuration().replace(
        &format!("token-url: \"{}\"", scenario.simulator.token_url()),
        &format!(
            "token-url: \"{}\", scope: \"openid AdobeID read_organizations \
                additional_info.projectedProductContext session\"",
            scenario.simulator.unversioned_token_url()
        ),
    );
    let mut connector = scenario.connector_with(&configuration).unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    stop(&scenario, connector).await;
    clean(&scenario).await;
    let calls = scenario.simulator.token_calls();
    assert_eq!(
        calls.len(),
        1,
        "86399994 are milliseconds: a day, not an instant and not a thousand days"
    );
    assert_eq!(calls[0].path, "/ims/token");
}

#[tokio::test(flavor = "multi_thread")]
async fn token_responses_of_odd_shapes_are_understood() {
    for (expires_in, jwt) in [
        (ExpiresIn::Text, false),
        (ExpiresIn::Absent, true),
        (ExpiresIn::Milliseconds, false),
        (ExpiresIn::Seconds, true),
    ] {
        let scenario = scenario(Options::default()).await;
        scenario.simulator.set_token_shape(TokenShape {
            token_type: false,
            expires_in,
            jwt,
            ..TokenShape::default()
        });
        scenario.produce(&wanted(230, 14)).await.unwrap();
        settle(&scenario).await;
        assert_eq!(
            scenario.simulator.token_calls().len(),
            1,
            "{expires_in:?}, jwt {jwt}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ims_failure_at_start_only_delays_delivery() {
    let scenario = scenario(Options::default()).await;
    scenario.produce(&wanted(240, 14)).await.unwrap();
    let status = |code| Status::try_from(code).unwrap();
    for fault in [
        Fault::status(status(429)),
        Fault::Html {
            status: status(500),
            accept: false,
        },
        Fault::Truncated {
            lose_connection: false,
        },
        Fault::ResetBeforeBody,
    ] {
        scenario.simulator.add_fault(Step::new(Target::Ims, fault));
    }
    let verdict = settle(&scenario).await;
    assert_eq!(verdict.events_delivered, 14, "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn second_secret_is_used_when_the_first_is_refused() {
    let scenario = scenario(Options::default()).await;
    scenario.produce(&wanted(250, 14)).await.unwrap();
    let configuration = scenario
        .configuration()
        .replace(
            "{name: IMS_CLIENT_SECRET}]",
            "{name: IMS_CLIENT_SECRET}, {name: IMS_CLIENT_SECRET_NEXT}]",
        )
        .replace(
            "token-url:",
            "client-secret-next: \"${{ secrets.IMS_CLIENT_SECRET_NEXT }}\", token-url:",
        );
    let credential = &scenario.simulator.config().credential;
    let secrets = format!(
        "IMS_CLIENT_ID={}\nIMS_CLIENT_SECRET=an-old-one\nIMS_CLIENT_SECRET_NEXT={}\n",
        credential.client_id, credential.client_secret
    );
    let mut connector = scenario
        .connector_with_secrets(&configuration, &secrets)
        .unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    stop(&scenario, connector).await;
    clean(&scenario).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_are_named_by_name_and_dead_letter_nothing() {
    let scenario = scenario(Options {
        simulator: SimulatorConfig::default(),
        ..Options::default()
    })
    .await;
    scenario.produce(&wanted(260, 14)).await.unwrap();
    let secrets = "IMS_CLIENT_ID=demo-client-id\nIMS_CLIENT_SECRET=not-the-right-one\n";
    let connector = scenario
        .connector_with_secrets(&scenario.configuration(), secrets)
        .unwrap();
    scenario
        .seen("a refused credential", SOON, |seen| {
            !seen.token_calls().is_empty()
        })
        .await
        .unwrap();
    let exit = connector.wait(SOON).await.unwrap();
    assert_eq!(exit.status.code(), Some(2), "{}", exit.log);
    assert!(
        exit.log.contains("IMS_CLIENT_SECRET"),
        "the log must name what is wrong:\n{}",
        exit.log
    );
    assert!(
        !exit.log.contains("not-the-right-one"),
        "the log shows the secret:\n{}",
        exit.log
    );
    holds_no_secret(&scenario, &exit.log);
    assert_eq!(scenario.stored().await.unwrap(), [None]);
    assert!(scenario.simulator.accepted_events().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn credential_revoked_during_a_run_holds_delivery_and_is_logged() {
    let scenario = scenario(Options {
        platform: "  shutdown-timeout: 1s\n".to_owned(),
        ..Options::default()
    })
    .await;
    let mut connector = scenario.connector().unwrap();
    scenario.produce(&wanted(270, 20)).await.unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    let stored = scenario.stored().await.unwrap();
    let refused = Fault::Status {
        status: Status::try_from(400).unwrap(),
        retry_after: None,
        body: Some(
            r#"{"error":"invalid_client","error_description":"invalid client_secret parameter"}"#
                .to_owned(),
        ),
        accept: false,
    };
    scenario
        .simulator
        .add_fault(Step::new(Target::Ims, refused).forever());
    scenario.simulator.revoke_tokens();
    scenario.produce(&wanted(271, 20)).await.unwrap();
    let told = tokio::time::timeout(SOON, async {
        while !connector.log().contains("down until this is repaired") {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    });
    assert!(told.await.is_ok(), "{}", connector.log());
    assert!(connector.is_running().unwrap());
    assert_eq!(scenario.stored().await.unwrap(), stored);
    assert!(scenario.dead_letters().await.unwrap().is_empty());
    let log = stop(&scenario, connector).await;
    assert!(
        log.contains("ERROR") && log.contains("check secrets.IMS_CLIENT_SECRET"),
        "{log}"
    );
    assert_eq!(scenario.stored().await.unwrap(), stored);
    scenario.simulator.clear_faults();
    let verdict = settle(&scenario).await;
    assert_eq!(
        (verdict.events_delivered, verdict.dead_lettered),
        (40, 0),
        "{verdict}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn trace_log_holds_no_secret_token_or_customer() {
    let scenario = scenario(Options::default()).await;
    scenario.produce(&events(270, 60)).await.unwrap();
    let mut connector = scenario.connector_logging("trace").unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    scenario.simulator.revoke_tokens();
    scenario.produce(&wanted(271, 20)).await.unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    let log = stop(&scenario, connector).await;
    assert!(log.contains("starting"), "there is a log to search");
    for event in scenario.simulator.accepted_events() {
        for identity in &event.identities {
            assert!(!log.contains(&identity.id), "a customer's id is in the log");
        }
    }
}
