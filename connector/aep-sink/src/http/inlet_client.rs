//! The client of the inlets, and the connections it opens: directly, or through the proxy.

use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderValue, PROXY_AUTHORIZATION, USER_AGENT};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::{Request, Response, Uri};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::timeout;
use tower_service::Service;

use super::error::HttpError;
use super::setup::{self, HttpSetup};

/// Keeps connections to the inlets and sends requests over them. Neither follows redirects nor
/// repeats what may have been sent. Cheap to clone.
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

    /// Sends a request to its URL; gives the head of the response. Only connecting has a timeout.
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

// === impl Connector ===

/// Why there is no connection. The next attempt may succeed.
type ConnectError = Box<dyn std::error::Error + Send + Sync>;

type Host = HttpsConnector<HttpConnector>;

/// Opens connections. Cheap to clone, which the client does for each request.
#[derive(Clone)]
struct Connector {
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
    tunnel: HttpsConnector<Tunnel<Host>>,
}

impl Connector {
    /// With it, what a forwarding proxy needs as `Proxy-Authorization` of each request.
    fn new(setup: &HttpSetup<'_>) -> Result<(Self, Option<HeaderValue>), HttpError> {
        let host = HttpsConnector::from((setup.tcp(), Arc::clone(&setup.tls)));
        let (route, credential) = match setup.proxy()? {
            None => (Route::Direct(host), None),
            Some(proxy) => {
                let agent = HeaderValue::from_static(setup::USER_AGENT);
                let mut tunnel = Tunnel::new(proxy.uri.clone(), host.clone())
                    .with_headers(HeaderMap::from_iter([(USER_AGENT, agent)]));
                if let Some(credential) = &proxy.credential {
                    tunnel = tunnel.with_auth(credential.clone());
                }
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

/// Makes a connector ready and opens a connection.
async fn connect<C>(connector: &C, to: Uri) -> Result<C::Response, C::Error>
where
    C: Service<Uri> + Clone,
    C::Response: Read + Write,
{
    let mut connector = connector.clone();
    std::future::poll_fn(|cx| connector.poll_ready(cx)).await?;
    connector.call(to).await
}

// === impl Stream ===

/// TCP, TLS, or TLS in a tunnel.
trait ByteStream: Read + Write + Unpin + Send {}

impl<T: Read + Write + Unpin + Send> ByteStream for T {}

/// An open connection.
struct Stream {
    bytes: Box<dyn ByteStream>,
    /// To a proxy that forwards requests: it needs the whole URL in the request line.
    is_forwarded: bool,
}

impl Stream {
    /// To the host itself, or through a tunnel.
    fn to_host(bytes: impl Read + Write + Unpin + Send + 'static) -> Self {
        Self {
            bytes: Box::new(bytes),
            is_forwarded: false,
        }
    }

    /// To a proxy that forwards requests.
    fn to_proxy(bytes: impl Read + Write + Unpin + Send + 'static) -> Self {
        Self {
            is_forwarded: true,
            ..Self::to_host(bytes)
        }
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new().proxy(self.is_forwarded)
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.bytes).poll_read(cx, buf)
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.bytes).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.bytes).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.bytes).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.bytes.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.bytes).poll_write_vectored(cx, bufs)
    }
}
