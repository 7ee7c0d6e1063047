//! Faults that heal: everything arrives in the end, and nothing is dead-lettered for them.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;

use crate::aep::TransportError;
use crate::config::Concurrency;
use crate::dead_letter::DeadLetterError;
use crate::delivery::tests::world::*;
use crate::inlet_name::InletName;

#[tokio::test(start_paused = true)]
async fn transient_faults_are_retried_until_they_heal() {
    for fault in [
        || reply(429, ""),
        || reply(500, "<html>"),
        || reply(502, ""),
        || reply(503, ""),
        || reply(504, ""),
        broken,
    ] {
        let world = World::new(move |call| if call.number < 7 { fault() } else { ok(call) });
        world.run(ten()).await.unwrap();
        assert_eq!((world.delivered(), world.dead()), (10, 0));
        assert_eq!(world.calls().len(), 8);
    }
}

#[tokio::test(start_paused = true)]
async fn request_without_a_response_times_out_and_is_sent_again() {
    let world = World::new(|call| {
        let mut reply = ok(call);
        if call.number == 0 {
            reply.after = Duration::from_secs(3600);
        }
        reply
    });
    world.run(ten()).await.unwrap();
    let calls = world.calls();
    assert_eq!(calls.len(), 2);
    assert!(
        calls[1].at >= Duration::from_secs(60) && calls[1].at < Duration::from_secs(61),
        "{:?}",
        calls[1].at
    );
    assert_eq!(world.metrics.snapshot().retries["timeout"], 1);
}

