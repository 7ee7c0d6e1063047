//! What the log may hold.

use std::cell::RefCell;
use std::io;

use serde_json::json;

use super::faults::ten;
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

#[tokio::test(start_paused = true)]
async fn no_log_line_holds_a_payload_a_token_or_what_a_refusal_quotes_of_a_record() {
    // For the whole process: tracing remembers for each line whether any subscriber wants it, and asks only the thread
    // that meets the line first, so a subscriber of one thread misses lines that other tests met before.
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::TRACE)
        .with_writer(|| Log)
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let world = World::new(|call| match call.number {
        0 => reply(401, ""),
        1 => problem(404, "no inlet for asha@example.com, phone 919812345678"),
        2..8 => broken(),
        8 => items(call, |id| (id == "asha").then_some((400, "bad value asha@example.com"))),
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
    for secret in ["asha", "919812345678", "t1", "t2", "Bearer", "personalEmail"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}
