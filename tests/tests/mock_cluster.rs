//! What brokers do that a connector has to live with. Every test runs on the mock and, with `FLUVIO_TEST_CLUSTER`, on a real cluster:
//! that is how the mock is kept honest. Tests of the mock's own controls are in `mock_controls.rs`.

use std::time::Duration;

use conformance::cluster::{
    Cluster, PartitionStream, ProducedRecord, Response, StreamRequest, TopicOptions, scripted_filter, smartmodule,
};
use fluvio::metadata::topic::{CompressionAlgorithm, TopicSpec};
use fluvio::{Compression, Offset, RecordKey};
use fluvio_protocol::link::ErrorCode;
use futures_util::StreamExt;

/// Something is expected to come.
const SOON: Duration = Duration::from_secs(20);
/// Nothing is expected to come.
const SILENCE: Duration = Duration::from_millis(700);

const FILTER: &str = "tests/scripted@0.1.0";

async fn cluster(spus: usize) -> Cluster {
    Cluster::start(spus).await.unwrap_or_else(|error| panic!("{error}"))
}

/// A topic on a cluster that may be somebody's, so with a name of its own.
async fn topic(cluster: &Cluster, options: TopicOptions) -> String {
    let name = format!("{}-{:08x}", options.name, fastrand::u32(..));
    cluster.create_topic(TopicOptions { name: name.clone(), ..options }).await.unwrap();
    name
}

/// A cluster with the scripted filter and a topic of one partition.
async fn filtered(name: &str) -> (Cluster, String) {
    let cluster = cluster(1).await;
    cluster.load_smartmodule(scripted_filter(), FILTER).await.unwrap();
    let topic = topic(&cluster, TopicOptions::new(name)).await;
    (cluster, topic)
}

async fn batch(cluster: &Cluster, topic: &str, values: &[&str]) -> i64 {
    compressed(cluster, topic, values, Compression::None).await
}

async fn compressed(cluster: &Cluster, topic: &str, values: &[&str], compression: Compression) -> i64 {
    let records = values.iter().map(|value| ProducedRecord::from(*value)).collect();
    cluster.produce_batch(topic, 0, records, compression).await.unwrap()
}

fn through_filter(topic: &str, start: i64) -> StreamRequest {
    StreamRequest { start, smartmodules: vec![smartmodule(FILTER)], ..StreamRequest::new(topic, 0) }
}

async fn response(stream: &mut PartitionStream) -> Response {
    stream.next(SOON).await.unwrap().expect("a response")
}

