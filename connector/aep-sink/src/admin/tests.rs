//! What the listener answers, asked over a real connection.

use std::sync::atomic::AtomicI64;
use std::sync::{Arc, OnceLock};

use reqwest::{Client, Method, StatusCode};

use super::snapshot::Snapshot;
use super::{Instance, Listener, Observer};
use crate::broker::PartitionStatuses;
use crate::clock::Clock;
use crate::config::{BufferLimits, SecretStore, parse};
use crate::delivery::Counters;
use crate::error::Fault;
use crate::ims::TokenSource;
use crate::offset_tracker::OffsetTracker;
use crate::offset_tracker::Outcome;
use crate::offset_tracker::Position;
use crate::telemetry::{Component, Condition, Conditions};

const NOW: i64 = 1_760_000_000_000;

fn observer() -> Arc<Observer> {
    let store = SecretStore::from_text("IMS_CLIENT_ID=hidden-id\nIMS_CLIENT_SECRET=hidden-secret");
    let config = parse("sample", include_str!("../../../../connector.yaml"), &store).unwrap();
    let bounds = BufferLimits {
        bytes: 1_000,
        offsets: 1_000,
    };
    Arc::new(Observer {
        instance: Instance::from(&config),
        clock: Clock::Fixed(Arc::new(AtomicI64::new(NOW))),
        started: NOW - 60_000,
        tracker: Arc::new(OffsetTracker::new(bounds)),
        counters: Arc::new(Counters::default()),
        standing: Arc::new(PartitionStatuses::default()),
        conditions: Arc::new(Conditions::default()),
        tokens: TokenSource::new(&config.platform.ims, Client::new(), config.platform.retry),
        retention: OnceLock::new(),
    })
}

/// Listens and gives the base of its URLs.
async fn listening(observer: &Arc<Observer>) -> (Listener, String) {
    let listener = Listener::start("127.0.0.1:0".parse().unwrap(), Arc::clone(observer))
        .await
        .unwrap();
    let base = format!("http://{}", listener.address());
    (listener, base)
}

async fn get(url: &str) -> (u16, String) {
    let response = Client::new().get(url).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn readiness_says_what_is_in_the_way_until_it_is_gone() {
    let observer = observer();
    let (_listener, base) = listening(&observer).await;
    assert_eq!(
        get(&format!("{base}/ready")).await,
        (200, "ready\n".to_owned())
    );
    let condition = Condition {
        fault: Fault::User,
        reason: "no such inlet".to_owned(),
        remedy: "check inlet-url".to_owned(),
    };
    observer
        .conditions
        .put(Component::Inlet("events"), condition);
    let (status, text) = get(&format!("{base}/ready")).await;
    assert_eq!(status, 503);
    for part in ["inlet events", "yours", "no such inlet", "check inlet-url"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(
        get(&format!("{base}/live")).await.0,
        200,
        "it lives all the same"
    );
    observer.conditions.clear(Component::Inlet("events"));
    assert_eq!(get(&format!("{base}/ready")).await.0, 200);
}

#[tokio::test]
async fn only_reading_is_possible_and_unknown_places_name_the_known_ones() {
    let (_listener, base) = listening(&observer()).await;
    let client = Client::new();
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let response = client
            .request(method.clone(), format!("{base}/ready"))
            .send()
            .await
            .unwrap();
        assert_eq!(
            response.status(),
            StatusCode::METHOD_NOT_ALLOWED,
            "{method}"
        );
        assert_eq!(response.headers()["allow"], "GET, HEAD");
    }
    let head = client.head(format!("{base}/metrics")).send().await.unwrap();
    assert_eq!(head.status(), 200);
    assert!(head.text().await.unwrap().is_empty());
    let (status, text) = get(&format!("{base}/metric")).await;
    assert_eq!(status, 404);
    assert!(text.contains("/metrics"), "{text}");
}

#[tokio::test]
async fn another_site_s_name_that_leads_here_reads_nothing() {
    let (_listener, base) = listening(&observer()).await;
    let response = Client::new()
        .get(format!("{base}/status"))
        .header("host", "rebound.example:9464")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::MISDIRECTED_REQUEST);
    assert!(!response.text().await.unwrap().contains("capillary-events"));
}

#[tokio::test]
async fn the_page_allows_its_own_style_and_script_and_nothing_else() {
    let (_listener, base) = listening(&observer()).await;
    let response = Client::new().get(&base).send().await.unwrap();
    let policy = response.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    assert!(
        response
            .text()
            .await
            .unwrap()
            .starts_with("<!doctype html>")
    );
}

#[tokio::test]
async fn an_address_in_use_is_told_with_its_key() {
    let observer = observer();
    let (listener, _) = listening(&observer).await;
    let error = Listener::start(listener.address(), observer)
        .await
        .unwrap_err()
        .to_string();
    for part in [
        "experience-platform.observability.listen",
        "in use",
        "`off`",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[tokio::test]
async fn a_partition_s_lag_counts_what_is_not_read_yet_as_well() {
    let observer = observer();
    observer.tracker.begin(3, Some(9));
    for offset in 10..14 {
        let position = Position {
            partition: 3,
            offset,
        };
        observer.tracker.open(position, 100).unwrap();
    }
    let first = Position {
        partition: 3,
        offset: 10,
    };
    observer.tracker.settle(first, Outcome::Delivered).unwrap();
    observer.standing.change(3, |standing| {
        standing.high_watermark = Some(20);
        standing.committed = Some(9);
        standing.oldest = Some((11, NOW - 5_000));
    });
    let snapshot: Snapshot<'_> = observer.snapshot();
    assert_eq!(snapshot.partitions[0].lag(), Some(9), "11 to 19");
    let metrics = super::scrape::metrics(&snapshot);
    for line in [
        "capillary_aep_lag_records{partition=\"3\"} 9",
        "capillary_aep_next_offset{partition=\"3\"} 14",
        "capillary_aep_settled_offset{partition=\"3\"} 10",
        "capillary_aep_committed_offset{partition=\"3\"} 9",
        "capillary_aep_pending_records{partition=\"3\"} 3",
        "capillary_aep_oldest_unsettled_age_seconds{partition=\"3\"} 5",
        "capillary_aep_buffer_bytes 300",
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "{line} in\n{metrics}"
        );
    }
}

#[tokio::test]
async fn nothing_of_the_credential_is_shown() {
    let (_listener, base) = listening(&observer()).await;
    for path in ["/", "/metrics", "/ready", "/status"] {
        let (_, text) = get(&format!("{base}{path}")).await;
        assert!(!text.contains("hidden-"), "{path}: {text}");
    }
}
