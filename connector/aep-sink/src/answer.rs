//! Reads the SmartModule's answer to one record. What goes on to Experience Platform is cut out
//! unparsed.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::shared_str::SharedStr;

/// The version of the answers this connector understands. Members may be added within a version:
/// those that are not known are passed over, and those an older SmartModule did not write are
/// absent.
pub const VERSION: u64 = 1;

/// Why something is no answer.
const NEITHER: &str = "it has neither `v` nor `skip`";

/// An answer, ready to be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// What the record became.
    Mapped(Mapped),
    /// Not wanted; the reason is a short word.
    Skipped(String),
    /// The record cannot be mapped.
    Rejected(Rejected),
}

/// A record that became XDM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapped {
    /// The event's name, such as `pointsIssued`.
    pub name: SharedStr,
    /// `_id` of the XDM event.
    pub id: SharedStr,
    /// The customer, for order: records of one key are sent one after the other.
    pub key: SharedStr,
    /// When the event happened, milliseconds since the epoch.
    pub at: i64,
    /// The XDM event, JSON as the SmartModule wrote it. Absent only where a profile statement is
    /// replayed alone.
    pub event: Option<Bytes>,
    /// The XDM profile statement, where the event makes one.
    pub profile: Option<Bytes>,
}

/// A record the SmartModule could not map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// A short word, such as `bad_time`.
    pub reason: String,
    /// The place in the record, a JSON pointer.
    pub pointer: Option<String>,
    /// For people.
    pub message: String,
    /// The members of the answer that hold the original (`raw`, `rawBase64`, or size and hash), as
    /// a JSON object.
    pub original: Bytes,
}

/// The answer cannot be used. Both cases stop the connector: going on would lose records or settle
/// them unread.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The SmartModule in the cluster was replaced while streams were open, or the connector was
    /// not updated with it.
    #[error(
        "the SmartModule answers in version {found}, this connector understands version {VERSION}: \
        update the older one"
    )]
    Version {
        /// What the answer states.
        found: u64,
    },
    /// Some other SmartModule, or none, is at work. The cause is given without quoting the record.
    #[error("not an answer of the capillary-xdm SmartModule: {0}")]
    Foreign(String),
}

/// Text that is borrowed unless JSON escapes force a copy. The newtype makes that work inside an
/// `Option`.
#[derive(Deserialize)]
#[serde(transparent)]
struct WireText<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
struct Wire<'a> {
    v: Option<u64>,
    #[serde(borrow)]
    skip: Option<WireText<'a>>,
    #[serde(borrow)]
    name: Option<WireText<'a>>,
    #[serde(borrow)]
    id: Option<WireText<'a>>,
    #[serde(borrow)]
    key: Option<WireText<'a>>,
    at: Option<i64>,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    #[serde(borrow)]
    profile: Option<&'a RawValue>,
    #[serde(borrow)]
    reject: Option<WireReject<'a>>,
}

#[derive(Deserialize)]
struct WireReject<'a> {
    #[serde(borrow)]
    reason: WireText<'a>,
    #[serde(borrow)]
    pointer: Option<WireText<'a>>,
    #[serde(borrow)]
    message: Option<WireText<'a>>,
}

/// Only the version: read when the whole does not parse, since another version may differ in
/// everything else.
#[derive(Deserialize)]
struct WireVersion {
    v: Option<u64>,
}

/// What is needed to find an answer's offset, whatever its order of keys.
#[derive(Deserialize)]
struct WireHead {
    v: Option<u64>,
    offset: i64,
    ts: Option<i64>,
    skip: Option<IgnoredAny>,
}

// === impl Answer ===

impl Answer {
    /// Reads one answer. The XDM parts of the result are slices of `bytes`, not copies.
    pub fn read(bytes: &Bytes) -> Result<Self, AnswerError> {
        let wire: Wire<'_> = serde_json::from_slice(bytes).map_err(|error| {
            match serde_json::from_slice::<WireVersion>(bytes)
                .ok()
                .and_then(|head| head.v)
            {
                Some(found) if found != VERSION => AnswerError::Version { found },
                _ => AnswerError::Foreign(describe(&error)),
            }
        })?;
        // A skip carries no version (it is as short as possible), so it is the one form without a
        // check.
        match (wire.v, wire.skip) {
            (None, Some(reason)) => return Ok(Self::Skipped(reason.0.into_owned())),
            (Some(VERSION), Some(reason)) => return Ok(Self::Skipped(reason.0.into_owned())),
            (Some(VERSION), None) => {}
            (Some(found), _) => return Err(AnswerError::Version { found }),
            (None, None) => {
                return Err(AnswerError::Foreign(NEITHER.to_owned()));
            }
        }
        if let Some(reject) = wire.reject {
            return Ok(Self::Rejected(Rejected {
                reason: reject.reason.0.into_owned(),
                pointer: reject.pointer.map(|text| text.0.into_owned()),
                message: reject
                    .message
                    .map_or_else(String::new, |text| text.0.into_owned()),
                original: original(bytes)?,
            }));
        }
        // The SmartModule always states an event. A replayed letter may be about a profile
        // statement alone.
        if wire.event.is_none() && wire.profile.is_none() {
            return Err(AnswerError::Foreign(
                "it is neither skipped nor rejected and has no `event`".to_owned(),
            ));
        }
        let missing = |member: &str| {
            AnswerError::Foreign(format!(
                "it is neither skipped nor rejected and has no `{member}`"
            ))
        };
        let text = |text: Option<WireText<'_>>, member: &str| {
            let text = text.ok_or_else(|| missing(member))?;
            Ok(SharedStr::part_of(bytes, text.0))
        };
        Ok(Self::Mapped(Mapped {
            name: text(wire.name, "name")?,
            id: text(wire.id, "id")?,
            key: text(wire.key, "key")?,
            at: wire.at.ok_or_else(|| missing("at"))?,
            event: wire.event.map(|event| slice(bytes, event)),
            profile: wire.profile.map(|profile| slice(bytes, profile)),
        }))
    }
}

