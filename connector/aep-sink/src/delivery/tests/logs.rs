//! What the log may hold.

use std::cell::RefCell;
use std::io;
use std::sync::Once;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;

use super::world::*;

thread_local! {
    /// The lines of this test: a test runs on one thread.
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Where log lines go.
struct Log;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Collects the lines of this test from now on.
fn listen() {
    static LISTENING: Once = Once::new();
    // For the whole process: tracing remembers for each line whether any subscriber wants it, and
    // asks only the thread that meets the line first, so a subscriber of one thread misses lines
    // that other tests met before.
    LISTENING.call_once(|| {
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(tracing::Level::TRACE)
            .with_writer(|| Log)
            .finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
}

#[tokio::test(start_paused = true)]
async fn log_lines_hold_no_payload_no_token_and_no_quote_of_a_record() {
    listen();
    let world = World::new(|call| match call.number {
        0 => reply(401, ""),
        1 => problem(404, "no inlet for asha@example.com, phone 919812345678"),
        2..8 => broken(),
        8 => items(call, |id| {
            (id == "asha").then_some((400, "bad value asha@example.com"))
        }),
        _ => ok(call),
    });
    let mut answers = ten();
    let mut asha = event("asha", "customer-919812345678");
    asha["event"]["personalEmail"] = json!("asha@example.com");
    answers.insert(0, asha);
    world.run(answers).await.unwrap();

    let text = String::from_utf8(LINES.take()).unwrap();
    assert!(
        text.contains("held") && text.contains("accepts records again"),
        "{text}"
    );
    for line in ["held:", "accepts records again"] {
        assert_eq!(text.matches(line).count(), 1, "{line} in {text}");
    }
    for secret in [
        "asha",
        "919812345678",
        "t1",
        "t2",
        "Bearer",
        "personalEmail",
    ] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

/// The lines above DEBUG, each without its time and fields.
fn lines() -> Vec<String> {
    let text = String::from_utf8(LINES.take()).unwrap();
    let lines = text
        .lines()
        .filter(|line| !line.contains("DEBUG") && !line.contains("TRACE"));
    lines.map(str::to_owned).collect()
}

#[tokio::test(start_paused = true)]
async fn outage_is_one_line_at_its_beginning_and_one_at_its_end() {
    listen();
    let world = World::new(|call| {
        if call.at < Duration::from_secs(3600) {
            reply(503, "")
        } else {
            ok(call)
        }
    });
    world.run(ten()).await.unwrap();
    let lines = lines();
    let [down, well] = lines.as_slice() else {
        panic!("{lines:?}");
    };
    assert!(
        down.contains("WARN") && down.contains("it answers 503"),
        "{down}"
    );
    assert!(
        well.contains("INFO") && well.contains("answers again"),
        "{well}"
    );
}

#[tokio::test(start_paused = true)]
async fn credential_to_be_repaired_is_one_error_line() {
    listen();
    let world = World::new(ok);
    world.tokens.revoked.store(true, Ordering::Relaxed);
    assert!(
        world
            .run_for(Duration::from_secs(3600), ten())
            .await
            .is_none()
    );
    let lines = lines();
    let [line] = lines.as_slice() else {
        panic!("{lines:?}");
    };
    assert!(
        line.contains("ERROR") && line.contains("check secrets.IMS_CLIENT_SECRET"),
        "{line}"
    );
}

#[tokio::test(start_paused = true)]
async fn inlet_that_throttles_for_long_is_one_line() {
    listen();
    let world = World::new(|call| {
        if call.number % 3 == 0 {
            reply(429, "")
        } else {
            ok(call)
        }
    })
    .with(|config| config.batch.max_records = 1.try_into().unwrap());
    let answers = (0..2000).map(|n| event(&n.to_string(), &format!("c{n}")));
    world.run(answers).await.unwrap();
    let lines = lines();
    let [line] = lines.as_slice() else {
        panic!("{lines:?}");
    };
    assert!(
        line.contains("WARN") && line.contains("asked too much"),
        "{line}"
    );
}

#[tokio::test(start_paused = true)]
async fn inlet_held_for_another_reason_now_is_logged_once() {
    listen();
    let world = World::new(|call| {
        if call.at < Duration::from_secs(600) {
            reply(404, "")
        } else {
            problem(400, "Message has an absent, disabled or wrong flow")
        }
    });
    assert!(
        world
            .run_for(Duration::from_secs(3600), ten())
            .await
            .is_none()
    );
    let stopped = world.conditions.all();
    let stop = stopped.first().unwrap();
    assert!(
        stop.reason.contains("unknown_flow")
            && stop.remedy.contains("check flow-id")
            && stop.since < NOW + 60_000,
        "{stop:?}"
    );
    let lines = lines();
    let [first, second] = lines.as_slice() else {
        panic!("{lines:?}");
    };
    assert!(
        first.contains("ERROR") && first.contains("not_found"),
        "{first}"
    );
    assert!(
        second.contains("ERROR") && second.contains("unknown_flow"),
        "{second}"
    );
}
