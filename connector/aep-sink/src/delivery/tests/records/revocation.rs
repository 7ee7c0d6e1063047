//! A partition that is given up: nothing more of it is sent, and others go on.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::config::Concurrency;
use crate::dead_letter::DeadLetterError;
use crate::delivery::DeliveryError;
use crate::delivery::tests::world::*;
use crate::offset_tracker::{Revoker, SourceItem};

/// A delivery that runs on its own.
struct Running {
    world: Arc<World>,
    items: mpsc::Sender<SourceItem>,
    revoker: Revoker,
    ended: JoinHandle<Result<(), DeliveryError>>,
}

impl Running {
    fn start(world: World) -> Self {
        let world = Arc::new(world);
        let delivery = world.delivery();
        let revoker = world.revoker.lock().unwrap().clone().unwrap();
        let (items, receiver) = mpsc::channel(100_000);
        let ended = tokio::spawn(delivery.run(receiver));
        Self {
            world,
            items,
            revoker,
            ended,
        }
    }

    async fn send(&self, partition: u32, offset: i64, answer: Value) {
        let item = self.world.item_at(partition, offset, answer);
        self.items.send(item).await.unwrap();
    }

    /// Everything that is left is delivered.
    async fn end(self) -> Arc<World> {
        drop(self.items);
        let ended = timeout(Duration::from_secs(3600), self.ended).await;
        ended.expect("delivery ends").unwrap().unwrap();
        self.world
    }
}

fn ids_after(world: &World, moment: Duration) -> Vec<String> {
    let calls = world.calls().into_iter();
    let later = calls.filter(|call| call.at > moment);
    later.flat_map(|call| call.ids).collect()
}

