//! A customer's next statement waits until Profile has applied the one before.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::config::Concurrency;
use crate::delivery::tests::world::*;

const SETTLE: Duration = Duration::from_secs(5);

fn settling(rule: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> World {
    World::new(rule).with(|config| config.settle = SETTLE)
}

/// An event with the customer's points.
fn points(n: i64, customer: &str) -> Value {
    let mut answer = event(&format!("{customer}-{n}"), customer);
    answer["at"] = json!(NOW - 100_000 + n);
    answer["profile"] = json!({
        "id": n,
        "loyalty": {"points": n},
        "identityMap": {"CapillaryId": [{"id": customer, "primary": true}]},
    });
    answer
}

/// When statements were sent, in seconds, and the points they state.
fn sent(world: &World) -> Vec<(u64, i64)> {
    let calls = world.calls().into_iter().filter(|call| call.profiles);
    let stated = |call: Call| {
        let points = call.body["body"].pointer("/loyalty/points").unwrap();
        (call.at.as_secs(), points.as_i64().unwrap())
    };
    calls.map(stated).collect()
}

/// Delivers these statements, each read after so many milliseconds, to the end.
async fn deliver(world: &World, answers: impl IntoIterator<Item = (u64, Value)>) {
    let (sender, receiver) = mpsc::channel(100_000);
    let feed = async {
        let mut now = 0;
        for (at, answer) in answers {
            sleep(Duration::from_millis(at - now)).await;
            now = at;
            sender.send(world.source_item(answer)).await.unwrap();
        }
        drop(sender);
    };
    let (ended, ()) = tokio::join!(world.delivery().run(receiver), feed);
    ended.unwrap();
}

#[tokio::test(start_paused = true)]
async fn next_statement_of_a_customer_waits_and_merges_and_others_do_not() {
    let world = settling(ok);
    let mut answers = vec![
        (0, points(1, "c")),
        (300, points(2, "c")),
        (2_000, points(3, "c")),
    ];
    answers.push((2_500, points(10, "d")));
    deliver(&world, answers).await;
    // Acknowledged after 20 ms.
    assert_eq!(sent(&world), [(0, 1), (2, 10), (5, 3)]);
    let events = world.calls().into_iter().filter(|call| !call.profiles);
    let last = events.map(|call| call.at).max().unwrap();
    assert!(
        last < Duration::from_secs(3),
        "events do not settle: {last:?}"
    );
    assert_eq!(world.delivered(), 4);
}

#[tokio::test(start_paused = true)]
async fn settling_time_counts_from_the_acknowledgement() {
    let world = settling(|call| Reply {
        after: Duration::from_secs(3),
        ..ok(call)
    });
    deliver(&world, [(0, points(1, "c")), (4_000, points(2, "c"))]).await;
    assert_eq!(sent(&world), [(0, 1), (8, 2)]);
}

#[tokio::test(start_paused = true)]
async fn customer_without_a_pause_is_sent_every_settling_time_with_all_that_waits() {
    let world = settling(ok);
    let answers = (0..3_000).map(|n| (u64::try_from(n).unwrap() * 10, points(n, "c")));
    deliver(&world, answers).await;
    let sent = sent(&world);
    let seconds: Vec<u64> = sent.iter().map(|(second, _)| *second).collect();
    assert_eq!(seconds, [0, 5, 10, 15, 20, 25, 30]);
    assert!(sent.iter().all(|(second, points)| {
        *second == 30 || *points >= i64::try_from(*second * 100).unwrap()
    }));
    assert_eq!(sent.last().unwrap().1, 2_999);
    assert_eq!(world.delivered(), 3_000);
}

#[tokio::test(start_paused = true)]
async fn statement_that_settles_takes_no_place_in_the_limit() {
    let world =
        settling(ok).with(|config| config.concurrency = Concurrency::Fixed(2.try_into().unwrap()));
    let customers = (0..20).map(|n| format!("c{n}"));
    let twice = customers.flat_map(|c| [(0, points(1, &c)), (0, points(2, &c))]);
    let first: Vec<_> = twice.collect();
    let second = (0..20).map(|n| (2_000, points(3, &format!("c{n}"))));
    let other = (0..20).map(|n| (3_000, points(4, &format!("d{n}"))));
    deliver(&world, first.into_iter().chain(second).chain(other)).await;
    let at = |points| {
        let sent = sent(&world).into_iter();
        let at = sent.filter(|(_, stated)| *stated == points);
        at.map(|(second, _)| second).collect::<Vec<_>>()
    };
    assert_eq!(at(4), [3; 20]);
    assert_eq!(at(3), [5; 20]);
}

#[tokio::test(start_paused = true)]
async fn part_of_a_refused_merge_waits_until_what_was_accepted_is_applied() {
    let world = settling(|call| {
        let is_bad = |body: &Value| body.pointer("/loyalty/points") == Some(&json!(666));
        if call.profiles && is_bad(&call.body["body"]) {
            problem(400, "Bad value")
        } else {
            ok(call)
        }
    });
    let stated = [(0, 1), (100, 2), (100, 3), (100, 666)];
    let answers = stated.map(|(at, n)| (at, points(n, "c")));
    deliver(&world, answers).await;
    let mut accepted: BTreeMap<u64, i64> = BTreeMap::new();
    for (second, points) in sent(&world).into_iter().filter(|(_, n)| *n != 666) {
        assert_eq!(accepted.insert(second / 5, points), None, "{second} s");
    }
    assert_eq!(accepted.values().last(), Some(&3));
    assert_eq!((world.delivered(), world.dead()), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn statement_sent_again_holds_nothing_newer_than_before() {
    let world = settling(|call| match (call.profiles, call.number) {
        (true, 0 | 1) => broken(),
        _ => ok(call),
    });
    deliver(&world, [(0, points(1, "c")), (100, points(2, "c"))]).await;
    let stated: Vec<i64> = sent(&world).iter().map(|(_, points)| *points).collect();
    assert_eq!(stated, [1, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn merged_statements_are_sent_apart_when_one_would_be_too_large() {
    let world = World::new(ok);
    let answers = (0..10).map(|n| {
        let mut answer = points(n, "c");
        answer["profile"][format!("field{n}")] = json!("x".repeat(30_000));
        answer
    });
    world.run(answers).await.unwrap();
    let calls = world.calls();
    let sizes = calls
        .iter()
        .filter(|call| call.profiles)
        .map(|call| call.bytes);
    let sizes: Vec<usize> = sizes.collect();
    assert!(
        sizes.len() > 3 && sizes.iter().all(|bytes| *bytes < 101_000),
        "{sizes:?}"
    );
    assert_eq!(world.delivered(), 10);
}
