//! What is wrong with a record that did not land: a short word, the field, and plain words.

use serde_json::Value;

/// One violation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The dead letter's reason.
    pub(crate) reason: &'static str,
    /// The field, a JSON pointer into the entity.
    pub(crate) field: Option<String>,
    /// The platform's own text; may repeat a value.
    pub(crate) message: String,
}

/// Reasons, by the rule of JSON Schema that was broken: the documented samples name it, Adobe's
/// codes are not listed anywhere. The words tell what to do.
const RULES: &[(&str, &str)] = &[
    ("additionalProperties", "unknown_field"),
    ("required", "missing_field"),
    ("type", "wrong_type"),
    ("format", "wrong_format"),
    ("enum", "not_allowed_value"),
    ("const", "not_allowed_value"),
    ("pattern", "not_allowed_value"),
    ("minLength", "not_allowed_value"),
    ("maxLength", "not_allowed_value"),
    ("minimum", "not_allowed_value"),
    ("maximum", "not_allowed_value"),
    ("minItems", "not_allowed_value"),
    ("maxItems", "not_allowed_value"),
];
/// Parts of codes and texts, for what names no rule. The codes `DCVS-…` are of public reports, not
/// of Adobe's pages.
const TEXTS: &[(&str, &str)] = &[
    ("extraneous key", "unknown_field"),
    ("required key", "missing_field"),
    ("required field", "missing_field"),
    ("expected type", "wrong_type"),
    ("is not a valid", "wrong_format"),
    ("dcvs-1104", "wrong_type"),
    ("dcvs-1105", "wrong_format"),
    ("mapper-", "mapping_failed"),
    ("1555", "missing_field"),
    ("1401", "unreadable"),
    ("corrupt", "unreadable"),
];
/// What names nothing else.
pub(crate) const OTHER: &str = "not_landed";

impl Violation {
    /// Where the file names no violation at all.
    pub(crate) fn unknown() -> Self {
        Self {
            reason: OTHER,
            field: None,
            message: String::new(),
        }
    }

    /// Adds all violations in what stands below `_validationErrors` or `_errors`: a list, or lists
    /// by the name of who found them, each violation with the ones it consists of.
    pub(super) fn collect(errors: &Value, found: &mut Vec<Self>) {
        match errors {
            Value::Array(errors) => {
                for error in errors {
                    let causes = &error["causingExceptions"];
                    let before = found.len();
                    Self::collect(causes, found);
                    if found.len() == before && error.is_object() {
                        found.push(Self::read(error));
                    }
                }
            }
            Value::Object(by_name) => {
                for errors in by_name.values().filter(|errors| errors.is_array()) {
                    Self::collect(errors, found);
                }
            }
            _ => {}
        }
    }

    fn read(error: &Value) -> Self {
        let text = |name: &str| error[name].as_str().unwrap_or_default();
        let (keyword, message, code) = (text("keyword"), text("message"), text("code"));
        let rule = RULES.iter().find(|(rule, _)| *rule == keyword);
        let all = format!("{code} {message}").to_lowercase();
        let reason = rule.or_else(|| TEXTS.iter().find(|(part, _)| all.contains(part)));
        let place = text("pointerToViolation").trim_start_matches('#');
        // Of a key that is missing or too many, the pointer names the object it is missing from.
        let key = ["extraneous key [", "required key ["]
            .iter()
            .find_map(|before| message.split(before).nth(1)?.split(']').next());
        let field = match key {
            Some(key) => format!("{place}/{key}"),
            None => place.to_owned(),
        };
        let message = if code.is_empty() {
            message.to_owned()
        } else {
            format!("{code}: {message}")
        };
        Self {
            reason: reason.map_or(OTHER, |(_, reason)| reason),
            field: Some(field).filter(|field| !field.is_empty()),
            message,
        }
    }

    /// What is wrong, in plain words and without a value.
    pub(crate) fn words(&self) -> String {
        let field = self.field.as_deref().unwrap_or("a field it does not name");
        match self.reason {
            "unknown_field" => format!("the schema has no field {field}"),
            "missing_field" => format!("the schema requires {field}, and the record has none"),
            "wrong_type" => format!("{field} has another type than in the schema"),
            "wrong_format" => format!("{field} is not written as the schema wants it"),
            "not_allowed_value" => format!("{field} has a value the schema does not allow"),
            "mapping_failed" => "the mapping set of the dataflow failed".to_owned(),
            "unreadable" => "the record could not be read".to_owned(),
            _ => "Experience Platform dropped it and names no known rule".to_owned(),
        }
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn violations_of_the_documented_sample_name_their_fields() {
        let errors = json!([{"schemaLocation": "#", "pointerToViolation": "#", "message": "3 schema violations found",
        "causingExceptions": [
            {"pointerToViolation": "#", "causingExceptions": [], "keyword": "additionalProperties",
                "message": "extraneous key [workEmail] is not permitted"},
            {"pointerToViolation": "#/loyalty", "causingExceptions": [], "keyword": "required",
                "message": "required key [points] not found"},
            {"pointerToViolation": "#/_id", "causingExceptions": [], "keyword": "type",
                "message": "expected type: String, found: Long"},
        ]}]);
        let mut found = Vec::new();
        Violation::collect(&errors, &mut found);
        let found: Vec<_> = found
            .iter()
            .map(|violation| (violation.reason, violation.field.as_deref()))
            .collect();
        assert_eq!(
            found,
            [
                ("unknown_field", Some("/workEmail")),
                ("missing_field", Some("/loyalty/points")),
                ("wrong_type", Some("/_id")),
            ]
        );
    }

    #[test]
    fn code_without_a_known_rule_is_kept_in_the_message() {
        let errors = json!([{"code": "INGEST-9999-400", "message": "new"}]);
        let mut found = Vec::new();
        Violation::collect(&errors, &mut found);
        assert_eq!(
            (found[0].reason, found[0].message.as_str()),
            (OTHER, "INGEST-9999-400: new")
        );
    }
}
