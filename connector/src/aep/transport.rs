//! One HTTP exchange.

use std::error::Error;
use std::future::Future;

use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method};

use super::request::Request;

/// Longest answer that is read. The answer to the largest batch has some hundred bytes a record.
const MAX_ANSWER: usize = 8 * 1024 * 1024;

/// An answer as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HttpAnswer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<String>,
    pub(crate) body: Bytes,
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
    /// Sends one request with this `Authorization` and reads the whole answer, whatever its status.
    fn post(
        &self,
        request: &Request,
        authorization: HeaderValue,
    ) -> impl Future<Output = Result<HttpAnswer, TransportError>> + Send;
}

/// The real one.
#[derive(Debug, Clone)]
pub(crate) struct HttpClient(Client);

impl HttpClient {
    /// Sends with a client made by [`crate::http::client`], which neither redirects nor repeats on its own.
    pub(crate) fn new(client: Client) -> Self {
        Self(client)
    }
}

impl Transport for HttpClient {
    async fn post(&self, request: &Request, authorization: HeaderValue) -> Result<HttpAnswer, TransportError> {
        let mut ready = reqwest::Request::new(Method::POST, request.head.url.clone());
        ready.headers_mut().clone_from(&request.head.headers);
        ready.headers_mut().insert(AUTHORIZATION, authorization);
        *ready.body_mut() = Some(request.body.write().into());
        let mut response = self.0.execute(ready).await.map_err(classify)?;
        let status = response.status().as_u16();
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        // Nearly every answer comes in one piece, and needs no copy.
        let mut body = response.chunk().await.map_err(classify)?.unwrap_or_default();
        if let Some(second) = response.chunk().await.map_err(classify)? {
            let mut whole = BytesMut::from(body);
            let mut next = Some(second);
            while let Some(chunk) = next {
                if whole.len() + chunk.len() > MAX_ANSWER {
                    return Err(TransportError::Broken("the answer is too long".to_owned()));
                }
                whole.extend_from_slice(&chunk);
                next = response.chunk().await.map_err(classify)?;
            }
            body = whole.freeze();
        }
        Ok(HttpAnswer {
            status,
            retry_after,
            body,
        })
    }
}

/// Takes the innermost cause: the outer texts only repeat the URL.
fn classify(error: reqwest::Error) -> TransportError {
    let error = error.without_url();
    let mut cause: &dyn Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let text = cause.to_string();
    if error.is_timeout() {
        TransportError::Timeout
    } else if error.is_connect() {
        TransportError::Connect(text)
    } else {
        TransportError::Broken(text)
    }
}
