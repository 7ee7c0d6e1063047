//! What a response means for its request, by its HTTP status; a 207 is read by
//! [`multi_status`](super::multi_status).

use std::time::Duration;

use bytes::Bytes;

use super::multi_status::{RecordStatus, batch, single};
use super::problem::Refusal;
use super::retry_after;
use super::transport::HttpResponse;

/// What a response means for the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InletResponse {
    /// One status for every record sent, in order.
    Records(Vec<RecordStatus>),
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

/// Which of the two kinds of response to expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `responses` with one item for each of this many messages.
    Batch(usize),
    /// The record itself, without a list.
    Single,
}

/// Reads a response; 200 and 207 are read alike, record by record. `sent` are the records of the
/// request with their creation times. `now_ms` is the time that a date in `Retry-After` is held
/// against, milliseconds since the epoch.
pub fn read(
    response: &HttpResponse,
    kind: Kind,
    sent: &[(i64, Bytes)],
    now_ms: i64,
) -> InletResponse {
    let refusal = || {
        let read = Refusal::from_bytes(response.status, &response.body);
        Refusal {
            ids: read.ids.in_response(response.request_id.as_deref()),
            sent: sent.iter().map(|(_, record)| record.clone()).collect(),
            ..read
        }
    };
    match response.status {
        200..=299 => {
            let mut statuses = match kind {
                Kind::Batch(count) => batch(&response.body, count),
                Kind::Single => vec![single(&response.body)],
            };
            for (index, status) in statuses.iter_mut().enumerate() {
                if let RecordStatus::Refused(refusal) = status {
                    let ids = std::mem::take(&mut refusal.ids);
                    refusal.ids = ids.in_response(response.request_id.as_deref());
                    let record = sent.get(index).map(|(_, record)| record.clone());
                    refusal.sent.extend(record);
                }
            }
            InletResponse::Records(statuses)
        }
        401 | 403 => InletResponse::Unauthorized(refusal()),
        413 => InletResponse::TooLarge(refusal()),
        // Not those of the 5xx that say "never": 501 is answered to `syncValidation` at most
        // locations.
        501 | 505 => InletResponse::Target(refusal()),
        408 | 425 | 429 | 500.. => {
            if response.status >= 500
                && let Some(refusal) = refusal().of_server_error(response.body.len())
            {
                return InletResponse::Target(refusal);
            }
            InletResponse::Busy {
                status: response.status,
                retry_after: response
                    .retry_after
                    .as_deref()
                    .and_then(|value| retry_after::parse(value, now_ms)),
            }
        }
        // 402 and 407 are said by gateways and proxies; 412, 417 and 428 concern headers, which are
        // ours.
        402 | 404..=407 | 410 | 411 | 412 | 414 | 415 | 417 | 421 | 426 | 428 | 431 | ..=399 => {
            InletResponse::Target(refusal())
        }
        _ => InletResponse::Refused(refusal()),
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const UUID: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

    fn response(status: u16, retry_after: Option<&str>) -> InletResponse {
        read(
            &HttpResponse {
                status,
                retry_after: retry_after.map(str::to_owned),
                request_id: None,
                body: "<html>".into(),
            },
            Kind::Batch(3),
            &[],
            0,
        )
    }

    #[test]
    fn refusal_knows_its_ids_and_the_records_it_may_be_about() {
        let record = |name: &str| (0, Bytes::from(format!(r#"{{"name":"{name}"}}"#)));
        let sent = [record("Asha"), record("Mara")];
        let mut answer = HttpResponse {
            status: 207,
            retry_after: None,
            request_id: Some("rq-1".to_owned()),
            body: json!({"responses": [{"xactionId": format!("{UUID}-0")},
                {"xactionId": format!("{UUID}-1"), "status": 400, "message": "Asha is not Mara"}]})
            .to_string()
            .into(),
        };
        let InletResponse::Records(statuses) = read(&answer, Kind::Batch(2), &sent, 0) else {
            panic!();
        };
        let RecordStatus::Refused(refusal) = &statuses[1] else {
            panic!("{statuses:?}");
        };
        assert_eq!(refusal.ids.xaction_id, Some(format!("{UUID}-1")));
        assert_eq!(refusal.ids.request_id.as_deref(), Some("rq-1"));
        assert_eq!(refusal.redacted_message(), "Asha is not …");
        // A whole request may be refused for any of its records.
        answer.status = 400;
        answer.body = json!({"message": "Asha is not Mara"}).to_string().into();
        let InletResponse::Refused(refusal) = read(&answer, Kind::Batch(2), &sent, 0) else {
            panic!();
        };
        assert_eq!(refusal.redacted_message(), "… is not …");
    }

    #[test]
    fn server_error_that_blames_the_schema_is_no_outage() {
        let text = "Payload schema not specified, or did not match the XDM definition";
        let body = json!({"status": 500, "message": text});
        let response = |body: String| HttpResponse {
            status: 500,
            retry_after: None,
            request_id: None,
            body: body.into(),
        };
        let InletResponse::Target(refusal) =
            read(&response(body.to_string()), Kind::Batch(3), &[], 0)
        else {
            panic!("an outage");
        };
        assert_eq!((refusal.reason, refusal.status), ("unknown_schema", 500));
        for outage in [
            "<html>500 Internal Server Error</html>",
            "{\"message\":\"oops\"}",
            "",
        ] {
            assert!(matches!(
                read(&response(outage.to_owned()), Kind::Batch(3), &[], 0),
                InletResponse::Busy { status: 500, .. }
            ));
        }
    }

    #[test]
    fn response_statuses_of_whole_requests_are_distinguished() {
        assert!(matches!(response(400, None), InletResponse::Refused(_)));
        assert!(matches!(response(413, None), InletResponse::TooLarge(_)));
        for status in [401, 403] {
            assert!(matches!(
                response(status, None),
                InletResponse::Unauthorized(_)
            ));
        }
        for status in [301, 404, 415, 501] {
            assert!(
                matches!(response(status, None), InletResponse::Target(_)),
                "{status}"
            );
        }
        for status in [408, 429, 500, 502, 503, 504] {
            assert_eq!(
                response(status, Some("2")),
                InletResponse::Busy {
                    status,
                    retry_after: Some(Duration::from_secs(2))
                }
            );
        }
    }
}
