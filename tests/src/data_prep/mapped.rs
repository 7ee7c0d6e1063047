//! What a dataflow makes of a record.

use std::collections::BTreeMap;

use serde_json::Value;

/// What an upsert asks Profile to do with a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// `upsert_array_append`.
    Append,
    /// `upsert_array_replace`.
    Replace,
}

/// A line that failed: its destination has no value, and the others stand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{destination}: {reason}, in `{from}`")]
pub struct LineError {
    /// Where the value would have gone.
    pub destination: String,
    /// What it would have come from: an attribute's path, or an expression.
    pub from: String,
    /// Why it failed.
    pub reason: String,
}

/// A mapped record.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Mapped {
    /// The XDM entity; null when no line has a value.
    pub entity: Value,
    /// What is asked to be done with which list, by destination.
    pub intents: BTreeMap<String, Intent>,
    /// The lines that failed.
    pub errors: Vec<LineError>,
}

impl Mapped {
    /// Lists of the entity, by path, for which no line says what to do. In an upsert these may be
    /// errors, by Adobe's page; no document exempts those of an `identityMap`.
    pub fn lists_without_intent(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.collect_lists(&self.entity, String::new(), &mut found);
        found
    }

    fn collect_lists(&self, value: &Value, path: String, found: &mut Vec<String>) {
        if self.intents.contains_key(&path) {
            return;
        }
        match value {
            Value::Array(_) => found.push(path),
            Value::Object(members) => {
                for (name, below) in members {
                    let dot = if path.is_empty() { "" } else { "." };
                    self.collect_lists(below, format!("{path}{dot}{name}"), found);
                }
            }
            _ => {}
        }
    }
}
