//! The mock's own controls, which no other cluster has.

use std::time::Instant;

use conformance::cluster::Backend;
use conformance::mock_cluster::CommitFault;
use fluvio_protocol::link::ErrorCode;

use super::*;

async fn mock(spus: usize) -> Cluster {
    Cluster::start_on(&Backend::Mock, spus).await.unwrap()
}

async fn reader(cluster: &Cluster, topic: &str) -> PartitionStream {
    let request = StreamRequest {
        consumer: Some("reader".to_owned()),
        ..StreamRequest::new(topic, 0)
    };
    let mut stream = cluster.stream(request).await.unwrap();
    response(&mut stream).await;
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn evicted_records_are_refused_with_the_next_available_offset() {
    let cluster = mock(1).await;
    let mock = cluster.mock().unwrap();
    mock.create_topic("short", 1);
    for value in ["a", "b", "c"] {
        batch(&cluster, "short", &[value, value]).await;
    }
    assert_eq!(mock.evict("short", 0, 3).unwrap(), 2, "whole batches go");
    assert_eq!(cluster.log_start("short", 0).await.unwrap(), 2);
    let mut stream = cluster
        .stream(StreamRequest::new("short", 0))
        .await
        .unwrap();
    assert_eq!(
        response(&mut stream).await.error,
        ErrorCode::OffsetEvicted {
            offset: 0,
            next_available: 2
        }
    );
    assert_eq!(cluster.records("short").await.unwrap().len(), 4);
    assert_eq!(
        mock.evict("short", 0, 100).unwrap(),
        6,
        "an empty log starts at its end"
    );
    assert_eq!(mock.log_range("short", 0).unwrap(), (6, 6));
}

#[tokio::test(flavor = "multi_thread")]
async fn gaps_can_be_made_without_a_filter() {
    let cluster = mock(1).await;
    let mock = cluster.mock().unwrap();
    mock.create_topic("gaps", 1);
    assert_eq!(
        mock.append_with_gaps("gaps", 0, &[(0, b"a"), (3, b"d")], 5)
            .unwrap(),
        0
    );
    batch(&cluster, "gaps", &["g"]).await;
    let offsets = cluster
        .records("gaps")
        .await
        .unwrap()
        .into_iter()
        .map(|record| record.offset)
        .collect::<Vec<_>>();
    assert_eq!(offsets, [0, 3, 6]);
    let seen = mock
        .records("gaps", 0)
        .unwrap()
        .into_iter()
        .map(|record| record.offset)
        .collect::<Vec<_>>();
    assert_eq!(seen, offsets);
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_are_refused_forgotten_or_stored_without_an_answer() {
    let cluster = mock(1).await;
    let mock = cluster.mock().unwrap();
    mock.create_topic("commits", 1);
    batch(&cluster, "commits", &["a"]).await;
    let stream = reader(&cluster, "commits").await;
    let stored = || mock.stored_offset("reader", "commits", 0);
    mock.fail_commits(CommitFault::Refused);
    assert_ne!(stream.commit(0).await.unwrap(), ErrorCode::None);
    assert_eq!(stored(), None);
    mock.fail_commits(CommitFault::Forgotten);
    assert_eq!(stream.commit(0).await.unwrap(), ErrorCode::None);
    assert_eq!(stored(), None);
    mock.fail_commits(CommitFault::AnswerLost);
    assert!(
        tokio::time::timeout(SILENCE, stream.commit(0))
            .await
            .is_err()
    );
    assert_eq!(stored(), Some(0));
    mock.heal();
    assert_eq!(stream.commit(1).await.unwrap(), ErrorCode::None);
    mock.set_stored_offset("reader", "commits", 0, 17);
    assert_eq!(
        cluster.stored_offset("reader", "commits", 0).await.unwrap(),
        Some(17)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_fail_but_reading_continues_while_their_spu_is_down() {
    let cluster = mock(2).await;
    let mock = cluster.mock().unwrap();
    mock.create_topic("split", 2);
    let offsets = mock.offsets_leader().unwrap();
    let partition = (0..2)
        .find(|partition| mock.leader("split", *partition) != Some(offsets))
        .unwrap();
    cluster
        .produce("split", Some(partition), None, "a")
        .await
        .unwrap();
    let request = StreamRequest {
        consumer: Some("reader".to_owned()),
        ..StreamRequest::new("split", partition)
    };
    let mut stream = cluster.stream(request).await.unwrap();
    response(&mut stream).await;
    mock.stop_spu(offsets).await;
    assert!(matches!(
        stream.commit(0).await.unwrap(),
        ErrorCode::Other(_)
    ));
    stream.acknowledge(1).await.unwrap();
    cluster
        .produce("split", Some(partition), None, "b")
        .await
        .unwrap();
    assert_eq!(response(&mut stream).await.values(), ["b"]);
    mock.start_spu(offsets).await.unwrap();
    assert_eq!(stream.commit(1).await.unwrap(), ErrorCode::None);
}

#[tokio::test(flavor = "multi_thread")]
async fn moved_leader_silences_old_streams_and_serves_new_ones() {
    let cluster = mock(2).await;
    let mock = cluster.mock().unwrap();
    mock.create_topic("moving", 1);
    batch(&cluster, "moving", &["a"]).await;
    let mut old = reader(&cluster, "moving").await;
    old.acknowledge(1).await.unwrap();
    let to = 1 - mock.leader("moving", 0).unwrap();
    mock.move_leader("moving", 0, to).unwrap();
    assert_eq!(mock.leader("moving", 0), Some(to));
    assert_eq!(
        batch(&cluster, "moving", &["b"]).await,
        1,
        "the producer finds the new leader"
    );
    assert!(silent(&mut old).await);
    let request = StreamRequest {
        start: 1,
        ..StreamRequest::new("moving", 0)
    };
    let mut new = cluster.stream(request).await.unwrap();
    assert_eq!(response(&mut new).await.values(), ["b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_connections_break_streams_and_new_ones_work_at_once() {
    let cluster = mock(1).await;
    let mock = cluster.mock().unwrap();
    mock.create_topic("cut", 1);
    batch(&cluster, "cut", &["a"]).await;
    let mut stream = reader(&cluster, "cut").await;
    mock.drop_connections();
    assert!(matches!(stream.next(SOON).await, Ok(None) | Err(_)));
    assert!(stream.commit(0).await.is_err());
    let stream = reader(&cluster, "cut").await;
    assert_eq!(stream.commit(0).await.unwrap(), ErrorCode::None);
}

#[tokio::test(flavor = "multi_thread")]
async fn produces_fail_or_are_stored_without_an_answer() {
    let cluster = mock(1).await;
    let mock = cluster.mock().unwrap();
    mock.create_topic("letters", 1);
    mock.fail_produce("letters", ErrorCode::MessageTooLarge);
    let refused = cluster
        .produce("letters", None, None, "a")
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("letters"), "{refused}");
    mock.heal();
    mock.lose_produce_answers("letters");
    assert!(
        tokio::time::timeout(SILENCE, cluster.produce("letters", None, None, "b"))
            .await
            .is_err()
    );
    assert_eq!(mock.records("letters", 0).unwrap()[0].value, b"b");
}

#[tokio::test(flavor = "multi_thread")]
async fn fetches_wait_as_long_as_they_are_told() {
    let cluster = mock(1).await;
    let mock = cluster.mock().unwrap();
    mock.create_topic("slow", 1);
    batch(&cluster, "slow", &["a"]).await;
    mock.delay_fetches(Duration::from_millis(400));
    let begun = Instant::now();
    reader(&cluster, "slow").await;
    assert!(begun.elapsed() >= Duration::from_millis(400));
}

#[tokio::test(flavor = "multi_thread")]
async fn recreated_topic_is_empty_while_the_stored_offset_is_beyond_its_end() {
    let cluster = mock(1).await;
    let mock = cluster.mock().unwrap();
    mock.create_topic("phoenix", 1);
    batch(&cluster, "phoenix", &["a", "b", "c"]).await;
    let mut stream = reader(&cluster, "phoenix").await;
    assert_eq!(stream.commit(2).await.unwrap(), ErrorCode::None);
    mock.recreate_topic("phoenix").unwrap();
    assert_eq!(response(&mut stream).await.error, ErrorCode::TopicDeleted);
    assert_eq!(cluster.high_watermark("phoenix", 0).await.unwrap(), 0);
    assert_eq!(
        cluster.stored_offset("reader", "phoenix", 0).await.unwrap(),
        Some(2)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn profile_backend_runs_on_the_cluster_of_the_current_profile() {
    let cluster = mock(2).await;
    // The suite itself, as a user starts it against a cluster of their own.
    let suite = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "smartmodules::filter_shifts_the_numbers_of_what_it_lets_through",
        ])
        .arg("lifecycle::deleting_a_topic_ends_its_streams_and_forgets_its_offsets")
        .env("FLUVIO_TEST_CLUSTER", "profile")
        .env("FLV_PROFILE_PATH", cluster.profile_file().unwrap())
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&suite.stdout).into_owned();
    assert!(
        suite.status.success() && said.contains("2 passed"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn chain_that_trapped_is_not_used_again() {
    let (cluster, topic) = (mock(1).await, "traps");
    cluster
        .load_smartmodule(scripted_filter(), FILTER)
        .await
        .unwrap();
    cluster.mock().unwrap().create_topic(topic, 1);
    batch(&cluster, topic, &["a"]).await;
    batch(&cluster, topic, &["*"]).await;
    batch(&cluster, topic, &["c"]).await;
    for _ in 0..3 {
        let mut stream = cluster.stream(through_filter(topic, 1)).await.unwrap();
        assert!(matches!(
            response(&mut stream).await.error,
            ErrorCode::Other(_)
        ));
        let mut stream = cluster.stream(through_filter(topic, 2)).await.unwrap();
        assert_eq!(response(&mut stream).await.values(), ["c"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_pass_producer_smartmodule_and_consumer_in_order() {
    const RECORDS: usize = 50_000;
    let cluster = mock(1).await;
    cluster
        .load_smartmodule(scripted_filter(), FILTER)
        .await
        .unwrap();
    cluster.mock().unwrap().create_topic("busy", 1);
    let begun = Instant::now();
    let fluvio = cluster.fluvio().await.unwrap();
    let producer = fluvio.topic_producer("busy").await.unwrap();
    for number in 0..RECORDS {
        producer
            .send("key", format!("{number:0>500}"))
            .await
            .unwrap();
    }
    producer.flush().await.unwrap();
    let produced = begun.elapsed();
    let mut stream = cluster.stream(through_filter("busy", 0)).await.unwrap();
    let mut read = 0;
    while read < RECORDS {
        let part = response(&mut stream).await;
        for value in part.values() {
            assert_eq!(value.trim_start_matches('0').parse().unwrap_or(0), read);
            read += 1;
        }
        stream.acknowledge(part.next_offset.unwrap()).await.unwrap();
    }
    println!(
        "{RECORDS} records produced in {produced:?}, produced and read in {:?}",
        begun.elapsed()
    );
}
