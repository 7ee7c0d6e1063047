//! Reads a dead letter back: what it says, and the record it holds.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The version of the letters this connector writes and reads.
const VERSION: u32 = 1;

/// Where its record failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Stage {
    Mapping,
    Delivery,
}

/// Where the record came from.
#[derive(Debug, Deserialize)]
pub(super) struct Source {
    pub(super) offset: i64,
    pub(super) timestamp: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct EventName {
    pub(super) name: String,
    pub(super) id: String,
}

/// The record, in whatever form the letter could hold it. All empty: only size and hash.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Held<'a> {
    #[serde(borrow)]
    pub(super) event: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) profile: Option<&'a RawValue>,
    #[serde(borrow)]
    raw: Option<Text<'a>>,
    #[serde(borrow)]
    raw_base64: Option<Text<'a>>,
}

/// Text that is borrowed unless JSON escapes force a copy.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// A dead letter.
#[derive(Debug, Deserialize)]
pub(super) struct Letter<'a> {
    v: u32,
    pub(super) stage: Stage,
    pub(super) reason: String,
    pub(super) source: Source,
    pub(super) event: Option<EventName>,
    #[serde(borrow)]
    pub(super) record: Held<'a>,
}

impl<'a> Letter<'a> {
    /// `None` when it is no letter of a version known here.
    pub(super) fn read(value: &'a [u8]) -> Option<Self> {
        serde_json::from_slice::<Self>(value)
            .ok()
            .filter(|letter| letter.v == VERSION)
    }
}

impl Held<'_> {
    /// The record as it was produced.
    pub(super) fn original(&self) -> Option<Cow<'_, [u8]>> {
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
    fn a_record_is_found_as_text_and_as_base64_and_not_behind_a_hash() {
        let record = |record: &str| {
            let text = format!(
                r#"{{"v":1,"stage":"mapping","reason":"bad_json","message":"","source":{{"topic":"t","partition":0,"offset":4}},"record":{record}}}"#
            );
            Letter::read(text.as_bytes())
                .and_then(|letter| letter.record.original().map(Cow::into_owned))
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
    fn what_is_no_letter_of_this_version_is_not_read() {
        assert!(Letter::read(b"not json").is_none());
        let later = br#"{"v":2,"stage":"mapping","reason":"x","source":{"offset":4},"record":{}}"#;
        assert!(Letter::read(later).is_none());
    }
}
