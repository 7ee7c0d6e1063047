//! The HTTP clients: one for IMS, one for streaming ingestion, with the same TLS, proxy and times
//! for a connection.
//!
//! HTTP/1.1 only: nothing is documented of HTTP/2, and many kept-alive connections share the load
//! among the servers as well. What they do is decided by the configuration alone: the proxy
//! variables of the environment (`HTTPS_PROXY` and the like) are not read, so that a variable meant
//! for another program cannot divert tokens and personal data.

mod connections;
mod route;
mod stream;
mod tls;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Proxy};
use rustls::ClientConfig;

pub(crate) use connections::Connections;

use crate::config::{Http, Platform};

/// Who sends requests.
pub(crate) const USER_AGENT: &str = concat!("capillary-aep-sink/", env!("CARGO_PKG_VERSION"));

/// Below the idle limits usual for load balancers (60 s): a connection the other side is about to
/// close costs a retry.
const POOL_IDLE: Duration = Duration::from_secs(50);

/// Why there is no client. The user's to mend; exit code 2.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    #[error("experience-platform.http.ca-file: {file} cannot be read: {source}")]
    CaFileUnreadable {
        file: PathBuf,
        source: std::io::Error,
    },
    #[error("experience-platform.http.ca-file: {0} holds no certificate in PEM form")]
    CaFileEmpty(PathBuf),
    #[error("experience-platform.http.{key}: {file} cannot be read: {source}")]
    ClientFileUnreadable {
        key: &'static str,
        file: PathBuf,
        source: std::io::Error,
    },
    #[error(
        "experience-platform.http.client-cert-file and client-key-file: {certificate} and {key} are no certificate and \
         its private key in PEM form: {reason}"
    )]
    ClientCertificate {
        certificate: PathBuf,
        key: PathBuf,
        reason: String,
    },
    #[error("experience-platform.http.proxy: not a proxy")]
    Proxy,
    /// What reqwest or rustls say.
    #[error(
        "no HTTP client can be made: {0}; on a system without certificate authorities, install them (package \
             ca-certificates) or name a file in experience-platform.http.ca-file"
    )]
    Client(String),
}

/// The clients of a configuration.
#[derive(Debug, Clone)]
pub(crate) struct Clients {
    /// For IMS: a request now and then.
    pub(crate) ims: reqwest::Client,
    /// For the inlets.
    pub(crate) inlets: Connections,
}

/// Makes the clients of a configuration; connects to nothing.
pub(crate) fn clients(platform: &Platform) -> Result<Clients, HttpError> {
    let tls = tls::config(platform)?;
    Ok(Clients {
        ims: ims(&platform.http, tls.clone())?,
        inlets: Connections::new(platform, &Arc::new(tls))?,
    })
}

fn ims(http: &Http, tls: ClientConfig) -> Result<Client, HttpError> {
    let mut builder = Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(http.connect_timeout)
        .timeout(http.request_timeout)
        // A redirect would repeat a request, secret and all, to wherever the answer says.
        .redirect(Policy::none())
        // Repetition is decided by the token's owner, which counts and paces attempts.
        .retry(reqwest::retry::never())
        .http1_only()
        .pool_idle_timeout(POOL_IDLE)
        .no_proxy()
        .tls_backend_preconfigured(tls);
    if let Some(proxy) = &http.proxy {
        builder = builder.proxy(Proxy::all(proxy.0.clone()).map_err(|_| HttpError::Proxy)?);
    }
    builder.build().map_err(|error| {
        // Its own text says no more than "builder error"; its cause does.
        let cause = std::error::Error::source(&error)
            .map_or_else(|| error.to_string(), ToString::to_string);
        HttpError::Client(cause)
    })
}

// === tests ===

#[cfg(test)]
mod tests;
