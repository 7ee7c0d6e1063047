//! What becomes of records in SmartModules: numbering, holes, errors, compression, deduplication.

use fluvio_protocol::link::ErrorCode;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn one_to_one_smartmodule_has_right_deltas_only_in_the_first_batch() {
    let (cluster, topic) = filtered("numbering").await;
    batch(&cluster, &topic, &["a", "b"]).await;
    batch(&cluster, &topic, &["c", "d", "e"]).await;
    let mut stream = cluster.stream(through_filter(&topic, 0)).await.unwrap();
    let first = response(&mut stream).await;
    assert_eq!(first.batches.len(), 1, "all input batches come in one");
    let only = &first.batches[0];
    assert_eq!((only.base, only.last, first.next_offset), (0, 4, Some(5)));
    assert_eq!(first.values(), ["a", "b", "c", "d", "e"]);
    let deltas = only
        .records
        .iter()
        .map(|(delta, _, _)| *delta)
        .collect::<Vec<_>>();
    assert_eq!(
        deltas,
        [0, 1, -2, -1, 0],
        "from the second batch on the base is subtracted instead of added"
    );
    assert_eq!(only.timestamp, -1, "the output has no timestamp");
    assert_eq!((first.high_watermark, first.log_start), (5, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn filter_shifts_the_numbers_of_what_it_lets_through() {
    let (cluster, topic) = filtered("shifted").await;
    batch(&cluster, &topic, &["-", "b", "-", "d"]).await;
    batch(&cluster, &topic, &["-", "-"]).await;
    let mut stream = cluster.stream(through_filter(&topic, 0)).await.unwrap();
    let first = response(&mut stream).await;
    assert_eq!(first.values(), ["b", "d"]);
    assert_eq!(
        (
            first.batches[0].base,
            first.batches[0].last,
            first.next_offset
        ),
        (0, 5, Some(6))
    );
    stream.acknowledge(6).await.unwrap();
    batch(&cluster, &topic, &["-"]).await;
    assert!(
        silent(&mut stream).await,
        "nothing is said about what was filtered"
    );
    batch(&cluster, &topic, &["h"]).await;
    let second = response(&mut stream).await;
    assert_eq!(
        (second.values(), second.batches[0].base),
        (vec!["h".to_owned()], 7)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn oversize_output_at_the_head_makes_a_gap_up_to_its_end() {
    let (cluster, topic) = filtered("head").await;
    compressed(
        &cluster,
        &topic,
        &["x".repeat(50_000).as_str()],
        Compression::Gzip,
    )
    .await;
    batch(&cluster, &topic, &["neighbour"]).await;
    let request = StreamRequest {
        max_bytes: 10_000,
        ..through_filter(&topic, 0)
    };
    let mut stream = cluster.stream(request).await.unwrap();
    assert!(silent(&mut stream).await);
    batch(&cluster, &topic, &["later"]).await;
    let first = response(&mut stream).await;
    assert_eq!(
        (first.values(), first.batches[0].base),
        (vec!["later".to_owned()], 2)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn oversize_output_in_the_middle_is_lost_with_what_follows() {
    let (cluster, topic) = filtered("hole").await;
    batch(&cluster, &topic, &["before"]).await;
    compressed(
        &cluster,
        &topic,
        &["x".repeat(50_000).as_str()],
        Compression::Gzip,
    )
    .await;
    batch(&cluster, &topic, &["neighbour"]).await;
    let request = StreamRequest {
        max_bytes: 10_000,
        ..through_filter(&topic, 0)
    };
    let mut stream = cluster.stream(request).await.unwrap();
    let first = response(&mut stream).await;
    assert_eq!(
        (first.values(), first.next_offset, first.high_watermark),
        (vec!["before".to_owned()], Some(1), 3)
    );
    stream.acknowledge(1).await.unwrap();
    assert!(silent(&mut stream).await);
    batch(&cluster, &topic, &["later"]).await;
    let second = response(&mut stream).await;
    assert_eq!(
        (second.values(), second.batches[0].base),
        (vec!["later".to_owned()], 3)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn oversize_output_at_the_tail_brings_no_response_at_all() {
    let (cluster, topic) = filtered("tail").await;
    batch(&cluster, &topic, &["before"]).await;
    compressed(
        &cluster,
        &topic,
        &["x".repeat(50_000).as_str()],
        Compression::Lz4,
    )
    .await;
    let request = StreamRequest {
        max_bytes: 10_000,
        ..through_filter(&topic, 0)
    };
    let mut stream = cluster.stream(request).await.unwrap();
    let first = response(&mut stream).await;
    stream
        .acknowledge(first.next_offset.unwrap())
        .await
        .unwrap();
    assert!(silent(&mut stream).await);
    assert_eq!(cluster.high_watermark(&topic, 0).await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn outputs_that_fit_singly_come_in_several_responses() {
    let (cluster, topic) = filtered("parts").await;
    for letter in ["a", "b", "c"] {
        batch(&cluster, &topic, &[letter.repeat(6_000).as_str()]).await;
    }
    let request = StreamRequest {
        max_bytes: 10_000,
        ..through_filter(&topic, 0)
    };
    let mut stream = cluster.stream(request).await.unwrap();
    for expected in 0..3 {
        let part = response(&mut stream).await;
        assert_eq!(
            (part.batches[0].base, part.next_offset, part.values().len()),
            (expected, Some(expected + 1), 1)
        );
        stream.acknowledge(expected + 1).await.unwrap();
    }
    assert!(silent(&mut stream).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn smartmodule_error_loses_the_rest_of_its_batch() {
    let (cluster, topic) = filtered("error").await;
    batch(&cluster, &topic, &["a", "b", "!", "d"]).await;
    batch(&cluster, &topic, &["e"]).await;
    let mut stream = cluster.stream(through_filter(&topic, 0)).await.unwrap();
    let first = response(&mut stream).await;
    assert_eq!(first.values(), ["a", "b"]);
    let ErrorCode::SmartModuleRuntimeError(error) = &first.error else {
        panic!("{:?}", first.error)
    };
    assert_eq!((error.offset, error.hint.as_str()), (2, "no"));
    assert_eq!(first.next_offset, Some(4));
    stream.acknowledge(4).await.unwrap();
    assert_eq!(response(&mut stream).await.values(), ["e"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn smartmodule_error_before_any_output_skips_all_that_was_read() {
    let (cluster, topic) = filtered("poison").await;
    batch(&cluster, &topic, &["!"]).await;
    batch(&cluster, &topic, &["b"]).await;
    let mut stream = cluster.stream(through_filter(&topic, 0)).await.unwrap();
    let first = response(&mut stream).await;
    assert!(
        matches!(first.error, ErrorCode::SmartModuleRuntimeError(_)),
        "{:?}",
        first.error
    );
    assert_eq!((first.values().len(), first.next_offset), (0, Some(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn trap_is_reported_once_and_then_the_stream_is_silent() {
    let (cluster, topic) = filtered("trap").await;
    batch(&cluster, &topic, &["a", "*"]).await;
    let mut stream = cluster.stream(through_filter(&topic, 0)).await.unwrap();
    let told = response(&mut stream).await;
    let ErrorCode::Other(text) = &told.error else {
        panic!("{:?}", told.error)
    };
    assert!(text.starts_with("SmartModule err "), "{text}");
    assert_eq!((told.values().len(), told.next_offset), (0, None));
    batch(&cluster, &topic, &["b"]).await;
    assert!(silent(&mut stream).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_or_broken_smartmodule_is_the_first_response() {
    let (cluster, topic) = filtered("missing").await;
    let with = |name: &str| StreamRequest {
        smartmodules: vec![smartmodule(name)],
        ..StreamRequest::new(&topic, 0)
    };
    let mut stream = cluster.stream(with("tests/nothing@1.0.0")).await.unwrap();
    let name = "tests/nothing@1.0.0".to_owned();
    assert_eq!(
        response(&mut stream).await.error,
        ErrorCode::SmartModuleNotFound { name }
    );
    let mut stream = cluster.stream(with("tests/scripted@0.2.0")).await.unwrap();
    let name = "tests/scripted@0.2.0".to_owned();
    assert_eq!(
        response(&mut stream).await.error,
        ErrorCode::SmartModuleNotFound { name }
    );
    cluster
        .load_smartmodule(b"(module)", "tests/broken@0.1.0")
        .await
        .unwrap();
    let mut error = ErrorCode::None;
    for _ in 0..100 {
        let mut stream = cluster.stream(with("tests/broken@0.1.0")).await.unwrap();
        error = response(&mut stream).await.error;
        // The controller answers before the SPU has the module.
        if !matches!(error, ErrorCode::SmartModuleNotFound { .. }) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(
        matches!(error, ErrorCode::SmartModuleChainInitError(_)),
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn smartmodule_is_found_by_every_form_of_its_name() {
    let (cluster, topic) = filtered("names").await;
    batch(&cluster, &topic, &["a", "-"]).await;
    for name in ["tests/scripted@0.1.0", "tests/scripted", "scripted"] {
        let request = StreamRequest {
            smartmodules: vec![smartmodule(name)],
            ..StreamRequest::new(&topic, 0)
        };
        let mut stream = cluster.stream(request).await.unwrap();
        assert_eq!(response(&mut stream).await.values(), ["a"], "{name}");
    }
    let mut open = cluster.stream(through_filter(&topic, 0)).await.unwrap();
    let first = response(&mut open).await;
    cluster.load_smartmodule(b"(module)", FILTER).await.unwrap();
    open.acknowledge(first.next_offset.unwrap()).await.unwrap();
    batch(&cluster, &topic, &["b"]).await;
    assert_eq!(
        response(&mut open).await.values(),
        ["b"],
        "an open stream keeps the module it was opened with"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn output_is_compressed_as_its_input_and_limited_uncompressed() {
    for compression in [
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ] {
        let (cluster, topic) = filtered("codec").await;
        let large = "x".repeat(9_000);
        compressed(&cluster, &topic, &["a", large.as_str()], compression).await;
        let mut stream = cluster.stream(through_filter(&topic, 0)).await.unwrap();
        let first = response(&mut stream).await;
        assert_eq!(
            (first.batches[0].compression, first.values().len()),
            (compression, 2)
        );
        let mut small = cluster
            .stream(StreamRequest {
                max_bytes: 8_000,
                ..through_filter(&topic, 0)
            })
            .await
            .unwrap();
        assert!(silent(&mut small).await, "{compression}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deduplication_leaves_gaps_in_the_log() {
    let cluster = cluster(1).await;
    cluster
        .load_smartmodule(scripted_filter(), FILTER)
        .await
        .unwrap();
    let topic = topic(
        &cluster,
        TopicOptions::new("unique").deduplication(FILTER, 10),
    )
    .await;
    batch(&cluster, &topic, &["a", "-", "c", "-"]).await;
    batch(&cluster, &topic, &["-", "-"]).await;
    batch(&cluster, &topic, &["-", "f"]).await;
    let records = cluster.records(&topic).await.unwrap();
    let seen = records
        .iter()
        .map(|record| (record.offset, record.value.as_slice()))
        .collect::<Vec<_>>();
    assert_eq!(seen, [(0, b"a".as_slice()), (2, b"c"), (5, b"f")]);
    assert_eq!(cluster.high_watermark(&topic, 0).await.unwrap(), 6);
}
