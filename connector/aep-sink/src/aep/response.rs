//! What an answer says became of each record.
//!
//! The rule above all others: what an answer does not say is *unknown*, and the record is sent
//! again with the same `_id`. It is neither a success nor a failure.

use std::borrow::Cow;
use std::mem::discriminant;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::problem::Refusal;
use super::retry_after;
use super::transport::HttpAnswer;

/// What became of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It was taken.
    Accepted,
    /// Refused for the moment, with this status.
    Again(u16),
    /// Refused for good.
    Refused(Refusal),
    /// The answer does not say.
    Unknown,
}

/// What an answer means for the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// One fate for every record sent, in order.
    Records(Vec<Fate>),
    /// The whole request was refused. Which record is to blame, if any, it does not say.
    Refused(Refusal),
    /// 413: the request, or a lone record, is too large.
    TooLarge(Refusal),
    /// 401 or 403: perhaps only the token.
    Unauthorized(Refusal),
    /// Nothing a record or a token could change.
    Target(Refusal),
    /// It heals by itself.
    Busy {
        /// The HTTP status.
        status: u16,
        /// The pause it asks for.
        retry_after: Option<Duration>,
    },
}

/// Which of the two kinds of answer to expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `responses` with one item for each of this many messages.
    Batch(usize),
    /// The record itself, without a list.
    Single,
}

/// Reads a response. `now_ms` is the time that a date in `Retry-After` is held against, milliseconds
/// since the epoch.
pub fn read(answer: &HttpAnswer, kind: Kind, now_ms: i64) -> Answer {
    let refusal = || Refusal::from_bytes(answer.status, &answer.body);
    match answer.status {
        200..=299 => Answer::Records(match kind {
            Kind::Batch(count) => batch(&answer.body, count),
            Kind::Single => vec![single(&answer.body)],
        }),
        401 | 403 => Answer::Unauthorized(refusal()),
        413 => Answer::TooLarge(refusal()),
        // Not those of the 5xx that say "never": 501 is answered to `syncValidation` at most
        // locations.
        501 | 505 => Answer::Target(refusal()),
        408 | 425 | 429 | 500.. => Answer::Busy {
            status: answer.status,
            retry_after: answer
                .retry_after
                .as_deref()
                .and_then(|value| retry_after::parse(value, now_ms)),
        },
        // 402 and 407 are said by gateways and proxies; 412, 417 and 428 concern headers, which are
        // ours.
        402 | 404..=407 | 410 | 411 | 412 | 414 | 415 | 417 | 421 | 426 | 428 | 431 | ..=399 => {
            Answer::Target(refusal())
        }
        _ => Answer::Refused(refusal()),
    }
}

/// What an inlet says of a lone message when all is well. Anything else, or more, is read with
/// care.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Acknowledgement<'a> {
    #[serde(borrow, rename = "inletId")]
    _inlet: Cow<'a, str>,
    #[serde(borrow, rename = "xactionId")]
    _id: Cow<'a, str>,
    #[serde(rename = "receivedTimeMs")]
    _received: Option<i64>,
    /// Flows that map say theirs.
    #[serde(borrow, rename = "flowId")]
    _flow: Option<Cow<'a, str>>,
    /// What did not take place.
    #[serde(rename = "syncValidation")]
    _validation: Option<Skipped>,
}

/// Validation that was not asked for. Whatever else stands there is read the long way.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Skipped {
    #[serde(rename = "skipped")]
    _skipped: bool,
}

/// Whether JSON text is an object. What is derived for a struct reads a list of its members' values
/// as well, and no inlet says a list.
fn is_object(json: &[u8]) -> bool {
    json.trim_ascii_start().starts_with(b"{")
}

