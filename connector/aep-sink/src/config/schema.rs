//! The JSON Schema of the configuration, for editors: derived from the [keys](super::keys),
//! with the [schemas of their values](super::value_schemas).
//!
//! Draft 7, without references: what every version of yaml-language-server reads.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform as _};
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

use super::keys::ConfigKeys;
use super::yaml::path::{KeyPath, PathSegment};

/// A placeholder anywhere in a text: then its form is that of the secret, which an editor does not
/// know.
const PLACEHOLDER: &str = r"\$\{\{";

static WHOLE: LazyLock<Schema> = LazyLock::new(of::<ConfigKeys>);

/// The schema of the whole file, as text.
pub fn text() -> String {
    format!("{:#}\n", WHOLE.as_value())
}

/// The schema of what stands at a path; `None` when there is no such key.
pub(super) fn at(path: &KeyPath) -> Option<&'static Value> {
    path.0.iter().try_fold(WHOLE.as_value(), |schema, step| {
        let mut alternatives = [schema]
            .into_iter()
            .chain(schema["anyOf"].as_array().into_iter().flatten());
        alternatives.find_map(|schema| match step {
            PathSegment::Key(key) => schema.get("properties")?.get(key),
            PathSegment::Index(_) => schema.get("items"),
        })
    })
}

/// The keys that may stand below a path.
pub(super) fn keys_below(path: &KeyPath) -> Vec<&'static str> {
    let properties = at(path).and_then(|schema| schema.get("properties")?.as_object());
    properties
        .into_iter()
        .flatten()
        .map(|(key, _)| key.as_str())
        .collect()
}

/// Whether the value at this path is never shown, even when it is written out instead of being a
/// placeholder: that of a confidential key, and a single value where a section with such keys
/// belongs.
pub(super) fn is_confidential(path: &KeyPath) -> bool {
    fn holds_secrets(schema: &Value) -> bool {
        let properties = schema.get("properties").and_then(Value::as_object);
        schema["writeOnly"] == true
            || properties.is_some_and(|keys| keys.values().any(holds_secrets))
            || schema.get("items").is_some_and(holds_secrets)
    }
    at(path).is_some_and(holds_secrets)
}

/// Whether there is a key of this name anywhere.
pub(super) fn has_key(name: &str) -> bool {
    fn within(schema: &Value, name: &str) -> bool {
        match schema {
            Value::Object(members) => {
                let keys = schema.get("properties").and_then(Value::as_object);
                keys.is_some_and(|keys| keys.contains_key(name))
                    || members.values().any(|inner| within(inner, name))
            }
            Value::Array(items) => items.iter().any(|inner| within(inner, name)),
            _ => false,
        }
    }
    within(WHOLE.as_value(), name)
}

/// The schema of a section.
fn of<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    RecursiveTransform(finish).transform(&mut schema);
    schema
}

/// What holds for every value.
fn finish(schema: &mut Schema) {
    // Rust's own names of number formats.
    schema.remove("format");
    // The line breaks of a doc comment are the source's; what is left are paragraphs and lists.
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = text
            .replace("\n\n", "\u{0}")
            .replace('\n', " ")
            .replace('\u{0}', "\n\n");
    }
    flatten(schema);
    allow_placeholders(schema);
}

/// An optional choice comes as a choice of a choice and nothing.
fn flatten(schema: &mut Schema) {
    let Some([inner, nothing]) = schema
        .get("anyOf")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
    else {
        return;
    };
    let (Some(choices), true) = (
        inner["anyOf"].as_array(),
        *nothing == json!({ "type": "null" }),
    ) else {
        return;
    };
    let choices: Value = choices.iter().chain([nothing]).cloned().collect();
    let title = inner.get("title").cloned();
    schema.insert("anyOf".to_owned(), choices);
    if let Some(title) = title {
        schema.insert("title".to_owned(), title);
    }
}

/// Every text may be made of secrets.
fn allow_placeholders(schema: &mut Schema) {
    let is_text = match schema.get("type") {
        Some(Value::Array(types)) => types.iter().any(|kind| kind == "string"),
        Some(kind) => kind == "string",
        None => false,
    };
    if !is_text {
        return;
    }
    if let Some(pattern) = schema.get("pattern").and_then(Value::as_str) {
        let pattern = format!("{pattern}|{PLACEHOLDER}");
        schema.insert("pattern".to_owned(), pattern.into());
    }
    if let Some(words) = schema.remove("enum") {
        let choices = json!([{ "enum": words }, { "pattern": PLACEHOLDER }]);
        schema.insert("anyOf".to_owned(), choices);
    }
}
