//! A connection, whatever it goes through.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};

/// What bytes go over: TCP, TLS, or TLS in a tunnel.
trait Bytes: Read + Write + Unpin + Send {}

impl<T: Read + Write + Unpin + Send> Bytes for T {}

/// An open connection.
pub(super) struct Stream {
    bytes: Box<dyn Bytes>,
    /// To a proxy that forwards requests: it has to be told the whole URL.
    is_forwarded: bool,
}

impl Stream {
    /// To the host itself, or as good as that.
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

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream")
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
