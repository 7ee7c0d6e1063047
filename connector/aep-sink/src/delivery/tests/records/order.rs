//! Order per customer, and no customer waits for the failures of another.

use std::time::Duration;

use crate::config::Concurrency;
use crate::delivery::tests::settings::raw_profiles;
use crate::delivery::tests::world::*;

fn of<'a>(ids: &'a [String], customer: &str) -> Vec<&'a str> {
    ids.iter()
        .map(String::as_str)
        .filter(|id| id.starts_with(customer))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn customer_has_one_request_in_flight_and_later_records_wait() {
    let world = World::new(|call| Reply {
        after: Duration::from_millis(100 + 37 * (call.number as u64 % 5)),
        ..ok(call)
    })
    .with(|config| config.batch.max_records = 3.try_into().unwrap());
    let answers = (0..300).map(|n| both(&format!("c{}-{n:03}", n % 7), &format!("c{}", n % 7)));
    world.run(answers).await.unwrap();
    let accepted = world.accepted();
    for customer in 0..7 {
        for profiles in [false, true] {
            let ids: Vec<&str> = of(&accepted, &format!("c{customer}"))
                .into_iter()
                .filter(|id| id.ends_with("-p") == profiles)
                .collect();
            assert!(ids.is_sorted(), "{ids:?}");
            assert!(ids.len() > 40);
        }
    }
    assert_eq!(world.delivered(), 300);
}

#[tokio::test(start_paused = true)]
async fn customer_records_share_a_batch_in_their_order() {
    let world = World::new(ok);
    world
        .run((0..5).map(|n| event(&format!("c-{n}"), "c")))
        .await
        .unwrap();
    assert_eq!(world.calls().len(), 1);
    assert_eq!(world.calls()[0].ids, ["c-0", "c-1", "c-2", "c-3", "c-4"]);
}

#[tokio::test(start_paused = true)]
async fn customer_records_do_not_pass_one_that_is_being_repeated() {
    let world = World::new(|call| {
        items(call, |id| {
            (id == "c-0" && call.number < 6).then_some((503, "busy"))
        })
    })
    .with(|config| config.batch.max_records = 2.try_into().unwrap());
    let answers = (0..6).map(|n| event(&format!("c-{n}"), "c"));
    world.run(answers).await.unwrap();
    // c-1 shared the first batch and was accepted with it: the one documented exception.
    assert_eq!(world.accepted(), ["c-1", "c-0", "c-2", "c-3", "c-4", "c-5"]);
    assert!(world.calls()[1..6].iter().all(|call| call.ids == ["c-0"]));
}

