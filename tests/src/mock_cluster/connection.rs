//! A listening port whose connections can be cut and which can be closed and opened again on the
//! same number.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use fluvio_future::net::{TcpListener, TcpStream};
use fluvio_protocol::api::{Request, RequestMessage};
use fluvio_protocol::link::versions::ApiVersionKey;
use fluvio_socket::{ExclusiveFlvSink, FluvioSocket, SocketError};
use tokio::task::JoinHandle;

use super::lock::lock;
use crate::cluster::real::ports;

type Connections = Arc<Mutex<HashMap<u64, TcpStream>>>;

/// One port of the cluster.
pub(super) struct Listener {
    port: u16,
    connections: Connections,
    /// The bound socket before the first `serve`, so that no other process takes the port in
    /// between.
    bound: Mutex<Option<TcpListener>>,
    accepting: Mutex<Option<JoinHandle<()>>>,
}

impl Listener {
    pub(super) async fn bind() -> io::Result<Listener> {
        // A port that clients do not get: a stopped server wants it back.
        let listener = TcpListener::try_from(ports::listen()?)?;
        let port = listener.local_addr()?.port();
        Ok(Listener {
            port,
            connections: Connections::default(),
            bound: Mutex::new(Some(listener)),
            accepting: Mutex::new(None),
        })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// How many connections are open.
    pub(super) fn connections(&self) -> usize {
        lock(&self.connections).len()
    }

    /// Accepts connections and gives each its own task of `service`. Does nothing when already
    /// accepting.
    pub(super) async fn serve<S, F>(&self, service: S) -> io::Result<()>
    where
        S: Fn(TcpStream) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        if lock(&self.accepting).is_some() {
            return Ok(());
        }
        let bound = lock(&self.bound).take();
        let listener = match bound {
            Some(listener) => listener,
            None => TcpListener::bind(("127.0.0.1", self.port)).await?,
        };
        let connections = Arc::clone(&self.connections);
        let task = tokio::spawn(async move {
            let next = AtomicU64::new(0);
            while let Ok((stream, _)) = listener.accept().await {
                // Small answers wait for each other otherwise, and a request costs 40 ms.
                if stream.set_nodelay(true).is_err() {
                    continue;
                }
                let id = next.fetch_add(1, Ordering::Relaxed);
                lock(&connections).insert(id, stream.clone());
                let connections = Arc::clone(&connections);
                let served = service(stream);
                tokio::spawn(async move {
                    served.await;
                    if let Some(stream) = lock(&connections).remove(&id) {
                        // The other side may have closed first; there is nothing left to do then.
                        let _ = stream.shutdown(Shutdown::Both);
                    }
                });
            }
        });
        *lock(&self.accepting) = Some(task);
        Ok(())
    }

    /// Closes the port and every connection, as the death of the process would.
    pub(super) async fn stop(&self) {
        let task = lock(&self.accepting).take();
        if let Some(task) = task {
            task.abort();
            // Its end is what frees the port; the error only says that it was cancelled.
            let _ = task.await;
        }
        self.drop_connections();
    }

    /// Cuts every connection; new ones are accepted.
    pub(super) fn drop_connections(&self) {
        for stream in lock(&self.connections).values() {
            // Already closed by the other side: what was wanted.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(task) = lock(&self.accepting).take() {
            task.abort();
        }
        self.drop_connections();
    }
}

/// Wraps an accepted connection in the framing of the client crates.
pub(super) fn framed(stream: TcpStream) -> FluvioSocket {
    let fd = stream.as_raw_fd();
    FluvioSocket::from_stream(Box::new(stream.clone()), Box::new(stream), fd)
}

/// Answers `request`.
pub(super) async fn reply<R>(
    sink: &mut ExclusiveFlvSink,
    request: &RequestMessage<R>,
    response: R::Response,
) -> Result<(), SocketError>
where
    R: Request,
{
    let version = request.header.api_version();
    sink.send_response(&request.new_response(response), version)
        .await
}

/// What went wrong on a connection; it is then closed, as the real service does.
pub(super) type ServiceError = Box<dyn std::error::Error + Send + Sync>;

/// A request and the versions of it that a service knows.
pub(super) fn version_key(api_key: u16, min_version: i16, max_version: i16) -> ApiVersionKey {
    ApiVersionKey {
        api_key: api_key.cast_signed(),
        min_version,
        max_version,
    }
}
