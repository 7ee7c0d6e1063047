//! Makes dead letters: one constructor per stage at which a record can fail.

use bytes::Bytes;
use serde::ser::{Error as _, SerializeMap};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::format::{EventName, Stage, VERSION};
use crate::aep::ResponseIds;
use crate::answer::Rejected;
use crate::offset_tracker::Position;

/// Where a record came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    topic: String,
    partition: u32,
    offset: i64,
    /// The record's Fluvio timestamp, milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    /// `events` or `profiles`.
    inlet: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    message: String,
    #[serde(flatten)]
    ids: ResponseIds,
    /// The failed batch of Catalog, where the record did not land.
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_batch: Option<String>,
}

/// What is known of the attempts to deliver a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempts {
    /// `events` or `profiles`.
    pub inlet: &'static str,
    /// Why it could not be delivered, a short word.
    pub reason: &'static str,
    /// The place in the record, where the response names one.
    pub pointer: Option<String>,
    /// The last HTTP status.
    pub status: Option<u16>,
    /// The last message of Experience Platform.
    pub message: String,
    /// What the last response calls the request and the message.
    pub ids: ResponseIds,
    /// How often it was sent.
    pub attempts: u32,
    /// The time of the first attempt, milliseconds since the epoch.
    pub first: Option<i64>,
    /// The time of the last attempt, milliseconds since the epoch.
    pub last: Option<i64>,
}

/// What is known of a record that did not land after its acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unlanded {
    /// `events` or `profiles`.
    pub(crate) inlet: &'static str,
    /// Why it did not land, a short word.
    pub(crate) reason: &'static str,
    /// The field, where the platform names one.
    pub(crate) pointer: Option<String>,
    /// What is wrong, in plain words.
    pub(crate) words: String,
    /// What the platform says.
    pub(crate) message: String,
    /// The failed batch.
    pub(crate) batch: String,
    /// When it was sent, milliseconds since the epoch.
    pub(crate) sent: i64,
    /// Customer, kind, `_id` and time of the event, where the record could be mapped.
    pub(crate) event: Option<(String, String, String, i64)>,
}

/// What a dead letter says, without the record and its customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeadLetterSummary {
    pub(crate) source: Origin,
    stage: Stage,
    pub(crate) reason: String,
    /// The event's kind, where the record could be read.
    kind: String,
    /// When it was written, milliseconds since the epoch.
    written: i64,
}

/// A dead letter, ready to be written.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    v: u32,
    stage: Stage,
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    message: String,
    source: Origin,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<EventName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<Target>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_attempt: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_attempt: Option<i64>,
    /// `{"event":…}`, `{"profile":…}` or both as mapped; `{"raw":…}` or `{"rawBase64":…}` as
    /// produced; size and hash when it is too large.
    record: Content,
    /// The record's key in the dead-letter topic: dead letters of one customer stay in order.
    #[serde(skip)]
    key: String,
}