#[tokio::test(start_paused = true)]
async fn order_is_kept_when_whole_requests_fail_at_random() {
    for seed in 0..40 {
        let random = std::sync::Mutex::new(fastrand::Rng::with_seed(seed));
        let world = World::new(move |call| {
            let mut random = random.lock().unwrap();
            let mut reply = match random.u8(..10) {
                0 => reply(503, ""),
                1 => broken(),
                2 => reply(429, ""),
                3 => reply(207, "{}"),
                _ => ok(call),
            };
            reply.after = Duration::from_millis(random.u64(1..300));
            reply
        })
        .with(|config| config.batch.max_records = 4.try_into().unwrap());
        let answers = (0..200).map(|n| both(&format!("c{}-{n:03}", n % 9), &format!("c{}", n % 9)));
        world.run(answers).await.unwrap();
        let accepted = world.accepted();
        // One in some ten thousand fails so often by chance that it is suspected: others pass it,
        // which is the documented exception. It was asked for six times or more.
        let calls = world.calls();
        let asked = |id: &str| calls.iter().filter(|call| call.ids == [id]).count();
        let (suspects, in_order): (Vec<String>, Vec<String>) =
            accepted.iter().cloned().partition(|id| asked(id) > 5);
        assert!(suspects.len() < 20, "seed {seed}: {suspects:?}");
        for customer in 0..9 {
            for profiles in [false, true] {
                let ids: Vec<&str> = of(&in_order, &format!("c{customer}"))
                    .into_iter()
                    .filter(|id| id.ends_with("-p") == profiles)
                    .collect();
                assert!(ids.is_sorted(), "seed {seed}: {ids:?}");
            }
        }
        assert_eq!(
            (world.delivered(), world.dead(), accepted.len()),
            (200, 0, 400),
            "seed {seed}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn customer_that_is_slow_delays_nobody_else() {
    let world = World::new(|call| {
        let mut reply = ok(call);
        if call.ids.iter().any(|id| id.starts_with("slow")) {
            reply.after = Duration::from_secs(50);
        }
        reply
    })
    .with(|config| config.batch.max_records = 1.try_into().unwrap());
    let answers = (0..200).map(|n| {
        if n < 20 {
            event(&format!("slow-{n}"), "slow")
        } else {
            event(&n.to_string(), &format!("c{n}"))
        }
    });
    assert!(
        world
            .run_for(Duration::from_secs(10), answers)
            .await
            .is_none()
    );
    assert_eq!(world.delivered(), 180);
    assert_eq!(
        world
            .calls()
            .iter()
            .filter(|call| call.ids[0].starts_with("slow"))
            .count(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn customers_that_are_stuck_take_no_place_in_the_limit() {
    let world = World::new(|call| {
        if call.profiles && call.ids[0].starts_with("stuck") {
            reply(500, "")
        } else {
            ok(call)
        }
    })
    .with(|config| config.concurrency = Concurrency::Fixed(4.try_into().unwrap()));
    let answers = (0..100).map(|n| {
        // So many that the questions of an inlet that seems to be down get past them in time,
        // whatever their pauses.
        if n < 20 {
            both(&format!("stuck-{n}"), &format!("s{n}"))
        } else {
            both(&n.to_string(), &format!("c{n}"))
        }
    });
    assert!(
        world
            .run_for(Duration::from_secs(300), answers)
            .await
            .is_none()
    );
    assert_eq!((world.delivered(), world.dead()), (80, 0));
}

#[tokio::test(start_paused = true)]
async fn requests_in_flight_are_no_more_than_configured() {
    let flying = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let world = World::new(|call| Reply {
        after: Duration::from_secs(1),
        ..ok(call)
    })
    .with(|config| {
        config.batch.max_records = 1.try_into().unwrap();
        config.concurrency = Concurrency::Fixed(4.try_into().unwrap());
    });
    world
        .run((0..40).map(|n| both(&n.to_string(), &format!("c{n}"))))
        .await
        .unwrap();
    let calls = world.calls();
    for call in &calls {
        let end = call.at + Duration::from_secs(1);
        let in_flight = calls
            .iter()
            .filter(|other| other.at >= call.at && other.at < end)
            .count();
        flying.fetch_max(in_flight, std::sync::atomic::Ordering::Relaxed);
    }
    assert_eq!(flying.load(std::sync::atomic::Ordering::Relaxed), 4);
}

#[tokio::test(start_paused = true)]
async fn record_that_waits_is_not_passed_by_the_second_half_of_its_batch() {
    // The batch is refused as a whole because of c-3; then its first half meets a passing fault.
    let world = World::new(|call| match call.number {
        1 => items(call, |id| (id == "c-1").then_some((503, "busy"))),
        _ if call.ids.iter().any(|id| id == "c-3") => problem(400, "Bad message"),
        _ => ok(call),
    });
    world
        .run(
            (0..4)
                .map(|n| event(&format!("c-{n}"), "c"))
                .chain([event("x", "d")]),
        )
        .await
        .unwrap();
    let accepted = world.accepted();
    let customer: Vec<&str> = of(&accepted, "c");
    assert_eq!(customer, ["c-0", "c-1", "c-2"]);
    assert_eq!((world.delivered(), world.dead()), (4, 1));
}

#[tokio::test(start_paused = true)]
async fn statement_refused_for_a_time_does_not_replace_a_later_one() {
    let world = World::new(|call| match call.ids[0].as_str() {
        "later-p" => Reply {
            after: Duration::from_secs(2),
            ..ok(call)
        },
        _ if call.profiles && call.at < Duration::from_secs(600) => problem(422, "Nope"),
        _ => ok(call),
    })
    .with(|config| {
        config.profiles = Some(raw_profiles());
        config.concurrency = crate::config::Concurrency::Fixed(8.try_into().unwrap());
    });
    let others = (0..30).map(|n| both(&n.to_string(), &format!("c{n}")));
    let of_one = ["earlier", "later"].map(|id| both(id, "one"));
    world.run(of_one.into_iter().chain(others)).await.unwrap();
    let accepted = world.accepted();
    let place = |id: &str| accepted.iter().position(|found| found == id).unwrap();
    assert!(place("earlier-p") < place("later-p"), "{accepted:?}");
    assert_eq!((world.delivered(), world.dead()), (32, 0));
}
