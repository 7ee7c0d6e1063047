//! Waiting statements about one profile go out as one, and nothing a profile should know is lost by
//! it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::delivery::tests::world::*;

/// An event with a statement about a customer's profile, `at` this many milliseconds before now.
fn stated(id: &str, customer: &str, ago: i64, facts: &Value) -> Value {
    let mut answer = event(id, customer);
    answer["at"] = json!(NOW - ago);
    let mut profile = facts.clone();
    profile["id"] = json!(format!("{id}-p"));
    profile["identityMap"] = json!({"CapillaryId": [{"id": customer, "primary": true}]});
    answer["profile"] = profile;
    answer
}

fn statements(world: &World) -> Vec<Value> {
    let calls = world.calls().into_iter().filter(|call| call.profiles);
    calls.map(|call| call.body["body"].clone()).collect()
}

fn points(n: i64) -> Value {
    json!({"loyalty": {"points": n}})
}

#[tokio::test(start_paused = true)]
async fn statements_that_wait_are_coalesced_to_the_newest_value_of_each_field() {
    let world = World::new(ok);
    world
        .run([
            stated(
                "0",
                "c",
                50,
                &json!({"loyalty": {"points": 1, "lifetimePoints": 9}, "person": {"name": "A"}}),
            ),
            stated("1", "c", 30, &points(3)),
            stated(
                "2",
                "c",
                40,
                &json!({"loyalty": {"points": 2, "tier": "Gold"}}),
            ),
        ])
        .await
        .unwrap();
    let sent = statements(&world);
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert_eq!(
        sent[0]["loyalty"],
        json!({"points": 3, "lifetimePoints": 9, "tier": "Gold"})
    );
    assert_eq!(sent[0]["person"], json!({"name": "A"}));
    assert_eq!(
        sent[0]["identityMap"],
        json!({"CapillaryId": [{"id": "c", "primary": true}]})
    );
    assert_eq!(world.delivered(), 3);
    assert_eq!(world.metrics.snapshot().profiles_delivered, 3);
}

#[tokio::test(start_paused = true)]
async fn statement_replaced_by_newer_ones_is_superseded_and_settles() {
    let world = World::new(ok);
    let facts = |n: i64| json!({"id": n, "loyalty": {"points": n}});
    world
        .run((0..10).map(|n| stated(&n.to_string(), "c", 100 - n, &facts(n))))
        .await
        .unwrap();
    assert_eq!(statements(&world).len(), 1);
    let counts = world.metrics.snapshot();
    assert_eq!(
        (counts.profiles_delivered, counts.profiles_superseded),
        (1, 9)
    );
    assert_eq!(world.delivered(), 10);
}

