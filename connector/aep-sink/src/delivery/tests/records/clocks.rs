//! The wall clock may be wrong and may jump: no record is lost or stuck because of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::delivery::tests::world::*;
use crate::offset_tracker::OffsetTracker;

const HOUR: i64 = 3_600_000;

/// Within this many seconds, and dead-letters none.
async fn delivers_ten(world: &World, seconds: u64) {
    let ended = world.run_for(Duration::from_secs(seconds), ten()).await;
    let clock = world.clock.load(Ordering::Relaxed);
    assert!(ended.is_some_and(|ended| ended.is_ok()), "at {clock}");
    assert_eq!((world.delivered(), world.dead()), (10, 0), "at {clock}");
}

#[tokio::test(start_paused = true)]
async fn record_time_outweighs_a_wall_clock_that_is_hours_off() {
    for wrong in [-1000 * HOUR, -2 * HOUR, 2 * HOUR, 1000 * HOUR] {
        let mut world = World::new(ok);
        world.logged = Some(NOW - 500);
        world.clock.store(NOW + wrong, Ordering::Relaxed);
        delivers_ten(&world, 1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn wall_clock_behind_that_of_ims_costs_and_delays_no_live_event() {
    for wrong in [-1000 * HOUR, -2 * HOUR, -60_000] {
        let world = World::new(ok);
        world.clock.store(NOW + wrong, Ordering::Relaxed);
        // Rounded down to the second, as dates in headers are.
        *world.tokens.server_time.lock().unwrap() = Some(NOW / 1000 * 1000);
        delivers_ten(&world, 2).await;
    }
}

#[tokio::test(start_paused = true)]
async fn ims_clock_that_is_behind_changes_nothing() {
    let world = World::new(ok);
    // Ahead of ours by little, so the other clock is asked.
    world.clock.store(NOW - 60_000, Ordering::Relaxed);
    *world.tokens.server_time.lock().unwrap() = Some(NOW - 1000 * HOUR);
    delivers_ten(&world, 120).await;
}

#[tokio::test(start_paused = true)]
async fn wall_clock_set_back_by_an_hour_costs_and_delays_no_later_event() {
    let world = World::new(ok);
    let delivery = world.delivery();
    world.clock.fetch_sub(HOUR, Ordering::Relaxed);
    let (sender, receiver) = mpsc::channel(10);
    sender
        .send(world.source_item(event("a", "c1")))
        .await
        .unwrap();
    drop(sender);
    let begun = Instant::now();
    delivery.run(receiver).await.unwrap();
    assert_eq!((world.accepted(), world.dead()), (vec!["a".to_owned()], 0));
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
}

/// Delivers an event that lies `ahead` ms ahead of the clock, which is set to another time after
/// ten seconds. Returns when it was sent.
async fn sent_at(ahead: i64, set_to: i64) -> Duration {
    let world = World::new(ok);
    let clock = world.clock.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(10)).await;
        clock.store(set_to, Ordering::Relaxed);
    });
    let mut event = event("ahead", "c1");
    event["at"] = json!(NOW + ahead);
    world.run([event]).await.unwrap();
    assert_eq!((world.delivered(), world.dead()), (1, 0));
    world.calls()[0].at
}

#[tokio::test(start_paused = true)]
async fn wall_clock_set_back_prolongs_no_wait() {
    let at = sent_at(60_000, NOW - 2 * HOUR).await;
    assert!(
        at >= Duration::from_secs(60) && at < Duration::from_secs(61),
        "{at:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn wall_clock_set_forward_ends_the_waits_that_are_over_by_it() {
    let at = sent_at(240_000, NOW + HOUR).await;
    assert!(
        at >= Duration::from_secs(10) && at < Duration::from_secs(16),
        "{at:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn events_slightly_ahead_of_the_clock_are_sent_at_once() {
    let world = World::new(ok);
    let answers = (0..20_000).map(|n| {
        let mut event = event(&n.to_string(), &format!("c{n}"));
        event["at"] = json!(NOW + if n % 2 == 0 { 10_000 } else { 30_000 });
        event
    });
    let ended = world.run_for(Duration::from_secs(5), answers).await;
    assert!(ended.is_some(), "{} delivered", world.delivered());
    assert_eq!(world.delivered(), 20_000);
}

#[tokio::test(start_paused = true)]
async fn events_that_wait_for_their_time_take_no_room_and_readiness_says_so() {
    let mut world = World::new(ok).with(|config| config.buffer.bytes = 100_000);
    world.tracker = Arc::new(OffsetTracker::new(world.config.buffer));
    let (sender, receiver) = mpsc::channel(10_000);
    let running = tokio::spawn(world.delivery().run(receiver));
    for n in 0..500 {
        let mut ahead = event(&n.to_string(), &format!("c{n}"));
        ahead["at"] = json!(NOW + 240_000);
        sender.send(world.source_item(ahead)).await.unwrap();
        // Of the same customer, and blocked by it.
        let blocked = event(&format!("b{n}"), &format!("c{n}"));
        sender.send(world.source_item(blocked)).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.accepted().len(), 0);
    assert!(world.tracker.has_room(0));
    let reported = world.conditions.all();
    assert!(reported[0].reason.contains("500 events"), "{reported:?}");
    assert!(
        reported[0]
            .remedy
            .contains("clock of the machine that writes"),
        "{reported:?}"
    );
    drop(sender);
    running.await.unwrap().unwrap();
    assert_eq!(world.delivered(), 1000);
    assert!(world.conditions.all().is_empty());
}

#[tokio::test(start_paused = true)]
async fn event_ahead_of_every_clock_is_dead_lettered_when_ours_is_slow() {
    let world = World::new(ok);
    world.clock.store(NOW - 2 * HOUR, Ordering::Relaxed);
    let mut event = event("future", "c1");
    event["at"] = json!(NOW + HOUR);
    world.run([event]).await.unwrap();
    assert_eq!(world.dead_letters()[0]["reason"], "future_time");
}

#[tokio::test(start_paused = true)]
async fn retry_after_of_zero_or_of_the_past_still_backs_off() {
    for header in ["0", "Sun, 06 Nov 1994 08:49:37 GMT"] {
        let world = World::new(move |call| {
            if call.at < Duration::from_secs(600) {
                busy(503, header)
            } else {
                ok(call)
            }
        });
        world.run(ten()).await.unwrap();
        let calls = world.calls().len();
        assert!(calls < 100, "{header}: {calls} requests in ten minutes");
        assert_eq!(world.delivered(), 10);
    }
}
