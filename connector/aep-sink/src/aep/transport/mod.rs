//! One HTTP exchange.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Method;
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue, RETRY_AFTER};
use tokio::time::timeout;

use super::endpoint::Request;
use super::response_ids::{self, ResponseIds};
use crate::http::{InletClient, TransportError};

/// What Adobe's support asks for.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest response that is read. The response to the largest batch has some hundred bytes a
/// record.
const MAX_RESPONSE: usize = 8 * 1024 * 1024;

/// A response as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// The HTTP status.
    pub status: u16,
    /// The header `Retry-After`, as written.
    pub retry_after: Option<String>,
    /// The header `x-request-id`, as written.
    pub request_id: Option<String>,
    /// The whole body.
    pub body: Bytes,
}

impl HttpResponse {
    /// Says at the level `debug` by which ids the other side knows the request and its messages.
    pub(crate) fn log_ids(&self, inlet: &'static str) {
        if !tracing::enabled!(tracing::Level::DEBUG) {
            return;
        }
        let messages = response_ids::of_messages(&self.body);
        let joined = |id: fn(&ResponseIds) -> Option<&String>| {
            let ids: Vec<&str> = messages
                .iter()
                .map(|ids| id(ids).map_or("-", String::as_str))
                .collect();
            ids.join(" ")
        };
        tracing::debug!(
            inlet,
            status = self.status,
            request_id = ResponseIds::default()
                .in_response(self.request_id.as_deref())
                .request_id,
            xaction_ids = joined(|ids| ids.xaction_id.as_ref()),
            batch_ids = joined(|ids| ids.batch_id.as_ref()),
            "answered, message by message"
        );
    }
}

/// Carries requests. Tests have a scripted one.
pub(crate) trait Transport: Send + Sync {
    /// Sends one request with this `Authorization` and reads the whole response, whatever its
    /// status, for as long as it takes.
    fn post(
        &self,
        request: &Request,
        authorization: HeaderValue,
    ) -> impl Future<Output = Result<HttpResponse, TransportError>> + Send;

    /// The same, given up after a while. That is for the whole exchange, so a response that
    /// trickles in without an end is given up as well.
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
        let response = match self.exchange(ready, MAX_RESPONSE).await {
            // What a proxy that forwards would answer to the request itself: it lasts until
            // somebody gives it a credential.
            Err(TransportError::Proxy(407)) => {
                return Ok(HttpResponse {
                    status: 407,
                    retry_after: None,
                    request_id: None,
                    body: Bytes::new(),
                });
            }
            exchanged => exchanged?,
        };
        let header = |name: HeaderName| {
            let value = response.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        Ok(HttpResponse {
            status: response.status().as_u16(),
            retry_after: header(RETRY_AFTER),
            request_id: header(REQUEST_ID),
            body: response.into_body(),
        })
    }
}

#[cfg(test)]
mod tests;
