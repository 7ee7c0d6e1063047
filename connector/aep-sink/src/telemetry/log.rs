//! Where the log goes and what is in it.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::SubscriberBuilder;
use tracing_subscriber::fmt::format::{DefaultFields, Format, Json, JsonFields};

use super::progress::AboveBars;
use crate::config::LogFormat;

/// Libraries whose INFO lines are about their own plumbing, and whose TRACE lines may show what
/// goes over the wire.
const LIBRARIES: [&str; 9] = [
    "fluvio",
    "fluvio_compression",
    "fluvio_future",
    "fluvio_protocol",
    "fluvio_socket",
    "h2",
    "hyper",
    "hyper_util",
    "rustls",
];

/// Logs to stderr, filtered by `RUST_LOG`; INFO when it is not set.
///
/// ERROR: a record left the stream undelivered, or the process stops. WARN: something is late.
/// INFO: lifecycle.
pub(crate) fn start(form: LogFormat) {
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter(std::env::var("RUST_LOG").ok().as_deref()))
        .with_writer(|| AboveBars);
    match form {
        LogFormat::Human => log.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => json(log).init(),
    }
}

/// One object a line: time, level, target, message, and beside them the fields of the event.
fn json<F, W>(
    log: SubscriberBuilder<DefaultFields, Format, F, W>,
) -> SubscriberBuilder<JsonFields, Format<Json>, F, W> {
    log.json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
}

/// Libraries are heard from WARN on, unless they are asked for by name: cdk always sets
/// `RUST_LOG=info`.
fn filter(asked: Option<&str>) -> EnvFilter {
    let asked = asked
        .filter(|asked| !asked.trim().is_empty())
        .unwrap_or("info");
    let mut directives: Vec<String> = LIBRARIES
        .iter()
        .filter(|library| !names(asked, library))
        .map(|library| format!("{library}=warn"))
        .collect();
    directives.push(asked.to_owned());
    EnvFilter::try_new(directives.join(",")).unwrap_or_else(|_| EnvFilter::new("info"))
}

fn names(asked: &str, library: &str) -> bool {
    asked.split(',').any(|directive| {
        directive
            .split(['=', '['])
            .next()
            .is_some_and(|target| target.trim() == library)
    })
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use serde_json::Value;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn json_log_keeps_types_and_is_one_line_per_event() {
        let lines = Lines::default();
        let writer = lines.clone();
        let log = tracing_subscriber::fmt().with_writer(move || writer.clone());
        tracing::subscriber::with_default(json(log).finish(), || {
            let span = tracing::info_span!("span", of = "no interest");
            let _entered = span.enter();
            let error = "a\n\"b\"";
            tracing::warn!(partition = 3, stored = Some(5_i64), ok = true, %error, "a {}", "text");
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        let mut line: Value = serde_json::from_str(&text).unwrap();
        let timestamp = line["timestamp"].take();
        assert!(humantime::parse_rfc3339(timestamp.as_str().unwrap()).is_ok());
        let expected = serde_json::json!({
            "timestamp": null,
            "level": "WARN",
            "target": module_path!(),
            "message": "a text",
            "partition": 3,
            "stored": 5,
            "ok": true,
            "error": "a\n\"b\"",
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn filter_quiets_libraries_unless_they_are_named() {
        assert!(filter(Some("trace")).to_string().contains("hyper=warn"));
        let asked = filter(Some("info,hyper=debug")).to_string();
        assert!(
            asked.contains("hyper=debug") && !asked.contains("hyper=warn"),
            "{asked}"
        );
        assert!(asked.contains("fluvio_socket=warn"), "{asked}");
    }
}
