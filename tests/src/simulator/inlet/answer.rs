//! The bodies that streaming ingestion answers with, in the forms its documents and its published
//! clients show.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The two forms in which a batch answer tells what became of each message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// The documents' form: `statusCode`, no id on a failed message, ids in the colon form.
    #[default]
    StatusCode,
    /// The form Adobe's own Kafka connector handles: `status`, every message with the id
    /// `{uuid}-{index}`.
    Status,
}

/// Answer to one message. Member order is the documents'.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Single<'a> {
    /// 64 hexadecimal digits.
    pub inlet_id: &'a str,
    /// Made by the server, for tracing only.
    pub xaction_id: &'a str,
    /// Milliseconds since the epoch.
    pub received_time_ms: u64,
    /// Absent in some samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_validation: Option<Value>,
    /// Raw flows only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow_id: Option<&'a str>,
}

/// Answer to a batch.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Batch<'a> {
    /// 64 hexadecimal digits.
    pub inlet_id: &'a str,
    /// Made by the server.
    pub batch_id: &'a str,
    /// Milliseconds since the epoch.
    pub received_time_ms: u64,
    /// One for every message, in order; `None` leaves the member out (a fault).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub responses: Option<Vec<Item>>,
}

/// What became of one message of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// Accepted messages have one; refused ones only in [`Dialect::Status`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub xaction_id: Option<String>,
    /// [`Dialect::Status`] of a refused message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Code>,
    /// [`Dialect::StatusCode`] of a refused message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_code: Option<Code>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A status inside a body: a number, or (a fault) text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Code {
    /// `400`
    Number(u16),
    /// `"400"`
    Text(String),
}

impl Dialect {
    /// The id of the message at `index` of the batch `batch_id`.
    #[must_use]
    pub fn xaction_id(self, batch_id: &str, index: usize) -> String {
        match self {
            Self::StatusCode => format!("{batch_id}:{index}"),
            Self::Status => format!("{batch_id}-{index}"),
        }
    }

    /// An accepted message.
    #[must_use]
    pub fn accepted(self, batch_id: &str, index: usize) -> Item {
        Item {
            xaction_id: Some(self.xaction_id(batch_id, index)),
            status: None,
            status_code: None,
            message: None,
        }
    }

    /// A refused message.
    #[must_use]
    pub fn refused(self, batch_id: &str, index: usize, status: u16, message: String) -> Item {
        let code = Some(Code::Number(status));
        match self {
            Self::StatusCode => Item {
                xaction_id: None,
                status: None,
                status_code: code,
                message: Some(message),
            },
            Self::Status => Item {
                xaction_id: Some(self.xaction_id(batch_id, index)),
                status: code,
                status_code: None,
                message: Some(message),
            },
        }
    }
}

impl Code {
    /// The same code as text.
    #[must_use]
    pub fn into_text(self) -> Self {
        match self {
            Self::Number(number) => Self::Text(number.to_string()),
            text @ Self::Text(_) => text,
        }
    }
}

/// `inletId: [...] imsOrgId: [...] <message>`, the frame of every text about an XDM message.
#[must_use]
pub fn about(inlet_id: &str, organization_id: &str, message: &str) -> String {
    format!("inletId: [{inlet_id}] imsOrgId: [{organization_id}] {message}")
}

/// The problem body of a refused request. Documented for 400; the same frame is assumed for the
/// other statuses.
#[must_use]
pub fn problem(status: u16, message: &str) -> String {
    let title = match status {
        400 => "Invalid XDM Message Format",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Payload Too Large",
        415 => "Unsupported Media Type",
        429 => "Too Many Requests",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        _ => "Server Error",
    };
    // Written as text: serde_json's map would sort the members, and the documents' order is worth
    // keeping.
    format!(
        r#"{{"type":"http://ns.adobe.com/adobecloud/problem/data-collection-service/inlet","status":{status},"title":"{title}","report":{{"message":{}}}}}"#,
        Value::from(message)
    )
}

/// The problem body of a missing or refused token. Its `status` is text.
#[must_use]
pub fn unauthorized(status: u16) -> String {
    format!(
        r#"{{"type":"https://ns.adobe.com/adobecloud/problem/data-collection-service-authorization","status":"{status}","title":"Authorization","report":{{"message":"[id] Ims service token is empty"}}}}"#
    )
}

/// The problem body of a message that synchronous validation refuses.
#[must_use]
pub fn invalid(inlet_id: &str, organization_id: &str, violations: &[String]) -> String {
    // At most five are reported; validation stops there.
    let causes: Vec<Value> = violations
        .iter()
        .take(5)
        .map(|name| {
            json!({"schemaLocation": "#", "pointerToViolation": "#", "causingExceptions": [],
                "keyword": "required",
                   "message": format!("required key [{name}] not found")})
        })
        .collect();
    json!({
        "type": "http://ns.adobe.com/adobecloud/problem/data-collection-service/inlet",
        "status": 400,
        "title": "Invalid XDM Message Format",
        "report": {
            "message": about(inlet_id, organization_id, "Message is invalid"),
            "cause": {"_streamingValidation": [{
                "schemaLocation": "#", "pointerToViolation": "#", "causingExceptions": causes,
                "message": format!("{} schema violations found", violations.len()),
            }]},
        },
    })
    .to_string()
}

/// What a proxy in front of the service answers when the service is not there.
#[must_use]
pub fn html(status: u16) -> String {
    format!(
        "<html><head><title>{status}</title></head><body><h1>{status}</h1><p>The server could not \
        complete the request.</p></body></html>"
    )
}
