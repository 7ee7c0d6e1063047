//! What is wrong with a record, in the words of Adobe's validator.

use jsonschema::error::ValidationErrorKind as Kind;
use jsonschema::{ValidationError, Validator};
use serde::Serialize;
use serde_json::Value;

/// The validator stops here ("once five errors are encountered").
const MOST: usize = 5;

/// One entry of `_validationErrors`, with the fields and wording of the documented samples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Violation {
    /// Always empty here: each violation stands for itself.
    causing_exceptions: [(); 0],
    /// The rule, by its name in JSON Schema.
    pub keyword: String,
    /// What is wrong; of a format it repeats the value, as the sample does.
    pub message: String,
    /// `#/loyalty/points`; for a key that is missing or too many, what it is missing from.
    pub pointer_to_violation: String,
    schema_location: String,
}

pub(super) fn of(schema: &Validator, entity: &[u8]) -> Vec<Violation> {
    let Ok(entity) = serde_json::from_slice::<Value>(entity) else {
        return vec![violation("type", "expected type: JSONObject", "")];
    };
    let mut found = Vec::new();
    for error in schema.iter_errors(&entity) {
        describe(&error, &mut found);
    }
    found.truncate(MOST);
    found
}

/// A record that lacks what its class requires.
pub(in crate::simulator) fn missing(key: &str) -> Violation {
    violation("required", &format!("required key [{key}] not found"), "")
}

fn violation(keyword: &str, message: &str, path: &str) -> Violation {
    Violation {
        causing_exceptions: [],
        keyword: keyword.to_owned(),
        message: message.to_owned(),
        pointer_to_violation: format!("#{path}"),
        schema_location: "#".to_owned(),
    }
}

fn describe(error: &ValidationError<'_>, found: &mut Vec<Violation>) {
    let path = error.instance_path().to_string();
    match error.kind() {
        Kind::AdditionalProperties { unexpected } => {
            found.extend(unexpected.iter().map(|key| {
                let message = format!("extraneous key [{key}] is not permitted");
                violation("additionalProperties", &message, &path)
            }));
        }
        Kind::Required { property } => {
            let key = property.as_str().unwrap_or_default();
            let message = format!("required key [{key}] not found");
            found.push(violation("required", &message, &path));
        }
        Kind::Type { .. } => {
            let message = "expected type: another, found: this one";
            found.push(violation("type", message, &path));
        }
        Kind::Format { format } => {
            let message = format!("[{}] is not a valid {format}", text(error));
            found.push(violation("format", &message, &path));
        }
        Kind::Enum { .. } => {
            let message = format!("{} is not a valid enum value", error.instance());
            found.push(violation("enum", &message, &path));
        }
        kind => found.push(violation(
            kind.keyword(),
            "the value is not permitted",
            &path,
        )),
    }
}

fn text(error: &ValidationError<'_>) -> String {
    let instance = error.instance();
    instance
        .as_str()
        .map_or_else(|| instance.to_string(), str::to_owned)
}
