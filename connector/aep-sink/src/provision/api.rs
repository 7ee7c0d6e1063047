//! Calls to Experience Platform's services: headers, repetitions, and what became of a call.

use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, IF_MATCH, RETRY_AFTER};
use hyper::{Method, Request, StatusCode};
use serde_json::Value;

use super::refusal::{Reason, Refusal};
use crate::backoff::Backoff;
use crate::config::{Ims, RetryLimits};
use crate::http::{ApiClient, TransportError};
use crate::ims::{TokenError, TokenSource};
use crate::inlet_name::InletName;
use crate::secret::Secret;

/// A resolved schema has some hundred kilobytes.
const LONGEST: usize = 16 << 20;
/// So often a call is tried while nothing but waiting helps.
const ATTEMPTS: u32 = 6;

/// The services of one organisation.
pub(super) struct Api {
    client: ApiClient,
    tokens: TokenSource,
    base: String,
    key: Secret,
    organization: String,
    sandbox: Option<String>,
    retry: RetryLimits,
    backoff: Backoff,
}

/// A call to be made.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    /// From `/data` on.
    pub(super) path: String,
    pub(super) accept: &'static str,
    pub(super) if_match: Option<&'a str>,
    pub(super) body: Option<&'a Value>,
    /// What is being done, for a refusal.
    pub(super) what: String,
    /// What a role needs for it.
    pub(super) permission: &'static str,
}

/// What became of a call.
#[derive(Debug)]
pub(super) enum Sent {
    Answer(Value),
    /// There is no such thing.
    Missing,
    /// There is one of this name or code.
    Conflict(String),
    /// Of a call that changes something: it may have been carried out.
    Lost(String),
}

impl<'a> Call<'a> {
    pub(super) fn get(path: String, what: String, permission: &'static str) -> Self {
        Self {
            method: Method::GET,
            path,
            accept: "application/json",
            if_match: None,
            body: None,
            what,
            permission,
        }
    }

    pub(super) fn post(
        path: &str,
        body: &'a Value,
        what: String,
        permission: &'static str,
    ) -> Self {
        Self {
            method: Method::POST,
            body: Some(body),
            ..Self::get(path.to_owned(), what, permission)
        }
    }

    pub(super) fn accept(self, accept: &'static str) -> Self {
        Self { accept, ..self }
    }
}

impl Api {
    pub(super) fn new(
        client: ApiClient,
        ims: &Ims,
        base: &str,
        organization: &str,
        retry: RetryLimits,
    ) -> Self {
        Self {
            tokens: TokenSource::new(ims, client.clone(), retry),
            client,
            base: base.trim_end_matches('/').to_owned(),
            key: ims.client_id.clone(),
            organization: organization.to_owned(),
            sandbox: None,
            retry,
            backoff: Backoff::new(retry, fastrand::Rng::new()),
        }
    }

    /// From here on calls are about this sandbox.
    pub(super) fn enter(&mut self, sandbox: &str) {
        self.sandbox = Some(sandbox.to_owned());
    }

    /// Waits as after so many failures.
    pub(super) async fn pause(&self, failures: u32) {
        tokio::time::sleep(crate::backoff::ceiling(self.retry, failures)).await;
    }

    /// A call that only reads.
    pub(super) async fn read(&mut self, call: &Call<'_>) -> Result<Option<Value>, Refusal> {
        match self.send(call).await? {
            Sent::Answer(answer) => Ok(Some(answer)),
            Sent::Missing => Ok(None),
            Sent::Conflict(reason) | Sent::Lost(reason) => {
                Err(Refusal::new(&*call.what, Reason::Unavailable(reason)))
            }
        }
    }

