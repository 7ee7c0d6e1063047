//! Why there is no HTTP client.

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
    /// With the text of reqwest or rustls.
    #[error(
        "no HTTP client can be made: {0}; on a system without certificate authorities, install \
        them (package ca-certificates) or name a file in experience-platform.http.ca-file"
    )]
    Client(String),
}
