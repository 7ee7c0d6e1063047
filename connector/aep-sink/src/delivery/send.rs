//! One attempt: pace, token, timeout, HTTP.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use hyper::header::HeaderValue;
use tokio::time::Instant;

use super::pace::{Gate, Pace, Waited};
use crate::aep::{self, Answer, HttpAnswer, Kind, Request, Transport, TransportError};
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

    /// The clock of whoever issues the tokens, milliseconds since the epoch, if it was told. Never
    /// ahead of it.
    fn server_time(&self, now: Instant) -> Option<i64>;
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sent {
    Answered(Answer),
    /// No answer: whether the records were accepted is unknown.
    Failed(TransportError),
    /// Nothing was sent.
    NoToken(NoToken),
    /// There was nothing to send: newer statements were accepted for all of it.
    Nothing,
}

/// What an attempt showed of the inlet's speed. Waiting for a turn or a token is not in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exchange {
    pub(super) started: Instant,
    pub(super) took: Duration,
    /// Exchanges under way with this inlet when it began, itself included.
    pub(super) together: usize,
}

/// Sends to one inlet.
#[derive(Debug)]
pub(super) struct Sender<T, K> {
    pub(super) inlet: InletName,
    pub(super) transport: Arc<T>,
    pub(super) tokens: Arc<K>,
    pub(super) pace: Arc<Pace>,
    pub(super) gate: Gate,
    pub(super) timeout: Duration,
    /// Bound of what `Retry-After` may ask for.
    pub(super) longest_pause: Duration,
    pub(super) clock: Clock,
    pub(super) counters: Arc<Metrics>,
    pub(super) under_way: AtomicUsize,
    /// The inlet refused a token and accepted none since.
    pub(super) refuses: AtomicBool,
}

/// Counts an exchange as under way while it lives, however it ends.
struct UnderWay<'a>(&'a AtomicUsize);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<T: Transport, K: Tokens> Sender<T, K> {
    /// One attempt. A refused token is replaced once and the request repeated; that is still one
    /// attempt, because the refusal says nothing about the records or the inlet.
    pub(super) async fn send(
        &self,
        request: Request,
        kind: Kind,
        records: usize,
    ) -> (Sent, Option<Exchange>) {
        let mut refused = None;
        let mut exchange = None;
        loop {
            // Pace inside the repetition: every request counts at the other side, whatever its
            // reason.
            self.wait(records).await;
            // The token after the pause: during a long one it may have expired.
            let token = match self.tokens.token(self.inlet).await {
                Ok(token) => token,
                Err(none) => return (Sent::NoToken(none), exchange),
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
                return (Sent::NoToken(none), exchange);
            }
            let (posted, measured) = self
                .exchange(&request, records, authorization.clone())
                .await;
            exchange = Some(measured);
            let answer = match posted {
                Ok(answer) => self.read(&answer, kind),
                Err(error) => return (Sent::Failed(error), exchange),
            };
            if matches!(answer, Answer::Records(_)) && self.refuses.swap(false, Ordering::Relaxed) {
                self.tokens.accept(self.inlet, &token);
            }
            if !matches!(answer, Answer::Unauthorized(_)) || refused.is_some() {
                return (Sent::Answered(answer), exchange);
            }
            // 401 and 403 alike: Adobe's pages disagree on which one an expired token gets.
            self.refuses.store(true, Ordering::Relaxed);
            self.tokens.refuse(self.inlet, &token);
            self.counters.retried("token_refused", 1);
            // Not INFO: a credential that was revoked meets this at every probe, for as long as
            // that lasts.
            tracing::debug!(
                inlet = self.inlet.as_str(),
                "the token was refused; repeating with a fresh one"
            );
            refused = Some(authorization);
        }
    }

    /// Waits for this request's turn, and counts it if it had to.
    async fn wait(&self, records: usize) {
        let Waited { rate, gate } = self.pace.turn(&self.gate, records).await;
        for (cause, time) in [("rate", rate), ("retry_after", gate)] {
            if !time.is_zero() {
                self.counters.waited(cause, time);
            }
        }
    }

    async fn exchange(
        &self,
        request: &Request,
        records: usize,
        authorization: HeaderValue,
    ) -> (Result<HttpAnswer, TransportError>, Exchange) {
        let together = self.under_way.fetch_add(1, Ordering::Relaxed) + 1;
        let _under_way = UnderWay(&self.under_way);
        let started = Instant::now();
        // The timeout is the innermost layer: waiting for a turn or a token is nobody's delay but
        // ours.
        let posted = self
            .transport
            .post_within(self.timeout, request, authorization)
            .await;
        let took = started.elapsed();
        let size = (records, request.body.len());
        self.counters
            .request_ended(self.inlet, result(&posted), took, size);
        let exchange = Exchange {
            started,
            took,
            together,
        };
        (posted, exchange)
    }

    fn read(&self, answer: &HttpAnswer, kind: Kind) -> Answer {
        let answer = aep::read(answer, kind, self.clock.now_ms());
        if let Answer::Busy {
            retry_after: Some(pause),
            ..
        } = answer
        {
            self.gate.close(pause.min(self.longest_pause));
        }
        answer
    }
}

/// What came back, as a counter's label.
fn result(answer: &Result<HttpAnswer, TransportError>) -> &'static str {
    match answer {
        Ok(answer) => match answer.status {
            429 => "429",
            200..=299 => "2xx",
            300..=399 => "3xx",
            500.. => "5xx",
            _ => "4xx",
        },
        Err(TransportError::Timeout) => "timeout",
        Err(TransportError::Connect(_) | TransportError::Broken(_)) => "network",
    }
}
