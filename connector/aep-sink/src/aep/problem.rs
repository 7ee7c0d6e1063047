//! What a refusal says, and whether it concerns a record or the configuration.

use bytes::Bytes;
use serde_json::Value;

use super::redact::{redact, without_values};
use super::response_ids::ResponseIds;
use super::sent_values::SentValues;

/// Whom a refusal concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One record: another one may well be accepted.
    Record,
    /// Every record: something about the target or its configuration must change.
    Target,
}

/// Longest body of a server error that is read.
const SERVER_ERROR: usize = 64 * 1024;

/// A refusal for good, as far as the response alone can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Whom it concerns.
    pub scope: Scope,
    /// A short word for counters and dead letters.
    pub reason: &'static str,
    /// The HTTP status, or the one of the item.
    pub status: u16,
    /// The other side's message, without anything that looks like a person's data or a token, and
    /// cut short. For readers who have the record as well; for logs there is
    /// [`Self::redacted_message`].
    pub message: String,
    /// Where in the record the first violation is, when the answer says.
    pub pointer: Option<String>,
    /// What the response calls the request and the message.
    pub ids: ResponseIds,
    /// The records it may be about.
    pub(crate) sent: Vec<Bytes>,
}

impl Refusal {
    /// Reads the body of a refused request, or the item of a refused message.
    pub(crate) fn new(status: u16, body: &Value) -> Self {
        let text = message(body);
        let (scope, reason) = judge(status, text);
        let (pointer, violation) = violation(body).unzip();
        let message = match violation {
            Some(violation) if violation != text => redact(&format!("{text}: {violation}")),
            _ => redact(text),
        };
        Self {
            scope,
            reason,
            status,
            message,
            pointer,
            ids: ResponseIds::of(body),
            sent: Vec::new(),
        }
    }

    /// The refusal of a request whose body is not JSON (a proxy's page), or has none.
    pub(crate) fn from_bytes(status: u16, body: &[u8]) -> Self {
        Self::new(status, &serde_json::from_slice(body).unwrap_or(Value::Null))
    }

    /// Gives a server error that is no outage: Adobe documents 500 also for a payload whose schema
    /// is not specified or does not match, which only another configuration mends. The text of an
    /// outage can be a page of any length, so none is looked for in a body of more bytes.
    pub(crate) fn of_server_error(self, bytes: usize) -> Option<Self> {
        Some(self).filter(|refusal| bytes <= SERVER_ERROR && refusal.blames_schema())
    }

    /// Whether it is for want of the right schema.
    pub(crate) fn blames_schema(&self) -> bool {
        self.reason == "unknown_schema"
    }

    /// The message and the place for logs, readiness and `check`: no value of the records sent.
    pub(crate) fn redacted_message(&self) -> String {
        let sent = SentValues::of(&self.sent);
        let mut shown = without_values(&self.message, &sent);
        if shown.is_empty() {
            shown.push_str("no message");
        }
        match &self.pointer {
            Some(pointer) if !pointer.is_empty() => {
                format!("{shown} (at {})", without_values(pointer, &sent))
            }
            _ => shown,
        }
    }

    /// Two refusals with the same pattern are refusals for the same reason. Numbers and ids differ
    /// from record to record, and every word with a digit may be one: an id in the message must not
    /// make a wrong configuration look like many different faults of records.
    pub(crate) fn pattern(&self) -> String {
        let mut pattern = self.status.to_string();
        let words = self.message.split(|c: char| !c.is_alphanumeric());
        for word in
            words.filter(|word| !word.is_empty() && !word.contains(|c: char| c.is_ascii_digit()))
        {
            pattern.push(' ');
            pattern.push_str(word);
        }
        pattern
    }

