//! What is in memory while the platform takes nothing.

use conformance::cluster::TopicOptions;
use conformance::harness::Observed;
use conformance::scenario::Options;
use conformance::simulator::{Fault, Status, Step, Target};
use fluvio::Compression;

use crate::{SOON, clean, scenario, stop, wanted};

/// `buffer.max-bytes`.
const BUFFER: f64 = 131_072.0;
/// From here on nothing more is asked for: the rest of the buffer is for what is on its way.
const FULL: f64 = BUFFER * 0.75;
/// Records produced while the platform is down: many times the buffer.
const BACKLOG: usize = 600;
/// Records in one batch of the topic.
const BATCH: usize = 3;

async fn buffered(observed: &Observed) -> f64 {
    let metrics = observed.metrics().await.unwrap();
    assert_eq!(
        metrics.value("capillary_aep_buffer_limit_bytes"),
        Some(BUFFER)
    );
    metrics.value("capillary_aep_buffer_bytes").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn backlog_stays_in_the_broker_while_the_platform_is_down() {
    let scenario = scenario(Options {
        platform: "  buffer: {max-bytes: 128KiB, max-offsets: 100000}\n".to_owned(),
        // Three partitions ask at once, and what is on its way counts three times: with its
        // accounts.
        topic: TopicOptions::new("memory").partitions(3),
        max_bytes: "5kB".to_owned(),
        ..Options::default()
    })
    .await;
    // While the broker compiles the SmartModule the connector may read directly, in larger pieces.
    scenario.produce(&wanted(321, 1)).await.unwrap();
    let mut connector = scenario.connector().unwrap();
    scenario.settled(&mut connector, SOON).await.unwrap();
    let down = Fault::status(Status::try_from(503).unwrap());
    scenario
        .simulator
        .add_fault(Step::new(Target::Inlets, down).forever());
    // Small batches: one whose answers are larger than a response would be read directly.
    for (events, partition) in wanted(320, BACKLOG)
        .chunks(BATCH)
        .zip([0, 1, 2].into_iter().cycle())
    {
        let records = events
            .iter()
            .map(|event| event.value.clone().into())
            .collect();
        let batch =
            scenario
                .cluster
                .produce_batch(&scenario.topic, partition, records, Compression::None);
        batch.await.unwrap();
    }
    let observed = connector.observed(SOON).await.unwrap();
    let full = tokio::time::timeout(SOON, async {
        let mut most = 0.0_f64;
        while most < FULL {
            most = most.max(buffered(&observed).await);
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        most
    });
    let mut most = full
        .await
        .unwrap_or_else(|_| panic!("the buffer never filled:\n{}", connector.log()));
    // The platform is asked again and again while more could be read.
    let asked = scenario.simulator.requests().len();
    let asks = scenario.seen("repeated requests", SOON, |seen| {
        seen.requests().len() >= asked + 4
    });
    asks.await.unwrap();
    let pending = observed
        .metrics()
        .await
        .unwrap()
        .sum("capillary_aep_pending_records", "");
    assert!(pending < 600.0, "the whole backlog was read: {pending}");
    most = most.max(buffered(&observed).await);
    assert!(most <= BUFFER, "{most} bytes in memory");
    scenario.simulator.clear_faults();
    scenario.settled(&mut connector, SOON).await.unwrap();
    stop(&scenario, connector).await;
    assert_eq!(clean(&scenario).await.events_delivered, BACKLOG + 1);
}
