//! Whose turn it is: what waits longest, and while an inlet is held what was not asked yet.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::config::Concurrency;
use crate::delivery::tests::settings::raw_events;
use crate::delivery::tests::world::*;

const ACCEPTED: &str = r#"{"inletId":"ab","xactionId":"x"}"#;

/// Refuses the records whose id begins with `bad`.
fn refusing_bad(call: &Call) -> Reply {
    if call.ids.iter().any(|id| id.starts_with("bad")) {
        problem(400, "Message is invalid")
    } else if call.body.get("messages").is_some() {
        ok(call)
    } else {
        reply(200, ACCEPTED)
    }
}

/// Whether nothing was sent for the first step of the backoff after some refusal: the inlet was
/// held.
fn paused(world: &World) -> bool {
    let calls = world.calls();
    let is_refused = |call: &Call| call.ids.iter().any(|id| id.starts_with("bad"));
    let held = |pair: &[Call]| {
        is_refused(&pair[0]) && pair[1].at - pair[0].at >= Duration::from_millis(150)
    };
    calls.windows(2).any(held)
}

/// So many records, each of a customer of its own.
fn named(prefix: &str, count: usize) -> impl Iterator<Item = (String, String)> {
    (0..count).map(move |n| (format!("{prefix}{n}"), format!("{prefix}-customer{n}")))
}

#[tokio::test(start_paused = true)]
async fn held_inlet_is_probed_with_records_that_were_not_refused() {
    let world = World::new(refusing_bad).with(|config| config.events = raw_events());
    let start = Instant::now();
    let records = named("bad", 20).chain(named("good", 180));
    world
        .run(records.map(|(id, customer)| event(&id, &customer)))
        .await
        .unwrap();
    assert_eq!((world.delivered(), world.dead()), (180, 20));
    assert!(paused(&world));
    assert!(
        start.elapsed() < Duration::from_secs(30),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn held_inlet_does_not_pause_after_superseded_statements() {
    let world = World::new(refusing_bad)
        .with(|config| config.concurrency = Concurrency::Fixed(1.try_into().unwrap()));
    let start = Instant::now();
    let stated = |id: &str, customer: &str, ago: i64| -> Value {
        let mut answer = event(&format!("event-{id}"), customer);
        answer["at"] = json!(NOW - ago);
        let identity = json!({"CapillaryId": [{"id": customer, "primary": true}]});
        answer["profile"] = json!({"id": id, "points": ago, "identityMap": identity});
        answer
    };
    let (sender, receiver) = mpsc::channel(100);
    let running = tokio::spawn(world.delivery().run(receiver));
    sender
        .send(world.source_item(stated("newest", "c", 0)))
        .await
        .unwrap();
    sleep(Duration::from_secs(1)).await;
    let bad = named("bad", 20).map(|(id, customer)| stated(&id, &customer, 9));
    let late = (1..=12).map(|ago| stated("late", "c", ago));
    let good = named("good", 20).map(|(id, customer)| stated(&id, &customer, 9));
    for answer in bad.chain(late).chain(good) {
        sender.send(world.source_item(answer)).await.unwrap();
    }
    drop(sender);
    running.await.unwrap().unwrap();
    assert_eq!((world.delivered(), world.dead()), (33, 20));
    assert_eq!(world.metrics.snapshot().profiles_superseded, 12);
    assert!(paused(&world));
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn record_that_failed_once_goes_again_before_what_came_later() {
    let failed = AtomicBool::new(false);
    let world = World::new(move |call| {
        if call.ids == ["0-0"] && !failed.swap(true, Ordering::Relaxed) {
            reply(503, "")
        } else {
            reply(200, ACCEPTED)
        }
    })
    .with(|config| {
        config.events = raw_events();
        config.concurrency = Concurrency::Fixed(4.try_into().unwrap());
    });
    let records = (0..100).flat_map(|turn| (0..10).map(move |customer| (turn, customer)));
    let records = records
        .map(|(turn, customer)| event(&format!("{customer}-{turn}"), &format!("c{customer}")));
    world.run(records).await.unwrap();
    assert_eq!(world.delivered(), 1000);
    let tried: Vec<usize> = world
        .calls()
        .iter()
        .filter(|call| call.ids == ["0-0"])
        .map(|call| call.number)
        .collect();
    // It rests for 0.2 s, some 40 requests; all others together are 999.
    assert!(matches!(tried[..], [_, again] if again < 200), "{tried:?}");
}
