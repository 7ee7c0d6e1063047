//! TLS, proxy, TCP and timeouts, set up once for every client.

use std::sync::Arc;
use std::time::Duration;

use hyper::Uri;
use hyper::header::HeaderValue;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::redirect::Policy;
use rustls::ClientConfig;

use super::error::HttpError;
use super::tls;
use crate::config::Platform;

/// `User-Agent` of every request, also of those that open a tunnel through a proxy.
pub(crate) const USER_AGENT: &str = concat!("capillary-aep-sink/", env!("CARGO_PKG_VERSION"));

/// Below the idle limits usual for load balancers (60 s): a connection the other side is about to
/// close costs a retry.
pub(super) const POOL_IDLE: Duration = Duration::from_secs(50);
/// An idle connection is probed this often …
const KEEPALIVE: Duration = Duration::from_secs(15);
/// … and closed after this many probes without a reply.
const KEEPALIVE_PROBES: u32 = 3;
/// Sent bytes that stay unacknowledged this long end a connection, where the system can do that;
/// the request is sent again on another one.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// What the clients have in common.
pub(super) struct HttpSetup<'a> {
    platform: &'a Platform,
    pub(super) tls: Arc<ClientConfig>,
}

/// The configured proxy.
pub(super) struct ProxyServer {
    pub(super) uri: Uri,
    /// `Proxy-Authorization`, if the URL has a user.
    pub(super) credential: Option<HeaderValue>,
}

impl<'a> HttpSetup<'a> {
    /// Reads the certificates the configuration names.
    pub(super) fn new(platform: &'a Platform) -> Result<Self, HttpError> {
        Ok(Self {
            platform,
            tls: Arc::new(tls::config(platform)?),
        })
    }

    /// Until a connection can be used: name, TCP, proxy and TLS.
    pub(super) fn connect_timeout(&self) -> Duration {
        self.platform.http.connect_timeout
    }

    /// The most connections that one inlet can have in use at once.
    pub(super) fn max_concurrency(&self) -> usize {
        self.platform.concurrency.upper_bound().get()
    }

    /// The proxy, in the form hyper's connectors need.
    pub(super) fn proxy(&self) -> Result<Option<ProxyServer>, HttpError> {
        let Some(proxy) = &self.platform.http.proxy else {
            return Ok(None);
        };
        let matcher = Matcher::builder().all(proxy.0.as_str()).build();
        // It is a proxy for all hosts, so any host finds it.
        let found = matcher
            .intercept(&Uri::from_static("https://any.invalid"))
            .ok_or(HttpError::Proxy)?;
        Ok(Some(ProxyServer {
            uri: found.uri().clone(),
            credential: found.basic_auth().cloned(),
        }))
    }

    /// Opens TCP connections for hyper's client.
    pub(super) fn tcp(&self) -> HttpConnector {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // Divided among the addresses of a host, so that one that does not answer leaves time for
        // the next.
        tcp.set_connect_timeout(Some(self.connect_timeout()));
        tcp.set_keepalive(Some(KEEPALIVE));
        tcp.set_keepalive_interval(Some(KEEPALIVE));
        tcp.set_keepalive_retries(Some(KEEPALIVE_PROBES));
        #[cfg(target_os = "linux")]
        tcp.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
        tcp
    }

    /// The reqwest client, for what is requested now and then.
    pub(super) fn reqwest(&self) -> Result<reqwest::Client, HttpError> {
        let mut builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(self.connect_timeout())
            .timeout(self.platform.http.request_timeout)
            .tcp_nodelay(true)
            .tcp_keepalive(KEEPALIVE)
            .tcp_keepalive_interval(KEEPALIVE)
            .tcp_keepalive_retries(KEEPALIVE_PROBES)
            // A redirect would repeat a request, secret and all, to wherever the response points.
            .redirect(Policy::none())
            // Only the caller knows whether and when a request may be repeated.
            .retry(reqwest::retry::never())
            .http1_only()
            .pool_idle_timeout(POOL_IDLE)
            .no_proxy()
            .tls_backend_preconfigured(ClientConfig::clone(&self.tls));
        #[cfg(target_os = "linux")]
        {
            builder = builder.tcp_user_timeout(UNACKNOWLEDGED);
        }
        if let Some(proxy) = &self.platform.http.proxy {
            let proxy = reqwest::Proxy::all(proxy.0.clone()).map_err(|_| HttpError::Proxy)?;
            builder = builder.proxy(proxy);
        }
        builder.build().map_err(|error| {
            // Its own text is only "builder error"; the reason is in its source.
            let cause = std::error::Error::source(&error)
                .map_or_else(|| error.to_string(), ToString::to_string);
            HttpError::Client(cause)
        })
    }
}
