//! Fuzzed promises of what reads foreign text. Each is a target of `cargo xtask fuzz`; see the
//! crate `fuzzing`.

mod answers;
mod configuration;
mod responses;

use serde_json::Value;

/// Every text in a JSON value, keys too.
pub(crate) fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(map) => {
            for (key, value) in map {
                found.push(key.clone());
                texts(value, found);
            }
        }
        _ => {}
    }
}
