//! One connection to a part of the cluster, shared by all who speak to it, with a bound on every
//! wait.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use fluvio_protocol::api::Request;
use fluvio_protocol::link::ErrorCode;
use fluvio_socket::{
    AsyncResponse, ClientConfig, MultiplexerSocket, SerialFrame, SocketError, VersionedSerialSocket,
};
use fluvio_spu_schema::server::stream_fetch::{
    DefaultStreamFetchRequest, DefaultStreamFetchResponse, OFFSET_MANAGEMENT_API,
};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::profile::with_causes;
use crate::broker::error::BrokerError;

/// Longest wait for a connection, its TLS handshake and the exchange of versions.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for the response to a request. The client's own limit is a minute, too long to hold
/// back a shutdown.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);
/// What a response that holds a part of the log may take besides, on the slowest line that is taken
/// for one that works: bytes per second.
const SLOWEST_LINE: u64 = 64 << 10;

/// Responses of a stream fetch.
pub(crate) type Responses = AsyncResponse<DefaultStreamFetchRequest>;

/// How many streams may be opened on a connection. The broker keeps a stream that was given up,
/// with its SmartModule, until its connection closes; so later ones get another connection.
const MAX_STREAMS: u32 = 256;

/// A multiplexed connection. Its clones are the same connection: one response of a stream is
/// outstanding at most, so no stream that is not polled holds up another.
#[derive(Clone)]
pub(crate) struct Connection {
    socket: Arc<VersionedSerialSocket>,
    /// Whether a request failed or was not answered in time. What is under way may still end well;
    /// whoever needs a connection from now on gets another.
    doubtful: Arc<AtomicBool>,
    streams: Arc<AtomicU32>,
}

/// Makes a connection doubtful, unless the answer came before this is dropped.
struct Unanswered<'a> {
    doubtful: &'a AtomicBool,
    answered: bool,
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.doubtful.store(true, Ordering::Relaxed);
        }
    }
}

impl Connection {
    /// `who` is for messages: "the Fluvio cluster" or "SPU 5001".
    pub(crate) async fn open(config: ClientConfig, who: &str) -> Result<Self, BrokerError> {
        let address = config.addr().to_owned();
        let failed = |reason: String| BrokerError::Connect {
            who: who.to_owned(),
            address: address.clone(),
            reason,
        };
        let versioned = timeout(CONNECT_TIMEOUT, config.connect())
            .await
            .map_err(|_elapsed| {
                failed(format!("no answer within {} s", CONNECT_TIMEOUT.as_secs()))
            })?
            .map_err(|error| failed(with_causes(&error)))?;
        let (socket, config, versions) = versioned.split();
        let socket =
            VersionedSerialSocket::new(MultiplexerSocket::shared(socket), config, versions);
        Ok(Self {
            socket: Arc::new(socket),
            doubtful: Arc::default(),
            streams: Arc::default(),
        })
    }

    /// Whether somebody who needs a connection may use this one.
    pub(crate) fn is_usable(&self) -> bool {
        !self.socket.is_stale()
            && !self.doubtful.load(Ordering::Relaxed)
            && self.streams.load(Ordering::Relaxed) < MAX_STREAMS
    }

    pub(crate) fn address(&self) -> &str {
        self.socket.config().addr()
    }

    /// The version both sides speak, or an error that says the cluster is too old.
    pub(crate) fn version<R: Request>(&self, what: &'static str) -> Result<i16, BrokerError> {
        self.socket
            .lookup_version::<R>()
            .ok_or_else(|| BrokerError::TooOld {
                who: "the Fluvio cluster".to_owned(),
                address: self.address().to_owned(),
                what,
            })
    }

    /// Sends a request and waits for its response.
    pub(crate) async fn call<R>(
        &self,
        what: &'static str,
        request: R,
    ) -> Result<R::Response, BrokerError>
    where
        R: Request + Send + Sync + 'static,
        R::Response: Send + 'static,
    {
        let socket = Arc::clone(&self.socket);
        self.within(what, "no answer", CALL_TIMEOUT, async move {
            socket.send_receive(request).await
        })
        .await
    }

