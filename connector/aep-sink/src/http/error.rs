//! Why there is no HTTP client, or no response.

use std::path::PathBuf;

/// The configuration gives no client. For the user to correct; exit code 2.
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
        "experience-platform.http.client-cert-file and client-key-file: {certificate} and {key} \
        are no certificate and its private key in PEM form: {reason}"
    )]
    ClientCertificate {
        certificate: PathBuf,
        key: PathBuf,
        reason: String,
    },
    #[error("experience-platform.http.proxy: not a proxy")]
    Proxy,
    /// With the text of rustls.
    #[error(
        "no HTTP client can be made: {0}; on a system without certificate authorities, install \
        them (package ca-certificates) or name a file in experience-platform.http.ca-file"
    )]
    Client(String),
}

/// An exchange failed. All of these heal, and none but a failed connection says whether the request
/// was taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TransportError {
    #[error("no answer in time")]
    Timeout,
    #[error("cannot connect: {0}")]
    Connect(String),
    /// With the status of its answer to `CONNECT`.
    #[error("the proxy answers {0} to CONNECT")]
    Proxy(u16),
    #[error("the exchange broke off: {0}")]
    Broken(String),
}