    /// What the operator can do about a refusal of target scope.
    pub(crate) fn advice(&self) -> &'static str {
        match self.reason {
            "unauthorized" if self.message.is_empty() => {
                "check the credential's product profile, permissions and IP allow-list, and the \
                access labels of the dataset; without a message it may also be a proxy or firewall \
                on the way"
            }
            "unauthorized" => {
                "check the credential's product profile, permissions and IP allow-list, and the \
                access labels of the dataset"
            }
            "proxy_refuses" => "check http.proxy: the proxy asks for credentials",
            "not_found" => "check inlet-url: no such inlet",
            "wrong_organization" => "check organization-id against the inlet's organisation",
            "unknown_schema" => "check schema-id and format, and that the dataset uses this schema",
            "unknown_flow" => "check flow-id and that the dataflow is enabled",
            "unknown_dataset" => "check dataset-id",
            _ => "check inlet-url, format, schema-id, dataset-id and flow-id of this inlet",
        }
    }
}

/// Judges by the status and by the documented messages. The header of every message comes from the
/// configuration, so a complaint about it is never a record's fault.
fn judge(status: u16, message: &str) -> (Scope, &'static str) {
    match status {
        401 | 403 => return (Scope::Target, "unauthorized"),
        404 | 410 => return (Scope::Target, "not_found"),
        413 => return (Scope::Record, "too_large"),
        407 => return (Scope::Target, "proxy_refuses"),
        300..=399
        | 402
        | 405
        | 406
        | 411
        | 412
        | 414
        | 415
        | 417
        | 421
        | 426
        | 428
        | 431
        | 501
        | 505 => {
            return (Scope::Target, "wrong_inlet");
        }
        _ => {}
    }
    let text = message.to_lowercase();
    let any = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let absent = any(&[
        "missing",
        "absent",
        "wrong",
        "not found",
        "unknown",
        "invalid",
        "disabled",
        "not exist",
        "not match",
        "n't match",
        "mismatch",
        "no active",
        "not specified",
        "mandatory",
        "not enabled",
    ]);
    if absent && any(&["ims org", "imsorg "]) {
        (Scope::Target, "wrong_organization")
    } else if any(&["unknown xdm format", "'header' field"])
        || (absent && any(&["schemaref", "schema id", "payload schema", "dataset schema"]))
        || any(&[
            "schema does not match",
            "schema doesn't match",
            "schema mismatch",
        ])
    {
        (Scope::Target, "unknown_schema")
    } else if absent && any(&[" flow", "flowid", "flow-id", "dataflow"]) {
        // Unproven, with the next two: no document shows what an inlet says to a wrong flow,
        // dataset or operation. Where it acknowledges instead, `landed` is what may tell.
        (Scope::Target, "unknown_flow")
    } else if absent && any(&["dataset"]) {
        (Scope::Target, "unknown_dataset")
    } else if any(&["in the header", "payload header"]) {
        (Scope::Target, "wrong_header")
    } else {
        (Scope::Record, "refused")
    }
}

/// The message of a problem body, of an item, of the gateway or of an OAuth error.
fn message(body: &Value) -> &str {
    [
        "/report/message",
        "/message",
        "/detail",
        "/error_description",
        "/title",
        "/error",
    ]
    .iter()
    .find_map(|pointer| body.pointer(pointer).and_then(Value::as_str))
    .unwrap_or("")
}

