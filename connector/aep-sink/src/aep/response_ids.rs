//! The ids by which Experience Platform knows a request and its messages. Its support asks for
//! them.

use serde::Serialize;
use serde_json::Value;

/// No id is longer.
const LONGEST: usize = 128;

/// What a response calls the request, the message and its batch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResponseIds {
    /// The message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub xaction_id: Option<String>,
    /// The batch it went into.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_id: Option<String>,
    /// The request: the header `x-request-id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl ResponseIds {
    /// Of a problem body, or of the item of a message.
    pub(super) fn of(body: &Value) -> Self {
        let id = |pointers: [&str; 2]| {
            let mut found = pointers.iter().filter_map(|pointer| body.pointer(pointer));
            found.find_map(Value::as_str).and_then(id)
        };
        Self {
            xaction_id: id(["/xactionId", "/report/xactionId"]),
            batch_id: id(["/batchId", "/report/batchId"]),
            request_id: id(["/requestId", "/report/requestId"]),
        }
    }

    /// With the header of the response, which counts more than the body.
    pub(super) fn in_response(mut self, request_id: Option<&str>) -> Self {
        if let Some(header) = request_id.and_then(id) {
            self.request_id = Some(header);
        }
        self
    }
}

/// The ids of all messages of a response, in its order; for the log.
pub(super) fn of_messages(body: &[u8]) -> Vec<ResponseIds> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    match body.get("responses").and_then(Value::as_array) {
        Some(items) => items.iter().map(ResponseIds::of).collect(),
        None => vec![ResponseIds::of(&body)],
    }
}

/// A text that is nothing but an id.
fn id(text: &str) -> Option<String> {
    let fits = (1..=LONGEST).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte));
    fits.then(|| text.to_owned())
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ids_of_a_response_are_ids_and_nothing_else() {
        let body =
            json!({"xactionId": "1565638336649:1750:244:3", "batchId": "01FZ", "requestId": "b"});
        let ids = ResponseIds::of(&body).in_response(Some("Xy-9"));
        assert_eq!(
            serde_json::to_value(&ids).unwrap(),
            json!({"xactionId": "1565638336649:1750:244:3", "batchId": "01FZ", "requestId": "Xy-9"})
        );
        let odd = json!({"xactionId": "mara@example.com", "batchId": 7, "requestId": "a b"});
        assert_eq!(
            ResponseIds::of(&odd).in_response(Some("")),
            ResponseIds::default()
        );
    }

    #[test]
    fn ids_of_a_batch_are_in_its_order() {
        let body =
            json!({"responses": [{"xactionId": "a-0"}, {"status": 400}, {"xactionId": "a-2"}]});
        let ids = of_messages(&serde_json::to_vec(&body).unwrap());
        let ids: Vec<_> = ids.iter().map(|ids| ids.xaction_id.as_deref()).collect();
        assert_eq!(ids, [Some("a-0"), None, Some("a-2")]);
        assert_eq!(of_messages(b"<html>"), [ResponseIds::default()]);
    }
}
