//! What goes over the wire, and how records end when all is well.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::delivery::DeliveryError;
use crate::delivery::tests::settings::*;
use crate::delivery::tests::world::*;
use crate::offset_tracker::Outcome;

#[tokio::test(start_paused = true)]
async fn record_is_delivered_when_both_its_event_and_its_profile_are() {
    let world = World::new(|call| {
        let mut reply = ok(call);
        if call.profiles {
            reply.after = Duration::from_secs(30);
        }
        reply
    });
    assert!(
        world
            .run_for(Duration::from_secs(10), [both("a", "c1")])
            .await
            .is_none()
    );
    assert_eq!(world.accepted(), ["a"]);
    assert_eq!(
        world.tracker.pending(),
        1,
        "the profile is unanswered, so nothing is settled"
    );

    let world = World::new(ok);
    world.run([both("a", "c1")]).await.unwrap();
    assert_eq!(
        (world.delivered(), world.tracker.settled_through(0)),
        (1, Some(0))
    );
    let counts = world.metrics.snapshot();
    assert_eq!((counts.events_delivered, counts.profiles_delivered), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn events_travel_in_xdm_batches_and_profiles_as_single_upserts() {
    let world = World::new(ok);
    world.run([both("a", "c1"), both("b", "c2")]).await.unwrap();
    let calls = world.calls();
    let events: Vec<_> = calls.iter().filter(|call| !call.profiles).collect();
    let [events] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!(events.ids, ["a", "b"]);
    assert_eq!(
        events.url.as_str(),
        "http://platform/collection/batch/event"
    );
    assert_eq!(
        events.body["messages"][1]["header"]["createdAt"],
        json!(NOW - 1000)
    );
    assert_eq!(events.token, "Bearer t1");
    assert_eq!(events.headers["x-sandbox-name"], "prod");
    let profiles: Vec<_> = calls.iter().filter(|call| call.profiles).collect();
    assert_eq!(profiles.len(), 2);
    assert_eq!(
        profiles[0].url.as_str(),
        "http://platform/collection/profile"
    );
    assert_eq!(profiles[0].headers["x-adobe-flow-id"], "profile-flow");
    assert_eq!(
        profiles[0].body["header"]["operations"],
        json!({"data": "merge"})
    );
}

#[tokio::test(start_paused = true)]
async fn raw_events_travel_bare_one_a_request() {
    let world = World::new(|_| reply(200, r#"{"inletId":"ab","xactionId":"x"}"#))
        .with(|config| config.events = raw_events());
    world
        .run([event("a", "c1"), event("b", "c2")])
        .await
        .unwrap();
    let calls = world.calls();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0].body, json!({"_id": "a"}));
    assert_eq!(calls[0].headers["x-adobe-flow-id"], "event-flow");
    assert_eq!(calls[0].url.as_str(), "http://platform/collection/event");
    assert_eq!(world.delivered(), 2);
}

#[tokio::test(start_paused = true)]
async fn batch_that_is_not_full_waits_for_the_linger_and_no_longer() {
    let world = World::new(ok);
    let (sender, receiver) = mpsc::channel(10);
    let running = tokio::spawn(world.delivery().run(receiver));
    let start = Instant::now();
    sender
        .send(world.source_item(event("a", "c1")))
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    sender
        .send(world.source_item(event("b", "c2")))
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let calls = world.calls();
    assert_eq!(calls[0].ids, ["a", "b"]);
    assert_eq!(calls[0].at, Duration::from_millis(200));
    assert_eq!(world.delivered(), 2);
    drop(sender);
    running.await.unwrap().unwrap();
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn batch_that_is_full_does_not_wait() {
    let world = World::new(ok).with(|config| config.batch.max_records = 10.try_into().unwrap());
    let (sender, receiver) = mpsc::channel(100);
    let running = tokio::spawn(world.delivery().run(receiver));
    for n in 0..25 {
        sender
            .send(world.source_item(event(&n.to_string(), &format!("c{n}"))))
            .await
            .unwrap();
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    let sizes: Vec<usize> = world.calls().iter().map(|call| call.ids.len()).collect();
    assert_eq!(sizes, [10, 10]);
    drop(sender);
    running.await.unwrap().unwrap();
    assert_eq!(world.delivered(), 25);
}

#[tokio::test(start_paused = true)]
async fn request_is_never_larger_than_configured_or_the_platform_takes() {
    let world = World::new(ok).with(|config| config.batch.max_bytes = 10_000.try_into().unwrap());
    let sized = |id: &str, bytes: usize| {
        let mut answer = event(id, id);
        answer["event"]["filler"] = json!("x".repeat(bytes));
        answer
    };
    let mut answers: Vec<_> = (0..50).map(|n| sized(&n.to_string(), 100 * n)).collect();
    answers.push(sized("large", 500_000));
    answers.push(sized("oversize", 1_000_000));
    world.run(answers).await.unwrap();
    for call in world.calls() {
        assert!(
            call.bytes <= 10_000 || call.ids == ["large"],
            "{} bytes for {:?}",
            call.bytes,
            call.ids
        );
    }
    assert_eq!((world.delivered(), world.dead()), (51, 1));
    assert_eq!(world.dead_letters()[0]["reason"], "too_large");
    assert_eq!(world.dead_letters()[0]["attempts"], 0);
}

#[tokio::test(start_paused = true)]
async fn platform_limit_is_reached_to_the_byte_and_never_passed() {
    let world = World::new(ok).with(|config| {
        config.batch.max_bytes = 1_000_000.try_into().unwrap();
        config.batch.max_records = 5000.try_into().unwrap();
    });
    world
        .run((0..4000).map(|n| event(&format!("{n:04}"), &format!("c{n}"))))
        .await
        .unwrap();
    let calls = world.calls();
    assert!(calls.iter().all(|call| call.bytes <= 1_000_000));
    let message = (calls[0].bytes - 15) / calls[0].ids.len();
    assert!(
        calls[0].bytes + message + 1 > 1_000_000,
        "one more would not have fitted: {}",
        calls[0].bytes
    );
    assert_eq!(world.delivered(), 4000);
}

#[tokio::test(start_paused = true)]
async fn skipped_record_is_counted_without_a_request() {
    let world = World::new(ok);
    world
        .run([
            json!({"skip": "unwanted_event"}),
            json!({"skip": "unwanted_event"}),
            json!({"skip": "no_identity"}),
        ])
        .await
        .unwrap();
    assert_eq!(world.tracker.count(Outcome::Skipped), 3);
    assert_eq!(world.metrics.snapshot().skipped["unwanted_event"], 2);
    assert!(world.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn rejected_record_becomes_a_dead_letter_with_the_original() {
    let mut world = World::new(ok);
    world.logged = Some(NOW - 500);
    let reject = json!({"reason": "bad_time", "pointer": "/createdAt", "message": "11 digits"});
    world
        .run([
            json!({"skip": "x"}),
            json!({"v": 1, "reject": reject, "raw": "{\"a\":1}"}),
        ])
        .await
        .unwrap();
    assert_eq!(
        world.dead_letters(),
        [
            json!({"v": 1, "stage": "mapping", "reason": "bad_time", "pointer": "/createdAt",
                "message": "11 digits",
            "source": {"topic": "capillary-events", "partition": 0, "offset": 1,
            "timestamp": NOW - 500},
            "record": {"raw": "{\"a\":1}"}})
        ]
    );
    assert_eq!(world.dead(), 1);
}

#[tokio::test(start_paused = true)]
async fn answer_of_another_version_stops_delivery_and_settles_nothing() {
    let world = World::new(ok);
    let error = world
        .run([json!({"v": 2, "name": "x"})])
        .await
        .expect_err("another version");
    assert!(matches!(error, DeliveryError::Answer { .. }));
    assert!(
        error.to_string().contains("version 2") && error.to_string().contains("version 1"),
        "{error}"
    );
    assert_eq!(world.tracker.pending(), 1);
}

#[tokio::test(start_paused = true)]
async fn event_slightly_ahead_of_our_clock_waits_for_its_time() {
    let world = World::new(ok);
    let clock = world.clock.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            clock.fetch_add(100, Ordering::Relaxed);
        }
    });
    let mut ahead = event("ahead", "c1");
    ahead["at"] = json!(NOW + 240_000);
    world
        .run([ahead, event("later", "c1"), event("other", "c2")])
        .await
        .unwrap();
    assert_eq!(world.accepted(), ["other", "ahead", "later"]);
    assert!(world.calls()[1].at >= Duration::from_secs(240));
}

#[tokio::test(start_paused = true)]
async fn event_far_in_the_future_is_dead_lettered_whole() {
    let world = World::new(ok);
    let mut future = both("future", "c1");
    future["at"] = json!(NOW + 300_001);
    world.run([future]).await.unwrap();
    let dead_letters = world.dead_letters();
    assert_eq!(dead_letters[0]["reason"], "future_time");
    assert_eq!(
        dead_letters[0]["record"],
        json!({"event": {"_id": "future"}, "profile": {"id": "future-p"}})
    );
    assert!(world.calls().is_empty());
    assert_eq!(world.dead(), 1);
}
