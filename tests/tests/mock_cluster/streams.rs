//! Partition streams without SmartModule, limits, credit and commits.

use fluvio::metadata::topic::CompressionAlgorithm;
use fluvio::{Offset, RecordKey};
use fluvio_protocol::link::ErrorCode;
use futures_util::StreamExt;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn unmodified_client_creates_produces_consumes_and_commits() {
    use fluvio::consumer::{ConsumerConfigExtBuilder, ConsumerStream, OffsetManagementStrategy};
    let cluster = cluster(2).await;
    let topic = topic(&cluster, TopicOptions::new("client").partitions(3)).await;
    let fluvio = cluster.fluvio().await.unwrap();
    let producer = fluvio.topic_producer(&topic).await.unwrap();
    for number in 0..30 {
        producer
            .send(format!("key-{number}"), format!("value-{number}"))
            .await
            .unwrap();
    }
    producer.flush().await.unwrap();
    let config = || {
        let mut config = ConsumerConfigExtBuilder::default();
        config
            .topic(&topic)
            .offset_consumer(topic.clone())
            .offset_strategy(OffsetManagementStrategy::Manual);
        config.offset_start(Offset::beginning());
        config.build().unwrap()
    };
    let mut stream = fluvio.consumer_with_config(config()).await.unwrap();
    let mut values = Vec::new();
    for _ in 0..30 {
        let record = tokio::time::timeout(SOON, stream.next())
            .await
            .expect("a record")
            .unwrap()
            .unwrap();
        values.push(String::from_utf8(record.value().to_vec()).unwrap());
    }
    stream.offset_commit().await.unwrap();
    stream.offset_flush().await.unwrap();
    drop(stream);
    let mut sorted = values.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), 30);
    let mut stored = 0;
    for partition in 0..3 {
        let high_watermark = cluster.high_watermark(&topic, partition).await.unwrap();
        let offset = cluster
            .stored_offset(&topic, &topic, partition)
            .await
            .unwrap();
        assert_eq!(offset, (high_watermark > 0).then_some(high_watermark - 1));
        stored += high_watermark;
    }
    assert_eq!(stored, 30);
    let mut again = fluvio.consumer_with_config(config()).await.unwrap();
    producer.send(RecordKey::NULL, "one more").await.unwrap();
    producer.flush().await.unwrap();
    let record = tokio::time::timeout(SOON, again.next())
        .await
        .expect("a record")
        .unwrap()
        .unwrap();
    assert_eq!(record.value(), b"one more");
}

