//! What a 207 (Multi-Status) or a 200 says became of each record.
//!
//! The rule above all others: what a response does not say is *unknown*, and the record is sent
//! again with the same `_id`. It is neither a success nor a failure.

use std::borrow::Cow;
use std::mem::discriminant;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::problem::Refusal;

/// What became of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordStatus {
    /// It was taken.
    Accepted,
    /// Refused for the moment, with this status.
    Retry(u16),
    /// Refused for good.
    Refused(Refusal),
    /// The response does not say.
    Unknown,
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

/// Validation that was not asked for. Whatever else is there is read the long way.
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

/// The status of a lone record.
pub(super) fn single(body: &[u8]) -> RecordStatus {
    if is_object(body) && serde_json::from_slice::<Acknowledgement<'_>>(body).is_ok() {
        return RecordStatus::Accepted;
    }
    let Ok(Value::Object(members)) = serde_json::from_slice(body) else {
        return RecordStatus::Unknown;
    };
    if let Some(Value::Array(items)) = members.get("responses") {
        return if let [item] = items.as_slice() {
            record_status(item)
        } else {
            RecordStatus::Unknown
        };
    }
    // A bare status is what a gateway or a health check says; an inlet names itself or the
    // transaction.
    let named = ["inletId", "inletID", "xactionId"]
        .iter()
        .filter_map(|member| members.get(*member)?.as_str())
        .any(|id| !id.is_empty());
    // A status that is there and cannot be read says something; what, is not known.
    let acknowledged = named
        && ["status", "statusCode"]
            .iter()
            .all(|member| members.get(*member).is_none_or(Value::is_null));
    match record_status(&Value::Object(members)) {
        RecordStatus::Unknown if acknowledged => RecordStatus::Accepted,
        RecordStatus::Accepted if !named => RecordStatus::Unknown,
        record_status => record_status,
    }
}

/// A batch's response. The items are read one by one: nearly all consist of their id.
#[derive(Deserialize)]
struct Responses<'a> {
    #[serde(borrow)]
    responses: Vec<&'a RawValue>,
}

/// An item with its id and nothing else: accepted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain<'a> {
    #[serde(borrow, rename = "xactionId")]
    id: Cow<'a, str>,
}

/// One item of a batch's response.
struct Item {
    /// The position its id names, if it does.
    named: Option<usize>,
    record_status: RecordStatus,
}

impl Item {
    fn read(json: &RawValue) -> serde_json::Result<Self> {
        if is_object(json.get().as_bytes())
            && let Ok(plain) = serde_json::from_str::<Plain<'_>>(json.get())
        {
            return Ok(Self {
                named: suffix(&plain.id),
                record_status: RecordStatus::Accepted,
            });
        }
        let item: Value = serde_json::from_str(json.get())?;
        Ok(Self {
            named: item
                .get("xactionId")
                .and_then(Value::as_str)
                .and_then(suffix),
            record_status: record_status(&item),
        })
    }
}

