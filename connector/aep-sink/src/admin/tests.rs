//! What the listener answers, asked over a real connection.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::{Client, Method, StatusCode};

use super::snapshot::Snapshot;
use super::{Instance, Listener, Observer};
use crate::broker::PartitionStatuses;
use crate::clock::Clock;
use crate::config::{BufferLimits, SecretStore, parse};
use crate::dead_letter::RecentDeadLetters;
use crate::error::Fault;
use crate::ims::TokenSource;
use crate::inlet_name::InletName;
use crate::offset_tracker::OffsetTracker;
use crate::offset_tracker::Outcome;
use crate::offset_tracker::Position;
use crate::telemetry::{Component, Condition, Conditions, InletState, Metrics};

const NOW: i64 = 1_760_000_000_000;

fn observer() -> Arc<Observer> {
    let store = SecretStore::from_text("IMS_CLIENT_ID=hidden-id\nIMS_CLIENT_SECRET=hidden-secret");
    let config = parse("sample", include_str!("../../../../connector.yaml"), &store).unwrap();
    let bounds = BufferLimits::new(1_000, 1_000);
    Arc::new(Observer {
        instance: Instance::from(&config),
        clock: Clock::Fixed(Arc::new(AtomicI64::new(NOW))),
        started: NOW - 60_000,
        tracker: Arc::new(OffsetTracker::new(bounds)),
        metrics: Arc::new(Metrics::default()),
        dead_letters: Arc::new(RecentDeadLetters::default()),
        partitions: Arc::new(PartitionStatuses::default()),
        conditions: Arc::new(Conditions::default()),
        tokens: TokenSource::new(
            &config.platform.ims,
            crate::http::clients(&config.platform).unwrap().api,
            config.platform.retry,
        ),
        landing: None,
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
async fn ready_shows_each_condition_until_it_is_cleared() {
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
async fn listener_only_reads_and_lists_its_paths() {
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
async fn listener_refuses_foreign_host_names() {
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
async fn page_allows_only_its_own_style_and_script() {
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
async fn listen_error_names_the_key_of_the_address() {
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
async fn lag_includes_what_is_not_read_yet() {
    let observer = observer();
    observer.tracker.begin(3, Some(9));
    for offset in 10..14 {
        let position = Position {
            partition: 3,
            offset,
        };
        observer.tracker.open(position, 100, None).unwrap();
    }
    let first = Position {
        partition: 3,
        offset: 10,
    };
    observer.tracker.settle(first, Outcome::Delivered).unwrap();
    observer.partitions.change(3, |status| {
        status.high_watermark = Some(20);
        status.committed = Some(9);
        status.oldest = Some((11, NOW - 5_000));
    });
    let snapshot: Snapshot<'_> = observer.snapshot();
    assert_eq!(snapshot.partitions[0].lag(), Some(9), "11 to 19");
    let metrics = super::metrics::text(&observer.metrics, &snapshot).unwrap();
    for line in [
        "capillary_aep_lag_records{partition=\"3\"} 9",
        "capillary_aep_next_offset{partition=\"3\"} 14",
        "capillary_aep_settled_offset{partition=\"3\"} 10",
        "capillary_aep_committed_offset{partition=\"3\"} 9",
        "capillary_aep_pending_records{partition=\"3\"} 3",
        "capillary_aep_oldest_unsettled_age_seconds{partition=\"3\"} 5.0",
        "capillary_aep_buffer_bytes 300",
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "{line} in\n{metrics}"
        );
    }
}

#[test]
fn lag_counts_to_the_end_of_the_log_and_not_to_the_high_watermark() {
    let observer = observer();
    observer.tracker.begin(0, Some(9));
    observer.partitions.change(0, |status| {
        status.high_watermark = Some(10);
        status.log_end = Some(210);
        status.unreplicated = Some(200);
    });
    let snapshot: Snapshot<'_> = observer.snapshot();
    assert_eq!(snapshot.partitions[0].lag(), Some(200));
    let metrics = super::metrics::text(&observer.metrics, &snapshot).unwrap();
    assert!(metrics.contains("capillary_aep_unreplicated_records{partition=\"0\"} 200"));
    assert!(metrics.contains("capillary_aep_log_end_offset{partition=\"0\"} 210"));
}

/// The name and type of every metric of the documentation.
fn documented() -> BTreeSet<(String, String)> {
    let rows = include_str!("../../../../docs/metrics.md").lines();
    rows.filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let name = cells.next()?.split(['`', '{']).next()?;
        let kind = cells.next()?;
        (!name.starts_with('/')).then(|| (name.to_owned(), kind.to_owned()))
    })
    .collect()
}

#[test]
fn metrics_are_those_of_the_documentation_even_without_samples() {
    let observer = observer();
    let text = super::metrics::text(&observer.metrics, &observer.snapshot()).unwrap();
    let declared: BTreeSet<(String, String)> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
        .collect();
    assert_eq!(declared, documented());
}

#[test]
fn metrics_show_what_was_recorded_with_its_labels() {
    let observer = observer();
    let metrics = &observer.metrics;
    metrics.retried("a\"b\\c\nd", u64::MAX);
    metrics.waited("rate", Duration::from_millis(1_500));
    metrics.request_ended(InletName::Events, "2xx", Duration::from_secs(1), (3, 100));
    metrics.inlet_state(InletName::Events, InletState::Held);
    let condition = Condition::passing("no answer");
    observer.conditions.put(Component::Commit(3), condition);
    let text = super::metrics::text(metrics, &observer.snapshot()).unwrap();
    for line in [
        "# HELP capillary_aep_ready 1 while nothing keeps records from being delivered.",
        "capillary_aep_ready 0",
        "capillary_aep_obstacle{where=\"committing partition 3\",fault=\"external\"} 1",
        "capillary_aep_retries_total{reason=\"a\\\"b\\\\c\\nd\"} 18446744073709551615",
        "capillary_aep_pace_waits_total{cause=\"rate\"} 1",
        "capillary_aep_pace_wait_seconds_total{cause=\"rate\"} 1.5",
        "capillary_aep_requests_total{inlet=\"events\",result=\"2xx\"} 1",
        "capillary_aep_request_duration_seconds_bucket{inlet=\"events\",le=\"0.5\"} 0",
        "capillary_aep_request_duration_seconds_bucket{inlet=\"events\",le=\"1\"} 1",
        "capillary_aep_request_duration_seconds_bucket{inlet=\"events\",le=\"+Inf\"} 1",
        "capillary_aep_request_size_bytes_bucket{inlet=\"events\",le=\"1000000\"} 1",
        "capillary_aep_request_records_sum{inlet=\"events\"} 3.0",
        "capillary_aep_request_records_count{inlet=\"events\"} 1",
        "capillary_aep_inlet_state{inlet=\"events\",state=\"held\"} 1",
        "capillary_aep_inlet_state{inlet=\"events\",state=\"well\"} 0",
        "capillary_aep_records_total{outcome=\"skipped\",kind=\"unknown\"} 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
}

#[tokio::test]
async fn listener_shows_nothing_of_the_credential() {
    let (_listener, base) = listening(&observer()).await;
    for path in ["/", "/metrics", "/ready", "/status"] {
        let (_, text) = get(&format!("{base}{path}")).await;
        assert!(!text.contains("hidden-"), "{path}: {text}");
    }
}
