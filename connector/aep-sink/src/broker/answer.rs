//! Reads from an answer of the SmartModule only what the reading side needs: its version and its
//! offset.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// The version of the answers this connector understands.
pub(super) const KNOWN_VERSION: u64 = 1;

/// Why an answer cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum AnswerError {
    /// Not an answer at all: some other SmartModule is at work.
    Foreign(String),
    /// An answer of another version of the SmartModule.
    Version(u64),
}

/// The head of an answer, whatever its order of keys.
#[derive(Deserialize)]
struct Head {
    v: Option<u64>,
    offset: i64,
    skip: Option<IgnoredAny>,
}

/// The true log offset of the record an answer belongs to.
///
/// The record's own position in the response is not used: the broker numbers what a SmartModule
/// returns from the first batch of the read, and over several batches that number drifts.
pub(super) fn offset_of(answer: &[u8]) -> Result<i64, AnswerError> {
    // Answers are written with version and offset first; most of them need no JSON parser.
    if let Some(offset) = quick(answer) {
        return Ok(offset);
    }
    let head: Head = serde_json::from_slice(answer)
        .map_err(|error| AnswerError::Foreign(error.classify_text()))?;
    match (head.v, head.skip) {
        (Some(KNOWN_VERSION), _) | (None, Some(_)) => Ok(head.offset),
        (Some(other), _) => Err(AnswerError::Version(other)),
        (None, None) => Err(AnswerError::Foreign(
            "it has neither `v` nor `skip`".to_owned(),
        )),
    }
}

/// The offset, when the answer begins exactly as the SmartModule writes it.
fn quick(answer: &[u8]) -> Option<i64> {
    let (rest, skipped) = match answer.strip_prefix(b"{\"v\":1,\"offset\":") {
        Some(rest) => (rest, false),
        None => (answer.strip_prefix(b"{\"offset\":")?, true),
    };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = rest.split_at_checked(digits)?;
    let follows: &[u8] = if skipped { b",\"skip\":" } else { b",\"" };
    if !rest.starts_with(follows) {
        return None;
    }
    std::str::from_utf8(number).ok()?.parse().ok()
}

/// Says what is wrong with JSON without quoting any of it: it may be a person's data.
trait ClassifyText {
    fn classify_text(&self) -> String;
}

impl ClassifyText for serde_json::Error {
    fn classify_text(&self) -> String {
        format!(
            "{:?} error in its JSON at column {}",
            self.classify(),
            self.column()
        )
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_is_read_from_every_kind_of_answer() {
        assert_eq!(
            offset_of(br#"{"v":1,"offset":12,"name":"pointsIssued","event":{}}"#),
            Ok(12)
        );
        assert_eq!(offset_of(br#"{"offset":0,"skip":"unwanted"}"#), Ok(0));
        assert_eq!(
            offset_of(br#"{"v":1,"offset":9,"reject":{},"raw":"{\"offset\":7}"}"#),
            Ok(9)
        );
    }

    #[test]
    fn the_order_of_keys_does_not_matter() {
        assert_eq!(
            offset_of(br#"{ "offset": 3, "event": {"offset": 8}, "v": 1 }"#),
            Ok(3)
        );
        assert_eq!(offset_of(br#"{"skip":"x","offset":4}"#), Ok(4));
    }

    #[test]
    fn another_version_is_named() {
        assert_eq!(
            offset_of(br#"{"v":2,"offset":12,"name":"x"}"#),
            Err(AnswerError::Version(2))
        );
    }

    #[test]
    fn what_is_no_answer_is_refused_without_quoting_it() {
        for foreign in [
            &b"raw payload"[..],
            br#"{"eventName":"secret"}"#,
            br#"{"offset":1}"#,
            b"",
        ] {
            let Err(AnswerError::Foreign(reason)) = offset_of(foreign) else {
                panic!(
                    "{} was taken for an answer",
                    String::from_utf8_lossy(foreign)
                );
            };
            assert!(!reason.contains("secret"), "{reason}");
        }
    }
}
