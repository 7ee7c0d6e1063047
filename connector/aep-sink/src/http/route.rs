//! How a host is reached: directly, or through the configured proxy.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper::header::{HeaderMap, HeaderValue, USER_AGENT};
use hyper::rt::{Read, Write};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use rustls::ClientConfig;
use tokio::time::timeout;
use tower_service::Service;

use super::HttpError;
use super::stream::Stream;
use crate::config::Http;

/// A connection on which nothing comes is asked for a sign of life this often …
const KEEPALIVE: Duration = Duration::from_secs(15);
/// … and given up after so many without an answer.
const KEEPALIVE_PROBES: u32 = 3;
/// Sent bytes that are not acknowledged for so long end a connection, where the system can do that;
/// the request goes again on another one.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// Why there is no connection. Heals.
type ConnectError = Box<dyn std::error::Error + Send + Sync>;

type Host = HttpsConnector<HttpConnector>;

/// Opens connections. Cheap to clone: the client does it for each request.
#[derive(Clone)]
pub(super) struct Route {
    way: Arc<Way>,
    /// Until the connection can be used: name, TCP, proxy and TLS.
    longest: Duration,
}

enum Way {
    Direct(Host),
    Proxied(Box<Proxied>),
}

struct Proxied {
    proxy: Uri,
    /// Plain requests are forwarded by the proxy …
    forward: Host,
    /// … and what is encrypted goes through it.
    tunnel: HttpsConnector<Tunnel<Host>>,
}

impl Route {
    /// The route of a configuration, and the credential a forwarding proxy wants with each request.
    pub(super) fn new(
        http: &Http,
        tls: &Arc<ClientConfig>,
    ) -> Result<(Self, Option<HeaderValue>), HttpError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // Divided among the addresses of a host, so that one that does not answer leaves time for
        // the next.
        tcp.set_connect_timeout(Some(http.connect_timeout));
        tcp.set_keepalive(Some(KEEPALIVE));
        tcp.set_keepalive_interval(Some(KEEPALIVE));
        tcp.set_keepalive_retries(Some(KEEPALIVE_PROBES));
        #[cfg(target_os = "linux")]
        tcp.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
        let host = HttpsConnector::from((tcp, Arc::clone(tls)));
        let (way, credential) = match &http.proxy {
            None => (Way::Direct(host), None),
            Some(proxy) => {
                let matcher = Matcher::builder().all(proxy.0.as_str()).build();
                // Which host is asked for does not matter: it is a proxy for all.
                let proxy = matcher
                    .intercept(&Uri::from_static("https://any.invalid"))
                    .ok_or(HttpError::Proxy)?;
                let credential = proxy.basic_auth().cloned();
                let agent = HeaderMap::from_iter([(
                    USER_AGENT,
                    HeaderValue::from_static(super::USER_AGENT),
                )]);
                let mut tunnel = Tunnel::new(proxy.uri().clone(), host.clone()).with_headers(agent);
                if let Some(credential) = &credential {
                    tunnel = tunnel.with_auth(credential.clone());
                }
                let proxied = Proxied {
                    proxy: proxy.uri().clone(),
                    forward: host,
                    tunnel: HttpsConnector::from((tunnel, Arc::clone(tls))),
                };
                (Way::Proxied(Box::new(proxied)), credential)
            }
        };
        let route = Self {
            way: Arc::new(way),
            longest: http.connect_timeout,
        };
        Ok((route, credential))
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Route")
    }
}

impl Service<Uri> for Route {
    type Response = Stream;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // Whatever has to be waited for is waited for in the call.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, host: Uri) -> Self::Future {
        let (way, longest) = (Arc::clone(&self.way), self.longest);
        Box::pin(async move {
            timeout(longest, way.open(host))
                .await
                .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
        })
    }
}

impl Way {
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

/// Asks a connector, when it is ready, for a connection.
async fn connect<C>(connector: &C, to: Uri) -> Result<C::Response, C::Error>
where
    C: Service<Uri> + Clone,
    C::Response: Read + Write,
{
    let mut connector = connector.clone();
    std::future::poll_fn(|cx| connector.poll_ready(cx)).await?;
    connector.call(to).await
}
