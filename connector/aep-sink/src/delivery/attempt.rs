//! One attempt: rate, token, timeout, HTTP.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use hyper::header::HeaderValue;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::rate_limiter::{RateLimiter, RetryAfterGate, Waited};
use crate::aep::{self, HttpResponse, InletResponse, Kind, Request, Transport, TransportError};
use crate::clock::Clock;
use crate::inlet_name::InletName;
use crate::telemetry::Metrics;

/// There is no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoToken {
    /// Why, and what to do about it; nothing secret.
    pub(crate) message: String,
    /// Otherwise somebody has to change the credential.
    pub(crate) heals: bool,
}

/// Where access tokens come from.
pub(crate) trait Tokens: Send + Sync {
    type Token: Send + Sync;

    /// A token that is valid for this inlet as far as anyone knows.
    fn token(&self, inlet: InletName) -> impl Future<Output = Result<Self::Token, NoToken>> + Send;

    /// The inlet refused this token: it needs another one.
    fn refuse(&self, inlet: InletName, token: &Self::Token);

    /// The inlet accepted this token, after it had refused one.
    fn accept(&self, inlet: InletName, token: &Self::Token);

    /// The token as the value of the `Authorization` header, marked sensitive.
    fn bearer<'a>(&self, token: &'a Self::Token) -> &'a HeaderValue;

    /// The clock of the issuer of tokens, milliseconds since the epoch, if it is known. Never
    /// ahead of it.
    fn server_time(&self, now: Instant) -> Option<i64>;
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AttemptResult {
    Response(InletResponse),
    /// No response: whether the records were accepted is unknown.
    Failed(TransportError),
    /// Nothing was sent.
    NoToken(NoToken),
    /// Nothing was sent: some of its records are not to be any more.
    Withdrawn,
}

/// How long an attempt took. Waiting for the rate or a token is not in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct AttemptTiming {
    pub(super) started: Instant,
    pub(super) took: Duration,
    /// Requests in flight to this inlet when it began, itself included.
    pub(super) in_flight: usize,
}

/// Sends to one inlet.
#[derive(Debug)]
pub(super) struct Sender<T, K> {
    pub(super) inlet: InletName,
    pub(super) transport: Arc<T>,
    pub(super) tokens: Arc<K>,
    pub(super) rate_limiter: Arc<RateLimiter>,
    pub(super) gate: RetryAfterGate,
    pub(super) timeout: Duration,
    /// Bound of what `Retry-After` may ask for.
    pub(super) longest_pause: Duration,
    pub(super) clock: Clock,
    pub(super) metrics: Arc<Metrics>,
    pub(super) in_flight: AtomicUsize,
    /// The inlet refused a token and accepted none since.
    pub(super) refuses: AtomicBool,
}

/// Counts a request as in flight while it lives, however it ends.
struct InFlight<'a>(&'a AtomicUsize);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<T: Transport, K: Tokens> Sender<T, K> {
    /// One attempt. A refused token is replaced once and the request repeated; that is still one
    /// attempt, because the refusal does not concern the records or the inlet.
    pub(super) async fn send(
        &self,
        request: Request,
        kind: Kind,
        records: usize,
        withdrawn: oneshot::Receiver<()>,
    ) -> (AttemptResult, Option<AttemptTiming>) {
        let mut withdrawn = pin!(withdrawn.fuse());
        let mut refused = None;
        let mut timing = None;
        loop {
            let token = async {
                // The rate limit inside the repetition: every request counts at the other side,
                // whatever its reason.
                self.wait(records).await;
                // The token after the pause: during a long one it may have expired.
                self.tokens.token(self.inlet).await
            };
            let token = tokio::select! {
                biased;
                Ok(()) = &mut withdrawn => return (AttemptResult::Withdrawn, None),
                token = token => match token {
                    Ok(token) => token,
                    Err(none) => return (AttemptResult::NoToken(none), timing),
                },
            };
            let authorization = self.tokens.bearer(&token).clone();
            if refused.as_ref() == Some(&authorization) {
                // The next token has to wait for a while. Another refusal of this one would look
                // like missing rights.
                let none = NoToken {
                    message: "the token was refused, and IMS is not asked for the next one yet"
                        .to_owned(),
                    heals: true,
                };
                return (AttemptResult::NoToken(none), timing);
            }
            let (posted, measured) = self.timing(&request, records, authorization.clone()).await;
            timing = Some(measured);
            let response = match posted {
                Ok(response) => self.read(&response, kind, &request),
                Err(error) => return (AttemptResult::Failed(error), timing),
            };
            if matches!(response, InletResponse::Records(_))
                && self.refuses.swap(false, Ordering::Relaxed)
            {
                self.tokens.accept(self.inlet, &token);
            }
            if !matches!(response, InletResponse::Unauthorized(_)) || refused.is_some() {
                return (AttemptResult::Response(response), timing);
            }
            // 401 and 403 alike: Adobe's pages disagree on which one an expired token gets.
            self.refuses.store(true, Ordering::Relaxed);
            self.tokens.refuse(self.inlet, &token);
            self.metrics.retried("token_refused", 1);
            // Not INFO: a credential that was revoked meets this at every probe, for as long as
            // that lasts.
            tracing::debug!(
                inlet = self.inlet.as_str(),
                "the token was refused; repeating with a fresh one"
            );
            refused = Some(authorization);
        }
    }

    /// Waits until this request may go, and counts it if it had to.
    async fn wait(&self, records: usize) {
        let Waited { rate, gate } = self.rate_limiter.acquire(&self.gate, records).await;
        for (cause, time) in [("rate", rate), ("retry_after", gate)] {
            if !time.is_zero() {
                self.metrics.waited(cause, time);
            }
        }
    }

    async fn timing(
        &self,
        request: &Request,
        records: usize,
        authorization: HeaderValue,
    ) -> (Result<HttpResponse, TransportError>, AttemptTiming) {
        let in_flight = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        let _in_flight = InFlight(&self.in_flight);
        let started = Instant::now();
        // The timeout is the innermost layer: waiting for the rate or a token is not the inlet's
        // delay.
        let posted = self
            .transport
            .post_within(self.timeout, request, authorization)
            .await;
        let took = started.elapsed();
        let size = (records, request.body.len());
        self.metrics
            .request_ended(self.inlet, result(&posted), took, size);
        let timing = AttemptTiming {
            started,
            took,
            in_flight,
        };
        (posted, timing)
    }

    fn read(&self, answer: &HttpResponse, kind: Kind, request: &Request) -> InletResponse {
        answer.log_ids(self.inlet.as_str());
        let sent = request.body.entities();
        let response = aep::read(answer, kind, sent, self.clock.now_ms());
        if let InletResponse::Busy {
            retry_after: Some(pause),
            ..
        } = response
        {
            self.gate.close(pause.min(self.longest_pause));
        }
        response
    }
}

/// What came back, as a counter's label.
fn result(response: &Result<HttpResponse, TransportError>) -> &'static str {
    match response {
        Ok(response) => match response.status {
            429 => "429",
            200..=299 => "2xx",
            300..=399 => "3xx",
            500.. => "5xx",
            _ => "4xx",
        },
        Err(TransportError::Timeout) => "timeout",
        Err(TransportError::Connect(_) | TransportError::Proxy(_) | TransportError::Broken(_)) => {
            "network"
        }
    }
}
