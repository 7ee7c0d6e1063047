//! Where the log goes and what is in it.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use super::log_json;
use crate::config::LogFormat;
use crate::telemetry::progress::Above;

/// Libraries whose INFO lines are about their own plumbing, and whose TRACE lines may show what
/// goes over the wire.
const LIBRARIES: [&str; 10] = [
    "fluvio",
    "fluvio_compression",
    "fluvio_future",
    "fluvio_protocol",
    "fluvio_socket",
    "h2",
    "hyper",
    "hyper_util",
    "reqwest",
    "rustls",
];

/// Logs to stderr, filtered by `RUST_LOG`; INFO when it is not set.
///
/// ERROR: a record left the stream undelivered, or the process stops. WARN: something is late.
/// INFO: lifecycle.
pub(crate) fn start(form: LogFormat) {
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter(std::env::var("RUST_LOG").ok().as_deref()))
        .with_writer(|| Above(std::io::stderr()));
    match form {
        LogFormat::Human => log.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => log.event_format(log_json::Json).init(),
    }
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
    use super::*;

    #[test]
    fn libraries_are_quiet_unless_they_are_asked_for_by_name() {
        assert!(filter(Some("trace")).to_string().contains("hyper=warn"));
        let asked = filter(Some("info,hyper=debug")).to_string();
        assert!(
            asked.contains("hyper=debug") && !asked.contains("hyper=warn"),
            "{asked}"
        );
        assert!(asked.contains("fluvio_socket=warn"), "{asked}");
    }
}
