//! One HTTP exchange.

use std::error::Error;
use std::future::Future;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::Method;
use hyper::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use tokio::time::timeout;

use super::endpoint::Request;
use crate::http::InletClient;

/// Longest response that is read. The response to the largest batch has some hundred bytes a record.
const MAX_RESPONSE: usize = 8 * 1024 * 1024;

/// A response as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// The HTTP status.
    pub status: u16,
    /// The header `Retry-After`, as written.
    pub retry_after: Option<String>,
    /// The whole body.
    pub body: Bytes,
}

/// The exchange failed. All of these heal, and none says whether the records were accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TransportError {
    #[error("no answer in time")]
    Timeout,
    #[error("cannot connect: {0}")]
    Connect(String),
    #[error("the exchange broke off: {0}")]
    Broken(String),
}

/// Carries requests. Tests have a scripted one.
pub(crate) trait Transport: Send + Sync {
    /// Sends one request with this `Authorization` and reads the whole response, whatever its status,
    /// for as long as it takes.
    fn post(
        &self,
        request: &Request,
        authorization: HeaderValue,
    ) -> impl Future<Output = Result<HttpResponse, TransportError>> + Send;

    /// The same, given up after a while. That is for the whole exchange, so a response that trickles
    /// in without an end is given up as well.
    fn post_within(
        &self,
        longest: Duration,
        request: &Request,
        authorization: HeaderValue,
    ) -> impl Future<Output = Result<HttpResponse, TransportError>> + Send {
        let posting = timeout(longest, self.post(request, authorization));
        async { posting.await.unwrap_or(Err(TransportError::Timeout)) }
    }
}

impl Transport for InletClient {
    async fn post(
        &self,
        request: &Request,
        authorization: HeaderValue,
    ) -> Result<HttpResponse, TransportError> {
        let mut ready = hyper::Request::new(Full::new(request.body.write()));
        *ready.method_mut() = Method::POST;
        *ready.uri_mut() = request.head.uri.clone();
        ready.headers_mut().clone_from(&request.head.headers);
        ready.headers_mut().insert(AUTHORIZATION, authorization);
        let response = self.send(ready).await.map_err(|error| {
            let is_connect = error.is_connect();
            classify(&error, is_connect)
        })?;
        let status = response.status().as_u16();
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let body = Limited::new(response.into_body(), MAX_RESPONSE)
            .collect()
            .await;
        let body = body.map_err(|error| {
            if error.is::<LengthLimitError>() {
                TransportError::Broken("the answer is too long".to_owned())
            } else {
                classify(&*error, false)
            }
        })?;
        Ok(HttpResponse {
            status,
            retry_after,
            // No copy of one that came in one piece, as nearly all do.
            body: body.to_bytes(),
        })
    }
}

/// Takes the innermost cause: the outer texts say less.
fn classify(error: &(dyn Error + 'static), is_connect: bool) -> TransportError {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let is_late = cause
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::TimedOut);
    if is_late {
        TransportError::Timeout
    } else if is_connect {
        TransportError::Connect(cause.to_string())
    } else {
        TransportError::Broken(cause.to_string())
    }
}

#[cfg(test)]
mod tests;