/// What an answer says of the record it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// Its true log offset.
    pub(crate) offset: i64,
    /// Its Fluvio timestamp, milliseconds since the epoch: absent when it has none, when it is
    /// skipped, and in answers of older SmartModules.
    pub(crate) timestamp: Option<i64>,
}

/// Reads of an answer what belongs to its record, and no more: this is asked of every record before
/// it is delivered.
///
/// The record's own position and time in the response are not used: the broker numbers what a
/// SmartModule returns from the first batch of the read, so that over several batches the number
/// drifts, and drops the time.
pub(crate) fn head(answer: &[u8]) -> Result<Head, AnswerError> {
    // Answers are written with version and offset first; most of them need no JSON parser.
    if let Some(head) = leading_head(answer) {
        return Ok(head);
    }
    let head: WireHead =
        serde_json::from_slice(answer).map_err(|error| AnswerError::Foreign(describe(&error)))?;
    match (head.v, head.skip) {
        (Some(VERSION), _) | (None, Some(_)) => Ok(Head {
            offset: head.offset,
            timestamp: head.ts,
        }),
        (Some(found), _) => Err(AnswerError::Version { found }),
        (None, None) => Err(AnswerError::Foreign(NEITHER.to_owned())),
    }
}

/// The head, when the answer begins exactly as the SmartModule writes it.
fn leading_head(answer: &[u8]) -> Option<Head> {
    let (rest, is_skipped) = match answer.strip_prefix(b"{\"v\":1,\"offset\":") {
        Some(rest) => (rest, false),
        None => (answer.strip_prefix(b"{\"offset\":")?, true),
    };
    let (offset, rest) = leading_digits(rest)?;
    let (timestamp, rest) = match rest.strip_prefix(b",\"ts\":") {
        Some(rest) if !is_skipped => {
            let (timestamp, rest) = leading_digits(rest)?;
            (Some(timestamp), rest)
        }
        _ => (None, rest),
    };
    let follows: &[u8] = if is_skipped { b",\"skip\":" } else { b",\"" };
    rest.starts_with(follows)
        .then_some(Head { offset, timestamp })
}

/// The number in front, and what follows it.
fn leading_digits(text: &[u8]) -> Option<(i64, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = text.split_at_checked(digits)?;
    Some((std::str::from_utf8(number).ok()?.parse().ok()?, rest))
}

fn slice(bytes: &Bytes, part: &RawValue) -> Bytes {
    bytes.slice_ref(part.get().as_bytes())
}

/// What the answer holds of the original record, whatever the members are called: the letter passes
/// them on.
fn original(bytes: &Bytes) -> Result<Bytes, AnswerError> {
    let mut members: BTreeMap<Cow<'_, str>, &RawValue> =
        serde_json::from_slice(bytes).map_err(|error| AnswerError::Foreign(describe(&error)))?;
    for known in ["v", "offset", "ts", "reject"] {
        members.remove(known);
    }
    let object =
        serde_json::to_vec(&members).map_err(|error| AnswerError::Foreign(describe(&error)))?;
    Ok(Bytes::from(object))
}