async fn silent(stream: &mut PartitionStream) -> bool {
    stream.next(SILENCE).await.unwrap().is_none()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_unmodified_client_creates_produces_consumes_and_commits() {
    use fluvio::consumer::{ConsumerConfigExtBuilder, ConsumerStream, OffsetManagementStrategy};
    let cluster = cluster(2).await;
    let topic = topic(&cluster, TopicOptions::new("client").partitions(3)).await;
    let fluvio = cluster.fluvio().await.unwrap();
    let producer = fluvio.topic_producer(&topic).await.unwrap();
    for number in 0..30 {
        producer.send(format!("key-{number}"), format!("value-{number}")).await.unwrap();
    }
    producer.flush().await.unwrap();
    let config = || {
        let mut config = ConsumerConfigExtBuilder::default();
        config.topic(&topic).offset_consumer(topic.clone()).offset_strategy(OffsetManagementStrategy::Manual);
        config.offset_start(Offset::beginning());
        config.build().unwrap()
    };
    let mut stream = fluvio.consumer_with_config(config()).await.unwrap();
    let mut values = Vec::new();
    for _ in 0..30 {
        let record = tokio::time::timeout(SOON, stream.next()).await.expect("a record").unwrap().unwrap();
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
        let offset = cluster.stored_offset(&topic, &topic, partition).await.unwrap();
        assert_eq!(offset, (high_watermark > 0).then_some(high_watermark - 1));
        stored += high_watermark;
    }
    assert_eq!(stored, 30);
    let mut again = fluvio.consumer_with_config(config()).await.unwrap();
    producer.send(RecordKey::NULL, "one more").await.unwrap();
    producer.flush().await.unwrap();
    let record = tokio::time::timeout(SOON, again.next()).await.expect("a record").unwrap().unwrap();
    assert_eq!(record.value(), b"one more");
}

#[tokio::test(flavor = "multi_thread")]
async fn leaders_are_spread_over_the_spus_and_system_topics_are_hidden() {
    use fluvio::metadata::partition::PartitionSpec;
    let cluster = cluster(2).await;
    let topic = topic(&cluster, TopicOptions::new("spread").partitions(4)).await;
    let admin = cluster.admin().await.unwrap();
    let partitions = admin.all::<PartitionSpec>().await.unwrap();
    let mut leaders = partitions
        .iter()
        .filter(|partition| partition.name.starts_with(&topic))
        .map(|partition| partition.spec.leader)
        .collect::<Vec<_>>();
    leaders.sort_unstable();
    leaders.dedup();
    assert_eq!(leaders.len(), 2);
    assert!(partitions.iter().all(|partition| partition.status.is_online()));
    assert!(!partitions.iter().any(|partition| partition.name == "consumer-offset-0"));
    let topics = admin.all::<TopicSpec>().await.unwrap();
    assert!(topics.iter().any(|found| found.name == topic));
    assert!(!topics.iter().any(|found| found.name == "consumer-offset"));
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_that_exist_or_are_badly_named_are_refused_and_missing_ones_not_found() {
    let cluster = cluster(1).await;
    let topic = topic(&cluster, TopicOptions::new("once")).await;
    let again = cluster.create_topic(TopicOptions::new(&topic)).await.unwrap_err().to_string();
    assert!(again.contains("already exists"), "{again}");
    let bad = cluster.create_topic(TopicOptions::new("Not_A_Topic")).await.unwrap_err().to_string();
    assert!(bad.contains("Invalid topic name"), "{bad}");
    let missing = cluster.delete_topic("never-created").await.unwrap_err().to_string();
    assert!(missing.to_lowercase().contains("not found"), "{missing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_without_smartmodule_gets_batches_as_they_were_sent_and_no_more_before_the_acknowledgement() {
    let cluster = cluster(1).await;
    let topic = topic(&cluster, TopicOptions::new("plain")).await;
    assert_eq!(compressed(&cluster, &topic, &["a", "b", "c"], Compression::Zstd).await, 0);
    assert_eq!(compressed(&cluster, &topic, &["d"], Compression::Gzip).await, 3);
    let mut stream = cluster.stream(StreamRequest::new(&topic, 0)).await.unwrap();
    let first = response(&mut stream).await;
    assert_eq!(first.error, ErrorCode::None);
    assert_eq!((first.high_watermark, first.log_start, first.next_offset), (4, 0, Some(4)));
    let places = first.batches.iter().map(|batch| (batch.base, batch.last, batch.compression)).collect::<Vec<_>>();
    assert_eq!(places, [(0, 2, Compression::Zstd), (3, 3, Compression::Gzip)]);
    assert!(first.batches[0].timestamp > 0);
    assert_eq!(first.values(), ["a", "b", "c", "d"]);
    batch(&cluster, &topic, &["e"]).await;
    assert!(silent(&mut stream).await, "the SPU waits for the credit");
    stream.acknowledge(4).await.unwrap();
    assert_eq!(response(&mut stream).await.values(), ["e"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_from_the_middle_of_a_batch_gets_the_whole_batch() {
    let cluster = cluster(1).await;
    let topic = topic(&cluster, TopicOptions::new("middle")).await;
    batch(&cluster, &topic, &["a", "b", "c"]).await;
    let mut stream = cluster.stream(StreamRequest { start: 1, ..StreamRequest::new(&topic, 0) }).await.unwrap();
    let first = response(&mut stream).await;
    assert_eq!((first.batches[0].base, first.values().len()), (0, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_larger_than_the_limit_reaches_nobody_and_says_nothing() {
    let cluster = cluster(1).await;
    let topic = topic(&cluster, TopicOptions::new("cut")).await;
    batch(&cluster, &topic, &["small"]).await;
    batch(&cluster, &topic, &["x".repeat(5_000).as_str()]).await;
    let request = |start| StreamRequest { start, max_bytes: 2_000, ..StreamRequest::new(&topic, 0) };
    let mut stream = cluster.stream(request(0)).await.unwrap();
    let first = response(&mut stream).await;
    assert_eq!((first.values(), first.next_offset), (vec!["small".to_owned()], Some(1)));
    stream.acknowledge(1).await.unwrap();
    let cut = response(&mut stream).await;
    assert_eq!((cut.error, cut.batches.len(), cut.next_offset), (ErrorCode::None, 0, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn starting_past_the_end_is_an_error_that_names_both_offsets() {
    let cluster = cluster(1).await;
    let topic = topic(&cluster, TopicOptions::new("past")).await;
    batch(&cluster, &topic, &["a", "b"]).await;
    let mut stream = cluster.stream(StreamRequest { start: 7, ..StreamRequest::new(&topic, 0) }).await.unwrap();
    let refused = response(&mut stream).await;
    assert_eq!(refused.error, ErrorCode::Other("start offset: 7 is greater than leo: 2".to_owned()));
    let mut stream = cluster.stream(StreamRequest { start: -5, ..StreamRequest::new(&topic, 0) }).await.unwrap();
    let refused = response(&mut stream).await;
    assert_eq!(refused.error, ErrorCode::OffsetEvicted { offset: -5, next_available: 0 });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_one_to_one_smartmodule_keeps_numbering_and_deltas_are_right_in_the_first_batch_only() {
    let (cluster, topic) = filtered("numbering").await;
    batch(&cluster, &topic, &["a", "b"]).await;
    batch(&cluster, &topic, &["c", "d", "e"]).await;
    let mut stream = cluster.stream(through_filter(&topic, 0)).await.unwrap();
    let first = response(&mut stream).await;
    assert_eq!(first.batches.len(), 1, "all input batches come in one");
    let only = &first.batches[0];
    assert_eq!((only.base, only.last, first.next_offset), (0, 4, Some(5)));
    assert_eq!(first.values(), ["a", "b", "c", "d", "e"]);
    let deltas = only.records.iter().map(|(delta, _, _)| *delta).collect::<Vec<_>>();
    assert_eq!(deltas, [0, 1, -2, -1, 0], "from the second batch on the base is subtracted instead of added");
    assert_eq!(only.timestamp, -1, "the output has no timestamp");
    assert_eq!((first.high_watermark, first.log_start), (5, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_shifts_the_numbers_of_what_it_lets_through() {
    let (cluster, topic) = filtered("shifted").await;
    batch(&cluster, &topic, &["-", "b", "-", "d"]).await;
    batch(&cluster, &topic, &["-", "-"]).await;
    let mut stream = cluster.stream(through_filter(&topic, 0)).await.unwrap();
    let first = response(&mut stream).await;
    assert_eq!(first.values(), ["b", "d"]);
    assert_eq!((first.batches[0].base, first.batches[0].last, first.next_offset), (0, 5, Some(6)));
    stream.acknowledge(6).await.unwrap();
    batch(&cluster, &topic, &["-"]).await;
    assert!(silent(&mut stream).await, "nothing is said about what was filtered");
    batch(&cluster, &topic, &["h"]).await;
    let second = response(&mut stream).await;
    assert_eq!((second.values(), second.batches[0].base), (vec!["h".to_owned()], 7));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_oversize_output_at_the_head_of_a_read_makes_a_hole_up_to_its_end() {
    let (cluster, topic) = filtered("head").await;
    compressed(&cluster, &topic, &["x".repeat(50_000).as_str()], Compression::Gzip).await;
    batch(&cluster, &topic, &["neighbour"]).await;
    let request = StreamRequest { max_bytes: 10_000, ..through_filter(&topic, 0) };
    let mut stream = cluster.stream(request).await.unwrap();
    assert!(silent(&mut stream).await);
    batch(&cluster, &topic, &["later"]).await;
    let first = response(&mut stream).await;
    assert_eq!((first.values(), first.batches[0].base), (vec!["later".to_owned()], 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_oversize_output_in_the_middle_is_lost_with_what_was_read_after_it() {
    let (cluster, topic) = filtered("hole").await;
    batch(&cluster, &topic, &["before"]).await;
    compressed(&cluster, &topic, &["x".repeat(50_000).as_str()], Compression::Gzip).await;
    batch(&cluster, &topic, &["neighbour"]).await;
    let request = StreamRequest { max_bytes: 10_000, ..through_filter(&topic, 0) };
    let mut stream = cluster.stream(request).await.unwrap();
    let first = response(&mut stream).await;
    assert_eq!((first.values(), first.next_offset, first.high_watermark), (vec!["before".to_owned()], Some(1), 3));
    stream.acknowledge(1).await.unwrap();
    assert!(silent(&mut stream).await);
    batch(&cluster, &topic, &["later"]).await;
    let second = response(&mut stream).await;
    assert_eq!((second.values(), second.batches[0].base), (vec!["later".to_owned()], 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_oversize_output_at_the_tail_brings_no_response_at_all() {
    let (cluster, topic) = filtered("tail").await;
    batch(&cluster, &topic, &["before"]).await;
    compressed(&cluster, &topic, &["x".repeat(50_000).as_str()], Compression::Lz4).await;
    let request = StreamRequest { max_bytes: 10_000, ..through_filter(&topic, 0) };
    let mut stream = cluster.stream(request).await.unwrap();
    let first = response(&mut stream).await;
    stream.acknowledge(first.next_offset.unwrap()).await.unwrap();
    assert!(silent(&mut stream).await);
    assert_eq!(cluster.high_watermark(&topic, 0).await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn outputs_that_fit_singly_come_in_several_responses() {
    let (cluster, topic) = filtered("parts").await;
    for letter in ["a", "b", "c"] {
        batch(&cluster, &topic, &[letter.repeat(6_000).as_str()]).await;
    }
    let request = StreamRequest { max_bytes: 10_000, ..through_filter(&topic, 0) };
    let mut stream = cluster.stream(request).await.unwrap();
    for expected in 0..3 {
        let part = response(&mut stream).await;
        assert_eq!((part.batches[0].base, part.next_offset, part.values().len()), (expected, Some(expected + 1), 1));
        stream.acknowledge(expected + 1).await.unwrap();
    }
    assert!(silent(&mut stream).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_smartmodule_loses_the_rest_of_its_batch() {
    let (cluster, topic) = filtered("error").await;
    batch(&cluster, &topic, &["a", "b", "!", "d"]).await;
    batch(&cluster, &topic, &["e"]).await;
    let mut stream = cluster.stream(through_filter(&topic, 0)).await.unwrap();
    let first = response(&mut stream).await;
    assert_eq!(first.values(), ["a", "b"]);
    let ErrorCode::SmartModuleRuntimeError(error) = &first.error else { panic!("{:?}", first.error) };
    assert_eq!((error.offset, error.hint.as_str()), (2, "no"));
    assert_eq!(first.next_offset, Some(4));
    stream.acknowledge(4).await.unwrap();
    assert_eq!(response(&mut stream).await.values(), ["e"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_before_anything_passed_moves_the_stream_past_all_that_was_read() {
    let (cluster, topic) = filtered("poison").await;
    batch(&cluster, &topic, &["!"]).await;
    batch(&cluster, &topic, &["b"]).await;
    let mut stream = cluster.stream(through_filter(&topic, 0)).await.unwrap();
    let first = response(&mut stream).await;
    assert!(matches!(first.error, ErrorCode::SmartModuleRuntimeError(_)), "{:?}", first.error);
    assert_eq!((first.values().len(), first.next_offset), (0, Some(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_is_told_once_and_then_the_stream_is_silent_for_ever() {
    let (cluster, topic) = filtered("trap").await;
    batch(&cluster, &topic, &["a", "*"]).await;
    let mut stream = cluster.stream(through_filter(&topic, 0)).await.unwrap();
    let told = response(&mut stream).await;
    let ErrorCode::Other(text) = &told.error else { panic!("{:?}", told.error) };
    assert!(text.starts_with("SmartModule err "), "{text}");
    assert_eq!((told.values().len(), told.next_offset), (0, None));
    batch(&cluster, &topic, &["b"]).await;
    assert!(silent(&mut stream).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_or_broken_smartmodule_is_the_first_answer_of_the_stream() {
    let (cluster, topic) = filtered("missing").await;
    let with = |name: &str| StreamRequest { smartmodules: vec![smartmodule(name)], ..StreamRequest::new(&topic, 0) };
    let mut stream = cluster.stream(with("tests/nothing@1.0.0")).await.unwrap();
    let name = "tests/nothing@1.0.0".to_owned();
    assert_eq!(response(&mut stream).await.error, ErrorCode::SmartModuleNotFound { name });
    let mut stream = cluster.stream(with("tests/scripted@0.2.0")).await.unwrap();
    let name = "tests/scripted@0.2.0".to_owned();
    assert_eq!(response(&mut stream).await.error, ErrorCode::SmartModuleNotFound { name });
    cluster.load_smartmodule(b"(module)", "tests/broken@0.1.0").await.unwrap();
    let mut stream = cluster.stream(with("tests/broken@0.1.0")).await.unwrap();
    let error = response(&mut stream).await.error;
    assert!(matches!(error, ErrorCode::SmartModuleChainInitError(_)), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_smartmodule_is_found_by_all_three_forms_of_its_name_and_replaced_silently() {
    let (cluster, topic) = filtered("names").await;
    batch(&cluster, &topic, &["a", "-"]).await;
    for name in ["tests/scripted@0.1.0", "tests/scripted", "scripted"] {
        let request = StreamRequest { smartmodules: vec![smartmodule(name)], ..StreamRequest::new(&topic, 0) };
        let mut stream = cluster.stream(request).await.unwrap();
        assert_eq!(response(&mut stream).await.values(), ["a"], "{name}");
    }
    let mut open = cluster.stream(through_filter(&topic, 0)).await.unwrap();
    let first = response(&mut open).await;
    cluster.load_smartmodule(b"(module)", FILTER).await.unwrap();
    open.acknowledge(first.next_offset.unwrap()).await.unwrap();
    batch(&cluster, &topic, &["b"]).await;
    assert_eq!(response(&mut open).await.values(), ["b"], "an open stream keeps the module it was opened with");
}

#[tokio::test(flavor = "multi_thread")]
async fn output_is_compressed_as_its_input_and_the_limit_counts_it_uncompressed() {
    for compression in [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd] {
        let (cluster, topic) = filtered("codec").await;
        let large = "x".repeat(9_000);
        compressed(&cluster, &topic, &["a", large.as_str()], compression).await;
        let mut stream = cluster.stream(through_filter(&topic, 0)).await.unwrap();
        let first = response(&mut stream).await;
        assert_eq!((first.batches[0].compression, first.values().len()), (compression, 2));
        let mut small = cluster.stream(StreamRequest { max_bytes: 8_000, ..through_filter(&topic, 0) }).await.unwrap();
        assert!(silent(&mut small).await, "{compression}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_refuses_a_batch_compressed_otherwise() {
    let cluster = cluster(1).await;
    let topic = topic(&cluster, TopicOptions::new("gzip").compression(CompressionAlgorithm::Gzip)).await;
    compressed(&cluster, &topic, &["a"], Compression::Gzip).await;
    let refused = cluster.produce_batch(&topic, 0, vec!["b".into()], Compression::None).await.unwrap_err().to_string();
    assert!(refused.contains("ompression"), "{refused}");
    assert_eq!(cluster.high_watermark(&topic, 0).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn deduplication_leaves_gaps_in_the_log() {
    let cluster = cluster(1).await;
    cluster.load_smartmodule(scripted_filter(), FILTER).await.unwrap();
    let topic = topic(&cluster, TopicOptions::new("unique").deduplication(FILTER, 10)).await;
    batch(&cluster, &topic, &["a", "-", "c", "-"]).await;
    batch(&cluster, &topic, &["-", "-"]).await;
    batch(&cluster, &topic, &["-", "f"]).await;
    let records = cluster.records(&topic).await.unwrap();
    let seen = records.iter().map(|record| (record.offset, record.value.as_slice())).collect::<Vec<_>>();
    assert_eq!(seen, [(0, b"a".as_slice()), (2, b"c"), (5, b"f")]);
    assert_eq!(cluster.high_watermark(&topic, 0).await.unwrap(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_are_stored_from_any_spu_at_any_moment_and_may_go_back() {
    let cluster = cluster(2).await;
    let topic = topic(&cluster, TopicOptions::new("commits").partitions(2)).await;
    for partition in 0..2 {
        cluster.produce(&topic, Some(partition), None, "value").await.unwrap();
        let request = StreamRequest { consumer: Some("reader".to_owned()), ..StreamRequest::new(&topic, partition) };
        let mut stream = cluster.stream(request).await.unwrap();
        response(&mut stream).await;
        for offset in [0, 41, 7] {
            assert_eq!(stream.commit(offset).await.unwrap(), ErrorCode::None);
            assert_eq!(cluster.stored_offset("reader", &topic, partition).await.unwrap(), Some(offset));
        }
    }
    assert_eq!(cluster.stored_offset("nobody", &topic, 0).await.unwrap(), None);
    let mut anonymous = cluster.stream(StreamRequest::new(&topic, 0)).await.unwrap();
    response(&mut anonymous).await;
    assert_eq!(anonymous.commit(1).await.unwrap(), ErrorCode::Other("stream without consumer id".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_topic_ends_its_streams_and_forgets_its_offsets() {
    let cluster = cluster(2).await;
    let topic = topic(&cluster, TopicOptions::new("gone").partitions(2)).await;
    let mut streams = Vec::new();
    for partition in 0..2 {
        cluster.produce(&topic, Some(partition), None, "value").await.unwrap();
        let request = StreamRequest { consumer: Some("reader".to_owned()), ..StreamRequest::new(&topic, partition) };
        let mut stream = cluster.stream(request).await.unwrap();
        response(&mut stream).await;
        assert_eq!(stream.commit(0).await.unwrap(), ErrorCode::None);
        streams.push(stream);
    }
    cluster.delete_topic(&topic).await.unwrap();
    for stream in &mut streams {
        assert_eq!(response(stream).await.error, ErrorCode::TopicDeleted);
    }
    for _ in 0..100 {
        if cluster.partition_count(&topic).await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    cluster.create_topic(TopicOptions::new(&topic).partitions(2)).await.unwrap();
    for partition in 0..2 {
        assert_eq!(cluster.high_watermark(&topic, partition).await.unwrap(), 0);
        assert_eq!(cluster.stored_offset("reader", &topic, partition).await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_can_be_added_and_watchers_are_told() {
    use fluvio::metadata::partition::PartitionSpec;
    let cluster = cluster(2).await;
    let topic = topic(&cluster, TopicOptions::new("growing")).await;
    let admin = cluster.admin().await.unwrap();
    let mut watch = admin.watch::<PartitionSpec>().await.unwrap();
    let first = tokio::time::timeout(SOON, watch.next()).await.expect("the objects").unwrap().unwrap().inner();
    assert!(first.all.iter().any(|partition| partition.name == format!("{topic}-0")));
    assert!(first.all.iter().any(|partition| partition.name == "consumer-offset-0"), "a watch hides nothing");
    cluster.add_partitions(&topic, 2).await.unwrap();
    let mut told = Vec::new();
    while told.len() < 2 {
        let update = tokio::time::timeout(SOON, watch.next()).await.expect("a change").unwrap().unwrap().inner();
        for change in update.changes {
            let name = change.content.name;
            if name != format!("{topic}-0") && name.starts_with(&topic) && !told.contains(&name) {
                told.push(name);
            }
        }
    }
    assert_eq!(cluster.partition_count(&topic).await.unwrap(), 3);
    cluster.produce(&topic, Some(2), None, "value").await.unwrap();
    assert_eq!(cluster.high_watermark(&topic, 2).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_and_offsets_survive_the_restart_of_an_spu_and_of_the_cluster() {
    let cluster = cluster(2).await;
    let topic = topic(&cluster, TopicOptions::new("restarted").partitions(2)).await;
    for partition in 0..2 {
        cluster.produce(&topic, Some(partition), Some("key"), "value").await.unwrap();
    }
    let request = StreamRequest { consumer: Some("reader".to_owned()), ..StreamRequest::new(&topic, 0) };
    let mut stream = cluster.stream(request).await.unwrap();
    response(&mut stream).await;
    assert_eq!(stream.commit(0).await.unwrap(), ErrorCode::None);
    if cluster.spu_count() == 0 {
        return; // Somebody's cluster is not restarted.
    }
    for spu in 0..2 {
        cluster.restart_spu(spu).await.unwrap();
    }
    cluster.restart().await.unwrap();
    assert_eq!(cluster.stored_offset("reader", &topic, 0).await.unwrap(), Some(0));
    for partition in 0..2 {
        assert_eq!(cluster.produce(&topic, Some(partition), Some("key"), "again").await.unwrap(), (partition, 1));
    }
    assert_eq!(cluster.records(&topic).await.unwrap().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_spu_takes_its_partitions_offline_and_leaves_the_others() {
    use fluvio::metadata::partition::PartitionSpec;
    let cluster = cluster(2).await;
    if cluster.spu_count() == 0 {
        return; // Somebody's cluster is not stopped.
    }
    let topic = topic(&cluster, TopicOptions::new("offline").partitions(2)).await;
    cluster.stop_spu(1).await.unwrap();
    let admin = cluster.admin().await.unwrap();
    let mut online = Vec::new();
    for _ in 0..200 {
        let partitions = admin.all::<PartitionSpec>().await.unwrap();
        let ours = partitions.into_iter().filter(|partition| partition.name.starts_with(&topic));
        online = ours.map(|partition| (partition.spec.leader, partition.status.is_online())).collect();
        if online.iter().any(|(_, online)| !online) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    online.sort_unstable();
    assert_eq!(online, [(5001, true), (5002, false)]);
    cluster.start_spu(1).await.unwrap();
    for partition in 0..2 {
        cluster.produce(&topic, Some(partition), None, "value").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_profile_file_leads_the_client_to_the_cluster() {
    let cluster = cluster(1).await;
    if cluster.spu_count() == 0 {
        return; // Somebody's profile is what was used to get here.
    }
    let path = cluster.profile_file().unwrap();
    let file = fluvio::config::ConfigFile::load(Some(path.to_string_lossy().into_owned())).unwrap();
    assert_eq!(file.config().current_cluster().unwrap().endpoint, cluster.endpoint());
}
