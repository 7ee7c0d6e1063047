//! The one listener. It serves a few readers nearby: a monitoring system, a probe, a person.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::HOST;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;
use tracing::{debug, info};

use super::page::Page;
use super::respond::{misdirected, respond};
use super::snapshot::Observer;

/// Connections at once; more wait. Readers are few, and the process has other uses for its memory.
const CONNECTIONS: usize = 64;
/// A connection that asks for nothing for so long is closed.
const QUIET: Duration = Duration::from_secs(90);
/// Most bytes of a request's head; ours have no body.
const MAX_HEAD: usize = 16 * 1024;
/// When no connection can be accepted (no descriptor is free), asking again at once would only burn
/// time.
const PAUSE: Duration = Duration::from_millis(200);

/// The configured address cannot be listened on. The user's to mend; exit code 2.
#[derive(Debug, thiserror::Error)]
#[error(
    "experience-platform.observability.listen: cannot listen on {address}: {source}; give every \
    connector on a host a port of its own (port 0 takes a free one), name an address of this host, \
    or write `off`"
)]
pub(crate) struct ListenError {
    address: SocketAddr,
    source: io::Error,
}

/// Serves until dropped.
#[derive(Debug)]
pub(crate) struct Listener {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Listener {
    /// Listens, and logs where.
    pub(crate) async fn start(
        address: SocketAddr,
        observer: Arc<Observer>,
    ) -> Result<Self, ListenError> {
        let failed = |source| ListenError { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let task = tokio::spawn(serve(listener, address.ip().is_loopback(), observer));
        let started = Self { address, task };
        info!(address = %started.address, "metrics, readiness and the status page are served");
        Ok(started)
    }
}

#[cfg(test)]
impl Listener {
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn serve(listener: TcpListener, is_local: bool, observer: Arc<Observer>) {
    let page = Arc::new(Page::new());
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        // The semaphore is never closed.
        let place = Arc::clone(&places).acquire_owned().await.ok();
        let accepted = loop {
            tokio::select! {
                accepted = listener.accept() => break accepted,
                Some(_) = connections.join_next() => {}
            }
        };
        match accepted {
            Ok((stream, _)) => {
                let connection =
                    connection(stream, is_local, Arc::clone(&observer), Arc::clone(&page));
                connections.spawn(async move {
                    connection.await;
                    drop(place);
                });
            }
            Err(error) => {
                debug!(%error, "a connection could not be accepted");
                sleep(PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, is_local: bool, observer: Arc<Observer>, page: Arc<Page>) {
    let service = service_fn(move |request: Request<Incoming>| {
        // A browser can be made to take another site's name for this address; that site's pages
        // must not read here.
        let response = if is_local && !is_ours(request.headers()) {
            misdirected()
        } else {
            respond(&observer, &page, request.method(), request.uri().path())
        };
        async move { Ok::<_, Infallible>(response) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(QUIET)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        debug!(%error, "a reader's connection broke off");
    }
}

/// Whether a request names this machine: by `localhost`, by an address, or not at all.
fn is_ours(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST) else {
        return true;
    };
    let Ok(host) = host.to_str() else {
        return false;
    };
    if host.parse::<SocketAddr>().is_ok() || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
    {
        return true;
    }
    let name = host.split(':').next().unwrap_or_default();
    name == "localhost" || name.parse::<IpAddr>().is_ok()
}

// === tests ===

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn host_header_of_another_name_is_not_ours() {
        let ours = |host: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static(host));
            is_ours(&headers)
        };
        for host in [
            "localhost",
            "localhost:9464",
            "127.0.0.1:9464",
            "127.0.0.1",
            "[::1]:9464",
            "[::1]",
        ] {
            assert!(ours(host), "{host}");
        }
        for host in [
            "evil.example:9464",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "",
        ] {
            assert!(!ours(host), "{host}");
        }
        assert!(is_ours(&HeaderMap::new()));
    }
}
