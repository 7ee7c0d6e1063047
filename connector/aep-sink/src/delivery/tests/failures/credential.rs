//! A credential that was revoked: only a person can mend it, and until then nothing is lost.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::delivery::tests::world::*;

#[tokio::test(start_paused = true)]
async fn revoked_credential_stops_delivery_and_loses_nothing() {
    for down_before in [false, true] {
        // Also when the inlet is down for another reason at that moment: what is reported is what
        // has to be mended now.
        let world = World::new(move |call| {
            if down_before && call.number < 6 {
                reply(503, "")
            } else {
                ok(call)
            }
        });
        world.tokens.revoked.store(!down_before, Ordering::Relaxed);
        let (sender, receiver) = tokio::sync::mpsc::channel(100);
        for answer in ten() {
            sender.send(world.source_item(answer)).await.unwrap();
        }
        drop(sender);
        let running = tokio::spawn(world.delivery().run(receiver));
        while down_before && world.calls().len() < 6 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        world.tokens.revoked.store(true, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!(
            (world.dead_letters().len(), world.tracker.settled_through(0)),
            (0, Some(-1))
        );
        let stopped = world.conditions.all();
        assert!(
            stopped
                .iter()
                .all(|stop| stop.reason.contains("check secrets.IMS_CLIENT_SECRET"))
                && stopped.len() == 1,
            "{stopped:?}"
        );
        world.tokens.revoked.store(false, Ordering::Relaxed);
        running.await.unwrap().unwrap();
        assert_eq!((world.delivered(), world.dead()), (10, 0));
        assert!(world.conditions.all().is_empty());
    }
}
