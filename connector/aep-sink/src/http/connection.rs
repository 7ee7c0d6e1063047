//! Open connections, and how one is opened.

use std::error::Error;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use tower_service::Service;

/// Why there is no connection. The next attempt may succeed.
pub(super) type ConnectError = Box<dyn Error + Send + Sync>;

/// Opens connections to a host, encrypted or not.
pub(super) type Host = HttpsConnector<HttpConnector>;

/// Makes a connector ready and opens a connection.
pub(super) async fn connect<C>(connector: &C, to: Uri) -> Result<C::Response, C::Error>
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
pub(super) struct Stream {
    bytes: Box<dyn ByteStream>,
    /// To a proxy that forwards requests: it needs the whole URL in the request line.
    is_forwarded: bool,
}

impl Stream {
    /// To the host itself, or through a tunnel.
    pub(super) fn to_host(bytes: impl Read + Write + Unpin + Send + 'static) -> Self {
        Self {
            bytes: Box::new(bytes),
            is_forwarded: false,
        }
    }

    /// To a proxy that forwards requests.
    pub(super) fn to_proxy(bytes: impl Read + Write + Unpin + Send + 'static) -> Self {
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