#[tokio::test(start_paused = true)]
async fn statements_about_two_profiles_are_never_coalesced() {
    let world = World::new(ok);
    let mut other = stated("1", "c", 30, &points(3));
    other["profile"]["identityMap"] = json!({"CapillaryId": [{"id": "d", "primary": true}]});
    let mut nobody = stated("2", "c", 20, &points(4));
    nobody["profile"]["identityMap"] = json!({"CapillaryId": [{"id": "c"}]});
    world
        .run([stated("0", "c", 40, &points(1)), other, nobody])
        .await
        .unwrap();
    assert_eq!(statements(&world).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn upserts_alone_are_coalesced() {
    let world = World::new(ok)
        .with(|config| config.profiles = Some(crate::delivery::tests::settings::raw_profiles()));
    world
        .run((0..3).map(|n| stated(&n.to_string(), "c", 100 - n, &points(n))))
        .await
        .unwrap();
    assert_eq!(world.calls().iter().filter(|call| call.profiles).count(), 3);
}

#[tokio::test(start_paused = true)]
async fn statement_that_is_late_does_not_turn_the_profile_back() {
    let world = World::new(ok);
    let (sender, receiver) = tokio::sync::mpsc::channel(10);
    let running = tokio::spawn(world.delivery().run(receiver));
    let facts = json!({"id": "x", "loyalty": {"points": 1, "lifetimePoints": 9}});
    let mut late = stated("1", "c", 50, &facts);
    late["profile"]["extra"] = json!(1);
    for answer in [
        stated("0", "c", 10, &points(2)),
        late,
        stated("2", "c", 50, &points(7)),
    ] {
        sender.send(world.source_item(answer)).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    drop(sender);
    running.await.unwrap().unwrap();
    let sent = statements(&world);
    assert_eq!(
        sent[1]["loyalty"],
        json!({"lifetimePoints": 9}),
        "the balance is older"
    );
    assert_eq!(world.delivered(), 3);
}

#[tokio::test(start_paused = true)]
async fn coalesced_statements_refused_cost_exactly_the_poison_one() {
    for single in [false, true] {
        let world = World::new(move |call| {
            if call.profiles && call.body.pointer("/body/bad").is_some() {
                if single {
                    reply(200, r#"{"status":400,"message":"Bad value"}"#)
                } else {
                    problem(400, "Bad value")
                }
            } else {
                ok(call)
            }
        });
        let answers = (0..9).map(|n| {
            let mut facts = json!({"loyalty": {"points": n}, format!("f{n}"): n});
            if n == 4 {
                facts["bad"] = json!(true);
            }
            stated(&n.to_string(), "c", 100 - n, &facts)
        });
        world.run(answers).await.unwrap();
        assert_eq!((world.delivered(), world.dead()), (8, 1));
        assert_eq!(world.dead_letters()[0]["source"]["offset"], json!(4));
        let mut fields = BTreeMap::new();
        for statement in statements(&world)
            .into_iter()
            .filter(|body| body.get("bad").is_none())
        {
            for (name, value) in statement.as_object().unwrap() {
                fields.insert(name.clone(), value.clone());
            }
        }
        assert!(
            (0..9).all(|n| (n == 4) != fields.contains_key(&format!("f{n}"))),
            "{fields:?}"
        );
        assert_eq!(fields["loyalty"], json!({"points": 8}));
    }
}

#[tokio::test(start_paused = true)]
async fn profile_ends_with_the_newest_value_of_each_field_whatever_fails() {
    for seed in 0..40 {
        let random = std::sync::Mutex::new(fastrand::Rng::with_seed(seed));
        let applied = std::sync::Arc::new(std::sync::Mutex::new(
            BTreeMap::<(String, String), Value>::new(),
        ));
        let seen = std::sync::Arc::clone(&applied);
        let world = World::new(move |call| {
            let mut random = random.lock().unwrap();
            let draw = random.u8(..10);
            // Draws 0 and 1 are applied too, though the answer is lost.
            if call.profiles && !matches!(draw, 2..=4) {
                let body = &call.body["body"];
                let customer = body["identityMap"]["CapillaryId"][0]["id"]
                    .as_str()
                    .unwrap();
                for (name, value) in body["loyalty"].as_object().unwrap() {
                    seen.lock()
                        .unwrap()
                        .insert((customer.to_owned(), name.clone()), value.clone());
                }
            }
            let mut reply = match draw {
                0 => broken(),
                1 => reply(200, "<html>"),
                2 => reply(503, ""),
                3 => reply(429, ""),
                4 => reply(500, ""),
                _ => ok(call),
            };
            reply.after = Duration::from_millis(random.u64(1..300));
            reply
        });
        let mut random = fastrand::Rng::with_seed(seed + 1000);
        let mut newest: BTreeMap<(String, String), (i64, i64)> = BTreeMap::new();
        let answers: Vec<Value> = (0..200)
            .map(|n| {
                let (customer, at) = (format!("c{}", random.u8(..5)), random.i64(-500..0));
                let mut facts = json!({"loyalty": {}});
                for field in ["points", "tier", "status"] {
                    if field == "points" || random.bool() {
                        facts["loyalty"][field] = json!(n);
                        let last = newest
                            .entry((customer.clone(), field.to_owned()))
                            .or_insert((at, n));
                        *last = (*last).max((at, n));
                    }
                }
                stated(&n.to_string(), &customer, -at, &facts)
            })
            .collect();
        world.run(answers).await.unwrap();
        let newest: BTreeMap<_, _> = newest
            .into_iter()
            .map(|(field, (_, n))| (field, json!(n)))
            .collect();
        assert_eq!(*applied.lock().unwrap(), newest, "seed {seed}");
        assert_eq!((world.delivered(), world.dead()), (200, 0), "seed {seed}");
    }
}
