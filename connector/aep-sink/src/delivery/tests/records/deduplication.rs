//! `deduplicate`: a second copy of a delivered event is skipped, and nothing else is.

use std::time::Duration;

use crate::config::Deduplicate;
use crate::delivery::tests::world::*;
use crate::offset_tracker::Outcome;

fn remembering(count: usize, age: u64) -> World {
    World::new(ok).with(|config| {
        config.deduplicate = Some(Deduplicate {
            count: count.try_into().unwrap(),
            age: Duration::from_secs(age),
        });
    })
}

/// Delivers one after the other, with a second between them.
async fn deliver(world: &World, ids: &[&str]) {
    let (sender, receiver) = tokio::sync::mpsc::channel(10);
    let running = tokio::spawn(world.delivery().run(receiver));
    for id in ids {
        sender
            .send(world.source_item(event(id, "c")))
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    drop(sender);
    running.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn copy_of_a_delivered_event_is_skipped_and_counted() {
    let world = remembering(10, 60);
    deliver(&world, &["a", "b", "a"]).await;
    assert_eq!(world.accepted(), ["a", "b"]);
    assert_eq!(world.metrics.snapshot().skipped["duplicate"], 1);
    assert_eq!(world.tracker.count(Outcome::Skipped), 1);
}

#[tokio::test(start_paused = true)]
async fn copies_are_all_sent_without_the_configuration_key() {
    let world = World::new(ok);
    deliver(&world, &["a", "a"]).await;
    assert_eq!(world.accepted(), ["a", "a"]);
}

#[tokio::test(start_paused = true)]
async fn copy_beyond_the_count_or_the_age_is_sent_again() {
    let world = remembering(2, 60);
    deliver(&world, &["a", "b", "c", "a"]).await;
    assert_eq!(world.accepted(), ["a", "b", "c", "a"]);
    let world = remembering(10, 1);
    deliver(&world, &["a", "b", "c", "a"]).await;
    assert_eq!(world.accepted(), ["a", "b", "c", "a"]);
}

#[tokio::test(start_paused = true)]
async fn copy_of_an_event_that_is_not_delivered_is_sent() {
    let world = remembering(10, 600);
    world
        .run([
            event("a", "c"),
            event("a", "c"),
            event("a", "another customer"),
        ])
        .await
        .unwrap();
    assert_eq!(world.accepted().len(), 3, "all were pending together");
    let world = World::new(|call| {
        if call.number == 0 {
            items(call, |id| (id == "a").then_some((400, "bad value")))
        } else {
            ok(call)
        }
    })
    .with(|config| config.deduplicate = remembering(10, 600).config.deduplicate);
    let (sender, receiver) = tokio::sync::mpsc::channel(10);
    let running = tokio::spawn(world.delivery().run(receiver));
    for id in ["a", "a"] {
        sender
            .send(world.source_item(event(id, "c")))
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    drop(sender);
    running.await.unwrap().unwrap();
    assert_eq!((world.dead(), world.delivered()), (1, 1));
}
