//! An inlet that reads no more of a request than which marked records are in it: a million of them
//! are looked at in seconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::HeaderValue;
use tokio::time::{Instant, sleep};

use crate::aep::{HttpResponse, Request, Transport, TransportError};

/// Ids that begin so are told apart.
pub(super) const MARK: &str = "mark-";

/// One request, as far as it is looked at.
pub(super) struct Seen {
    /// Since the start.
    pub(super) at: Duration,
    /// How many requests came before.
    pub(super) number: u64,
    pub(super) records: usize,
    /// Whether one of them is marked.
    pub(super) marked: bool,
}

/// What the inlet does.
pub(super) enum Does {
    Accept,
    Answer(u16, &'static str),
    Hang,
    Reset,
}

type Rule = Box<dyn Fn(&Seen) -> Does + Send + Sync>;

pub(super) struct ScriptedInlet {
    start: Instant,
    takes: Duration,
    rule: Rule,
    requests: AtomicU64,
}

impl ScriptedInlet {
    pub(super) fn new(
        takes: Duration,
        rule: impl Fn(&Seen) -> Does + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            takes,
            rule: Box::new(rule),
            requests: AtomicU64::new(0),
        })
    }
}

fn count(body: &[u8], word: &str) -> usize {
    body.windows(word.len())
        .filter(|window| *window == word.as_bytes())
        .count()
}

impl Transport for ScriptedInlet {
    async fn post(
        &self,
        request: &Request,
        _authorization: HeaderValue,
    ) -> Result<HttpResponse, TransportError> {
        let body = request.body.write();
        let seen = Seen {
            at: self.start.elapsed(),
            number: self.requests.fetch_add(1, Ordering::Relaxed),
            records: count(&body, "\"_id\":"),
            marked: count(&body, MARK) > 0,
        };
        sleep(self.takes).await;
        let (status, body) = match (self.rule)(&seen) {
            Does::Accept => {
                let items = vec![r#"{"xactionId":"1:2:3"}"#; seen.records].join(",");
                (207, format!(r#"{{"responses":[{items}]}}"#))
            }
            Does::Answer(status, body) => (status, body.to_owned()),
            Does::Hang => std::future::pending().await,
            Does::Reset => return Err(TransportError::Broken("reset".to_owned())),
        };
        Ok(HttpResponse {
            status,
            retry_after: None,
            request_id: None,
            body: Bytes::from(body),
        })
    }
}
