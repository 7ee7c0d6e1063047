//! The HTTP clients: reqwest for IMS, hyper-util's for the inlets, made from one set-up of TLS,
//! proxy and timeouts.
//!
//! HTTP/1.1 only: Adobe documents nothing about HTTP/2, and many kept-alive connections spread the
//! load over the servers as well. Only the configuration decides what the clients do: the proxy
//! variables of the environment (`HTTPS_PROXY` and the like) are not read, so that a variable meant
//! for another program cannot divert tokens and personal data.

mod api_client;
mod connection;
mod error;
mod inlet_client;
mod setup;
mod tls;
mod tunnel;

pub(crate) use api_client::ApiClient;
pub(crate) use error::{HttpError, TransportError};
pub(crate) use inlet_client::InletClient;
pub(crate) use setup::USER_AGENT;

use crate::config::Platform;
use setup::HttpSetup;

/// The clients of a configuration.
#[derive(Debug, Clone)]
pub(crate) struct Clients {
    /// For what is requested now and then: IMS.
    pub(crate) api: ApiClient,
    /// For the inlets.
    pub(crate) inlets: InletClient,
}

/// Makes the clients of a configuration; connects to nothing.
pub(crate) fn clients(platform: &Platform) -> Result<Clients, HttpError> {
    let setup = HttpSetup::new(platform)?;
    Ok(Clients {
        api: ApiClient::new(&setup)?,
        inlets: InletClient::new(&setup)?,
    })
}

// === tests ===

#[cfg(test)]
mod tests;
