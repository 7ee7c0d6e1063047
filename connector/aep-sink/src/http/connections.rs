//! The client of the inlets.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{HeaderValue, PROXY_AUTHORIZATION};
use hyper::{Request, Response};
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;

use super::route::Route;
use super::{HttpError, POOL_IDLE};
use crate::config::Platform;

/// Keeps connections to the inlets and sends requests over them. Neither follows redirects nor
/// repeats what may have been sent. Cheap to clone.
///
/// It is the client `reqwest` is built on: with a request for each profile statement, what
/// `reqwest` does for redirects and repetitions that are switched off would be a quarter of all
/// that the connector works (docs/performance.md).
#[derive(Debug, Clone)]
pub(crate) struct Connections {
    client: Client<Route, Full<Bytes>>,
    /// What a proxy wants to see with each request that it forwards. Through a tunnel it is told
    /// once.
    forwarding: Option<HeaderValue>,
}

impl Connections {
    pub(super) fn new(platform: &Platform, tls: &Arc<ClientConfig>) -> Result<Self, HttpError> {
        let (route, forwarding) = Route::new(&platform.http, tls)?;
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE)
            .pool_max_idle_per_host(platform.concurrency.upper_bound().get())
            .build(route);
        Ok(Self { client, forwarding })
    }

    /// Sends a request to its URL; gives the answer's head. Waits as long as it takes, but for the
    /// connection.
    pub(crate) async fn send(
        &self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Error> {
        if let Some(credential) = &self.forwarding
            && request.uri().scheme_str() == Some("http")
        {
            request
                .headers_mut()
                .insert(PROXY_AUTHORIZATION, credential.clone());
        }
        self.client.request(request).await
    }
}
