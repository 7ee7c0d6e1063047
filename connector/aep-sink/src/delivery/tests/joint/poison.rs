//! One record that never passes, at the rates and with the backlogs of a real stream.

use std::time::Duration;

use super::inlet::{Does, ScriptedInlet, Seen};
use super::stream::{Running, Topic, start};
use crate::config::BufferLimits;

const ANSWER: Duration = Duration::from_millis(100);
/// Twenty failures in no less than ten minutes, and what finding it alone takes.
const PATIENCE: Duration = Duration::from_secs(11 * 60);

/// Some thousand records at once, as by default, and few offsets open.
fn buffer() -> BufferLimits {
    BufferLimits::new(12 << 20, 2_000)
}

/// The marked record never passes.
fn poison(does: fn() -> Does) -> impl Fn(&Seen) -> Does + Send + Sync + 'static {
    move |seen| if seen.marked { does() } else { Does::Accept }
}

fn dead_offsets(running: &Running) -> Vec<i64> {
    let written = running.dead_letters.written.lock().unwrap();
    let offset =
        |(_, dead_letter): &(String, serde_json::Value)| dead_letter["source"]["offset"].as_i64();
    written.iter().filter_map(offset).collect()
}

#[tokio::test(start_paused = true)]
async fn poison_record_stops_no_other_and_is_dead_lettered_in_time() {
    let inlet = ScriptedInlet::new(ANSWER, poison(|| Does::Answer(503, "")));
    let running = start(Topic::of(6_000), inlet, buffer());
    let others = running.until_ended(5_999, Duration::from_secs(60)).await;
    assert!(others.is_some(), "{} in a minute", running.delivered());
    let told = running.told();
    assert!(
        told.len() == 1 && told[0].contains("partition 0, offset 50 keeps failing"),
        "{told:?}"
    );
    assert!(running.until_ended(6_000, PATIENCE).await.is_some());
    assert_eq!(dead_offsets(&running), [50]);
    assert_eq!(running.told(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn poison_record_of_any_kind_stops_no_backlog() {
    type Kind = (&'static str, fn() -> Does);
    let kinds: [Kind; 5] = [
        ("503", || Does::Answer(503, "")),
        ("reset", || Does::Reset),
        ("413", || Does::Answer(413, "")),
        ("unreadable", || Does::Answer(207, "{}")),
        ("500", || Does::Answer(500, "oops")),
    ];
    for (name, does) in kinds {
        let inlet = ScriptedInlet::new(ANSWER, poison(does));
        let topic = Topic {
            partitions: 3,
            ..Topic::of(3_000)
        };
        let running = start(topic, inlet, buffer());
        let others = running.until_ended(8_999, Duration::from_secs(90)).await;
        assert!(others.is_some(), "{name}: {}", running.delivered());
        let all = running.until_ended(9_000, PATIENCE).await;
        assert!(all.is_some(), "{name}: {:?}", running.told());
        assert_eq!(dead_offsets(&running), [50], "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn poison_record_that_hangs_stops_others_for_one_timeout_at_most() {
    let inlet = ScriptedInlet::new(ANSWER, poison(|| Does::Hang));
    let topic = Topic {
        rate: Some(200.0),
        ..Topic::of(48_000)
    };
    let running = start(topic, inlet, buffer());
    // Four minutes of records, and the timeout of the batch that holds it.
    let longest = Duration::from_secs(240 + 65);
    let others = running.until_ended(47_999, longest).await;
    assert!(others.is_some(), "{}", running.delivered());
    // Twenty timeouts of a minute.
    let all = running.until_ended(48_000, 3 * PATIENCE).await;
    assert!(all.is_some(), "{:?}", running.told());
    assert_eq!(dead_offsets(&running), [50]);
}

#[tokio::test(start_paused = true)]
async fn poison_record_of_the_busiest_customer_does_not_fill_the_buffer() {
    let inlet = ScriptedInlet::new(ANSWER, poison(|| Does::Answer(503, "")));
    let topic = Topic {
        rate: Some(1_000.0),
        first_customer: 12,
        ..Topic::of(36_000)
    };
    let running = start(topic, inlet, buffer());
    let others = running.until_ended(35_999, Duration::from_secs(75)).await;
    assert!(others.is_some(), "{}", running.delivered());
    let rest = running.until_ended(36_000, PATIENCE).await;
    assert!(rest.is_some(), "{:?}", running.told());
    assert_eq!(dead_offsets(&running), [50]);
}

#[tokio::test(start_paused = true)]
async fn poison_record_alone_on_an_idle_inlet_waits_for_others() {
    let inlet = ScriptedInlet::new(ANSWER, poison(|| Does::Answer(503, "")));
    let topic = Topic {
        marked: Some(0),
        rate: Some(1.0 / 600.0),
        ..Topic::of(40)
    };
    let running = start(topic, inlet, buffer());
    // Ten minutes alone prove nothing, nor does one other record.
    let ended = running.until_ended(2, Duration::from_secs(1_750)).await;
    assert_eq!((ended, running.dead()), (None, 0));
    let told = running.told();
    assert!(told.iter().any(|told| told.contains("503")), "{told:?}");
    let all = running.until_ended(40, Duration::from_secs(40 * 600)).await;
    assert!(
        all.is_some(),
        "{} {:?}",
        running.delivered(),
        running.told()
    );
    assert_eq!(dead_offsets(&running), [0]);
}

#[tokio::test(start_paused = true)]
async fn brownout_of_an_hour_dead_letters_no_valid_record() {
    let inlet = ScriptedInlet::new(ANSWER, |seen| {
        let chance = fastrand::Rng::with_seed(seen.number).f64();
        if seen.at < Duration::from_secs(3600) && chance < 0.97 {
            Does::Answer(503, "")
        } else {
            Does::Accept
        }
    });
    let topic = Topic {
        rate: Some(5.0),
        ..Topic::of(18_000)
    };
    let running = start(topic, inlet, BufferLimits::new(1 << 20, 2_000));
    let all = running
        .until_ended(18_000, Duration::from_secs(2 * 3600))
        .await;
    assert!(all.is_some(), "{}", running.delivered());
    assert_eq!(running.dead(), 0);
}
