//! Platforms that take long to answer.

use std::time::Duration;

use super::inlet::{Does, ScriptedInlet};
use super::stream::{Topic, start};
use crate::config::BufferLimits;

/// Ten thousand records a second for these seconds.
const SECONDS: i64 = 4;

async fn time_at(answer: Duration, bounds: BufferLimits) -> (Option<Duration>, u64) {
    let inlet = ScriptedInlet::new(answer, |_| Does::Accept);
    let topic = Topic {
        partitions: 4,
        rate: Some(2_500.0),
        marked: None,
        ..Topic::of(SECONDS * 2_500)
    };
    let running = start(topic, inlet, bounds);
    let records = u64::try_from(SECONDS * 10_000).unwrap();
    let ended = running.until_ended(records, Duration::from_secs(120)).await;
    (ended, running.tracker.max_bytes())
}

#[tokio::test(start_paused = true)]
async fn slow_answers_get_more_bytes_and_hold_the_rate() {
    // A quarter of the default: records of the topic are small.
    let bounds = BufferLimits {
        slow_bytes: 12 << 20,
        ..BufferLimits::new(3 << 20, 100_000)
    };
    let second = Duration::from_secs(1);
    let (grown, bytes) = time_at(second, bounds).await;
    let (bounded, _) = time_at(second, BufferLimits::new(3 << 20, 100_000)).await;
    assert!(bytes > 9 << 20, "{bytes}");
    let (grown, bounded) = (grown.unwrap(), bounded.unwrap());
    assert!(grown.mul_f64(1.5) < bounded, "{grown:?}, {bounded:?}");
}
