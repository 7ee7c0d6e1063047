//! A configuration that lacks what provisioning finds or makes: inlets, schema, datasets, flows.

use std::path::Path;

use serde_json::{Map, Value};

use super::keys::{ConfigKeys, ConsumerKeys, InletKeys, MetaKeys, TransformKeys};
use super::problem::ConfigError;
use super::secrets::store::SecretStore;
use super::yaml::edit::{self, EditError};
use super::yaml::tree::Node;
use super::{Config, read, read_and_validate, validate};

/// What a section gets that has not got it yet. The connector is never started with these.
const STAND_IN: &str = "to-be-provisioned";
/// The SmartModule as `smdk load` loads it.
pub(crate) const MODULE: &str = "capillary-aep/capillary-xdm@0.1.0";
/// Name of an instance that has none.
const NAME: &str = "capillary-to-aep";

/// A configuration to begin with: the credential, the organisation and the topic are enough.
pub(crate) struct Draft {
    /// With stand-ins for what is missing.
    pub(crate) config: Config,
    /// The file as it is written, placeholders of secrets and all.
    text: String,
    written: Value,
}

/// Reads a draft, with its secrets from a file, or from the environment when there is none.
pub(crate) fn load(config: &Path, secrets: Option<&Path>) -> Result<Draft, ConfigError> {
    let text = read(config)?;
    let store = match secrets {
        Some(file) => SecretStore::from_text(&read(file)?),
        None => SecretStore::Environment,
    };
    parse(&config.display().to_string(), text, &store)
}

fn parse(file: &str, text: String, store: &SecretStore) -> Result<Draft, ConfigError> {
    let config = read_and_validate(file, &text, store, |mut keys, templated, problems| {
        complete(&mut keys);
        validate::config(keys, templated, problems)
    })?;
    let written = match Node::parse(&text) {
        Ok(tree) => tree.to_json(),
        Err(error) => return Err(ConfigError::syntax(file, &text, error)),
    };
    Ok(Draft {
        config,
        text,
        written,
    })
}

/// Fills in what may be missing.
fn complete(keys: &mut ConfigKeys) {
    keys.api_version.get_or_insert_with(|| "0.1.0".to_owned());
    let meta = keys.meta.get_or_insert_with(MetaKeys::default);
    meta.version.get_or_insert_with(|| "0.1.0".to_owned());
    meta.name.get_or_insert_with(|| NAME.to_owned());
    meta.kind
        .get_or_insert_with(|| "capillary-aep-sink".to_owned());
    let consumer = meta.consumer.get_or_insert_with(ConsumerKeys::default);
    consumer.id.get_or_insert_with(|| NAME.to_owned());
    let steps = keys
        .transforms
        .get_or_insert_with(|| vec![TransformKeys::default()]);
    if let [step] = steps.as_mut_slice() {
        step.uses.get_or_insert_with(|| MODULE.to_owned());
    }
    if let Some(platform) = &mut keys.experience_platform {
        let events = platform.events.get_or_insert_with(InletKeys::default);
        let xdm = events
            .format
            .as_deref()
            .is_none_or(|format| format == "xdm");
        inlet(events, xdm);
        if let Some(profiles) = &mut platform.profiles {
            let xdm = profiles.format.as_deref() == Some("xdm");
            inlet(profiles, xdm);
        }
    }
}

fn inlet(keys: &mut InletKeys, xdm: bool) {
    let stand_in = || STAND_IN.to_owned();
    keys.inlet_url
        .get_or_insert_with(|| format!("https://dcs.adobedc.net/collection/{STAND_IN}"));
    keys.dataset_id.get_or_insert_with(stand_in);
    keys.flow_id.get_or_insert_with(stand_in);
    if xdm {
        keys.schema_id
            .get_or_insert_with(|| format!("https://ns.adobe.com/{STAND_IN}"));
    }
}

/// What must stand in a file of its own before the connector can start, and its usual value.
pub(crate) fn basics() -> [(&'static str, Value); 6] {
    let mut step = Map::new();
    step.insert("uses".to_owned(), MODULE.into());
    [
        ("apiVersion", "0.1.0".into()),
        ("meta.version", "0.1.0".into()),
        ("meta.name", NAME.into()),
        ("meta.type", "capillary-aep-sink".into()),
        ("meta.consumer.id", NAME.into()),
        ("transforms", Value::Array(vec![Value::Object(step)])),
    ]
}

impl Draft {
    /// What the file has at a path such as `transforms.0.with`.
    pub(crate) fn written(&self, path: &str) -> Option<&Value> {
        let found =
            path.split('.')
                .try_fold(&self.written, |node, key| match key.parse::<usize>() {
                    Ok(index) => node.get(index),
                    Err(_) => node.get(key),
                });
        found.filter(|value| !value.is_null())
    }

    /// The file's text with these values set, comments and order kept.
    pub(crate) fn with(&self, values: &[(String, Value)]) -> Result<String, EditError> {
        edit::set(&self.text, values)
    }

    /// The file's text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "meta:
  topic: capillary-events
  secrets: [{name: ID}, {name: SECRET}]
experience-platform:
  organization-id: ABC@AdobeOrg
  ims:
    client-id: \"${{ secrets.ID }}\"
    client-secret: \"${{ secrets.SECRET }}\"
";

    fn draft(text: &str) -> Result<Draft, ConfigError> {
        let store = SecretStore::from_text("ID=me\nSECRET=hush");
        parse("connector.yaml", text.to_owned(), &store)
    }

    #[test]
    fn three_credentials_and_the_topic_are_enough_to_begin() {
        let draft = draft(LEAST).unwrap();
        assert_eq!(draft.config.topic, "capillary-events");
        assert!(draft.written("experience-platform.events").is_none());
        assert_eq!(
            draft.written("meta.secrets.1.name").unwrap(),
            &Value::from("SECRET")
        );
    }

    #[test]
    fn what_the_draft_lacks_completes_a_configuration() {
        let draft = draft(LEAST).unwrap();
        let mut values: Vec<(String, Value)> = basics()
            .map(|(path, value)| (path.to_owned(), value))
            .into();
        for (key, value) in [
            ("inlet-url", "https://dcs.adobedc.net/collection/abc"),
            ("schema-id", "https://ns.adobe.com/t/schemas/1"),
            ("dataset-id", "65e1"),
        ] {
            values.push((format!("experience-platform.events.{key}"), value.into()));
        }
        let text = draft.with(&values).unwrap();
        let store = SecretStore::from_text("ID=me\nSECRET=hush");
        super::super::parse("connector.yaml", &text, &store).unwrap();
        assert!(!text.contains("hush"));
    }

    #[test]
    fn a_draft_without_a_topic_or_a_credential_is_refused() {
        for line in [
            "  topic: capillary-events\n",
            "  organization-id: ABC@AdobeOrg\n",
        ] {
            assert!(draft(&LEAST.replace(line, "")).is_err(), "{line}");
        }
    }
}
