//! The configuration: one YAML file, validated into types that cannot hold wrong values.
//!
//! File → [tree with lines](yaml) → [secrets filled in](secrets) → [keys as written](keys) →
//! [validation](validate) → [`Config`]. Only [`load`] and [`load_transform`] read the disk. Every
//! problem names its key and line, and all are reported at once.

mod decode;
mod defaults;
pub(crate) mod draft;
mod keys;
mod model;
mod problem;
mod schema;
mod secrets;
#[cfg(test)]
mod tests;
mod validate;
mod value_schemas;
mod yaml;

use std::path::Path;

pub(crate) use model::*;
pub use model::{BufferLimits, Concurrency, Config, CredentialNames, Transform};
pub use problem::ConfigError;
pub use schema::text as schema;
pub use secrets::store::SecretStore;

use keys::ConfigKeys;
use problem::{Problems, Source};
use secrets::placeholder;
use yaml::path::KeyPath;
use yaml::tree::Node;

/// Reads a configuration, with its secrets from a file, or from the environment when there is none.
///
/// Every error is the user's to mend and ends the process with exit code 2.
pub fn load(config: &Path, secrets: Option<&Path>) -> Result<Config, ConfigError> {
    let text = read(config)?;
    let store = match secrets {
        Some(file) => SecretStore::from_text(&read(file)?),
        None => SecretStore::Environment,
    };
    parse(&config.display().to_string(), &text, &store)
}

fn read(file: &Path) -> Result<String, ConfigError> {
    // `read_to_string` says "stream did not contain valid UTF-8" where that is the matter.
    std::fs::read_to_string(file).map_err(|error| {
        ConfigError::whole(
            &file.display().to_string(),
            format!("cannot be read: {error}"),
        )
    })
}

/// Reads the transform alone, for what needs neither the platform nor its secrets.
pub fn load_transform(config: &Path, secrets: Option<&Path>) -> Result<Transform, ConfigError> {
    let text = read(config)?;
    let store = match secrets {
        Some(file) => SecretStore::from_text(&read(file)?),
        None => SecretStore::Environment,
    };
    parse_transform(&config.display().to_string(), &text, &store)
}

/// Reads a configuration from its text. `file` is what messages call it.
///
/// # Errors
/// All problems of the text at once, each with its line.
pub fn parse(file: &str, text: &str, store: &SecretStore) -> Result<Config, ConfigError> {
    read_and_validate(file, text, store, validate::config)
}

fn parse_transform(file: &str, text: &str, store: &SecretStore) -> Result<Transform, ConfigError> {
    read_and_validate(file, text, store, |keys, _, problems| {
        validate::transform_alone(keys.transforms, problems)
    })
}

/// Reads the keys and validates them. The result is an error when there is any problem, whatever
/// `validate` returned. Its second argument says whether placeholders or listed secrets are in use.
fn read_and_validate<T>(
    file: &str,
    text: &str,
    store: &SecretStore,
    validate: impl FnOnce(ConfigKeys, bool, &mut Problems<'_>) -> Option<T>,
) -> Result<T, ConfigError> {
    let written = Node::parse(text).map_err(|error| ConfigError::syntax(file, text, error))?;
    let source = Source::new(text, &written);
    let mut problems = Problems::new(&source, &written);
    let listed = placeholder::listed(store, &mut problems);
    let mut filled = written.clone();
    let templated = placeholder::fill(&mut filled, &listed, &mut problems) || !listed.is_empty();
    // From here on messages are made against the filled tree, which knows which values are made of
    // secrets.
    let mut problems = problems.onto(&filled);
    let keys: ConfigKeys = decode::decode(filled.to_json(), &KeyPath::default(), &mut problems);
    match validate(keys, templated, &mut problems) {
        Some(valid) if problems.is_empty() => Ok(valid),
        _ => Err(ConfigError::new(file, problems.into_vec())),
    }
}
