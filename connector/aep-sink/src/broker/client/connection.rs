//! One connection to a part of the cluster, with a bound on every wait.

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

/// Responses of a stream fetch.
pub(crate) type Responses = AsyncResponse<DefaultStreamFetchRequest>;

/// A multiplexed connection. After an error it is not used again: a request given up half-way may
/// have left half a frame behind.
pub(crate) struct Connection {
    socket: VersionedSerialSocket,
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
        Ok(Self { socket })
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
        R: Request + Send + Sync,
    {
        match timeout(CALL_TIMEOUT, self.socket.send_receive(request)).await {
            Ok(response) => response.map_err(|error| self.failed(what, &error)),
            Err(_elapsed) => Err(BrokerError::Request {
                what,
                address: self.address().to_owned(),
                reason: format!("no answer within {} s", CALL_TIMEOUT.as_secs()),
            }),
        }
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
        let message = self.socket.new_request(request, Some(version));
        match timeout(CALL_TIMEOUT, self.socket.create_stream(message, QUEUE)).await {
            Ok(stream) => stream.map_err(|error| self.failed(WHAT, &error)),
            Err(_elapsed) => Err(BrokerError::Request {
                what: WHAT,
                address: self.address().to_owned(),
                reason: "the connection takes no data".to_owned(),
            }),
        }
    }

    /// Waits for the next response of a stream.
    pub(crate) async fn next(
        &self,
        what: &'static str,
        responses: &mut Responses,
    ) -> Result<DefaultStreamFetchResponse, BrokerError> {
        match responses.next().await {
            Some(response) => response.map_err(|error| self.failed(what, &error)),
            None => Err(self.closed(what)),
        }
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
