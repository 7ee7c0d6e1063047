//! What the product is for: everything arrives, once and in order, and the stored offsets say so.

use conformance::cluster::{ProducedRecord, TopicOptions};
use conformance::scenario::Options;
use conformance::workload::RawEvent;
use fluvio::Compression;
use serde_json::json;

use super::{SOON, clean, events, scenario, settle, stop, wanted};

fn record(event: &RawEvent) -> ProducedRecord {
    ProducedRecord {
        key: Some(event.key.clone().into_bytes()),
        value: event.value.clone(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_three_partitions_on_two_spus_are_accounted_for() {
    let scenario = scenario(Options {
        topic: TopicOptions::new("three").partitions(3),
        ..Options::default()
    })
    .await;
    scenario.produce(&events(1, 400)).await.unwrap();
    let verdict = settle(&scenario).await;
    assert_eq!(verdict.produced, 400);
    assert!(
        verdict.skipped > 0 && verdict.dead_lettered > 0 && verdict.profiles_delivered > 0,
        "{verdict}"
    );
    assert_eq!(verdict.duplicates, 0, "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_produced_while_it_runs_arrive_and_are_committed_while_idle() {
    let scenario = scenario(Options::default()).await;
    let mut connector = scenario.connector().unwrap();
    for seed in 0..3 {
        scenario.produce(&wanted(seed, 20)).await.unwrap();
        scenario.settled(&mut connector, SOON).await.unwrap();
    }
    stop(&scenario, connector).await;
    let verdict = clean(&scenario).await;
    assert_eq!(
        (verdict.events_delivered, verdict.duplicates),
        (60, 0),
        "{verdict}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_offset_is_the_last_one_and_a_restart_repeats_nothing() {
    let scenario = scenario(Options::default()).await;
    let skipped = json!({"eventName": "streakStart",
        "eventId": "6d8b0e5e-0000-4000-a000-000000000001", "orgId": 1,
        "createdAt": 1_780_000_000_000_i64, "data": {}});
    let skipped = skipped.to_string().into_bytes();
    let mapped = wanted(3, 1).remove(0).value;
    for last in [mapped, skipped, b"not json".to_vec()] {
        let mut batch: Vec<_> = wanted(9 + u64::try_from(last.len()).unwrap(), 3)
            .iter()
            .map(record)
            .collect();
        batch.push(ProducedRecord {
            key: None,
            value: last,
        });
        scenario
            .cluster
            .produce_batch(&scenario.topic, 0, batch, Compression::None)
            .await
            .unwrap();
        let mut connector = scenario.connector().unwrap();
        scenario.settled(&mut connector, SOON).await.unwrap();
        stop(&scenario, connector).await;
        let end = scenario
            .cluster
            .high_watermark(&scenario.topic, 0)
            .await
            .unwrap();
        assert_eq!(scenario.stored().await.unwrap(), [Some(end - 1)]);
    }
    let verdict = clean(&scenario).await;
    assert_eq!(verdict.duplicates, 0, "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_record_does_not_affect_its_batch() {
    let scenario = scenario(Options::default()).await;
    let mut batch: Vec<_> = wanted(5, 20).iter().map(record).collect();
    batch.insert(
        10,
        ProducedRecord {
            key: None,
            value: vec![0xff, 0, b'{', b'"'],
        },
    );
    batch.insert(
        5,
        ProducedRecord {
            key: None,
            value: b"{\"eventName\":".to_vec(),
        },
    );
    batch.insert(
        15,
        ProducedRecord {
            key: None,
            value: vec![b'['; 100_000],
        },
    );
    scenario
        .cluster
        .produce_batch(&scenario.topic, 0, batch, Compression::None)
        .await
        .unwrap();
    let verdict = settle(&scenario).await;
    assert_eq!(
        (verdict.events_delivered, verdict.dead_lettered),
        (20, 3),
        "{verdict}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_over_max_bytes_are_mapped_by_the_connector() {
    // The broker sends nothing for such a batch and says nothing of it.
    let scenario = scenario(Options {
        max_bytes: "16kB".to_owned(),
        ..Options::default()
    })
    .await;
    for (seed, size) in [(1, 60), (2, 2), (3, 60), (4, 2), (5, 60)] {
        let batch = wanted(seed, size).iter().map(record).collect();
        scenario
            .cluster
            .produce_batch(&scenario.topic, 0, batch, Compression::Gzip)
            .await
            .unwrap();
    }
    let verdict = settle(&scenario).await;
    assert_eq!(verdict.events_delivered, 184, "{verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn partition_with_large_batches_is_mapped_by_the_broker() {
    let scenario = scenario(Options {
        // A response may have 128 KiB, until something shows that it must hold more.
        platform: "  buffer: {max-bytes: 256KiB}\n".to_owned(),
        ..Options::default()
    })
    .await;
    for seed in 0..3 {
        let batch = wanted(seed, 400).iter().map(record).collect();
        let produced = scenario
            .cluster
            .produce_batch(&scenario.topic, 0, batch, Compression::None);
        produced.await.unwrap();
    }
    let mut connector = scenario.connector().unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    let metrics = connector
        .observed(SOON)
        .await
        .unwrap()
        .metrics()
        .await
        .unwrap();
    let mapped_here = metrics.sum("capillary_aep_hole_records_total", "");
    assert_eq!(mapped_here, 400.0, "only the first batch");
    stop(&scenario, connector).await;
    assert_eq!(clean(&scenario).await.events_delivered, 1200);
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_topics_are_read_like_any_other() {
    for compression in [
        Compression::Gzip,
        Compression::Zstd,
        Compression::Lz4,
        Compression::Snappy,
    ] {
        let scenario = scenario(Options::default()).await;
        for seed in 0..3 {
            let batch = events(seed, 30).iter().map(record).collect();
            scenario
                .cluster
                .produce_batch(&scenario.topic, 0, batch, compression)
                .await
                .unwrap();
        }
        let verdict = settle(&scenario).await;
        assert_eq!(verdict.produced, 90, "{compression:?}: {verdict}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unwanted_kinds_are_not_sent_and_envelopes_share_the_event_id() {
    let scenario = scenario(Options::default()).await;
    scenario.produce(&events(4, 48)).await.unwrap();
    settle(&scenario).await;
    let kinds: std::collections::BTreeSet<_> = scenario
        .simulator
        .accepted_events()
        .iter()
        .filter_map(|event| event.event_type.clone())
        .collect();
    assert!(
        !kinds
            .iter()
            .any(|kind| kind.contains("streak") || kind.contains("target")),
        "{kinds:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn events_alone_are_sent_without_a_profiles_section() {
    let scenario = scenario(Options {
        profiles: false,
        ..Options::default()
    })
    .await;
    scenario.produce(&wanted(8, 28)).await.unwrap();
    let verdict = settle(&scenario).await;
    assert_eq!(verdict.events_delivered, 28, "{verdict}");
    assert!(scenario.simulator.accepted_profiles().is_empty());
}
