//! TLS as configured: whose certificates are believed, and the certificate that is shown.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use url::Url;

use super::error::HttpError;
use crate::config::{ClientCertificate, Events, Http, Platform, Profiles};

/// The one protocol that is spoken.
const ALPN: &[u8] = b"http/1.1";

/// Reads the files the configuration names, and the system's authorities if anything is encrypted
/// at all.
pub(super) fn config(platform: &Platform) -> Result<ClientConfig, HttpError> {
    let unusable = |error: rustls::Error| HttpError::Client(error.to_string());
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?;
    let authorities = authorities(&platform.http)?;
    let builder = if uses_tls(platform) {
        let verifier = if authorities.is_empty() {
            Verifier::new(provider)
        } else {
            Verifier::new_with_extra_roots(authorities, provider)
        };
        let verifier = verifier.map_err(unusable)?;
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
    } else {
        // With simulators on this machine nothing needs authorities, and a minimal image has none
        // to load.
        let mut store = RootCertStore::empty();
        for authority in authorities {
            store.add(authority).map_err(unusable)?;
        }
        builder.with_root_certificates(store)
    };
    let mut config = match &platform.http.client_certificate {
        Some(certified) => {
            let (chain, key) = identity(certified)?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| no_identity(certified, &error.to_string()))?
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(config)
}

/// The authorities of `ca-file`.
fn authorities(http: &Http) -> Result<Vec<CertificateDer<'static>>, HttpError> {
    let Some(file) = &http.ca_file else {
        return Ok(Vec::new());
    };
    let text = std::fs::read(file).map_err(|source| HttpError::CaFileUnreadable {
        file: file.clone(),
        source,
    })?;
    match certificates(&text) {
        Ok(authorities) if !authorities.is_empty() => Ok(authorities),
        _ => Err(HttpError::CaFileEmpty(file.clone())),
    }
}

fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, pem::Error> {
    CertificateDer::pem_slice_iter(text).collect()
}

/// The client certificate with its key.
fn identity(
    certified: &ClientCertificate,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), HttpError> {
    let read = |key: &'static str, file: &PathBuf| {
        std::fs::read(file).map_err(|source| HttpError::ClientFileUnreadable {
            key,
            file: file.clone(),
            source,
        })
    };
    let chain = read("client-cert-file", &certified.certificate)?;
    let key = read("client-key-file", &certified.key)?;
    let chain = certificates(&chain).map_err(|error| no_identity(certified, fault(&error)))?;
    if chain.is_empty() {
        return Err(no_identity(certified, "there is no certificate"));
    }
    let key = PrivateKeyDer::from_pem_slice(&key)
        .map_err(|error| no_identity(certified, fault(&error)))?;
    Ok((chain, key))
}

/// What is wrong with a PEM file. The error's own text quotes lines of it, which may hold the key.
fn fault(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => {
            "a section has no end; a file needs its line breaks"
        }
        pem::Error::IllegalSectionStart { .. } => {
            "a section does not begin as it should; a file needs its line breaks"
        }
        pem::Error::Base64Decode(_) => "a section is no Base64",
        pem::Error::NoItemsFound => "there is no private key",
        _ => "it cannot be parsed",
    }
}

fn no_identity(certified: &ClientCertificate, reason: &str) -> HttpError {
    HttpError::ClientCertificate {
        certificate: certified.certificate.clone(),
        key: certified.key.clone(),
        reason: reason.to_owned(),
    }
}

/// Whether any connection of this configuration is encrypted.
fn uses_tls(platform: &Platform) -> bool {
    let events = match &platform.events {
        Events::Xdm { inlet, .. } | Events::Raw { inlet, .. } => &inlet.url,
    };
    let profiles = platform.profiles.as_ref().map(|profiles| match profiles {
        Profiles::Upsert { inlet, .. }
        | Profiles::Raw { inlet, .. }
        | Profiles::Xdm { inlet, .. } => &inlet.url,
    });
    let proxy = platform.http.proxy.as_ref().map(|proxy| &proxy.0);
    let urls = [Some(&platform.ims.token_url), Some(events), profiles, proxy];
    urls.into_iter()
        .flatten()
        .any(|url: &Url| url.scheme() == "https")
}
