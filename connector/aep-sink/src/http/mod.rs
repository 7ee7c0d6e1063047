//! The HTTP client of IMS and of the inlets, with its TLS, proxy and timeouts.
//!
//! HTTP/1.1 only: Adobe documents nothing about HTTP/2, and many kept-alive connections spread the
//! load over the servers as well. Only the configuration decides what the clients do: the proxy
//! variables of the environment (`HTTPS_PROXY` and the like) are not read, so that a variable meant
//! for another program cannot divert tokens and personal data.

mod client;
mod connection;
mod error;
mod setup;
mod tls;
mod tunnel;

pub(crate) use client::HttpClient;
pub(crate) use error::{HttpError, TransportError};
pub(crate) use setup::USER_AGENT;

use crate::config::Platform;
use setup::HttpSetup;

/// Makes the client of a configuration; connects to nothing.
pub(crate) fn client(platform: &Platform) -> Result<HttpClient, HttpError> {
    HttpClient::new(&HttpSetup::new(platform)?)
}

// === tests ===

#[cfg(test)]
mod tests;
