//! The adaptive limit at its work.

use std::time::Duration;

use tokio::time::sleep;

use crate::delivery::tests::world::*;
use crate::inlet_name::InletName;

const ANSWER: Duration = Duration::from_millis(100);

/// Answers 429 to events from the second 10 to the second 12.
fn storm(call: &Call) -> Reply {
    let seconds = call.at.as_secs();
    let reply = if !call.profiles && (10..12).contains(&seconds) {
        reply(429, "")
    } else {
        ok(call)
    };
    Reply {
        after: ANSWER,
        ..reply
    }
}

fn limit(world: &World, inlet: InletName) -> usize {
    world.metrics.snapshot().limits[&inlet]
}

/// Most requests under way at once among those that began in this time.
fn in_flight(world: &World, profiles: bool, from: u64, to: u64) -> usize {
    let calls = world.calls();
    let of = |call: &&Call| call.profiles == profiles;
    let begun = calls
        .iter()
        .filter(of)
        .filter(|call| (from..to).contains(&(call.at.as_millis() as u64)));
    let beside = |call: &Call| {
        let others = calls.iter().filter(of);
        others
            .filter(|other| other.at <= call.at && call.at < other.at + ANSWER)
            .count()
    };
    begun.map(beside).max().unwrap_or_default()
}

async fn stormy() -> World {
    let world = World::new(storm).with(|config| config.batch.max_records = 1.try_into().unwrap());
    let (sender, receiver) = tokio::sync::mpsc::channel(50_000);
    for n in 0..20_000 {
        sender
            .send(world.source_item(both(&n.to_string(), &format!("c{n}"))))
            .await
            .unwrap();
    }
    tokio::spawn(world.delivery().run(receiver));
    world
}

#[tokio::test(start_paused = true)]
async fn inlet_that_says_429_gets_fewer_requests_and_later_more_again() {
    let world = stormy().await;
    assert_eq!(limit(&world, InletName::Events), 4, "it begins small");
    sleep(Duration::from_millis(9_900)).await;
    let before = limit(&world, InletName::Events);
    assert!(before >= 32, "{before}");
    sleep(Duration::from_millis(2_200)).await;
    let during = limit(&world, InletName::Events);
    assert!(during <= before / 4, "{during} after {before}");
    sleep(Duration::from_secs(20)).await;
    let after = limit(&world, InletName::Events);
    assert!(after >= 2 * during, "{after} after {during}");
    assert_eq!((world.dead_letters().len(), world.dead()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn batches_between_attempts_go_out_within_the_shrunk_limit() {
    let world = stormy().await;
    sleep(Duration::from_millis(13_000)).await;
    let (before, after) = (
        in_flight(&world, false, 9_000, 9_900),
        in_flight(&world, false, 12_000, 12_300),
    );
    assert!(before >= 24, "{before}");
    assert!(after <= 8, "{after} at once, right after the storm");
}

#[tokio::test(start_paused = true)]
async fn limit_of_one_inlet_is_not_the_limit_of_the_other() {
    let world = stormy().await;
    sleep(Duration::from_millis(12_100)).await;
    assert!(limit(&world, InletName::Events) <= 8);
    assert!(limit(&world, InletName::Profiles) >= 32);
    assert!(in_flight(&world, true, 11_000, 12_000) >= 24);
}

#[tokio::test(start_paused = true)]
async fn record_that_always_gets_a_503_does_not_slow_the_others() {
    let world = World::new(|call| {
        let reply = if call.ids[0] == "stuck" {
            reply(503, "")
        } else {
            ok(call)
        };
        Reply {
            after: ANSWER,
            ..reply
        }
    })
    .with(|config| config.batch.max_records = 1.try_into().unwrap());
    let (sender, receiver) = tokio::sync::mpsc::channel(50_000);
    sender
        .send(world.source_item(event("stuck", "s")))
        .await
        .unwrap();
    for n in 0..20_000 {
        sender
            .send(world.source_item(event(&n.to_string(), &format!("c{n}"))))
            .await
            .unwrap();
    }
    tokio::spawn(world.delivery().run(receiver));
    sleep(Duration::from_secs(20)).await;
    assert!(limit(&world, InletName::Events) >= 48);
}
