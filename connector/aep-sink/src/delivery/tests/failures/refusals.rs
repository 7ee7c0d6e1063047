//! Whose fault a refusal is: exactly the guilty record goes to the dead letters, and a fault of the
//! target sends none.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::delivery::tests::world::*;

fn many(count: usize) -> Vec<serde_json::Value> {
    (0..count)
        .map(|n| event(&n.to_string(), &format!("c{n}")))
        .collect()
}

fn dead_ids(world: &World) -> Vec<String> {
    let mut ids: Vec<String> = world
        .dead_letters()
        .iter()
        .map(|dead_letter| dead_letter["event"]["id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    ids
}

#[tokio::test(start_paused = true)]
async fn record_that_is_refused_is_dead_lettered_its_neighbours_delivered() {
    let world = World::new(|call| {
        items(call, |id| {
            (id == "3").then_some((400, "Message is invalid"))
        })
    });
    world.run(many(10)).await.unwrap();
    assert_eq!(dead_ids(&world), ["3"]);
    let dead_letter = &world.dead_letters()[0];
    assert_eq!(
        (
            dead_letter["stage"].as_str(),
            dead_letter["reason"].as_str()
        ),
        (Some("delivery"), Some("refused"))
    );
    assert_eq!(
        dead_letter["target"],
        serde_json::json!({"inlet": "events", "status": 400, "message": "Message is invalid",
            "requestId": "rq-1"})
    );
    assert_eq!(
        dead_letter["record"],
        serde_json::json!({"event": {"_id": "3"}})
    );
    assert_eq!(
        (
            dead_letter["attempts"].as_u64(),
            dead_letter["firstAttempt"].as_i64()
        ),
        (Some(1), Some(NOW))
    );
    assert_eq!((world.delivered(), world.calls().len()), (9, 1));
}

#[tokio::test(start_paused = true)]
async fn configuration_fault_in_a_response_that_accepts_others_is_the_record_s() {
    let world = World::new(|call| {
        items(call, |id| {
            (id == "3").then_some((400, "Message has unknown xdm format"))
        })
    });
    world.run(many(10)).await.unwrap();
    assert_eq!(
        (dead_ids(&world), world.delivered()),
        (vec!["3".to_owned()], 9)
    );
}

#[tokio::test(start_paused = true)]
async fn batch_refused_as_a_whole_is_halved_until_the_poison_record_is_alone() {
    for guilty in [
        vec!["0"],
        vec!["499"],
        vec!["250", "251"],
        vec!["7", "123", "400"],
    ] {
        let bad = guilty.clone();
        let world = World::new(move |call| {
            if call.ids.iter().any(|id| bad.contains(&id.as_str())) {
                problem(400, "Bad message")
            } else {
                ok(call)
            }
        });
        world.run(many(500)).await.unwrap();
        let mut expected: Vec<String> = guilty.iter().map(ToString::to_string).collect();
        expected.sort();
        assert_eq!(dead_ids(&world), expected);
        assert_eq!(world.delivered() as usize, 500 - guilty.len());
        assert!(
            world.calls().len() < 25 * guilty.len(),
            "{} requests",
            world.calls().len()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn batch_too_large_is_halved_and_only_a_lone_record_dead_lettered() {
    let world = World::new(|call| {
        if call.ids.len() > 3 || call.ids.iter().any(|id| id == "8") {
            reply(413, "")
        } else {
            ok(call)
        }
    });
    let mut records = many(20);
    records[8]["event"]["filler"] = "x".repeat(300_000).into();
    world.run(records).await.unwrap();
    assert_eq!(
        (world.delivered(), dead_ids(&world)),
        (19, vec!["8".to_owned()])
    );
    assert_eq!(world.dead_letters()[0]["reason"], "too_large");
}

#[tokio::test(start_paused = true)]
async fn order_is_kept_while_a_batch_is_halved() {
    let world = World::new(|call| {
        if call.ids.iter().any(|id| id == "c-05") {
            problem(400, "Bad message")
        } else {
            ok(call)
        }
    });
    world
        .run((0..20).map(|n| event(&format!("c-{n:02}"), "c")))
        .await
        .unwrap();
    let accepted = world.accepted();
    assert!(accepted.is_sorted() && accepted.len() == 19, "{accepted:?}");
}

type Fault = fn(&Call) -> Reply;
/// Every way to be misconfigured.
const FAULTS: [(&str, Fault); 13] = [
    ("revoked", |_| reply(401, "")),
    ("forbidden", |_| reply(403, "")),
    ("no such inlet", |_| reply(404, "")),
    ("redirect", |_| reply(301, "")),
    ("wrong organisation", |_| {
        problem(400, "Message has an absent or wrong ims org in the header")
    }),
    ("unknown schema", |call| {
        items(call, |_| Some((400, "Message has unknown xdm format")))
    }),
    ("missing flow", |_| problem(400, "Missing flow id")),
    ("disabled flow", |_| {
        problem(400, "Message has an absent, disabled or wrong flow")
    }),
    ("wrong dataset", |call| {
        items(call, |_| Some((400, "dataset 5f0c does not exist")))
    }),
    ("wrong inlet", |_| reply(405, "")),
    ("wrong dataset, in words nobody knows", |call| {
        items(call, |_| Some((400, "Nope")))
    }),
    ("the same for the whole request", |_| problem(422, "Nope")),
    ("forbidden, per record", |call| {
        items(call, |_| Some((403, "")))
    }),
];

/// Nothing is dead-lettered, nothing is settled, and when it is repaired all is delivered.
#[tokio::test(start_paused = true)]
async fn configuration_fault_holds_the_inlet_and_loses_nothing() {
    for (name, fault) in FAULTS {
        for max_records in [1, 7, 500] {
            let repaired = Arc::new(AtomicBool::new(false));
            let is_repaired = Arc::clone(&repaired);
            let world = World::new(move |call| {
                if is_repaired.load(Ordering::Relaxed) {
                    ok(call)
                } else {
                    fault(call)
                }
            })
            .with(|config| config.batch.max_records = max_records.try_into().unwrap());
            let (sender, receiver) = tokio::sync::mpsc::channel(1000);
            for answer in many(100) {
                sender.send(world.source_item(answer)).await.unwrap();
            }
            drop(sender);
            let running = tokio::spawn(world.delivery().run(receiver));
            tokio::time::sleep(Duration::from_secs(3600)).await;
            assert_eq!(
                (world.dead_letters().len(), world.tracker.settled_through(0)),
                (0, Some(-1)),
                "{name}, {max_records}"
            );
            assert!(
                world
                    .conditions
                    .all()
                    .first()
                    .is_some_and(|stop| stop.remedy.contains("check")),
                "{name}"
            );
            let calls = world.calls().len();
            assert!(calls < 500, "{name}: {calls} requests in an hour");
            repaired.store(true, Ordering::Relaxed);
            running.await.unwrap().unwrap();
            assert_eq!(
                (world.delivered(), world.dead()),
                (100, 0),
                "{name}, {max_records}"
            );
            assert!(world.conditions.all().is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn held_inlet_does_not_hold_the_other() {
    let world = World::new(|call| {
        if call.profiles {
            reply(404, "")
        } else {
            ok(call)
        }
    });
    let answers = (0..50).map(|n| both(&n.to_string(), &format!("c{n}")));
    assert!(
        world
            .run_for(Duration::from_secs(60), answers)
            .await
            .is_none()
    );
    assert_eq!(world.metrics.snapshot().events_delivered, 50);
    assert_eq!((world.dead_letters().len(), world.delivered()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn record_refused_alone_is_dead_lettered_without_others_to_compare() {
    let world = World::new(|call| items(call, |_| Some((400, "Message is invalid"))));
    world.run(many(1)).await.unwrap();
    assert_eq!(dead_ids(&world), ["0"]);
}

#[tokio::test(start_paused = true)]
async fn record_that_looks_like_a_configuration_fault_holds_no_inlet_forever() {
    let world = World::new(|call| {
        if call.ids.iter().any(|id| id == "5") {
            problem(400, "Message has unknown xdm format")
        } else {
            ok(call)
        }
    });
    world.run(many(30)).await.unwrap();
    assert_eq!(
        (dead_ids(&world), world.delivered()),
        (vec!["5".to_owned()], 29)
    );
}

#[tokio::test(start_paused = true)]
async fn poison_records_twenty_in_a_row_do_not_stop_the_stream_forever() {
    let guilty = |id: &str| id.parse::<u32>().is_ok_and(|n| n < 30);
    let world =
        World::new(move |call| items(call, |id| guilty(id).then_some((400, "Message is invalid"))))
            .with(|config| config.batch.max_records = 10.try_into().unwrap());
    world.run(many(200)).await.unwrap();
    assert_eq!((world.delivered(), world.dead()), (170, 30));
}

#[tokio::test(start_paused = true)]
async fn poison_record_is_found_and_dead_lettered_while_others_pass() {
    let world = World::new(|call| {
        if call.ids.iter().any(|id| id == "bad") {
            reply(500, "")
        } else {
            ok(call)
        }
    })
    .with(|config| config.batch.max_records = 50.try_into().unwrap());
    let (sender, receiver) = tokio::sync::mpsc::channel(10);
    let running = tokio::spawn(world.delivery().run(receiver));
    for n in 0..3000 {
        let answer = if n == 20 {
            event("bad", "cb")
        } else {
            event(&n.to_string(), &format!("c{n}"))
        };
        sender.send(world.source_item(answer)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    drop(sender);
    running.await.unwrap().unwrap();
    assert_eq!(dead_ids(&world), ["bad"]);
    assert_eq!(world.dead_letters()[0]["reason"], "target_keeps_failing");
    assert!(
        world.dead_letters()[0]["attempts"]
            .as_u64()
            .is_some_and(|attempts| attempts >= 20)
    );
    assert_eq!(world.delivered(), 2999);
}

#[tokio::test(start_paused = true)]
async fn batch_that_fails_as_a_whole_is_halved_while_others_pass() {
    let world = World::new(|call| {
        if call.ids.iter().any(|id| id == "bad") {
            reply(500, "")
        } else {
            ok(call)
        }
    });
    let (sender, receiver) = tokio::sync::mpsc::channel(1000);
    let running = tokio::spawn(world.delivery().run(receiver));
    for n in 0..100 {
        let answer = if n == 20 {
            event("bad", "cb")
        } else {
            event(&n.to_string(), &format!("c{n}"))
        };
        sender.send(world.source_item(answer)).await.unwrap();
    }
    for n in 100..400 {
        sender
            .send(world.source_item(event(&n.to_string(), &format!("c{n}"))))
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(world.delivered(), 399, "only the bad one is pending");
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn inlet_that_fails_for_everything_dead_letters_nothing_ever() {
    let world = World::new(|_| reply(500, ""));
    assert!(
        world
            .run_for(Duration::from_secs(4 * 3600), many(40))
            .await
            .is_none()
    );
    assert_eq!(
        (world.dead_letters().len(), world.tracker.settled_through(0)),
        (0, Some(-1))
    );
    let calls = world.calls().len();
    assert!(
        calls < 4 * 3600 / 10,
        "{calls} requests in four hours: it is probed, not hammered"
    );
}

#[tokio::test(start_paused = true)]
async fn accepted_reason_dead_letters_exactly_what_was_refused_for_it() {
    let world = World::new(|call| items(call, |_| Some((400, "Message has unknown xdm format"))))
        .with(|platform| platform.dead_letter.accept = vec!["unknown_schema".to_owned()]);
    world.run(many(30)).await.unwrap();
    assert_eq!((world.dead_letters().len(), world.delivered()), (30, 0));
    assert!(
        world
            .dead_letters()
            .iter()
            .all(|dead_letter| dead_letter["reason"] == "unknown_schema")
    );
}

#[tokio::test(start_paused = true)]
async fn reason_that_is_not_accepted_still_holds_the_inlet() {
    let world = World::new(|call| items(call, |_| Some((400, "Message has unknown xdm format"))))
        .with(|platform| platform.dead_letter.accept = vec!["unknown_dataset".to_owned()]);
    let ended = world
        .run_for(std::time::Duration::from_secs(3_600), many(30))
        .await;
    assert!(ended.is_none() && world.dead_letters().is_empty());
}

#[tokio::test(start_paused = true)]
async fn batch_that_can_never_pass_does_not_keep_its_inlet_down_forever() {
    // Nothing else is under way when it goes down: only other records can show that the inlet
    // works.
    let world = World::new(|call| {
        if call.ids.iter().any(|id| id == "poison") {
            reply(500, "")
        } else {
            ok(call)
        }
    });
    let (sender, receiver) = tokio::sync::mpsc::channel(1000);
    let running = tokio::spawn(world.delivery().run(receiver));
    for id in ["a", "poison", "b"] {
        sender.send(world.source_item(event(id, id))).await.unwrap();
    }
    tokio::time::sleep(std::time::Duration::from_secs(600)).await;
    for n in 0..100 {
        sender
            .send(world.source_item(event(&n.to_string(), &format!("c{n}"))))
            .await
            .unwrap();
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    }
    assert_eq!(dead_ids(&world), ["poison"]);
    assert_eq!(world.delivered(), 102);
    drop(sender);
    running.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn batch_alone_is_split_while_its_inlet_looks_down() {
    let world = World::new(|call| {
        if call.ids.iter().any(|id| id == "3") {
            reply(500, "")
        } else {
            ok(call)
        }
    });
    assert!(
        world
            .run_for(std::time::Duration::from_secs(3600), many(8))
            .await
            .is_none()
    );
    assert_eq!((world.delivered(), world.dead()), (7, 0));
}

#[tokio::test(start_paused = true)]
async fn record_no_response_ever_names_is_given_up_while_others_pass() {
    let world = World::new(|call| match call.ids.as_slice() {
        [id] if id == "mute" => reply(207, r#"{"responses":[]}"#),
        ids if ids.iter().any(|id| id == "mute") => reply(207, "{}"),
        _ => ok(call),
    });
    let (sender, receiver) = tokio::sync::mpsc::channel(1000);
    let running = tokio::spawn(world.delivery().run(receiver));
    sender
        .send(world.source_item(event("mute", "m")))
        .await
        .unwrap();
    for n in 0..200 {
        sender
            .send(world.source_item(event(&n.to_string(), &format!("c{n}"))))
            .await
            .unwrap();
        tokio::time::sleep(std::time::Duration::from_secs(30)).await;
    }
    drop(sender);
    running.await.unwrap().unwrap();
    assert_eq!(dead_ids(&world), ["mute"]);
    assert_eq!(world.delivered(), 200);
}

#[tokio::test(start_paused = true)]
async fn credential_refused_for_one_record_of_a_response_costs_no_record() {
    let world = World::new(|call| {
        items(call, |id| {
            (id == "3" && call.number < 3).then_some((401, "token expired"))
        })
    });
    world.run(many(8)).await.unwrap();
    assert_eq!((world.delivered(), world.dead()), (8, 0));
}

#[tokio::test(start_paused = true)]
async fn configuration_fault_that_comes_back_after_a_probe_dead_letters_nothing() {
    for (name, fault) in FAULTS {
        for (count, max_records) in [(100, 1), (100, 7), (100, 500), (12, 500)] {
            let between = AtomicBool::new(false);
            let world = World::new(move |call| {
                let repaired = call.at > Duration::from_secs(600 + 3600);
                if repaired
                    || (call.at > Duration::from_secs(600)
                        && !between.swap(true, Ordering::Relaxed))
                {
                    ok(call)
                } else {
                    fault(call)
                }
            })
            .with(|config| config.batch.max_records = max_records.try_into().unwrap());
            // The words nobody knows are told from a few bad records by their number only.
            if count < 20 && (name.contains("nobody knows") || name.contains("same for the whole"))
            {
                continue;
            }
            world.run(many(count)).await.unwrap();
            assert_eq!(
                (world.delivered(), world.dead()),
                (count as u64, 0),
                "{name}, {count} records, {max_records} at once"
            );
            let calls = world.calls().len();
            assert!(calls < 2000, "{name}: {calls} requests");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn configuration_change_not_on_every_node_dead_letters_nothing() {
    for every in [2, 3, 10] {
        let world = World::new(move |call| {
            if call.at > Duration::from_secs(900) || call.number % every == every - 1 {
                ok(call)
            } else {
                problem(400, "Message has an absent, disabled or wrong flow")
            }
        });
        world.run(many(100)).await.unwrap();
        assert_eq!(
            (world.delivered(), world.dead()),
            (100, 0),
            "one of {every} accepts"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn poison_record_that_gets_a_503_with_a_pause_is_dead_lettered() {
    let world = World::new(|call| {
        if call.ids.iter().any(|id| id == "bad") {
            busy(503, "1")
        } else {
            ok(call)
        }
    })
    .with(|config| config.batch.max_records = 50.try_into().unwrap());
    let (sender, receiver) = tokio::sync::mpsc::channel(10);
    let running = tokio::spawn(world.delivery().run(receiver));
    for n in 0..3000 {
        let answer = if n == 20 {
            event("bad", "cb")
        } else {
            event(&n.to_string(), &format!("c{n}"))
        };
        sender.send(world.source_item(answer)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    drop(sender);
    tokio::time::timeout(Duration::from_secs(3600), running)
        .await
        .expect("it ends")
        .unwrap()
        .unwrap();
    assert_eq!(
        (dead_ids(&world), world.delivered()),
        (vec!["bad".to_owned()], 2999)
    );
}

#[tokio::test(start_paused = true)]
async fn poison_record_that_draws_a_403_is_found_and_dead_lettered() {
    for status in [401, 403, 404] {
        let world = World::new(move |call| {
            if call.ids.iter().any(|id| id == "bad") {
                reply(status, "")
            } else {
                ok(call)
            }
        });
        let (sender, receiver) = tokio::sync::mpsc::channel(10);
        let running = tokio::spawn(world.delivery().run(receiver));
        for n in 0..10_000 {
            let answer = if n == 20 {
                event("bad", "cb")
            } else {
                event(&n.to_string(), &format!("c{n}"))
            };
            sender.send(world.source_item(answer)).await.unwrap();
            tokio::time::sleep(Duration::from_millis(500)).await;
            if n == 400 {
                let delivered = world.delivered();
                assert!(delivered > 390, "{status}: the others wait: {delivered}");
            }
        }
        drop(sender);
        tokio::time::timeout(Duration::from_secs(3600), running)
            .await
            .expect("it ends")
            .unwrap()
            .unwrap();
        assert_eq!(
            (dead_ids(&world), world.delivered()),
            (vec!["bad".to_owned()], 9999)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn response_to_an_earlier_request_does_not_show_the_record_s_fault() {
    let world = World::new(|call| match call.ids[0].as_str() {
        "0" => Reply {
            after: Duration::from_secs(2),
            ..ok(call)
        },
        _ if call.at < Duration::from_secs(600) => problem(422, "Nope"),
        _ => ok(call),
    })
    .with(|config| {
        config.batch.max_records = 1.try_into().unwrap();
        config.concurrency = crate::config::Concurrency::Fixed(8.try_into().unwrap());
    });
    let (sender, receiver) = tokio::sync::mpsc::channel(100);
    let running = tokio::spawn(world.delivery().run(receiver));
    for (n, answer) in many(31).into_iter().enumerate() {
        if n == 11 {
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
        sender.send(world.source_item(answer)).await.unwrap();
    }
    drop(sender);
    running.await.unwrap().unwrap();
    assert_eq!((world.delivered(), world.dead()), (31, 0));
}

#[tokio::test(start_paused = true)]
async fn server_error_that_blames_the_schema_holds_the_inlet() {
    let text = "Payload schema not specified, or did not match the XDM definition";
    let world = World::new(move |_| problem(500, text));
    let ended = world.run_for(Duration::from_secs(3600), many(30)).await;
    assert!(ended.is_none() && world.dead_letters().is_empty());
    let told = world.conditions.all();
    assert!(told[0].reason.contains("unknown_schema"), "{told:?}");
    let requests = world.calls().len();
    assert!(
        requests < 200,
        "{requests} in an hour: it waits for somebody"
    );
}
