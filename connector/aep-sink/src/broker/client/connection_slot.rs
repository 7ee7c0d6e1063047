//! A connection that many share, made when it is needed and replaced once when it is broken.

use std::future::Future;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::connection::Connection;
use crate::broker::error::BrokerError;

/// Holds at most one connection.
#[derive(Default)]
pub(super) struct ConnectionSlot(Mutex<Held>);

#[derive(Default)]
struct Held {
    connection: Option<Connection>,
    /// When connecting failed last, and why.
    failed: Option<(Instant, BrokerError)>,
}

impl ConnectionSlot {
    /// A connection already made, for the next who needs one.
    pub(super) fn holding(connection: Connection) -> Self {
        Self(Mutex::new(Held {
            connection: Some(connection),
            failed: None,
        }))
    }

    /// The connection to an address; a new one if there is none that can be used. An attempt that
    /// fails fails for all who were waiting for it: with a server that swallows packets, each would
    /// otherwise wait for the attempts of all before it.
    pub(super) async fn get<F>(
        &self,
        address: &str,
        connect: impl FnOnce() -> F,
    ) -> Result<Connection, BrokerError>
    where
        F: Future<Output = Result<Connection, BrokerError>>,
    {
        let asked = Instant::now();
        let mut held = self.0.lock().await;
        let usable = held
            .connection
            .as_ref()
            .filter(|connection| connection.is_usable() && connection.address() == address);
        if let Some(connection) = usable {
            return Ok(connection.clone());
        }
        if let Some((_, error)) = held.failed.as_ref().filter(|(at, _)| *at > asked) {
            return Err(error.clone());
        }
        held.connection = None;
        match connect().await {
            Ok(connection) => {
                held.connection = Some(connection.clone());
                held.failed = None;
                Ok(connection)
            }
            Err(error) => {
                held.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }
}