fn single(body: &[u8]) -> Fate {
    if is_object(body) && serde_json::from_slice::<Acknowledgement<'_>>(body).is_ok() {
        return Fate::Accepted;
    }
    let Ok(Value::Object(members)) = serde_json::from_slice(body) else {
        return Fate::Unknown;
    };
    if let Some(Value::Array(items)) = members.get("responses") {
        return if let [item] = items.as_slice() {
            fate(item)
        } else {
            Fate::Unknown
        };
    }
    // A bare status is what a gateway or a health check says; an inlet names itself or the
    // transaction.
    let acknowledged = ["inletId", "inletID", "xactionId"]
        .iter()
        .any(|member| members.contains_key(*member));
    match fate(&Value::Object(members)) {
        Fate::Unknown if acknowledged => Fate::Accepted,
        Fate::Accepted if !acknowledged => Fate::Unknown,
        fate => fate,
    }
}

/// A batch's answer. The items are read one by one: nearly all say nothing but their id.
#[derive(Deserialize)]
struct Responses<'a> {
    #[serde(borrow)]
    responses: Vec<&'a RawValue>,
}

/// An item that says nothing but its id: accepted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain<'a> {
    #[serde(borrow, rename = "xactionId")]
    id: Cow<'a, str>,
}

/// One item of a batch's answer.
struct Item {
    /// The position its id names, if it does.
    named: Option<usize>,
    fate: Fate,
}

impl Item {
    fn read(json: &RawValue) -> serde_json::Result<Self> {
        if is_object(json.get().as_bytes())
            && let Ok(plain) = serde_json::from_str::<Plain<'_>>(json.get())
        {
            return Ok(Self {
                named: suffix(&plain.id),
                fate: Fate::Accepted,
            });
        }
        let item: Value = serde_json::from_str(json.get())?;
        Ok(Self {
            named: item
                .get("xactionId")
                .and_then(Value::as_str)
                .and_then(suffix),
            fate: fate(&item),
        })
    }
}

fn batch(body: &[u8], count: usize) -> Vec<Fate> {
    if !is_object(body) {
        return vec![Fate::Unknown; count];
    }
    let items = serde_json::from_slice(body).and_then(|Responses { responses }| {
        responses
            .into_iter()
            .map(Item::read)
            .collect::<Result<Vec<_>, _>>()
    });
    let Ok(items) = items else {
        return vec![Fate::Unknown; count];
    };
    let by_name = by_name(&items, count);
    if items.len() != count {
        // A list of another length has no positions. Only the documented ids can still tell.
        return by_name
            .into_iter()
            .map(|item| item.map_or(Fate::Unknown, |item| item.fate.clone()))
            .collect();
    }
    // Position decides. But where an item names *another* position by the documented id, the two
    // readings contradict each other, and a verdict that depends on which one is right is no
    // verdict.
    items
        .iter()
        .zip(by_name)
        .map(|(item, named)| match named {
            Some(named) if discriminant(&named.fate) != discriminant(&item.fate) => Fate::Unknown,
            None if item.named.is_some() => Fate::Unknown,
            _ => item.fate.clone(),
        })
        .collect()
}

/// For each record, the one item whose id names its position.
fn by_name(items: &[Item], count: usize) -> Vec<Option<&Item>> {
    let mut found = vec![None; count];
    let mut twice = vec![false; count];
    for item in items {
        if let Some(index) = item.named.filter(|index| *index < count) {
            twice[index] |= found[index].is_some();
            found[index] = Some(item);
        }
    }
    for (item, twice) in found.iter_mut().zip(twice) {
        if twice {
            *item = None;
        }
    }
    found
}

/// The position in an id of the form `{uuid}-{N}`. The other documented form, `…:N`, does not name
/// a position: in Adobe's own sample the item at position 0 ends in `:3`.
fn suffix(id: &str) -> Option<usize> {
    let (uuid, number) = id.rsplit_once('-')?;
    let is_uuid = uuid.split('-').map(str::len).eq([8, 4, 4, 4, 12])
        && uuid
            .bytes()
            .all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    (is_uuid && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| number.parse().ok())?
}

