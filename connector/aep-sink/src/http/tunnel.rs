//! Tunnels through the proxy, by `CONNECT`.
//!
//! Not hyper-util's: it forgets the status with which a proxy refuses, and that tells whether the
//! proxy wants a credential, does not allow the host or does not reach it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderMap, HeaderValue};
use hyper::{Request, Uri, upgrade};
use tower_service::Service;

use super::connection::{ConnectError, Host, Stream, connect};

/// The proxy answers `CONNECT` with this status.
#[derive(Debug, thiserror::Error)]
#[error("the proxy answers {0} to CONNECT")]
pub(super) struct ProxyRefused(pub(super) u16);

/// Opens tunnels.
#[derive(Clone)]
pub(super) struct Tunnel {
    pub(super) proxy: Uri,
    pub(super) to_proxy: Host,
    /// Of each `CONNECT`.
    pub(super) headers: HeaderMap,
}

impl Service<Uri> for Tunnel {
    type Response = Stream;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        // The connector below is made ready in the call.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, host: Uri) -> Self::Future {
        let tunnel = self.clone();
        Box::pin(async move { tunnel.open(&host).await })
    }
}

impl Tunnel {
    async fn open(self, host: &Uri) -> Result<Stream, ConnectError> {
        let name = host.host().unwrap_or_default();
        let authority = format!("{name}:{}", host.port_u16().unwrap_or(443));
        let mut request = Request::connect(authority.as_str()).body(Empty::<Bytes>::new())?;
        *request.headers_mut() = self.headers;
        let authority = HeaderValue::from_str(&authority)?;
        request.headers_mut().insert(HOST, authority);
        let stream = connect(&self.to_proxy, self.proxy).await?;
        let (mut sender, connection) = http1::handshake(stream).await?;
        // Ends with the tunnel's opening, or when this is given up.
        tokio::spawn(connection.with_upgrades());
        let response = sender.send_request(request).await?;
        let status = response.status();
        if !status.is_success() {
            return Err(ProxyRefused(status.as_u16()).into());
        }
        Ok(Stream::to_host(upgrade::on(response).await?))
    }
}
