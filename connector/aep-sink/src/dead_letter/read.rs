//! Reads a dead letter back: what it says, and the record it holds.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::format::{EventName, Stage, VERSION};

/// Where the record came from.
#[derive(Debug, Deserialize)]
pub(crate) struct ReadOrigin {
    #[serde(default)]
    pub(crate) partition: u32,
    pub(crate) offset: i64,
    pub(crate) timestamp: Option<i64>,
}

/// Where it could not be delivered to.
#[derive(Debug, Deserialize)]
pub(crate) struct ReadTarget {
    /// `events` or `profiles`.
    pub(crate) inlet: String,
}

/// The record, in whatever form the dead letter could hold it. All empty: only size and hash.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RecordContent<'a> {
    #[serde(borrow)]
    pub(crate) event: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) profile: Option<&'a RawValue>,
    #[serde(borrow)]
    raw: Option<Text<'a>>,
    #[serde(borrow)]
    raw_base64: Option<Text<'a>>,
}

/// Text that is borrowed unless JSON escapes force a copy.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// A dead letter that was written before.
#[derive(Debug, Deserialize)]
pub(crate) struct ReadDeadLetter<'a> {
    v: u32,
    pub(crate) stage: Stage,
    pub(crate) reason: String,
    pub(crate) source: ReadOrigin,
    pub(crate) event: Option<EventName>,
    pub(crate) target: Option<ReadTarget>,
    #[serde(borrow)]
    pub(crate) record: RecordContent<'a>,
}

impl<'a> ReadDeadLetter<'a> {
    /// `None` when it is no dead letter, or one of another version.
    pub(crate) fn parse(value: &'a [u8]) -> Option<Self> {
        serde_json::from_slice::<Self>(value)
            .ok()
            .filter(|dead_letter| dead_letter.v == VERSION)
    }
}

impl RecordContent<'_> {
    /// The record as it was produced.
    pub(crate) fn original(&self) -> Option<Cow<'_, [u8]>> {
        if let Some(raw) = &self.raw {
            return Some(Cow::Borrowed(raw.0.as_bytes()));
        }
        let encoded = self.raw_base64.as_ref()?;
        STANDARD.decode(encoded.0.as_bytes()).ok().map(Cow::Owned)
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_is_read_as_text_and_base64_but_not_from_its_hash() {
        let record = |record: &str| {
            let text = format!(
                r#"{{"v":1,"stage":"mapping","reason":"bad_json","message":"","source":{{"topic":"t","partition":0,"offset":4}},"record":{record}}}"#
            );
            ReadDeadLetter::parse(text.as_bytes())
                .and_then(|dead_letter| dead_letter.record.original().map(Cow::into_owned))
        };
        assert_eq!(record(r#"{"raw":"a\"b"}"#).as_deref(), Some(&b"a\"b"[..]));
        assert_eq!(
            record(r#"{"rawBase64":"/wA="}"#).as_deref(),
            Some(&[0xff, 0][..])
        );
        assert_eq!(record(r#"{"size":5,"sha256":"00"}"#), None);
        assert_eq!(record(r#"{"rawBytes":5,"rawSha256":"00"}"#), None);
    }

    #[test]
    fn letter_of_another_version_is_not_read() {
        assert!(ReadDeadLetter::parse(b"not json").is_none());
        let later = br#"{"v":2,"stage":"mapping","reason":"x","source":{"offset":4},"record":{}}"#;
        assert!(ReadDeadLetter::parse(later).is_none());
    }
}