/// What one item says.
fn fate(item: &Value) -> Fate {
    let statuses = ["status", "statusCode"].map(|member| match item.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => code(value).map(Some).ok_or(()),
    });
    let [Ok(first), Ok(second)] = statuses else {
        return Fate::Unknown;
    };
    let told = match (first, second) {
        // Two that differ have no documented meaning. A failure beside a success counts as the
        // failure; a number that is no status of an answer says nothing, whatever stands beside it.
        (Some(one), Some(other)) if one.min(other) < 200 && one.max(other) < 300 => {
            return Fate::Unknown;
        }
        _ => first.max(second),
    };
    match told {
        Some(200..=299) => Fate::Accepted,
        Some(status @ (408 | 425 | 429 | 500..=599)) => Fate::Again(status),
        Some(status @ 300..=499) => Fate::Refused(Refusal::new(status, item)),
        Some(_) => Fate::Unknown,
        None if item.get("xactionId").is_some_and(Value::is_string) => Fate::Accepted,
        None => Fate::Unknown,
    }
}

/// A status as a number or as text.
fn code(value: &Value) -> Option<u16> {
    match value {
        Value::Number(number) => number
            .as_u64()
            .and_then(|number| u16::try_from(number).ok()),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const UUID: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

    fn fates(status: u16, body: &Value, count: usize) -> Vec<Fate> {
        let answer = HttpAnswer {
            status,
            retry_after: None,
            body: serde_json::to_vec(body).unwrap().into(),
        };
        match read(&answer, Kind::Batch(count), 0) {
            Answer::Records(fates) => fates,
            other => panic!("{other:?}"),
        }
    }

    fn short(fates: &[Fate]) -> String {
        let letter = |fate: &Fate| match fate {
            Fate::Accepted => 'A',
            Fate::Again(_) => 'g',
            Fate::Refused(_) => 'R',
            Fate::Unknown => '?',
        };
        fates.iter().map(letter).collect()
    }

    fn answer(status: u16, retry_after: Option<&str>) -> Answer {
        read(
            &HttpAnswer {
                status,
                retry_after: retry_after.map(str::to_owned),
                body: "<html>".into(),
            },
            Kind::Batch(3),
            0,
        )
    }

    #[test]
    fn a_number_that_is_no_status_beside_a_success_says_nothing() {
        let body = json!({"responses": [{"status": 200, "statusCode": 0}, {"status": 200, "statusCode": 201}, {"status": 100, "statusCode": 400}]});
        assert_eq!(short(&fates(207, &body, 3)), "?AR");
    }

    #[test]
    fn both_dialects_are_read_by_position() {
        let documented = json!({"responses": [{"xactionId": "1:2:3"}, {"statusCode": 400, "message": "x"}, {"statusCode": "503"}]});
        let connector = json!({"responses": [{"xactionId": format!("{UUID}-0")}, {"xactionId": format!("{UUID}-1"), "status": 400},
            {"xactionId": format!("{UUID}-2"), "status": "429"}]});
        for status in [200, 207] {
            assert_eq!(short(&fates(status, &documented, 3)), "ARg");
            assert_eq!(short(&fates(status, &connector, 3)), "ARg");
        }
    }

    #[test]
    fn a_failed_item_with_an_id_is_still_failed_and_a_successful_status_is_success() {
        let body = json!({"responses": [{"xactionId": "x", "status": 400}, {"status": 200}, {"statusCode": "201"}]});
        assert_eq!(short(&fates(207, &body, 3)), "RAA");
    }

    #[test]
    fn a_short_list_says_nothing_about_the_records_it_does_not_name() {
        let colon = json!({"responses": [{"xactionId": "1:2:3:3"}, {"statusCode": 400}, {"statusCode": 400}, {"statusCode": 400}]});
        assert_eq!(
            short(&fates(207, &colon, 5)),
            "?????",
            "Adobe's own sample: 5 messages, 4 items"
        );
        let named = json!({"responses": [{"xactionId": format!("{UUID}-2")}, {"xactionId": format!("{UUID}-0"), "status": 400}]});
        assert_eq!(short(&fates(207, &named, 4)), "R?A?");
    }

    #[test]
    fn an_id_named_twice_or_out_of_range_says_nothing() {
        let body = json!({"responses": [{"xactionId": format!("{UUID}-1")}, {"xactionId": format!("{UUID}-1"), "status": 400},
            {"xactionId": format!("{UUID}-9")}]});
        assert_eq!(short(&fates(207, &body, 2)), "??");
    }

    #[test]
    fn a_uuid_without_a_position_is_not_read_as_one() {
        let body = json!({"responses": [{"xactionId": "0f8fad5b-d9cb-469f-a165-000000000001"}]});
        assert_eq!(short(&fates(207, &body, 3)), "???");
        let body = json!({"responses": [{"xactionId": "0f8fad5b-d9cb-469f-a165-000000000001"}, {"status": 400}]});
        assert_eq!(short(&fates(207, &body, 2)), "AR");
    }

    #[test]
    fn items_out_of_order_never_blame_or_absolve_the_wrong_record() {
        let body = json!({"responses": [{"xactionId": format!("{UUID}-1"), "status": 400}, {"xactionId": format!("{UUID}-0")},
            {"xactionId": format!("{UUID}-2")}]});
        assert_eq!(short(&fates(207, &body, 3)), "??A");
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        for body in [
            json!({}),
            json!({"responses": []}),
            json!({"responses": {}}),
            json!([]),
            json!(null),
        ] {
            assert_eq!(short(&fates(207, &body, 2)), "??", "{body}");
        }
        let odd = json!({"responses": [null, {}, {"status": "bad"}, {"status": true}, {"status": 100}, {"message": "x"}, 7]});
        assert_eq!(short(&fates(207, &odd, 7)), "???????");
        let cut = HttpAnswer {
            status: 207,
            retry_after: None,
            body: r#"{"responses":[{"xactionId":"a"},"#.into(),
        };
        assert_eq!(
            read(&cut, Kind::Batch(2), 0),
            Answer::Records(vec![Fate::Unknown; 2])
        );
    }

    #[test]
    fn a_single_answer_counts_only_when_it_acknowledges() {
        let one = |body: &str| {
            let answer = HttpAnswer {
                status: 200,
                retry_after: None,
                body: body.to_owned().into(),
            };
            match read(&answer, Kind::Single, 0) {
                Answer::Records(fates) => short(&fates),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(
            one(r#"{"inletId":"ab","xactionId":"1:2:3","receivedTimeMs":5}"#),
            "A"
        );
        assert_eq!(one(r#"{"inletId":"ab"}"#), "A");
        assert_eq!(one(r#"{"inletId":"ab","status":400}"#), "R");
        assert_eq!(one(r#"{"responses":[{"statusCode":500}]}"#), "g");
        for body in [
            "",
            "<html>",
            "{}",
            r#"{"error_code":"1"}"#,
            r#"{"status":200,"message":"OK"}"#,
            "null",
            r#"["error","forbidden",null,null]"#,
            r#"{"responses":[["x"]]}"#,
            r#"{"inletId":"ab","xactionId":"1""#,
            r#"{"inletId":"ab","xactionId":"1"} x"#,
        ] {
            assert_eq!(one(body), "?", "{body}");
        }
    }

    #[test]
    fn whole_refusals_are_told_apart() {
        assert!(matches!(answer(400, None), Answer::Refused(_)));
        assert!(matches!(answer(413, None), Answer::TooLarge(_)));
        for status in [401, 403] {
            assert!(matches!(answer(status, None), Answer::Unauthorized(_)));
        }
        for status in [301, 404, 415, 501] {
            assert!(
                matches!(answer(status, None), Answer::Target(_)),
                "{status}"
            );
        }
        for status in [408, 429, 500, 502, 503, 504] {
            assert_eq!(
                answer(status, Some("2")),
                Answer::Busy {
                    status,
                    retry_after: Some(Duration::from_secs(2))
                }
            );
        }
    }
}
