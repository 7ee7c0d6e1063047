//! The files of a failed batch: a failed record a line, with what is wrong with it.
//!
//! Adobe's pages show the errors of a record (`_validationErrors`, `_errors`) and not what stands
//! beside them. So the record is looked for where it may be: as the message was sent, as its entity
//! alone, or as text in `_corrupt_record`.

use serde_json::Value;

use super::violation::Violation;

/// One record that did not land.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FailedRecord {
    /// The entity, if the file holds it.
    pub(crate) entity: Option<Value>,
    /// What is wrong with it; the first one names the dead letter.
    pub(crate) violations: Vec<Violation>,
}

pub(super) fn read(content: &[u8]) -> Vec<FailedRecord> {
    let values = serde_json::Deserializer::from_slice(content).into_iter::<Value>();
    let mut records = Vec::new();
    for value in values {
        // What follows a line that is no JSON cannot be told apart.
        let Ok(value) = value else { break };
        match value {
            Value::Array(rows) => records.extend(rows.into_iter().filter_map(record)),
            row => records.extend(record(row)),
        }
    }
    records
}

fn record(row: Value) -> Option<FailedRecord> {
    let Value::Object(mut row) = row else {
        return None;
    };
    let mut violations = Vec::new();
    for errors in ["_validationErrors", "_errors"] {
        if let Some(errors) = row.remove(errors) {
            Violation::collect(&errors, &mut violations);
        }
    }
    row.remove("_filename");
    if let Some(Value::String(text)) = row.remove("_corrupt_record") {
        let entity = serde_json::from_str(&text).ok().and_then(entity);
        return Some(FailedRecord { entity, violations });
    }
    let entity = entity(Value::Object(row));
    if violations.is_empty() && entity.is_none() {
        return None;
    }
    Some(FailedRecord { entity, violations })
}

/// The entity in what may be the whole message.
fn entity(row: Value) -> Option<Value> {
    let places = ["/body/xdmEntity", "/xdmEntity", "/body", ""];
    places.iter().find_map(|place| {
        let found = row.pointer(place)?;
        let is_entity = found.get("identityMap").is_some() || found.get("_id").is_some();
        is_entity.then(|| found.clone())
    })
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_is_found_in_every_form_a_file_may_have() {
        let error = r##"{"causingExceptions":[],"keyword":"format","message":"[x] is not a valid date-time","pointerToViolation":"#/timestamp"}"##;
        for row in [
            format!(
                r#"{{"header":{{}},"body":{{"xdmMeta":{{}},"xdmEntity":{{"_id":"e"}}}},"_validationErrors":[{error}]}}"#
            ),
            format!(r#"{{"_id":"e","_errors":{{"_streamingValidation":[{error}]}}}}"#),
            format!(
                r#"{{"_corrupt_record":"{{\"_id\":\"e\"}}","_errors":[{error}],"_filename":"f"}}"#
            ),
        ] {
            let records = read(row.as_bytes());
            assert_eq!(records.len(), 1, "{row}");
            let entity = records[0].entity.as_ref().unwrap();
            assert_eq!(entity["_id"], "e", "{row}");
            let violation = &records[0].violations[0];
            assert_eq!(violation.field.as_deref(), Some("/timestamp"));
            assert_eq!(violation.reason, "wrong_format");
        }
    }

    #[test]
    fn errors_without_a_record_count_and_name_nothing() {
        // The documented samples, line by line.
        let content = br##"{"_validationErrors":[{"message":"Payload body is missing xdmEntity"}]}
            {"_errors":{"_streamingValidation":[{"message":"Payload header is missing Source Name"}]}}
            {"_corrupt_record":"{missingQuotes: \"v1\"}","_errors":[{"code":"1401","message":"Row is corrupted and cannot be read, please fix and resend."}],"_filename":"parsing_errors_0.json"}"##;
        let records = read(content);
        assert_eq!(records.len(), 3);
        assert!(records.iter().all(|record| record.entity.is_none()));
        assert_eq!(records[2].violations[0].reason, "unreadable");
    }
}