#[tokio::test(start_paused = true)]
async fn retry_after_holds_back_that_inlet_and_only_that_inlet() {
    let world = World::new(|call| {
        if call.ids[0] == "a" && call.number < 2 && !call.profiles {
            busy(503, "9")
        } else {
            ok(call)
        }
    })
    .with(|config| config.batch.max_records = 1.try_into().unwrap());
    let (sender, receiver) = tokio::sync::mpsc::channel(10);
    let running = tokio::spawn(world.delivery().run(receiver));
    sender
        .send(world.source_item(event("a", "c1")))
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    sender
        .send(world.source_item(both("b", "c2")))
        .await
        .unwrap();
    drop(sender);
    running.await.unwrap().unwrap();
    let at = |id: &str| {
        world
            .calls()
            .iter()
            .rfind(|call| call.ids[0] == id)
            .map(|call| call.at)
            .unwrap()
    };
    assert!(at("b") >= Duration::from_secs(9), "{:?}", at("b"));
    assert!(at("a") >= Duration::from_secs(9), "{:?}", at("a"));
    assert!(
        at("b-p") < Duration::from_secs(1),
        "the other inlet goes on: {:?}",
        at("b-p")
    );
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_clamped() {
    let world = World::new(|call| {
        if call.number == 0 {
            busy(429, "86400")
        } else {
            ok(call)
        }
    });
    world.run(ten()).await.unwrap();
    let at = world.calls()[1].at;
    assert!(
        at >= Duration::from_secs(30) && at < Duration::from_secs(31),
        "{at:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn record_refused_for_now_is_sent_again_without_those_accepted() {
    let world = World::new(|call| {
        items(call, |id| {
            (id == "3" && call.number < 3).then_some((503, "busy"))
        })
    });
    world.run(ten()).await.unwrap();
    let calls = world.calls();
    assert_eq!(calls.len(), 4);
    assert!(calls[1..].iter().all(|call| call.ids == ["3"]), "{calls:?}");
    assert_eq!((world.accepted().len(), world.delivered()), (10, 10));
}

#[tokio::test(start_paused = true)]
async fn response_that_names_no_record_is_no_success_and_is_retried() {
    for body in [
        "",
        "<html>",
        "{}",
        r#"{"responses":[]}"#,
        r#"{"responses":[{"xactionId":"1:2:3"}]}"#,
    ] {
        let world = World::new(move |call| {
            if call.number == 0 {
                reply(207, body)
            } else {
                ok(call)
            }
        });
        world.run(ten()).await.unwrap();
        let calls = world.calls();
        assert_eq!(calls.len(), 2, "{body}");
        assert_eq!(calls[0].ids, calls[1].ids);
        assert_eq!(world.delivered(), 10);
    }
}

#[tokio::test(start_paused = true)]
async fn platform_that_answers_too_short_lists_gets_shorter_batches() {
    let world = World::new(|call| {
        let count = call.ids.len();
        let responses =
            vec![json!({"xactionId": "1:2:3"}); if count > 2 { count - 1 } else { count }];
        reply(207, json!({"responses": responses}).to_string())
    });
    world.run(ten()).await.unwrap();
    assert_eq!(world.delivered(), 10);
}

#[tokio::test(start_paused = true)]
async fn platform_that_is_down_is_probed_by_one_request_at_a_time() {
    let world = World::new(|call| {
        if call.at < Duration::from_secs(600) {
            broken()
        } else {
            ok(call)
        }
    })
    .with(|config| config.batch.max_records = 1.try_into().unwrap());
    world
        .run((0..100).map(|n| event(&n.to_string(), &format!("c{n}"))))
        .await
        .unwrap();
    let calls = world.calls();
    let during = calls
        .iter()
        .filter(|call| call.at > Duration::from_secs(1) && call.at < Duration::from_secs(600))
        .count();
    assert!(during < 100, "{during} requests in ten minutes");
    let last = calls
        .iter()
        .rfind(|call| call.at < Duration::from_secs(600))
        .unwrap();
    let first_after = calls
        .iter()
        .find(|call| call.at >= Duration::from_secs(600))
        .unwrap();
    assert!(first_after.at - last.at <= Duration::from_secs(31));
    assert_eq!((world.delivered(), world.dead()), (100, 0));
    assert!(world.conditions.all().is_empty());
}

#[tokio::test(start_paused = true)]
async fn inlet_that_hangs_does_not_stop_the_other() {
    let world = World::new(|call| {
        let mut reply = ok(call);
        if !call.profiles {
            reply.after = Duration::from_secs(3600);
        }
        reply
    })
    .with(|config| {
        config.batch.max_records = 1.try_into().unwrap();
        config.concurrency = Concurrency::Fixed(4.try_into().unwrap());
    });
    let answers = (0..50).map(|n| both(&n.to_string(), &format!("c{n}")));
    assert!(
        world
            .run_for(Duration::from_secs(20), answers)
            .await
            .is_none()
    );
    assert_eq!(world.metrics.snapshot().profiles_delivered, 50);
}

#[tokio::test(start_paused = true)]
async fn token_that_is_refused_is_replaced_once_and_the_request_repeated() {
    for status in [401, 403] {
        let world = World::new(move |call| {
            if call.token == "Bearer t1" {
                reply(status, "")
            } else {
                ok(call)
            }
        });
        world.run(ten()).await.unwrap();
        let tokens: Vec<String> = world
            .calls()
            .iter()
            .map(|call| call.token.clone())
            .collect();
        assert_eq!(tokens, ["Bearer t1", "Bearer t2"]);
        assert_eq!(world.delivered(), 10);
        assert_eq!(*world.tokens.accepted.lock().unwrap(), [InletName::Events]);
    }
}

#[tokio::test(start_paused = true)]
async fn token_that_is_missing_delays_and_loses_nothing() {
    let world = World::new(ok);
    world.tokens.failures.store(12, Ordering::Relaxed);
    world.run(ten()).await.unwrap();
    assert_eq!((world.calls().len(), world.delivered()), (1, 10));
    assert_eq!(world.metrics.snapshot().retries["token"], 12);
}

#[tokio::test(start_paused = true)]
async fn dead_letter_that_cannot_be_written_keeps_its_record_pending() {
    let world = World::new(ok);
    let failed = DeadLetterError::Failed {
        message: "no leader".to_owned(),
        heals: true,
    };
    world
        .dead_letters
        .errors
        .lock()
        .unwrap()
        .extend(vec![failed; 9]);
    let reject = json!({"v": 1, "reject": {"reason": "not_json", "message": "x"}, "raw": "x"});
    assert!(
        world
            .run_for(Duration::from_millis(1), [reject])
            .await
            .is_none()
    );
    assert_eq!(
        (world.tracker.pending(), world.dead_letters().len()),
        (1, 0),
        "dropped in the middle: not settled"
    );

    let world = World::new(ok);
    let failed = DeadLetterError::Failed {
        message: "no leader".to_owned(),
        heals: true,
    };
    world
        .dead_letters
        .errors
        .lock()
        .unwrap()
        .extend(vec![failed; 9]);
    world
        .run([json!({"v": 1, "reject": {"reason": "not_json", "message": "x"}, "raw": "x"})])
        .await
        .unwrap();
    assert_eq!((world.dead_letters().len(), world.dead()), (1, 1));
    assert_eq!(world.metrics.snapshot().dead_letter_failures, 9);
}

#[tokio::test(start_paused = true)]
async fn rejected_records_are_dead_lettered_at_5000_a_second_over_5_ms() {
    let world = World::new(ok);
    *world.dead_letters.round_trip.lock().unwrap() = Duration::from_millis(5);
    let reject = json!({"v": 1, "reject": {"reason": "not_json", "message": "x"}, "raw": "x"});
    let start = tokio::time::Instant::now();
    world.run(vec![reject; 20_000]).await.unwrap();
    assert_eq!((world.dead_letters().len(), world.dead()), (20_000, 20_000));
    let round_trips = *world.dead_letters.round_trips.lock().unwrap();
    assert!(round_trips <= 40, "{round_trips} writes for 20 000 letters");
    assert!(start.elapsed() < Duration::from_secs(4));
    let offsets: Vec<_> = world
        .dead_letters()
        .iter()
        .map(|dead_letter| dead_letter["source"]["offset"].as_i64().unwrap())
        .collect();
    assert!(offsets.is_sorted());
}

#[tokio::test(start_paused = true)]
async fn dead_letter_too_large_for_its_topic_keeps_coordinates_and_hash() {
    let world = World::new(ok);
    world
        .dead_letters
        .errors
        .lock()
        .unwrap()
        .push(DeadLetterError::TooLarge);
    world
        .run([json!({"v": 1, "reject": {"reason": "not_json", "message": "x"}, "raw": "abc"})])
        .await
        .unwrap();
    let dead_letter = &world.dead_letters()[0];
    assert_eq!(dead_letter["record"]["size"], r#"{"raw":"abc"}"#.len());
    assert_eq!(dead_letter["record"]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(dead_letter["source"]["offset"], 0);
}

#[tokio::test(start_paused = true)]
async fn delivery_that_is_dropped_settles_nothing_unacknowledged() {
    let world = World::new(|call| {
        if call.number % 2 == 0 {
            ok(call)
        } else {
            Reply {
                after: Duration::from_secs(50),
                ..ok(call)
            }
        }
    })
    .with(|config| config.batch.max_records = 5.try_into().unwrap());
    let answers = (0..40).map(|n| event(&n.to_string(), &format!("c{n}")));
    assert!(
        world
            .run_for(Duration::from_secs(5), answers)
            .await
            .is_none()
    );
    assert_eq!(world.accepted().len() as u64, world.delivered());
    assert_eq!(world.tracker.pending(), 20);
}

#[tokio::test(start_paused = true)]
async fn broken_exchange_does_not_count_against_the_records() {
    let answer = || Reply {
        after: Duration::from_millis(1),
        answer: Err(TransportError::Connect("refused".to_owned())),
    };
    let world = World::new(move |call| if call.number == 0 { answer() } else { ok(call) });
    world.run(ten()).await.unwrap();
    assert_eq!(world.calls()[1].ids.len(), 10);
    assert_eq!(world.metrics.snapshot().retries["network"], 1);
}

#[tokio::test(start_paused = true)]
async fn faults_in_any_mix_lose_no_record_and_settle_none_twice() {
    let mut died = 0;
    for seed in 0..60 {
        let random = std::sync::Mutex::new(fastrand::Rng::with_seed(seed));
        let world = World::new(move |call| {
            let mut random = random.lock().unwrap();
            let after = Duration::from_millis(random.u64(1..400));
            let several = call.ids.len() > 1;
            let answer = match random.u8(..20) {
                0 => reply(503, ""),
                1 => busy(429, "1"),
                2 => broken(),
                3 => reply(200, "<html>"),
                4 => reply(401, ""),
                5 if several => reply(413, ""),
                6 if several => problem(400, "Bad message"),
                7 => problem(400, "Message has unknown xdm format"),
                8 => reply(404, ""),
                9..12 => {
                    let draw = std::cell::RefCell::new(random.fork());
                    items(call, |_| match draw.borrow_mut().u8(..8) {
                        0 => Some((503, "busy")),
                        1 => Some((429, "busy")),
                        2 => Some((400, "Message is invalid")),
                        _ => None,
                    })
                }
                _ => ok(call),
            };
            Reply { after, ..answer }
        })
        .with(|config| config.batch.max_records = 8.try_into().unwrap());
        let failed = DeadLetterError::Failed {
            message: "no leader".to_owned(),
            heals: true,
        };
        world
            .dead_letters
            .errors
            .lock()
            .unwrap()
            .extend(vec![failed; 5]);
        let answers = (0..150).map(|n| both(&format!("{n:03}"), &format!("c{}", n % 20)));
        world.run(answers).await.unwrap();

        assert_eq!(
            (world.tracker.pending(), world.tracker.settled_through(0)),
            (0, Some(149)),
            "seed {seed}"
        );
        let accepted = world.accepted();
        let dead: Vec<String> = world
            .dead_letters()
            .iter()
            .map(|dead_letter| {
                let record = &dead_letter["record"];
                let id = record
                    .pointer("/event/_id")
                    .or(record.pointer("/profile/id"))
                    .unwrap();
                id.as_str().unwrap().to_owned()
            })
            .collect();
        for n in 0..150 {
            for id in [format!("{n:03}"), format!("{n:03}-p")] {
                let ends = accepted.iter().filter(|other| **other == id).count()
                    + dead.iter().filter(|other| **other == id).count();
                assert_eq!(ends, 1, "seed {seed}: {id} ended {ends} times");
            }
        }
        died += dead.len();
    }
    assert!(died > 100, "{died}");
}

#[tokio::test(start_paused = true)]
async fn rate_limit_counts_every_attempt_even_with_a_fresh_token() {
    let world = World::new(|call| match call.number {
        0 => reply(500, ""),
        1 => reply(401, ""),
        _ => ok(call),
    })
    .with(|config| config.pace.requests_per_second = 1.try_into().ok());
    world.run(ten()).await.unwrap();
    let calls = world.calls();
    assert_eq!(calls.len(), 3);
    for pair in calls.windows(2) {
        assert!(
            pair[1].at - pair[0].at >= Duration::from_millis(999),
            "{:?} {:?}",
            pair[0].at,
            pair[1].at
        );
    }
}

#[tokio::test(start_paused = true)]
async fn token_refused_without_a_successor_yet_is_waited_for() {
    let world = World::new(|call| {
        if call.number < 3 {
            reply(401, "")
        } else {
            ok(call)
        }
    });
    world.tokens.waits.store(true, Ordering::Relaxed);
    world.run(ten()).await.unwrap();
    assert_eq!((world.delivered(), world.dead()), (10, 0));
    // Each attempt asks the platform once: the same token a second time would only be refused a
    // second time.
    assert_eq!(world.calls().len(), 4);
    let retries = world.metrics.snapshot().retries;
    assert!(
        !retries.keys().any(|reason| reason.contains("held")),
        "{retries:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn inlet_that_is_down_does_not_stop_the_other_with_concurrency_one() {
    for profiles_down in [false, true] {
        let flying = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let seen = std::sync::Arc::clone(&flying);
        let world = World::new(move |call| {
            seen.lock().unwrap().push(call.at);
            if call.profiles == profiles_down {
                reply(503, "")
            } else {
                ok(call)
            }
        })
        .with(|config| {
            config.batch.max_records = 5.try_into().unwrap();
            config.concurrency = Concurrency::Fixed(1.try_into().unwrap());
        });
        let answers = (0..50).map(|n| both(&n.to_string(), &format!("c{n}")));
        assert!(
            world
                .run_for(Duration::from_secs(600), answers)
                .await
                .is_none()
        );
        let counts = world.metrics.snapshot();
        let delivered = if profiles_down {
            counts.events_delivered
        } else {
            counts.profiles_delivered
        };
        assert_eq!(delivered, 50);
        // Each exchange takes 20 ms.
        let begun = flying.lock().unwrap().clone();
        assert!(
            begun
                .windows(2)
                .all(|pair| pair[1] - pair[0] >= Duration::from_millis(20)),
            "never two at once"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn credential_to_be_changed_is_reported_while_unavailable() {
    let not_an_inlet: fn(&Call) -> Reply = |_| reply(200, "<html>");
    let refused: fn(&Call) -> Reply = |_| Reply {
        after: Duration::from_millis(1),
        answer: Err(TransportError::Connect("refused".to_owned())),
    };
    let too_large: fn(&Call) -> Reply = |_| reply(413, "");
    for (rule, words) in [
        (not_an_inlet, "check inlet-url and http.proxy"),
        (refused, "http.ca-file"),
        (too_large, "raise the limit"),
    ] {
        let world = World::new(rule);
        assert!(
            world
                .run_for(Duration::from_secs(3600), ten())
                .await
                .is_none()
        );
        let stopped = world.conditions.all();
        assert!(
            stopped.iter().any(|stop| stop.remedy.contains(words)),
            "{words}: {stopped:?}"
        );
        assert_eq!(world.dead_letters().len(), 0);
    }
}