/// Says what is wrong without quoting any of it: it may be a person's data.
fn describe(error: &serde_json::Error) -> String {
    format!(
        "{:?} error in its JSON at column {}",
        error.classify(),
        error.column()
    )
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Answer, AnswerError> {
        Answer::read(&Bytes::copy_from_slice(json.as_bytes()))
    }

    #[test]
    fn mapped_answer_keeps_its_xdm_byte_for_byte() {
        let text = r#"{"v":1,"offset":7,"name":"pointsIssued","id":"a\u002d1","key":"100:5","at":1700000000000,"event":{"_id":"a-1", "n" : 1.50},"profile":{"x":[ ]}}"#;
        let Ok(Answer::Mapped(mapped)) = read(text) else {
            panic!("not mapped")
        };
        assert_eq!(&*mapped.id, "a-1");
        assert_eq!(&mapped.event.unwrap()[..], br#"{"_id":"a-1", "n" : 1.50}"#);
        assert_eq!(mapped.profile.as_deref(), Some(&br#"{"x":[ ]}"#[..]));
        assert_eq!(
            (&*mapped.name, &*mapped.key, mapped.at),
            ("pointsIssued", "100:5", 1_700_000_000_000)
        );
    }

    #[test]
    fn mapped_event_is_not_copied() {
        let bytes = Bytes::from_static(
            br#"{"v":1,"offset":7,"name":"n","id":"i","key":"k","at":1,"event":{"a":1}}"#,
        );
        let Ok(Answer::Mapped(mapped)) = Answer::read(&bytes) else {
            panic!("not mapped")
        };
        assert!(
            bytes
                .as_ptr_range()
                .contains(&mapped.event.unwrap().as_ptr())
        );
    }

    #[test]
    fn skip_needs_no_version() {
        assert_eq!(
            read(r#"{"offset":7,"skip":"unwanted_event"}"#),
            Ok(Answer::Skipped("unwanted_event".to_owned()))
        );
    }

    #[test]
    fn reject_hands_on_what_it_holds_of_the_original() {
        let reject =
            r#""reject":{"reason":"bad_time","pointer":"/createdAt","message":"11 digits"}"#;
        for original in [
            r#"{"raw":"{\"a\":1}"}"#,
            r#"{"rawBase64":"/w=="}"#,
            r#"{"sha256":"ab","size":300000}"#,
        ] {
            let members = &original[1..original.len() - 1];
            let Ok(Answer::Rejected(rejected)) = read(&format!(
                r#"{{"v":1,"offset":7,"ts":9,{reject},{members}}}"#
            )) else {
                panic!("not rejected")
            };
            assert_eq!(&rejected.original[..], original.as_bytes());
            assert_eq!(rejected.reason, "bad_time");
            assert_eq!(rejected.pointer.as_deref(), Some("/createdAt"));
        }
    }

    #[test]
    fn another_version_is_named_even_when_nothing_else_is_understood() {
        for text in [
            r#"{"v":2,"offset":7,"name":"n"}"#,
            r#"{"v":2,"offset":7,"name":{"first":[]},"at":"noon"}"#,
        ] {
            let error = read(text).expect_err("another version");
            assert_eq!(error, AnswerError::Version { found: 2 });
            assert!(
                error.to_string().contains("version 2") && error.to_string().contains("version 1"),
                "{error}"
            );
        }
    }

    #[test]
    fn foreign_value_is_refused_without_quoting_it() {
        for foreign in [
            "",
            "secret",
            r#"{"secret":1}"#,
            r#"{"v":1,"offset":1,"name":"secret"}"#,
            "[]",
        ] {
            let error = read(foreign).expect_err("not an answer").to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn offset_and_time_are_read_from_every_kind_of_answer() {
        let offset_of = |answer: &[u8]| head(answer).map(|head| head.offset);
        for (ts, timestamp) in [
            ("", None),
            ("\"ts\":1700000000000,", Some(1_700_000_000_000)),
        ] {
            for rest in [
                "\"name\":\"n\",\"event\":{}",
                "\"reject\":{},\"raw\":\"\\\"ts\\\":7\"",
            ] {
                let answer = format!(r#"{{"v":1,"offset":12,{ts}{rest}}}"#);
                let offset = 12;
                assert_eq!(head(answer.as_bytes()), Ok(Head { offset, timestamp }));
            }
        }
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
    fn head_is_read_whatever_the_order_of_keys() {
        assert_eq!(
            head(br#"{ "ts": 5, "event": {"ts": 8}, "offset": 3, "v": 1 }"#),
            Ok(Head {
                offset: 3,
                timestamp: Some(5)
            })
        );
        let offset_of = |answer: &[u8]| head(answer).map(|head| head.offset);
        assert_eq!(
            offset_of(br#"{ "offset": 3, "event": {"offset": 8}, "v": 1 }"#),
            Ok(3)
        );
        assert_eq!(offset_of(br#"{"skip":"x","offset":4}"#), Ok(4));
    }

    #[test]
    fn offset_of_another_version_is_an_error() {
        assert_eq!(
            head(br#"{"v":2,"offset":12,"name":"x"}"#),
            Err(AnswerError::Version { found: 2 })
        );
    }

    #[test]
    fn offset_of_no_answer_is_an_error_that_quotes_nothing() {
        for foreign in [
            &b"raw payload"[..],
            br#"{"eventName":"secret"}"#,
            br#"{"offset":1}"#,
            b"",
        ] {
            let Err(AnswerError::Foreign(reason)) = head(foreign) else {
                panic!(
                    "{} was taken for an answer",
                    String::from_utf8_lossy(foreign)
                );
            };
            assert!(!reason.contains("secret"), "{reason}");
        }
    }
}