    /// The same where the response has up to `max_bytes` and takes its time on a slow line.
    pub(crate) async fn call_for<R>(
        &self,
        what: &'static str,
        request: R,
        max_bytes: i32,
    ) -> Result<R::Response, BrokerError>
    where
        R: Request + Send + Sync + 'static,
        R::Response: Send + 'static,
    {
        let bytes = u64::try_from(max_bytes).unwrap_or_default();
        let limit = CALL_TIMEOUT + Duration::from_secs(bytes / SLOWEST_LINE);
        let socket = Arc::clone(&self.socket);
        self.within(what, "no answer", limit, async move {
            // A plain request has a limit of the client's own.
            let mut response = socket.send_async(request).await?;
            response
                .next()
                .await
                .unwrap_or(Err(SocketError::SocketClosed))
        })
        .await
    }

    /// Does something on the connection, in a task of its own: given up half-way it could leave
    /// half a frame behind, for all who share the connection.
    async fn within<T: Send + 'static>(
        &self,
        what: &'static str,
        nothing: &'static str,
        limit: Duration,
        work: impl Future<Output = Result<T, SocketError>> + Send + 'static,
    ) -> Result<T, BrokerError> {
        let mut unanswered = Unanswered {
            doubtful: &self.doubtful,
            answered: false,
        };
        let reason = match timeout(limit, tokio::spawn(work)).await {
            Ok(Ok(Ok(done))) => {
                unanswered.answered = true;
                return Ok(done);
            }
            Ok(Ok(Err(error))) => with_causes(&error),
            Ok(Err(error)) => error.to_string(),
            Err(_elapsed) => format!("{nothing} within {} s", limit.as_secs()),
        };
        Err(BrokerError::Request {
            what,
            address: self.address().to_owned(),
            reason,
        })
    }

    /// Opens a stream of responses.
    pub(crate) async fn stream(
        &self,
        request: DefaultStreamFetchRequest,
    ) -> Result<Responses, BrokerError> {
        const WHAT: &str = "opening a stream";
        /// The broker sends one response per credit, so this is never filled.
        const QUEUE: usize = 4;
        let version = self.version::<DefaultStreamFetchRequest>(WHAT)?;
        if version < OFFSET_MANAGEMENT_API {
            return Err(BrokerError::TooOld {
                who: "the SPU".to_owned(),
                address: self.address().to_owned(),
                what: "offset management",
            });
        }
        self.streams.fetch_add(1, Ordering::Relaxed);
        let message = self.socket.new_request(request, Some(version));
        let socket = Arc::clone(&self.socket);
        let open = async move { socket.create_stream(message, QUEUE).await };
        self.within(WHAT, "the connection takes no data", CALL_TIMEOUT, open)
            .await
    }

    /// Waits for the next response of a stream.
    pub(crate) async fn next(
        &self,
        what: &'static str,
        responses: &mut Responses,
    ) -> Result<DefaultStreamFetchResponse, BrokerError> {
        let ended = match responses.next().await {
            Some(Ok(response)) => return Ok(response),
            Some(Err(error)) => self.failed(what, &error),
            None => self.closed(what),
        };
        self.doubtful.store(true, Ordering::Relaxed);
        Err(ended)
    }

    /// An error of the connection itself.
    fn failed(&self, what: &'static str, error: &SocketError) -> BrokerError {
        BrokerError::Request {
            what,
            address: self.address().to_owned(),
            reason: with_causes(error),
        }
    }

    fn closed(&self, what: &'static str) -> BrokerError {
        BrokerError::Request {
            what,
            address: self.address().to_owned(),
            reason: "the broker closed the connection".to_owned(),
        }
    }

    /// The broker answered with an error code.
    pub(crate) fn refused(&self, what: &'static str, code: ErrorCode) -> BrokerError {
        BrokerError::Refused {
            what,
            address: self.address().to_owned(),
            code,
        }
    }

    /// The broker's response is not what was asked for.
    pub(crate) fn unusable(&self, what: &'static str, reason: String) -> BrokerError {
        BrokerError::BadResponse {
            what,
            address: self.address().to_owned(),
            reason,
        }
    }
}