    /// Sends a call, again while that changes nothing twice.
    pub(super) async fn send(&mut self, call: &Call<'_>) -> Result<Sent, Refusal> {
        let reads = call.method == Method::GET || call.path.ends_with("/validate");
        let reads = reads || call.path.ends_with("/preview");
        let mut renewed = false;
        let mut failures = 0;
        loop {
            let token = self.token(&call.what).await?;
            let request = self.request(call, token.bearer())?;
            let (reason, pause) = match self.client.exchange(request, LONGEST).await {
                Ok(response) => {
                    let status = response.status();
                    let retry_after = response
                        .headers()
                        .get(RETRY_AFTER)
                        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
                        .map(std::time::Duration::from_secs);
                    let body = String::from_utf8_lossy(response.body());
                    match status.as_u16() {
                        200..=299 => match answer(&body) {
                            Some(answer) => return Ok(Sent::Answer(answer)),
                            None if reads => ("the answer is no JSON".to_owned(), None),
                            None => return Ok(Sent::Lost("the answer is no JSON".to_owned())),
                        },
                        404 => return Ok(Sent::Missing),
                        409 => return Ok(Sent::Conflict(body.into_owned())),
                        401 if !renewed => {
                            renewed = true;
                            // For good: this program has no second use for the token.
                            self.tokens.refuse(InletName::Events, &token);
                            continue;
                        }
                        429 => (said(status), retry_after),
                        500..=599 if reads => (said(status), retry_after),
                        500..=599 => return Ok(Sent::Lost(said(status))),
                        status => return Err(self.refused(call, status, &body)),
                    }
                }
                Err(error @ (TransportError::Connect(_) | TransportError::Proxy(_))) => {
                    (error.to_string(), None)
                }
                Err(error) if reads => (error.to_string(), None),
                Err(error) => return Ok(Sent::Lost(error.to_string())),
            };
            failures += 1;
            if failures >= ATTEMPTS {
                return Err(Refusal::new(&*call.what, Reason::Unavailable(reason)));
            }
            tokio::time::sleep(self.backoff.pause_or(failures, pause)).await;
        }
    }

    async fn token(&self, what: &str) -> Result<crate::ims::Token, Refusal> {
        let refused = |error: TokenError| {
            let text = error.to_string();
            let reason = match error.fault() {
                crate::error::Fault::User => Reason::Token(text),
                _ => Reason::Unavailable(text),
            };
            Refusal::new(what, reason)
        };
        let mut failures = 0;
        loop {
            match self.tokens.token().await {
                Ok(token) => return Ok(token),
                Err(error) => match error.retry() {
                    crate::error::Retry::After(pause) if failures + 1 < ATTEMPTS => {
                        failures += 1;
                        tokio::time::sleep(pause).await;
                    }
                    _ => return Err(refused(error)),
                },
            }
        }
    }

    fn request(
        &self,
        call: &Call<'_>,
        bearer: &hyper::header::HeaderValue,
    ) -> Result<Request<String>, Refusal> {
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(format!("{}{}", self.base, call.path))
            .header(AUTHORIZATION, bearer)
            .header(ACCEPT, call.accept)
            .header("x-api-key", self.key.expose())
            .header("x-gw-ims-org-id", &self.organization);
        if let Some(sandbox) = &self.sandbox {
            request = request.header("x-sandbox-name", sandbox);
        }
        if let Some(etag) = call.if_match {
            request = request.header(IF_MATCH, etag);
        }
        if call.body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = call.body.map(Value::to_string).unwrap_or_default();
        request
            .body(body)
            .map_err(|error| Refusal::new(&*call.what, Reason::Configuration(error.to_string())))
    }

    fn refused(&self, call: &Call<'_>, status: u16, body: &str) -> Refusal {
        let sandbox = self.sandbox.as_deref().unwrap_or_default();
        let reason = Reason::of_answer(status, body, call.permission, &self.organization, sandbox);
        Refusal::new(&*call.what, reason)
    }
}

fn said(status: StatusCode) -> String {
    format!("it answers {}", status.as_u16())
}

/// The answer; nothing is null.
fn answer(body: &str) -> Option<Value> {
    if body.trim().is_empty() {
        return Some(Value::Null);
    }
    serde_json::from_str(body).ok()
}

/// A value as a part of a path or of a query.
pub(super) fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}
