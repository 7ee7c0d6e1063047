//! Which cluster: the Fluvio profile.

use std::path::PathBuf;

use fluvio::FluvioClusterConfig;
use fluvio::config::ConfigFile;

use crate::broker::error::BrokerError;

/// Where the profile is, in the client's own order: `FLV_PROFILE_PATH`, else `~/.fluvio/config`.
fn path() -> PathBuf {
    std::env::var_os("FLV_PROFILE_PATH").map_or_else(
        || {
            let home = std::env::var_os("HOME")
                .map(PathBuf::from)
                .unwrap_or_default();
            home.join(".fluvio").join("config")
        },
        PathBuf::from,
    )
}

/// The cluster of a profile.
pub(crate) struct Cluster {
    pub(crate) config: FluvioClusterConfig,
    /// The profile's name.
    pub(crate) profile: String,
    /// The profile's file.
    pub(crate) path: String,
}

/// The current cluster of the profile.
///
/// The client's own `load` takes a missing or malformed file for an empty one and then says "no
/// active profile"; loading the file by its path keeps the reason.
pub(crate) fn load_profile(name: &str) -> Result<Cluster, BrokerError> {
    let path = path().display().to_string();
    let wrong = |reason: String| BrokerError::Profile {
        path: path.clone(),
        reason,
    };
    let file = ConfigFile::load(Some(path.clone())).map_err(|error| wrong(with_causes(&error)))?;
    let cluster = file
        .config()
        .current_cluster()
        .map_err(|error| wrong(with_causes(&error)))?;
    let mut config = cluster.clone();
    // The broker counts traffic of clients with this prefix as a connector's.
    config.client_id = Some(format!("fluvio_connector_{name}"));
    let profile = file
        .config()
        .current_profile_name()
        .unwrap_or_default()
        .to_owned();
    Ok(Cluster {
        config,
        profile,
        path,
    })
}

/// An error and what caused it, on one line.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let part = inner.to_string();
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        cause = inner.source();
    }
    text.replace('\n', " ")
}
