//! How the cluster is reached: the TLS settings of the profile.

use fluvio::FluvioClusterConfig;
use fluvio::config::{TlsConfig, TlsPolicy};
use fluvio_future::rust_tls::{ConnectorBuilder, TlsDomainConnector};
use fluvio_socket::ClientConfig;

use crate::broker::error::BrokerError;

/// The name an anonymous connection asks for, as the client's own does. It is not verified.
const ANYBODY: &str = "localhost";

/// What a connection to any part of the cluster starts from.
pub(super) fn client_config(cluster: &FluvioClusterConfig) -> Result<ClientConfig, BrokerError> {
    readable(&cluster.tls)?;
    // Made first in every case: it also chooses the cryptography of the process, unless that was
    // done.
    let config = ClientConfig::try_from(cluster.clone()).map_err(|error| BrokerError::Tls {
        reason: format!("{error:#}"),
    })?;
    if cluster.tls != TlsPolicy::Anonymous {
        return Ok(config);
    }
    // The client's own anonymous connector takes `host:port` for the server's name, which is none,
    // and never connects.
    let unverified = ConnectorBuilder::with_safe_defaults()
        .no_cert_verification()
        .build();
    Ok(ClientConfig::new(
        config.addr(),
        Box::new(TlsDomainConnector::new(unverified, ANYBODY.to_owned())),
        config.use_spu_local_address(),
    ))
}

/// Makes sure that the files of a profile can be read: the client's own error does not say which
/// one cannot.
fn readable(tls: &TlsPolicy) -> Result<(), BrokerError> {
    let TlsPolicy::Verified(TlsConfig::Files(files)) = tls else {
        return Ok(());
    };
    for (key, file) in [
        ("ca_cert", &files.ca_cert),
        ("cert", &files.cert),
        ("key", &files.key),
    ] {
        std::fs::File::open(file).map_err(|error| BrokerError::Tls {
            reason: format!("{key} = {file:?} cannot be read: {error}"),
        })?;
    }
    Ok(())
}
