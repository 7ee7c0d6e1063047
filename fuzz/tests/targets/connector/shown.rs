//! What a user gets to see of a configuration.

use capillary_aep_sink::config::{Config, ConfigError};

/// The configuration at the top of the repository.
pub(super) const SAMPLE: &str = include_str!("../../../../connector.yaml");

/// All that logs and messages could show of it.
pub(super) fn shown(result: &Result<Config, ConfigError>) -> String {
    match result {
        Ok(config) => format!("{config:?}"),
        Err(error) => error.to_string(),
    }
}