/// What a dead letter holds of its record.
#[derive(Debug, Clone)]
enum Content {
    /// A JSON object.
    Original(Bytes),
    /// Entities by their name in the answer: slices of it and no copies, so that a dead letter that
    /// waits takes no more memory than its record did.
    Entities(Vec<(&'static str, Bytes)>),
    Digest(RecordDigest),
}

/// Written in place of a record that does not fit.
#[derive(Debug, Clone, Serialize)]
struct RecordDigest {
    size: usize,
    sha256: String,
}

impl Origin {
    /// A record by its coordinates; `timestamp` is milliseconds since the epoch.
    pub fn new(topic: &str, position: Position, timestamp: Option<i64>) -> Self {
        Self {
            topic: topic.to_owned(),
            partition: position.partition,
            offset: position.offset,
            timestamp,
        }
    }
}

impl DeadLetter {
    /// Stage `mapping`: the SmartModule rejected it.
    ///
    /// # Errors
    /// When the original is not JSON.
    pub fn rejected(source: Origin, rejected: &Rejected) -> Result<Self, serde_json::Error> {
        Ok(Self {
            v: VERSION,
            stage: Stage::Mapping,
            reason: rejected.reason.clone(),
            pointer: rejected.pointer.clone(),
            message: rejected.message.clone(),
            key: format!("{}:{}", source.partition, source.offset),
            source,
            event: None,
            target: None,
            attempts: None,
            first_attempt: None,
            last_attempt: None,
            record: Content::Original(json(&rejected.original)?.clone()),
        })
    }

    /// Stage `delivery`: the inlet refused it for good, or it can never be sent. `parts` are the
    /// entities concerned, by their name in the answer; `at` is when the event happened.
    ///
    /// # Errors
    /// When an entity is not JSON.
    pub fn undeliverable(
        source: Origin,
        (key, name, id, at): (&str, &str, &str, i64),
        parts: &[(&'static str, &Bytes)],
        attempts: Attempts,
    ) -> Result<Self, serde_json::Error> {
        let entities = parts
            .iter()
            .map(|(part, entity)| Ok((*part, json(entity)?.clone())))
            .collect::<Result<_, serde_json::Error>>()?;
        Ok(Self {
            v: VERSION,
            stage: Stage::Delivery,
            reason: attempts.reason.to_owned(),
            pointer: attempts.pointer,
            message: attempts.message.clone(),
            key: key.to_owned(),
            source,
            event: Some(EventName {
                name: name.to_owned(),
                id: id.to_owned(),
                at: Some(at),
            }),
            target: Some(Target {
                inlet: attempts.inlet,
                status: attempts.status,
                message: attempts.message,
                ids: attempts.ids,
                failed_batch: None,
            }),
            attempts: Some(attempts.attempts),
            first_attempt: attempts.first,
            last_attempt: attempts.last,
            record: Content::Entities(entities),
        })
    }

    /// Stage `landing`: acknowledged and dropped afterwards. `record` is a JSON object: the record
    /// as it was produced, or what the platform gave back of it.
    ///
    /// # Errors
    /// When the record is not JSON.
    pub(crate) fn unlanded(
        source: Origin,
        unlanded: Unlanded,
        record: Bytes,
    ) -> Result<Self, serde_json::Error> {
        json(&record)?;
        let place = format!("{}:{}", source.partition, source.offset);
        let (key, event) = match unlanded.event {
            Some((key, name, id, at)) => {
                let at = Some(at);
                (key, Some(EventName { name, id, at }))
            }
            None => (place, None),
        };
        Ok(Self {
            v: VERSION,
            stage: Stage::Landing,
            reason: unlanded.reason.to_owned(),
            pointer: unlanded.pointer,
            message: unlanded.words,
            source,
            event,
            target: Some(Target {
                inlet: unlanded.inlet,
                status: None,
                message: unlanded.message,
                ids: ResponseIds::default(),
                failed_batch: Some(unlanded.batch),
            }),
            attempts: None,
            first_attempt: None,
            last_attempt: Some(unlanded.sent),
            record: Content::Original(record),
            key,
        })
    }

    /// The same dead letter with the record's size and hash in its place. The source coordinates
    /// still lead to the record, as long as the source topic keeps it.
    pub(super) fn without_record(&self) -> Result<Self, serde_json::Error> {
        let text = serde_json::to_vec(&self.record)?;
        let sha256 = Sha256::digest(&text)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let record = Content::Digest(RecordDigest {
            size: text.len(),
            sha256,
        });
        Ok(Self {
            record,
            ..self.clone()
        })
    }

    pub(crate) fn reason(&self) -> &str {
        &self.reason
    }

    /// The event's kind; `unknown` when the record could not be read.
    pub(crate) fn kind(&self) -> &str {
        self.event.as_ref().map_or("unknown", |event| &event.name)
    }

    pub(crate) fn summary(&self, written: i64) -> DeadLetterSummary {
        DeadLetterSummary {
            source: self.source.clone(),
            stage: self.stage,
            reason: self.reason.clone(),
            kind: self.kind().to_owned(),
            written,
        }
    }

    /// The field that is wrong.
    pub(crate) fn pointer(&self) -> Option<&str> {
        self.pointer.as_deref()
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    pub(crate) fn source(&self) -> &Origin {
        &self.source
    }

    /// The dead letter as it is written.
    ///
    /// # Errors
    /// Never for a dead letter that was made; the serializer's type says it might.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.topic, self.partition, self.offset)
    }
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw = |json| serde_json::from_slice::<&RawValue>(json).map_err(S::Error::custom);
        match self {
            Self::Original(object) => raw(object)?.serialize(serializer),
            Self::Entities(entities) => {
                let mut map = serializer.serialize_map(Some(entities.len()))?;
                for (part, entity) in entities {
                    map.serialize_entry(part, raw(entity)?)?;
                }
                map.end()
            }
            Self::Digest(digest) => digest.serialize(serializer),
        }
    }
}

/// The same bytes, if they are JSON.
fn json(bytes: &Bytes) -> Result<&Bytes, serde_json::Error> {
    serde_json::from_slice::<&RawValue>(bytes).map(|_| bytes)
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::super::read::ReadDeadLetter;
    use super::*;

    fn origin() -> Origin {
        let position = Position {
            partition: 2,
            offset: 40,
        };
        Origin::new("loyalty", position, Some(1_700_000_000_000))
    }

    #[test]
    fn rejected_record_is_read_back_as_it_was_written() {
        let rejected = Rejected {
            reason: "bad_time".to_owned(),
            pointer: None,
            message: "11 digits".to_owned(),
            original: Bytes::from_static(br#"{"rawBase64":"/wA="}"#),
        };
        let json = DeadLetter::rejected(origin(), &rejected)
            .unwrap()
            .to_json()
            .unwrap();
        let read = ReadDeadLetter::parse(&json).unwrap();
        assert_eq!(
            (read.stage, read.reason.as_str()),
            (Stage::Mapping, "bad_time")
        );
        assert_eq!(read.source.offset, 40);
        assert_eq!(read.source.timestamp, Some(1_700_000_000_000));
        assert_eq!(read.record.original().as_deref(), Some(&[0xff, 0][..]));
    }

    #[test]
    fn undeliverable_record_is_read_back_as_it_was_written() {
        let attempts = Attempts {
            inlet: "events",
            reason: "refused",
            pointer: None,
            status: Some(400),
            message: "no".to_owned(),
            ids: ResponseIds {
                xaction_id: Some("1:2:3".to_owned()),
                ..ResponseIds::default()
            },
            attempts: 1,
            first: None,
            last: None,
        };
        let (event, profile) = (Bytes::from_static(b"{\"e\": 1}"), Bytes::from_static(b"{}"));
        let parts = [("event", &event), ("profile", &profile)];
        let names = ("100:5", "pointsIssued", "e-1", 1_699_999_999_000);
        let dead_letter = DeadLetter::undeliverable(origin(), names, &parts, attempts).unwrap();
        let json = dead_letter.to_json().unwrap();
        let target = &serde_json::from_slice::<serde_json::Value>(&json).unwrap()["target"];
        assert_eq!(
            *target,
            serde_json::json!({"inlet": "events", "status": 400, "message": "no", "xactionId": "1:2:3"})
        );
        let read = ReadDeadLetter::parse(&json).unwrap();
        assert_eq!(read.stage, Stage::Delivery);
        assert_eq!(read.record.event.map(RawValue::get), Some("{\"e\": 1}"));
        assert_eq!(read.record.profile.map(RawValue::get), Some("{}"));
        let read = read.event.unwrap();
        assert_eq!(
            (read.name.as_str(), read.id.as_str(), read.at),
            ("pointsIssued", "e-1", Some(1_699_999_999_000))
        );
        let json = dead_letter.without_record().unwrap().to_json().unwrap();
        let read = ReadDeadLetter::parse(&json).unwrap();
        assert!(read.record.event.is_none() && read.record.original().is_none());
    }
}
