//! The configuration: one YAML file, validated into types that cannot hold wrong values.
//!
//! File → [tree with lines](tree) → [secrets filled in](placeholder) → [raw types](raw) → checks →
//! [`Config`]. Only [`load`] touches the disk; the rest is pure. Every problem names its key and
//! line, and all are told at once.

mod check;
mod common;
mod decode;
mod excerpt;
mod form;
mod inlet;
mod model;
mod placeholder;
mod platform;
mod problem;
mod raw;
mod scalar;
mod schema;
mod secrets;
#[cfg(test)]
mod tests;
mod tree;

use std::path::Path as FilePath;

pub(crate) use model::*;
pub use model::{Config, CredentialNames, Transform};
pub use problem::ConfigError;
pub use schema::text as schema;
pub use secrets::SecretStore;

use excerpt::Source;
use problem::Problems;
use raw::RawConfig;
use tree::{Node, Path};

/// Reads a configuration, with its secrets from a file, or from the environment when there is none.
///
/// Every error is the user's to mend and ends the process with exit code 2.
pub fn load(config: &FilePath, secrets: Option<&FilePath>) -> Result<Config, ConfigError> {
    let text = read(config)?;
    let store = match secrets {
        Some(file) => SecretStore::from_text(&read(file)?),
        None => SecretStore::Environment,
    };
    parse(&config.display().to_string(), &text, &store)
}

fn read(file: &FilePath) -> Result<String, ConfigError> {
    // `read_to_string` says "stream did not contain valid UTF-8" where that is the matter.
    std::fs::read_to_string(file).map_err(|error| {
        ConfigError::whole(
            &file.display().to_string(),
            format!("cannot be read: {error}"),
        )
    })
}

/// Reads the transform alone, for what needs neither the platform nor its secrets.
pub fn load_transform(
    config: &FilePath,
    secrets: Option<&FilePath>,
) -> Result<Transform, ConfigError> {
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
    with_raw(file, text, store, validate)
}

fn parse_transform(file: &str, text: &str, store: &SecretStore) -> Result<Transform, ConfigError> {
    with_raw(file, text, store, |raw, _, problems| {
        let transform = common::transform(raw.transforms, problems);
        problems.keep_below(&Path::of("transforms"));
        transform
    })
}

/// Reads the raw types and validates them; an error when there is a problem, whatever `validate`
/// gave.
fn with_raw<T>(
    file: &str,
    text: &str,
    store: &SecretStore,
    validate: impl FnOnce(RawConfig, bool, &mut Problems<'_>) -> Option<T>,
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
    let raw: RawConfig = decode::decode(filled.to_json(), &Path::default(), &mut problems);
    match validate(raw, templated, &mut problems) {
        Some(valid) if problems.is_empty() => Ok(valid),
        _ => Err(ConfigError::new(file, problems.into_vec())),
    }
}

fn validate(raw: RawConfig, templated: bool, problems: &mut Problems<'_>) -> Option<Config> {
    let api_version = raw.api_version.as_deref();
    common::check_api_version(api_version, templated, problems);
    let meta = common::meta(raw.meta, api_version, problems);
    let transform = common::transform(raw.transforms, problems);
    let platform = platform::platform(
        raw.experience_platform,
        meta.as_ref().map(|meta| meta.name.as_str()),
        problems,
    );
    let meta = meta?;
    Some(Config {
        name: meta.name,
        topic: meta.topic,
        consumer: meta.consumer,
        transform: transform?,
        platform: platform?,
    })
}
