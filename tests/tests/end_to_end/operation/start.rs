//! What is wrong shows at the start: an exit code, and a message with the place.

use conformance::cluster::StreamRequest;
use conformance::harness::Connector;
use conformance::scenario::{Options, SMARTMODULE, Scenario};

use fluvio_protocol::link::ErrorCode;

use crate::{SOON, scenario, wanted};

/// Starts the connector with a configuration that must not start.
async fn refused(scenario: &Scenario, configuration: &str) -> (Option<i32>, String) {
    let connector = scenario.connector_with(configuration).unwrap();
    let exit = connector.wait(SOON).await.unwrap();
    (exit.status.code(), exit.log)
}

#[tokio::test(flavor = "multi_thread")]
async fn smartmodule_that_is_not_loaded_is_an_error_with_its_remedy() {
    let scenario = scenario(Options::default()).await;
    let configuration = scenario
        .configuration()
        .replace(SMARTMODULE, "capillary-aep/capillary-xdm@9.9.9");
    let (code, log) = refused(&scenario, &configuration).await;
    assert_eq!(code, Some(2), "{log}");
    assert!(log.contains("capillary-aep/capillary-xdm@9.9.9"), "{log}");
    assert!(
        log.contains("smdk load") || log.contains("fluvio smartmodule create"),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn topic_that_does_not_exist_is_named() {
    let scenario = scenario(Options::default()).await;
    let configuration = scenario
        .configuration()
        .replace(&scenario.topic, "no-such-topic");
    let (code, log) = refused(&scenario, &configuration).await;
    assert_eq!(code, Some(2), "{log}");
    assert!(log.contains("no-such-topic"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn configuration_error_exits_with_2_and_names_key_and_line() {
    let scenario = scenario(Options::default()).await;
    let good = scenario.configuration();
    for (from, to, names) in [
        (
            "organization-id:",
            "organisation-id:",
            "experience-platform.organisation-id",
        ),
        (
            "strategy: manual",
            "strategy: auto",
            "meta.consumer.offset.strategy",
        ),
        (
            "max-bytes: 16MiB",
            "max-bytes: lots",
            "meta.consumer.max-bytes",
        ),
        (
            "format: xdm",
            "format: xml",
            "experience-platform.events.format",
        ),
        (
            "primary-identity:",
            "primary-identities:",
            "primary-identities",
        ),
        (
            "secrets.IMS_CLIENT_SECRET }}",
            "secrets.IMS_SECRET }}",
            "IMS_SECRET",
        ),
    ] {
        let configuration = good.replace(from, to);
        assert_ne!(configuration, good, "{from}");
        let (code, log) = refused(&scenario, &configuration).await;
        assert_eq!(code, Some(2), "{from}: {log}");
        assert!(log.contains(names), "{from}: {log}");
        let line = 1 + configuration
            .lines()
            .position(|line| line.contains(to))
            .unwrap();
        assert!(
            log.contains(&format!(".yaml:{line}: ")),
            "{from}, line {line}: {log}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn address_in_use_exits_with_2_and_names_the_key() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let scenario = scenario(Options {
        platform: format!(
            "  observability: {{listen: \"{}\"}}\n",
            taken.local_addr().unwrap()
        ),
        ..Options::default()
    })
    .await;
    let (code, log) = refused(&scenario, &scenario.configuration()).await;
    assert_eq!(code, Some(2), "{log}");
    for part in [
        "experience-platform.observability.listen",
        &taken.local_addr().unwrap().to_string(),
        "port 0",
        "`off`",
    ] {
        assert!(log.contains(part), "{part}: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn absent_cluster_is_an_error_and_not_a_hang() {
    let scenario = scenario(Options::default()).await;
    let directory = tempfile::tempdir().unwrap();
    let profile = directory.path().join("profile.toml");
    // Port 9 discards; nobody listens there on a test machine.
    let text = "version = \"2.0\"\ncurrent_profile = \"x\"\n[profile.x]\ncluster = \
        \"x\"\n[cluster.x]\nendpoint = \"127.0.0.1:9\"\n[cluster.x.tls]\ntls_policy = \
        \"disabled\"\n";
    std::fs::write(&profile, text).unwrap();
    let connector =
        Connector::start(&scenario.configuration(), &scenario.secrets(), &profile).unwrap();
    let exit = connector.wait(SOON).await.unwrap();
    assert!(!exit.status.success());
    assert!(exit.log.contains("127.0.0.1:9"), "{}", exit.log);
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_offset_beyond_the_log_stops_the_start() {
    let scenario = scenario(Options::default()).await;
    scenario.produce(&wanted(301, 10)).await.unwrap();
    // What is left behind when data is restored from an older copy of the log.
    let request = StreamRequest {
        consumer: Some(scenario.name.clone()),
        ..StreamRequest::new(&scenario.topic, 0)
    };
    let mut stream = scenario.cluster.stream(request).await.unwrap();
    stream.next(SOON).await.unwrap();
    assert_eq!(stream.commit(4711).await.unwrap(), ErrorCode::None);
    let (code, log) = refused(&scenario, &scenario.configuration()).await;
    assert_eq!(code, Some(3), "{log}");
    assert!(log.contains("4711"), "the stored offset is named: {log}");
    assert_eq!(
        scenario.stored().await.unwrap(),
        [Some(4711)],
        "never clamped"
    );
}
