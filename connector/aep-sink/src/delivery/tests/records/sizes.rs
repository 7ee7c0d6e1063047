//! "Too large", said of what is not.

use std::time::Duration;

use crate::delivery::tests::world::*;

#[tokio::test(start_paused = true)]
async fn record_small_and_alone_that_meets_a_passing_413_is_delivered() {
    for record in [event("a", "c1"), both("a", "c1")] {
        let world = World::new(|call| {
            if call.number < 4 {
                reply(413, "")
            } else {
                ok(call)
            }
        });
        world.run([record]).await.unwrap();
        assert_eq!((world.delivered(), world.dead()), (1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn batch_that_meets_a_passing_413_is_delivered_whole() {
    let world = World::new(|call| {
        if call.number < 12 {
            reply(413, "")
        } else {
            ok(call)
        }
    });
    world.run(ten()).await.unwrap();
    assert_eq!((world.delivered(), world.dead()), (10, 0));
}

#[tokio::test(start_paused = true)]
async fn platform_that_calls_everything_too_large_dead_letters_nothing() {
    let world = World::new(|_| reply(413, ""));
    assert!(
        world
            .run_for(Duration::from_secs(4 * 3600), ten())
            .await
            .is_none()
    );
    assert_eq!(
        (world.dead_letters().len(), world.tracker.settled_through(0)),
        (0, Some(-1))
    );
    let stopped = world.conditions.all();
    assert!(
        stopped.iter().all(|stop| stop.reason.contains("413")) && !stopped.is_empty(),
        "{stopped:?}"
    );
    assert!(
        world.calls().len() < 4 * 3600 / 10,
        "{} requests in four hours",
        world.calls().len()
    );
}

#[tokio::test(start_paused = true)]
async fn record_small_but_always_too_large_is_given_up_while_others_pass() {
    let world = World::new(|call| {
        if call.ids.iter().any(|id| id == "odd") {
            reply(413, "")
        } else {
            ok(call)
        }
    });
    let (sender, receiver) = tokio::sync::mpsc::channel(1000);
    let running = tokio::spawn(world.delivery().run(receiver));
    sender
        .send(world.source_item(event("odd", "odd")))
        .await
        .unwrap();
    for n in 0..200 {
        sender
            .send(world.source_item(event(&n.to_string(), &format!("c{n}"))))
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    drop(sender);
    running.await.unwrap().unwrap();
    assert_eq!((world.delivered(), world.dead()), (200, 1));
    let dead_letter = &world.dead_letters()[0];
    assert_eq!(
        (&dead_letter["event"]["id"], &dead_letter["reason"]),
        (&"odd".into(), &"target_keeps_failing".into())
    );
    assert!(
        dead_letter["message"]
            .as_str()
            .is_some_and(|message| message.contains("413")),
        "{dead_letter}"
    );
}
