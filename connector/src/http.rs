//! The one HTTP client, for IMS and for streaming ingestion.
//!
//! What it does is decided by the configuration alone: the proxy variables of the environment (`HTTPS_PROXY` and the
//! like) are not read, so that a variable meant for another program cannot divert tokens and personal data.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Identity, Proxy, Url};

use crate::config::{ClientCertificate, Events, Platform, Profiles};

/// Below the idle limits usual for load balancers (60 s): a connection the other side is about to close costs a retry.
const POOL_IDLE: Duration = Duration::from_secs(50);

/// Why there is no client. The user's to mend; exit code 2.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    #[error("experience-platform.http.ca-file: {file} cannot be read: {source}")]
    CaFileUnreadable { file: PathBuf, source: std::io::Error },
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
         private key in PEM form ({reason})"
    )]
    ClientCertificate {
        certificate: PathBuf,
        key: PathBuf,
        reason: String,
    },
    #[error("experience-platform.http.proxy: not a proxy")]
    Proxy,
    /// Reqwest's own text says no more than "builder error"; its cause does.
    #[error(
        "no HTTP client can be made: {0}; on a system without certificate authorities, install them (package \
             ca-certificates) or name a file in experience-platform.http.ca-file"
    )]
    Client(String),
}

/// Builds the client of a configuration.
pub(crate) fn client(platform: &Platform) -> Result<Client, HttpError> {
    let http = &platform.http;
    let mut builder = Client::builder()
        .user_agent(concat!("capillary-aep-sink/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(http.connect_timeout)
        .timeout(http.request_timeout)
        // A redirect would repeat a request, token and all, to wherever the answer says.
        .redirect(Policy::none())
        // Repetition is decided by the delivery path, which counts and paces attempts.
        .retry(reqwest::retry::never())
        // Nothing is documented of HTTP/2; many kept-alive connections share the load among the servers as well.
        .http1_only()
        .pool_idle_timeout(POOL_IDLE)
        .pool_max_idle_per_host(platform.concurrency.most().get())
        .no_proxy();
    if let Some(proxy) = &http.proxy {
        builder = builder.proxy(Proxy::all(proxy.0.clone()).map_err(|_| HttpError::Proxy)?);
    }
    let mut authorities = Vec::new();
    if let Some(file) = &http.ca_file {
        let pem = std::fs::read(file).map_err(|source| HttpError::CaFileUnreadable {
            file: file.clone(),
            source,
        })?;
        authorities = Certificate::from_pem_bundle(&pem).map_err(|_| HttpError::CaFileEmpty(file.clone()))?;
        if authorities.is_empty() {
            return Err(HttpError::CaFileEmpty(file.clone()));
        }
    }
    if let Some(certified) = &http.client_certificate {
        builder = builder.identity(identity(certified)?);
    }
    builder = if uses_tls(platform) {
        builder.tls_certs_merge(authorities)
    } else {
        // With simulators on this machine nothing needs authorities, and a minimal image has none to load.
        builder.tls_certs_only(authorities)
    };
    builder.build().map_err(|error| {
        let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        HttpError::Client(cause)
    })
}

/// The client certificate with its key.
fn identity(certified: &ClientCertificate) -> Result<Identity, HttpError> {
    let read = |key: &'static str, file: &PathBuf| {
        std::fs::read(file).map_err(|source| HttpError::ClientFileUnreadable {
            key,
            file: file.clone(),
            source,
        })
    };
    let mut pem = read("client-cert-file", &certified.certificate)?;
    pem.push(b'\n');
    pem.extend(read("client-key-file", &certified.key)?);
    Identity::from_pem(&pem).map_err(|error| HttpError::ClientCertificate {
        certificate: certified.certificate.clone(),
        key: certified.key.clone(),
        reason: std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string),
    })
}

/// Whether any connection of this configuration is encrypted.
fn uses_tls(platform: &Platform) -> bool {
    let events = match &platform.events {
        Events::Xdm { inlet, .. } | Events::Raw { inlet, .. } => &inlet.url,
    };
    let profiles = platform.profiles.as_ref().map(|profiles| match profiles {
        Profiles::Upsert { inlet, .. } | Profiles::Raw { inlet, .. } | Profiles::Xdm { inlet, .. } => &inlet.url,
    });
    let proxy = platform.http.proxy.as_ref().map(|proxy| &proxy.0);
    let urls = [Some(&platform.ims.token_url), Some(events), profiles, proxy];
    urls.into_iter().flatten().any(|url: &Url| url.scheme() == "https")
}

// === tests ===

#[cfg(test)]
mod tests {
    use std::io::Write;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::config::{SecretStore, parse};

    const SAMPLE: &str = include_str!("../../connector.yaml");

    fn platform(http: &str) -> Platform {
        let store = SecretStore::from_text("IMS_CLIENT_ID=a\nIMS_CLIENT_SECRET=b");
        parse("sample", &format!("{SAMPLE}\n  http: {http}\n"), &store)
            .unwrap()
            .platform
    }

    /// Accepts one connection, answers `answer`, and returns the head of the request.
    async fn one_request(answer: &'static str, send: impl FnOnce(String) -> reqwest::RequestBuilder) -> (String, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let request = send(format!("127.0.0.1:{}", listener.local_addr().unwrap().port()));
        let server = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut head = vec![0; 4096];
            let read = socket.read(&mut head).await.unwrap();
            socket.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8_lossy(&head[..read]).into_owned()
        });
        let status = request.send().await.unwrap().status().as_u16();
        (server.await.unwrap(), status)
    }

    #[tokio::test]
    async fn requests_say_who_sends_them_and_redirects_are_not_followed() {
        let client = client(&platform("{}")).unwrap();
        let answer = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
        let (head, status) = one_request(answer, |host| client.get(format!("http://{host}/"))).await;
        assert_eq!(status, 302);
        assert!(
            head.contains(concat!("user-agent: capillary-aep-sink/", env!("CARGO_PKG_VERSION"))),
            "{head}"
        );
    }

    #[tokio::test]
    async fn the_configured_proxy_gets_the_requests() {
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        let (head, _) = one_request(answer, |host| {
            let client = client(&platform(&format!("{{proxy: \"http://user:pass@{host}\"}}"))).unwrap();
            client.get("http://platform.invalid/collection/x")
        })
        .await;
        assert!(head.starts_with("GET http://platform.invalid/collection/x "), "{head}");
        assert!(head.to_lowercase().contains("proxy-authorization: basic "), "{head}");
    }

    #[test]
    fn a_file_without_certificates_is_refused_by_name() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"no certificate").unwrap();
        let error = client(&platform(&format!("{{ca-file: {:?}}}", file.path())))
            .unwrap_err()
            .to_string();
        assert!(error.contains("ca-file") && error.contains("no certificate"), "{error}");
        let error = client(&platform("{ca-file: /nowhere/ca.pem}")).unwrap_err().to_string();
        assert!(error.contains("/nowhere/ca.pem cannot be read"), "{error}");
        let pair = format!("{{client-cert-file: {0:?}, client-key-file: {0:?}}}", file.path());
        let error = client(&platform(&pair)).unwrap_err().to_string();
        assert!(
            error.contains("client-cert-file") && error.contains("private key"),
            "{error}"
        );
        let pair = format!(
            "{{client-cert-file: {:?}, client-key-file: /nowhere/key.pem}}",
            file.path()
        );
        let error = client(&platform(&pair)).unwrap_err().to_string();
        assert!(
            error.contains("client-key-file: /nowhere/key.pem cannot be read"),
            "{error}"
        );
    }
}
