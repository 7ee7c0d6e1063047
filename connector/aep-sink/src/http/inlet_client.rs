//! The client of the inlets, and the connections it opens: directly, or through the proxy.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::header::{HeaderMap, HeaderValue, PROXY_AUTHORIZATION, USER_AGENT};
use hyper::{Request, Response, Uri};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::timeout;
use tower_service::Service;

use super::connection::{ConnectError, Host, Stream, connect};
use super::error::{HttpError, TransportError};
use super::setup::{self, HttpSetup};
use super::tunnel::{ProxyRefused, Tunnel};

/// Keeps connections to the inlets and sends requests over them. Neither follows redirects,
/// which would repeat a request, secret and all, to wherever the response points, nor repeats what
/// may have been sent. Cheap to clone.
///
/// Not reqwest, which is built on the same client: what it adds to each request for redirects and
/// repetitions, even when they are switched off, was measured as 23 % more processor time of the
/// connector where every profile statement is a request of its own (docs/performance.md).
#[derive(Debug, Clone)]
pub(crate) struct InletClient {
    client: Client<Connector, Full<Bytes>>,
    /// `Proxy-Authorization` of each request the proxy forwards. A tunnel gets it once, when it is
    /// opened.
    forwarding: Option<HeaderValue>,
}

impl InletClient {
    pub(super) fn new(setup: &HttpSetup<'_>) -> Result<Self, HttpError> {
        let (connector, forwarding) = Connector::new(setup)?;
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(setup::POOL_IDLE)
            .pool_max_idle_per_host(setup.max_concurrency())
            .build(connector);
        Ok(Self { client, forwarding })
    }

    /// Sends a request to its URL and reads the whole response, up to so many bytes. Only
    /// connecting has a timeout.
    pub(crate) async fn exchange(
        &self,
        mut request: Request<Full<Bytes>>,
        longest: usize,
    ) -> Result<Response<Bytes>, TransportError> {
        if let Some(credential) = &self.forwarding
            && request.uri().scheme_str() == Some("http")
        {
            request
                .headers_mut()
                .insert(PROXY_AUTHORIZATION, credential.clone());
        }
        let response = self.client.request(request).await.map_err(|error| {
            let is_connect = error.is_connect();
            classify(&error, is_connect)
        })?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, longest).collect().await;
        let body = body.map_err(|error| {
            if error.is::<LengthLimitError>() {
                TransportError::Broken("the answer is too long".to_owned())
            } else {
                classify(&*error, false)
            }
        })?;
        // No copy of one that came in one piece, as nearly all do.
        Ok(Response::from_parts(head, body.to_bytes()))
    }
}

/// Takes the innermost cause: the outer texts say less.
pub(super) fn classify(error: &(dyn Error + 'static), is_connect: bool) -> TransportError {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let is_late = cause
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::TimedOut);
    if let Some(ProxyRefused(status)) = cause.downcast_ref() {
        TransportError::Proxy(*status)
    } else if is_late {
        TransportError::Timeout
    } else if is_connect {
        TransportError::Connect(cause.to_string())
    } else {
        TransportError::Broken(cause.to_string())
    }
}

// === impl Connector ===

/// Opens connections. Cheap to clone, which the client does for each request.
#[derive(Clone)]
pub(super) struct Connector {
    route: Arc<Route>,
    connect_timeout: Duration,
}

enum Route {
    Direct(Host),
    Proxied(Box<Proxied>),
}

struct Proxied {
    proxy: Uri,
    /// To the proxy, which forwards plain requests …
    forward: Host,
    /// … and through it, for encrypted ones.
    tunnel: HttpsConnector<Tunnel>,
}

impl Connector {
    /// With it, what a forwarding proxy needs as `Proxy-Authorization` of each request.
    pub(super) fn new(setup: &HttpSetup<'_>) -> Result<(Self, Option<HeaderValue>), HttpError> {
        let host = HttpsConnector::from((setup.tcp(), Arc::clone(&setup.tls)));
        let (route, credential) = match setup.proxy()? {
            None => (Route::Direct(host), None),
            Some(proxy) => {
                let agent = HeaderValue::from_static(setup::USER_AGENT);
                let mut headers = HeaderMap::from_iter([(USER_AGENT, agent)]);
                if let Some(credential) = &proxy.credential {
                    headers.insert(PROXY_AUTHORIZATION, credential.clone());
                }
                let tunnel = Tunnel {
                    proxy: proxy.uri.clone(),
                    to_proxy: host.clone(),
                    headers,
                };
                let proxied = Proxied {
                    proxy: proxy.uri,
                    forward: host,
                    tunnel: HttpsConnector::from((tunnel, Arc::clone(&setup.tls))),
                };
                (Route::Proxied(Box::new(proxied)), proxy.credential)
            }
        };
        let connector = Self {
            route: Arc::new(route),
            connect_timeout: setup.connect_timeout(),
        };
        Ok((connector, credential))
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // The connectors below are made ready in the call, within its timeout.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, host: Uri) -> Self::Future {
        let (route, connect_timeout) = (Arc::clone(&self.route), self.connect_timeout);
        Box::pin(async move {
            timeout(connect_timeout, route.open(host))
                .await
                .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
        })
    }
}

impl Route {
    async fn open(&self, host: Uri) -> Result<Stream, ConnectError> {
        match self {
            Self::Direct(direct) => Ok(Stream::to_host(connect(direct, host).await?)),
            Self::Proxied(proxied) if host.scheme_str() == Some("https") => {
                Ok(Stream::to_host(connect(&proxied.tunnel, host).await?))
            }
            Self::Proxied(proxied) => {
                let proxy = proxied.proxy.clone();
                Ok(Stream::to_proxy(connect(&proxied.forward, proxy).await?))
            }
        }
    }
}
