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

// === tests ===

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn server_that_swallows_packets_costs_all_who_wait_one_attempt() {
        let slot = ConnectionSlot::default();
        let attempt = || async {
            sleep(Duration::from_secs(10)).await;
            Err(BrokerError::Connect {
                who: "SPU 5001".to_owned(),
                address: "192.0.2.1:9010".to_owned(),
                reason: "no answer within 10 s".to_owned(),
            })
        };
        let began = Instant::now();
        let address = "192.0.2.1:9010";
        let (one, other, third) = tokio::join!(
            slot.get(address, attempt),
            slot.get(address, attempt),
            slot.get(address, attempt),
        );
        assert!(one.is_err() && other.is_err() && third.is_err());
        assert_eq!(began.elapsed(), Duration::from_secs(10));
        assert!(slot.get(address, attempt).await.is_err(), "tried again");
        assert_eq!(began.elapsed(), Duration::from_secs(20));
    }
}