#[tokio::test(flavor = "multi_thread")]
async fn stream_without_smartmodule_waits_for_the_acknowledgement() {
    let cluster = cluster(1).await;
    let topic = topic(&cluster, TopicOptions::new("plain")).await;
    assert_eq!(
        compressed(&cluster, &topic, &["a", "b", "c"], Compression::Zstd).await,
        0
    );
    assert_eq!(
        compressed(&cluster, &topic, &["d"], Compression::Gzip).await,
        3
    );
    let mut stream = cluster.stream(StreamRequest::new(&topic, 0)).await.unwrap();
    let first = response(&mut stream).await;
    assert_eq!(first.error, ErrorCode::None);
    assert_eq!(
        (first.high_watermark, first.log_start, first.next_offset),
        (4, 0, Some(4))
    );
    let places = first
        .batches
        .iter()
        .map(|batch| (batch.base, batch.last, batch.compression))
        .collect::<Vec<_>>();
    assert_eq!(
        places,
        [(0, 2, Compression::Zstd), (3, 3, Compression::Gzip)]
    );
    assert!(first.batches[0].timestamp > 0);
    assert_eq!(first.values(), ["a", "b", "c", "d"]);
    batch(&cluster, &topic, &["e"]).await;
    assert!(silent(&mut stream).await, "the SPU waits for the credit");
    stream.acknowledge(4).await.unwrap();
    assert_eq!(response(&mut stream).await.values(), ["e"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn stream_from_the_middle_of_a_batch_gets_the_whole_batch() {
    let cluster = cluster(1).await;
    let topic = topic(&cluster, TopicOptions::new("middle")).await;
    batch(&cluster, &topic, &["a", "b", "c"]).await;
    let mut stream = cluster
        .stream(StreamRequest {
            start: 1,
            ..StreamRequest::new(&topic, 0)
        })
        .await
        .unwrap();
    let first = response(&mut stream).await;
    assert_eq!((first.batches[0].base, first.values().len()), (0, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn batch_cut_by_the_limit_looks_whole_to_the_client() {
    let cluster = cluster(1).await;
    let topic = topic(&cluster, TopicOptions::new("cut")).await;
    batch(&cluster, &topic, &["small"]).await;
    batch(&cluster, &topic, &["x".repeat(5_000).as_str()]).await;
    let request = |start| StreamRequest {
        start,
        max_bytes: 2_000,
        ..StreamRequest::new(&topic, 0)
    };
    let mut stream = cluster.stream(request(0)).await.unwrap();
    let first = response(&mut stream).await;
    let whole = first
        .batches
        .iter()
        .map(|batch| (batch.base, batch.whole))
        .collect::<Vec<_>>();
    assert_eq!(
        (whole.as_slice(), first.next_offset),
        ([(0, true), (1, false)].as_slice(), Some(2))
    );
    stream.acknowledge(1).await.unwrap();
    let cut = response(&mut stream).await;
    assert_eq!(
        (cut.error.clone(), cut.values().len(), cut.next_offset),
        (ErrorCode::None, 0, Some(2))
    );
    assert!(!cut.batches[0].whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn start_past_the_end_is_an_error_with_both_offsets() {
    let cluster = cluster(1).await;
    let topic = topic(&cluster, TopicOptions::new("past")).await;
    batch(&cluster, &topic, &["a", "b"]).await;
    let mut stream = cluster
        .stream(StreamRequest {
            start: 7,
            ..StreamRequest::new(&topic, 0)
        })
        .await
        .unwrap();
    let refused = response(&mut stream).await;
    assert_eq!(
        refused.error,
        ErrorCode::Other("start offset: 7 is greater than leo: 2".to_owned())
    );
    let mut stream = cluster
        .stream(StreamRequest {
            start: -5,
            ..StreamRequest::new(&topic, 0)
        })
        .await
        .unwrap();
    let refused = response(&mut stream).await;
    assert_eq!(
        refused.error,
        ErrorCode::OffsetEvicted {
            offset: -5,
            next_available: 0
        }
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn topic_refuses_a_batch_compressed_otherwise() {
    let cluster = cluster(1).await;
    let topic = topic(
        &cluster,
        TopicOptions::new("gzip").compression(CompressionAlgorithm::Gzip),
    )
    .await;
    compressed(&cluster, &topic, &["a"], Compression::Gzip).await;
    let refused = cluster
        .produce_batch(&topic, 0, vec!["b".into()], Compression::None)
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("ompression"), "{refused}");
    assert_eq!(cluster.high_watermark(&topic, 0).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_are_stored_from_any_spu_at_any_moment_and_may_go_back() {
    let cluster = cluster(2).await;
    let topic = topic(&cluster, TopicOptions::new("commits").partitions(2)).await;
    for partition in 0..2 {
        cluster
            .produce(&topic, Some(partition), None, "value")
            .await
            .unwrap();
        let request = StreamRequest {
            consumer: Some("reader".to_owned()),
            ..StreamRequest::new(&topic, partition)
        };
        let mut stream = cluster.stream(request).await.unwrap();
        response(&mut stream).await;
        for offset in [0, 41, 7] {
            assert_eq!(stream.commit(offset).await.unwrap(), ErrorCode::None);
            assert_eq!(
                cluster
                    .stored_offset("reader", &topic, partition)
                    .await
                    .unwrap(),
                Some(offset)
            );
        }
    }
    assert_eq!(
        cluster.stored_offset("nobody", &topic, 0).await.unwrap(),
        None
    );
    let mut anonymous = cluster.stream(StreamRequest::new(&topic, 0)).await.unwrap();
    response(&mut anonymous).await;
    assert_eq!(
        anonymous.commit(1).await.unwrap(),
        ErrorCode::Other("stream without consumer id".to_owned())
    );
}
