//! Whether an inlet is there and takes the credential, without giving it anything to ingest.

use std::time::Duration;

use super::report::{Finding, Status};
use crate::aep::{self, Endpoint, InletResponse, Kind, Refusal, Transport};
use crate::clock::Clock;
use crate::http::InletClient;
use crate::ims::Token;

/// Refusals that are about the configuration even when the message cannot be read: the header of
/// the request or the path names what is wrong.
const CONFIGURATION_REASONS: [&str; 3] = ["wrong_organization", "unknown_flow", "unknown_dataset"];

/// Sends a body that is no message. An inlet that refuses it has let the request and its token in.
pub(super) async fn probe(
    step: &'static str,
    endpoint: &Endpoint,
    transport: &InletClient,
    token: &Token,
    longest: Duration,
) -> Finding {
    let request = endpoint.probe();
    let host = request.head.uri.host().unwrap_or_default().to_owned();
    match transport
        .post_within(longest, &request, token.bearer().clone())
        .await
    {
        Ok(answer) => classify(
            step,
            &host,
            aep::read(&answer, Kind::Single, &[], Clock::System.now_ms()),
        ),
        Err(error) => Finding::new(step, Status::Unavailable, format!("{host}: {error}")).advise(
            "see that the host of inlet-url can be reached from here (http.proxy, \
                http.ca-file, firewall)",
        ),
    }
}

/// What an answer to a body that is no message says.
fn classify(step: &'static str, host: &str, answer: InletResponse) -> Finding {
    let wrong = |refusal: &Refusal| {
        let found = format!(
            "{host} answers {}, {}: {}",
            refusal.status,
            refusal.reason,
            refusal.redacted_message()
        );
        Finding::new(step, Status::Wrong, found).advise(refusal.advice())
    };
    match answer {
        InletResponse::Refused(refusal) if CONFIGURATION_REASONS.contains(&refusal.reason) => {
            wrong(&refusal)
        }
        InletResponse::Refused(refusal) => Finding::ok(
            step,
            format!(
                "{host} lets us in and refuses what is no message ({}), as it should",
                refusal.status
            ),
        ),
        InletResponse::Unauthorized(refusal) | InletResponse::Target(refusal) => wrong(&refusal),
        InletResponse::Busy { status, .. } => Finding::new(
            step,
            Status::Unavailable,
            format!("{host} answers {status}"),
        )
        .advise("nothing to change here: try again later; the connector waits by itself"),
        InletResponse::TooLarge(refusal) => {
            let found = format!(
                "{host} finds a body of one byte too large ({})",
                refusal.status
            );
            Finding::new(step, Status::Wrong, found)
                .advise("check inlet-url and http.proxy: this is no inlet's answer")
        }
        InletResponse::Records(_) => Finding::new(
            step,
            Status::Warning,
            format!("{host} acknowledges what is no message"),
        )
        .advise("check inlet-url and http.proxy: an inlet refuses that"),
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aep::HttpResponse;

    fn finding(status: u16, body: &str) -> String {
        let answer = HttpResponse {
            status,
            retry_after: None,
            request_id: None,
            body: body.to_owned().into(),
        };
        format!(
            "{:?}",
            classify(
                "events inlet",
                "host",
                aep::read(&answer, Kind::Single, &[], 0)
            )
        )
    }

    #[test]
    fn inlet_that_refuses_what_is_no_message_is_well() {
        let body = r#"{"status":400,"title":"x","report":{"message":"inletId: [a] imsOrgId: [b] Message has unknown xdm format"}}"#;
        assert!(
            finding(400, body).contains("status: Ok"),
            "{}",
            finding(400, body)
        );
        assert!(finding(422, "").contains("status: Ok"));
    }

    #[test]
    fn what_is_wrong_whatever_the_message_is_wrong() {
        for (status, body) in [
            (401, "{}"),
            (403, ""),
            (404, ""),
            (
                400,
                r#"{"message":"Message has an absent, disabled or wrong flow"}"#,
            ),
            (
                400,
                r#"{"message":"Message has an absent or wrong ims org in the header"}"#,
            ),
        ] {
            assert!(
                finding(status, body).contains("status: Wrong"),
                "{status} {body}"
            );
        }
    }

    #[test]
    fn outage_is_not_the_configuration_s_fault() {
        for status in [429, 500, 503] {
            assert!(
                finding(status, "").contains("status: Unavailable"),
                "{status}"
            );
        }
    }

    #[test]
    fn acknowledgement_of_nothing_is_suspicious() {
        assert!(finding(200, r#"{"inletId":"a"}"#).contains("status: Warning"));
    }
}