/// One status for each of `count` records.
pub(super) fn batch(body: &[u8], count: usize) -> Vec<RecordStatus> {
    if !is_object(body) {
        return vec![RecordStatus::Unknown; count];
    }
    let items = serde_json::from_slice(body).and_then(|Responses { responses }| {
        responses
            .into_iter()
            .map(Item::read)
            .collect::<Result<Vec<_>, _>>()
    });
    let Ok(items) = items else {
        return vec![RecordStatus::Unknown; count];
    };
    let by_name = by_name(&items, count);
    if items.len() != count {
        // A list of another length has no positions. Only the documented ids can still tell.
        return by_name
            .into_iter()
            .map(|item| item.map_or(RecordStatus::Unknown, |item| item.record_status.clone()))
            .collect();
    }
    // Position decides. But where an item names *another* position by the documented id, the two
    // readings contradict each other, and a verdict that depends on which one is right is no
    // verdict.
    items
        .iter()
        .zip(by_name)
        .map(|(item, named)| match named {
            Some(named)
                if discriminant(&named.record_status) != discriminant(&item.record_status) =>
            {
                RecordStatus::Unknown
            }
            None if item.named.is_some() => RecordStatus::Unknown,
            _ => item.record_status.clone(),
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
fn record_status(item: &Value) -> RecordStatus {
    let statuses = ["status", "statusCode"].map(|member| match item.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => code(value).map(Some).ok_or(()),
    });
    let [Ok(first), Ok(second)] = statuses else {
        return RecordStatus::Unknown;
    };
    let redacted_message = match (first, second) {
        // Two that differ have no documented meaning. A failure beside a success counts as the
        // failure; a number that is no status of a response is unknown, whatever is beside it.
        (Some(one), Some(other)) if one.min(other) < 200 && one.max(other) < 300 => {
            return RecordStatus::Unknown;
        }
        _ => first.max(second),
    };
    match redacted_message {
        Some(200..=299) => RecordStatus::Accepted,
        Some(status @ (408 | 425 | 429 | 500..=599)) => {
            let refusal = Refusal::new(status, item);
            if status >= 500 && refusal.blames_schema() {
                RecordStatus::Refused(refusal)
            } else {
                RecordStatus::Retry(status)
            }
        }
        Some(status @ 300..=499) => RecordStatus::Refused(Refusal::new(status, item)),
        Some(_) => RecordStatus::Unknown,
        None if item.get("xactionId").is_some_and(Value::is_string) => RecordStatus::Accepted,
        None => RecordStatus::Unknown,
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
    use crate::aep::{HttpResponse, InletResponse, Kind, read};
    use serde_json::json;

    const UUID: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

    fn statuses(body: &Value, count: usize) -> Vec<RecordStatus> {
        batch(&serde_json::to_vec(body).unwrap(), count)
    }

    fn short(statuses: &[RecordStatus]) -> String {
        let sign = |record_status: &RecordStatus| match record_status {
            RecordStatus::Accepted => 'A',
            RecordStatus::Retry(_) => 'g',
            RecordStatus::Refused(_) => 'R',
            RecordStatus::Unknown => '?',
        };
        statuses.iter().map(sign).collect()
    }

    #[test]
    fn number_that_is_no_status_beside_a_success_is_unknown() {
        let body = json!({"responses": [{"status": 200, "statusCode": 0}, {"status": 200,
            "statusCode": 201}, {"status": 100, "statusCode": 400}]});
        assert_eq!(short(&statuses(&body, 3)), "?AR");
    }

    #[test]
    fn response_items_of_both_dialects_are_read_by_position() {
        let documented = json!({"responses": [{"xactionId": "1:2:3"}, {"statusCode": 400,
            "message": "x"}, {"statusCode": "503"}]});
        let connector = json!({"responses": [{"xactionId": format!("{UUID}-0")},
            {"xactionId": format!("{UUID}-1"), "status": 400},
            {"xactionId": format!("{UUID}-2"), "status": "429"}]});
        assert_eq!(short(&statuses(&documented, 3)), "ARg");
        assert_eq!(short(&statuses(&connector, 3)), "ARg");
    }

    #[test]
    fn response_item_with_an_id_and_a_failed_status_is_failed() {
        let body = json!({"responses": [{"xactionId": "x", "status": 400}, {"status": 200},
            {"statusCode": "201"}]});
        assert_eq!(short(&statuses(&body, 3)), "RAA");
    }

    #[test]
    fn response_list_too_short_leaves_unnamed_records_unknown() {
        let colon = json!({"responses": [{"xactionId": "1:2:3:3"}, {"statusCode": 400},
            {"statusCode": 400}, {"statusCode": 400}]});
        assert_eq!(
            short(&statuses(&colon, 5)),
            "?????",
            "Adobe's own sample: 5 messages, 4 items"
        );
        let named = json!({"responses": [{"xactionId": format!("{UUID}-2")},
            {"xactionId": format!("{UUID}-0"), "status": 400}]});
        assert_eq!(short(&statuses(&named, 4)), "R?A?");
    }

    #[test]
    fn response_id_named_twice_or_out_of_range_is_unknown() {
        let body = json!({"responses": [{"xactionId": format!("{UUID}-1")},
            {"xactionId": format!("{UUID}-1"), "status": 400},
            {"xactionId": format!("{UUID}-9")}]});
        assert_eq!(short(&statuses(&body, 2)), "??");
    }

    #[test]
    fn response_uuid_without_a_position_is_not_read_as_one() {
        let body = json!({"responses": [{"xactionId": "0f8fad5b-d9cb-469f-a165-000000000001"}]});
        assert_eq!(short(&statuses(&body, 3)), "???");
        let body = json!({"responses": [{"xactionId": "0f8fad5b-d9cb-469f-a165-000000000001"},
            {"status": 400}]});
        assert_eq!(short(&statuses(&body, 2)), "AR");
    }

    #[test]
    fn response_items_out_of_order_never_blame_the_wrong_record() {
        let body = json!({"responses": [{"xactionId": format!("{UUID}-1"), "status": 400},
            {"xactionId": format!("{UUID}-0")},
            {"xactionId": format!("{UUID}-2")}]});
        assert_eq!(short(&statuses(&body, 3)), "??A");
    }

    #[test]
    fn unreadable_response_is_unknown() {
        for body in [
            json!({}),
            json!({"responses": []}),
            json!({"responses": {}}),
            json!([]),
            json!(null),
        ] {
            assert_eq!(short(&statuses(&body, 2)), "??", "{body}");
        }
        let odd = json!({"responses": [null, {}, {"status": "bad"}, {"status": true},
            {"status": 100}, {"message": "x"}, 7]});
        assert_eq!(short(&statuses(&odd, 7)), "???????");
        let cut = batch(br#"{"responses":[{"xactionId":"a"},"#, 2);
        assert_eq!(cut, [RecordStatus::Unknown, RecordStatus::Unknown]);
    }

    #[test]
    fn single_response_counts_only_when_it_acknowledges() {
        let one = |body: &str| short(&[single(body.as_bytes())]);
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
            r#"{"inletId":"ab","status":true}"#,
            r#"{"xactionId":[]}"#,
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
    fn server_error_of_a_record_that_blames_the_schema_is_a_refusal() {
        let text = "Payload schema not specified, or did not match the XDM definition";
        let items = json!({"responses": [{"statusCode": 500, "message": text}, {"statusCode": 500},
            {"xactionId": "x"}]});
        assert_eq!(short(&statuses(&items, 3)), "RgA");
    }

    #[test]
    fn statuses_are_read_alike_under_200_and_207() {
        let item = json!({"responses": [{"statusCode": 400}]}).to_string();
        for status in [200, 207] {
            let response = HttpResponse {
                status,
                retry_after: None,
                request_id: None,
                body: item.clone().into(),
            };
            let InletResponse::Records(statuses) = read(&response, Kind::Batch(1), &[], 0) else {
                panic!("{status}");
            };
            assert_eq!(short(&statuses), "R");
        }
    }
}