/// Events `p{partition}-{offset}`, each of another customer.
async fn send_events(running: &Running, partition: u32, offsets: std::ops::Range<i64>) {
    for offset in offsets {
        let id = format!("p{partition}-{offset}");
        running.send(partition, offset, event(&id, &id)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn revoked_partition_sends_nothing_more_and_others_go_on() {
    let world = World::new(|call| Reply {
        after: Duration::from_secs(1),
        ..ok(call)
    })
    .with(|config| {
        config.batch.max_records = 10.try_into().unwrap();
        config.concurrency = Concurrency::Fixed(2.try_into().unwrap());
    });
    let running = Running::start(world);
    for offset in 0..50 {
        send_events(&running, 0, offset..offset + 1).await;
        send_events(&running, 1, offset..offset + 1).await;
    }
    sleep(Duration::from_millis(500)).await;
    let begun = Instant::now();
    running.revoker.revoke(0).await;
    // One request was in flight, and it held records of both.
    assert_eq!(begun.elapsed(), Duration::from_millis(500));
    let tracker = Arc::clone(&running.world.tracker);
    let sent = running.world.accepted();
    let of_it = sent.iter().filter(|id| id.starts_with("p0")).count();
    assert!(of_it > 0 && of_it < 50, "{of_it}");
    let settled = tracker.settled_through(0);
    assert_eq!(settled, Some(of_it as i64 - 1));
    tracker.forget(0);

    let world = running.end().await;
    let later = ids_after(&world, Duration::from_millis(500));
    assert!(!later.iter().any(|id| id.starts_with("p0")), "{later:?}");
    assert_eq!(tracker.settled_through(1), Some(49));
    assert_eq!(tracker.pending(), 0);
}

#[tokio::test(start_paused = true)]
async fn revoked_partition_begins_anew_from_its_stored_offset() {
    let world = World::new(|call| Reply {
        after: Duration::from_secs(1),
        ..ok(call)
    })
    .with(|config| {
        config.batch.max_records = 2.try_into().unwrap();
        config.concurrency = Concurrency::Fixed(1.try_into().unwrap());
    });
    let running = Running::start(world);
    send_events(&running, 0, 0..10).await;
    sleep(Duration::from_millis(500)).await;
    running.revoker.revoke(0).await;
    let tracker = Arc::clone(&running.world.tracker);
    assert_eq!(tracker.settled_through(0), Some(1));
    tracker.forget(0);
    tracker.begin(0, Some(1));
    send_events(&running, 0, 2..12).await;
    let world = running.end().await;
    let all: Vec<String> = (0..12).map(|offset| format!("p0-{offset}")).collect();
    assert_eq!(world.accepted(), all);
    assert_eq!(tracker.settled_through(0), Some(11));
}

#[tokio::test(start_paused = true)]
async fn revoked_partition_is_left_out_of_what_is_sent_again() {
    let world = World::new(|call| match call.number {
        0 => Reply {
            after: Duration::from_secs(1),
            ..broken()
        },
        _ => ok(call),
    });
    let running = Running::start(world);
    send_events(&running, 0, 0..5).await;
    send_events(&running, 1, 0..5).await;
    sleep(Duration::from_millis(500)).await;
    running.revoker.revoke(0).await;
    let world = running.end().await;
    let calls = world.calls();
    assert_eq!((calls.len(), calls[0].ids.len()), (2, 10));
    assert!(calls[1].ids.iter().all(|id| id.starts_with("p1")));
    assert_eq!(world.delivered(), 5);
    assert_eq!(world.tracker.settled_through(0), Some(-1));
}

#[tokio::test(start_paused = true)]
async fn revoked_partition_is_taken_out_of_a_request_that_waits_for_its_turn() {
    // The first response closes the gate for 20 s; the second request waits for it.
    let world = World::new(|call| match call.number {
        0 => busy(429, "20"),
        _ => ok(call),
    })
    .with(|config| config.batch.max_records = 4.try_into().unwrap());
    let running = Running::start(world);
    send_events(&running, 0, 0..2).await;
    send_events(&running, 1, 0..2).await;
    sleep(Duration::from_secs(1)).await;
    send_events(&running, 1, 2..4).await;
    send_events(&running, 0, 2..4).await;
    sleep(Duration::from_secs(1)).await;
    let begun = Instant::now();
    running.revoker.revoke(0).await;
    assert_eq!(begun.elapsed(), Duration::ZERO, "nothing is in flight");
    let world = running.end().await;
    let later = ids_after(&world, Duration::from_secs(2));
    assert!(later.iter().all(|id| id.starts_with("p1")), "{later:?}");
    assert_eq!(world.delivered(), 4);
}

#[tokio::test(start_paused = true)]
async fn revoked_partition_drops_the_other_half_of_a_record_in_flight() {
    // The event is accepted late; the profile is refused and waits for evidence meanwhile.
    let world = World::new(|call| {
        if call.profiles {
            problem(400, "Bad message")
        } else {
            Reply {
                after: Duration::from_secs(2),
                ..ok(call)
            }
        }
    });
    let running = Running::start(world);
    running.send(0, 0, both("a", "c")).await;
    sleep(Duration::from_secs(1)).await;
    running.revoker.revoke(0).await;
    let world = running.end().await;
    assert_eq!(world.accepted(), ["a"]);
    assert_eq!((world.delivered(), world.dead()), (0, 0));
    assert_eq!(world.tracker.pending(), 1, "its offset stays open");
}

#[tokio::test(start_paused = true)]
async fn revoked_partition_waits_for_no_dead_letter_that_cannot_be_written() {
    let world = World::new(ok);
    let down = DeadLetterError::Failed {
        heals: true,
        message: "down".to_owned(),
    };
    *world.dead_letters.errors.lock().unwrap() = vec![down; 1000];
    let running = Running::start(world);
    for partition in 0..2 {
        let reject = json!({"reason": "not_json", "message": "x"});
        let rejected = json!({"v": 1, "reject": reject, "raw": "x"});
        running.send(partition, 0, rejected).await;
    }
    sleep(Duration::from_secs(5)).await;
    let begun = Instant::now();
    running.revoker.revoke(0).await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
    running.world.dead_letters.errors.lock().unwrap().clear();
    let world = running.end().await;
    assert_eq!(world.dead(), 1, "they were written together");
    assert_eq!(world.tracker.settled_through(0), Some(-1));
    assert_eq!(world.tracker.settled_through(1), Some(0));
}
