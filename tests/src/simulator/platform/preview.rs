//! The preview of a mapping set: copies, lists as a whole, and the shape of expression the
//! project's own sets have for identities.

use serde_json::{Map, Value, json};

/// The data a set makes of a record, and what went wrong.
pub(super) fn run<'a>(
    data: &Value,
    mappings: impl Iterator<Item = &'a Value>,
    maps: bool,
) -> (Value, Value) {
    let (mut made, mut errors) = (Value::Object(Map::new()), Vec::new());
    for mapping in mappings {
        let source = mapping["source"].as_str().unwrap_or_default();
        let destination = mapping["destination"].as_str().unwrap_or_default();
        let found = if let Some(list) = call(source, "upsert_array_replace") {
            at(data, list).cloned()
        } else if source.contains("to_map(") {
            if maps {
                identities(data, source)
            } else {
                errors.push(json!({"source": source, "destination": destination,
                    "exception": "Maps are currently not supported in Data Prep."}));
                None
            }
        } else {
            at(data, source).cloned()
        };
        if let Some(found) = found {
            put(&mut made, destination, found);
        }
    }
    let errors = if errors.is_empty() {
        Value::Null
    } else {
        Value::Array(errors)
    };
    (made, errors)
}

/// The identities of the namespaces an expression names and the record has.
fn identities(data: &Value, source: &str) -> Option<Value> {
    let known = data["identityMap"].as_object()?;
    let mut made = Map::new();
    for (namespace, entries) in known {
        let quoted = format!("\"{namespace}\", to_array");
        if let Some(at) = source.find(&quoted) {
            let rest = &source[at..];
            let end = rest.find("))").unwrap_or(rest.len());
            let primary = rest[..end].contains("\"primary\", true");
            made.insert(
                namespace.clone(),
                json!([{"id": entries[0]["id"], "primary": primary}]),
            );
        }
    }
    Some(Value::Object(made))
}

fn call<'a>(source: &'a str, function: &str) -> Option<&'a str> {
    source
        .strip_prefix(function)?
        .strip_prefix('(')?
        .strip_suffix(')')
}

fn at<'a>(data: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(data, |value, key| value.get(key))
}

fn put(made: &mut Value, path: &str, value: Value) {
    let mut node = made;
    for key in path.split('.') {
        if !node.is_object() {
            *node = Value::Object(Map::new());
        }
        let Some(members) = node.as_object_mut() else {
            return;
        };
        node = members.entry(key.to_owned()).or_insert(Value::Null);
    }
    *node = value;
}
