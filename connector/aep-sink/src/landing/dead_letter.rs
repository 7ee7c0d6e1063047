//! The dead letter of a record that did not land.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use capillary_xdm::{Input, Mapper};
use serde_json::{Value, json};

use super::journal::Entry;
use super::platform::{FailedBatch, FailedRecord, Violation};
use super::storage::SourceRecord;
use crate::answer::Answer;
use crate::dead_letter::{DeadLetter, Origin, Unlanded};
use crate::inlet_name::InletName;

/// Makes the dead letter: with the record as it was produced, so that `replay` maps it with what
/// was mended; where retention has removed it, with what the platform gave back.
pub(super) fn compose(
    topic: &str,
    mapper: &mut Mapper,
    batch: &FailedBatch,
    entry: &Entry,
    record: &FailedRecord,
    source: Option<&SourceRecord>,
) -> Result<DeadLetter, serde_json::Error> {
    let violation = violation(record);
    let timestamp = source.and_then(|source| source.timestamp);
    let mapped = source.and_then(|source| {
        let mut answer = Vec::new();
        let input = Input {
            offset: entry.position.offset,
            timestamp: source.timestamp,
            value: &source.value,
        };
        mapper.answer(input, &mut answer);
        match Answer::read(&Bytes::from(answer)) {
            Ok(Answer::Mapped(mapped)) => Some(mapped),
            _ => None,
        }
    });
    let content = match (source, &record.entity) {
        (Some(source), _) => original(&source.value),
        (None, Some(entity)) => json!({ part(entry): entity }),
        (None, None) => json!({}),
    };
    DeadLetter::unlanded(
        Origin::new(topic, entry.position, timestamp),
        Unlanded {
            inlet: entry.inlet.as_str(),
            reason: violation.reason,
            pointer: violation.field.clone(),
            words: violation.words(),
            message: violation.message.clone(),
            batch: batch.id.clone(),
            sent: entry.sent,
            event: mapped.map(|mapped| {
                (
                    mapped.key.to_string(),
                    mapped.name.to_string(),
                    mapped.id.to_string(),
                    mapped.at,
                )
            }),
        },
        Bytes::from(serde_json::to_vec(&content)?),
    )
}

/// What names the dead letter.
pub(crate) fn violation(record: &FailedRecord) -> Violation {
    let first = record.violations.first().cloned();
    first.unwrap_or_else(Violation::unknown)
}

/// As the SmartModule writes the original of a record it rejects.
fn original(value: &[u8]) -> Value {
    match std::str::from_utf8(value) {
        Ok(text) => json!({ "raw": text }),
        Err(_) => json!({ "rawBase64": STANDARD.encode(value) }),
    }
}

fn part(entry: &Entry) -> &'static str {
    match entry.inlet {
        InletName::Events => "event",
        InletName::Profiles => "profile",
    }
}