/// The first violation of synchronous validation that names no cause of its own: its place and its
/// text.
fn violation(body: &Value) -> Option<(String, String)> {
    let mut node = body.pointer("/report/cause/_streamingValidation/0")?;
    // Causes nest; the depth is bounded by serde_json's own limit.
    while let Some(cause) = node.pointer("/causingExceptions/0") {
        node = cause;
    }
    let text = |member: &str| node.get(member).and_then(Value::as_str);
    Some((
        redact(text("pointerToViolation")?.trim_start_matches('#')),
        text("message").unwrap_or("").to_owned(),
    ))
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn scope(status: u16, message: &str) -> (Scope, &'static str) {
        let refusal = Refusal::new(status, &json!({"report": {"message": message}}));
        (refusal.scope, refusal.reason)
    }

    #[test]
    fn configuration_fault_is_not_a_record_s_fault() {
        let about = "inletId: [ab] imsOrgId: [X@AdobeOrg] Message has ";
        assert_eq!(
            scope(
                400,
                &format!("{about}an absent or wrong ims org in the header")
            ),
            (Scope::Target, "wrong_organization")
        );
        assert_eq!(
            scope(400, &format!("{about}unknown xdm format")),
            (Scope::Target, "unknown_schema")
        );
        assert_eq!(
            scope(
                400,
                "The 'header' field is mandatory. Provide a valid 'header' value and try again."
            ),
            (Scope::Target, "unknown_schema")
        );
        assert_eq!(
            scope(400, "Missing flowId"),
            (Scope::Target, "unknown_flow")
        );
        assert_eq!(
            scope(400, "dataset 5f0c does not exist"),
            (Scope::Target, "unknown_dataset")
        );
        assert_eq!(
            scope(400, &format!("{about}an absent, disabled or wrong flow")),
            (Scope::Target, "unknown_flow")
        );
        assert_eq!(
            scope(400, &format!("{about}unsupported operations in the header")),
            (Scope::Target, "wrong_header")
        );
        for (said, reason) in [
            ("No active flow exists for the given inlet", "unknown_flow"),
            ("Payload header is missing Source Name", "wrong_header"),
            (
                "The message can't be validated: the message schema does not match the dataset \
                    schema reference",
                "unknown_schema",
            ),
            (
                "payload schema not specified, or did not match the XDM definition",
                "unknown_schema",
            ),
            (
                "dataset 5f0c has another schema: schema mismatch",
                "unknown_schema",
            ),
        ] {
            assert_eq!(scope(400, said), (Scope::Target, reason), "{said}");
        }
        assert_eq!(scope(404, ""), (Scope::Target, "not_found"));
        assert_eq!(scope(302, ""), (Scope::Target, "wrong_inlet"));
    }

    #[test]
    fn schema_violation_is_the_record_s_fault_and_keeps_its_place() {
        let body = json!({"report": {"message": "inletId: [ab] imsOrgId: [X@AdobeOrg] Message is \
            invalid", "cause": {"_streamingValidation": [
            {"pointerToViolation": "#", "message": "2 schema violations found",
                "causingExceptions": [
                {"pointerToViolation": "#/_id", "message": "expected type: String, found: Long",
                    "causingExceptions": []}]}]}}});
        let refusal = Refusal::new(400, &body);
        assert_eq!(
            (refusal.scope, refusal.pointer.as_deref()),
            (Scope::Record, Some("/_id"))
        );
        assert!(
            refusal
                .message
                .ends_with("expected type: String, found: Long"),
            "{}",
            refusal.message
        );
    }

    #[test]
    fn redacted_message_has_place_and_rule_and_nothing_of_the_record() {
        let body = json!({"report": {"message": "Message is invalid",
            "cause": {"_streamingValidation": [
            {"pointerToViolation": "#/person/name/firstName", "message": "expected type: Integer, \
                found: String [Mara Ellison]"}]}}});
        let refusal = Refusal::new(400, &body);
        assert!(
            refusal.message.contains("Mara"),
            "the letter has it whole: {}",
            refusal.message
        );
        assert_eq!(
            refusal.redacted_message(),
            "Message is invalid: expected type: Integer, found: String […] (at \
                /person/name/firstName)",
            "also without the record"
        );
        assert_eq!(
            Refusal::new(403, &Value::Null).redacted_message(),
            "no message"
        );
    }

    #[test]
    fn refusal_pattern_ignores_numbers() {
        let pattern = |text: &str| Refusal::new(400, &json!({"message": text})).pattern();
        assert_eq!(pattern("bad value 12"), pattern("bad value 7"));
        assert_ne!(pattern("bad value 12"), pattern("bad name 12"));
    }

    #[test]
    fn refusal_pattern_ignores_ids() {
        let pattern = |text: &str| Refusal::new(400, &json!({"message": text})).pattern();
        assert_eq!(
            pattern("Message [a1b2-c3] is bad"),
            pattern("Message [f9-9e0d71] is bad")
        );
        assert_ne!(
            pattern("extraneous key [name]"),
            pattern("extraneous key [gender]")
        );
    }

    #[test]
    fn proxy_authentication_is_no_record_s_fault() {
        assert_eq!(Refusal::new(407, &Value::Null).scope, Scope::Target);
    }
}
