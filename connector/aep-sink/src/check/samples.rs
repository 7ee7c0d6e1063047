//! One record of each kind, validated by the platform before it acknowledges: the only way to see
//! schema, dataset and flow validated. What passes is ingested, so this is asked for, and sends
//! nothing that is not in the topic already.

use bytes::Bytes;

use super::SampledAnswers;
use super::report::{Finding, Report, Status};
use crate::aep::{
    self, Endpoint, HttpResponse, InletResponse, Kind, RecordStatus, Refusal, Transport,
};
use crate::answer::Answer as Mapping;
use crate::clock::Clock;
use crate::config::Platform;
use crate::http::InletClient;
use crate::ims::Token;

/// Name of the step.
pub(super) const STEP: &str = "samples";

/// What to do where nothing can be validated ahead.
pub(super) const START_ADVICE: &str = "or start: /ready and the log name what an inlet refuses \
    with the first record, and with `landed` what is dropped after the acknowledgement as well";

/// Synchronous validation allows an inlet 60 requests a minute; the rest is left to others.
const MAX_SAMPLES: usize = 50;

/// What became of one sample.
#[derive(Debug, PartialEq, Eq)]
enum SampleVerdict {
    Valid,
    /// Accepted like any record; this location ignores the wish to validate.
    Unvalidated,
    Invalid(Refusal),
    /// The location does not validate.
    NotOffered,
    /// No verdict, and none to be had now.
    Unavailable(String),
}

/// Sends the samples, one a request, until one answer makes the rest pointless.
pub(super) async fn send(
    platform: &Platform,
    sampled: &SampledAnswers,
    transport: &InletClient,
    token: &Token,
    report: &mut Report,
) {
    let endpoint = match Endpoint::validation(platform) {
        Ok(Some(endpoint)) => endpoint,
        Ok(None) => {
            let why = "events.format is raw: the platform validates after the flow has mapped \
                them; see the dataset";
            return report.add(Finding::skipped(STEP, why));
        }
        Err(error) => return report.add(Finding::new(STEP, Status::Wrong, error.to_string())),
    };
    if sampled.is_empty() {
        return report.add(Finding::skipped(
            STEP,
            "no mapped record among the last ones of the topic",
        ));
    }
    let longest = platform.http.request_timeout;
    let (mut valid, mut unvalidated) = (Vec::new(), 0);
    for (kind, answer) in sampled.iter().take(MAX_SAMPLES) {
        let Ok(Mapping::Mapped(mapped)) = Mapping::read(answer) else {
            continue;
        };
        let Some(event) = mapped.event else { continue };
        let request = endpoint.request(vec![(mapped.at, event)]);
        let verdict = match transport
            .post_within(longest, &request, token.bearer().clone())
            .await
        {
            Ok(answer) => classify(&answer, request.body.entities()),
            Err(error) => SampleVerdict::Unavailable(error.to_string()),
        };
        match verdict {
            SampleVerdict::Valid => valid.push(kind.as_str()),
            SampleVerdict::Unvalidated => unvalidated += 1,
            SampleVerdict::Invalid(refusal) => report.add(invalid(kind, &refusal)),
            SampleVerdict::NotOffered => {
                let why = "this location does not validate on request (501); only the North \
                    American one is known to";
                return report.add(Finding::skipped(STEP, why).advise(START_ADVICE));
            }
            SampleVerdict::Unavailable(reason) => {
                let found = format!("{kind}: no verdict: {reason}");
                return report.add(
                    Finding::new(STEP, Status::Unavailable, found)
                        .advise("try again in a minute: 60 a minute are allowed"),
                );
            }
        }
    }
    if !valid.is_empty() {
        let kinds = valid.join(", ");
        report.add(Finding::ok(
            STEP,
            format!("valid, and ingested once more: {kinds}"),
        ));
    }
    if unvalidated > 0 {
        let found = format!("{unvalidated} records were acknowledged without being validated");
        report.add(
            Finding::new(STEP, Status::Warning, found).advise("watch the dataset's failed batches"),
        );
    }
}

fn invalid(kind: &str, refusal: &Refusal) -> Finding {
    let found = format!(
        "{kind} is refused ({}, {}): {}",
        refusal.status,
        refusal.reason,
        refusal.redacted_message()
    );
    Finding::new(STEP, Status::Wrong, found).advise(
        "compare the dataset's schema with docs/mapping.md; a field it lacks can be left out with \
        `omit-fields`",
    )
}

fn classify(answer: &HttpResponse, sent: &[(i64, Bytes)]) -> SampleVerdict {
    if answer.status == 501 {
        return SampleVerdict::NotOffered;
    }
    match aep::read(answer, Kind::Single, sent, Clock::System.now_ms()) {
        InletResponse::Records(fates) => match fates.as_slice() {
            [RecordStatus::Accepted] if passed(answer) => SampleVerdict::Valid,
            [RecordStatus::Accepted] => SampleVerdict::Unvalidated,
            [RecordStatus::Refused(refusal)] => SampleVerdict::Invalid(refusal.clone()),
            _ => SampleVerdict::Unavailable("the answer does not say what became of it".to_owned()),
        },
        InletResponse::Refused(refusal)
        | InletResponse::TooLarge(refusal)
        | InletResponse::Unauthorized(refusal)
        | InletResponse::Target(refusal) => SampleVerdict::Invalid(refusal),
        InletResponse::Busy { status, .. } => {
            SampleVerdict::Unavailable(format!("the inlet answers {status}"))
        }
    }
}

/// Both spellings of the member are documented.
fn passed(answer: &HttpResponse) -> bool {
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    ["/syncValidation/status", "/synchronousValidation/status"]
        .iter()
        .any(|pointer| body.pointer(pointer).is_some_and(|status| status == "pass"))
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(status: u16, body: &str) -> SampleVerdict {
        let answer = HttpResponse {
            status,
            retry_after: None,
            request_id: None,
            body: body.to_owned().into(),
        };
        classify(&answer, &[])
    }

    #[test]
    fn only_an_answer_that_says_so_is_a_pass() {
        assert_eq!(
            verdict(200, r#"{"inletId":"a","syncValidation":{"status":"pass"}}"#),
            SampleVerdict::Valid
        );
        assert_eq!(
            verdict(
                200,
                r#"{"inletId":"a","synchronousValidation":{"status":"pass"}}"#
            ),
            SampleVerdict::Valid
        );
        assert_eq!(
            verdict(200, r#"{"inletId":"a","syncValidation":{"skipped":true}}"#),
            SampleVerdict::Unvalidated
        );
        assert_eq!(
            verdict(200, r#"{"inletId":"a"}"#),
            SampleVerdict::Unvalidated
        );
        assert!(matches!(
            verdict(200, "<html>"),
            SampleVerdict::Unavailable(_)
        ));
    }

    #[test]
    fn violation_is_told_with_its_place() {
        let body = r##"{"status":400,"title":"Invalid XDM Message Format","report":{"message":"Message is invalid","cause":{
            "_streamingValidation":[{"pointerToViolation":"#","causingExceptions":[{"pointerToViolation":"#/loyalty/points",
            "causingExceptions":[],"message":"expected type: Number, found: String"}],"message":"1 schema violations found"}]}}}"##;
        let SampleVerdict::Invalid(refusal) = verdict(400, body) else {
            panic!()
        };
        let text = format!("{:?}", invalid("pointsIssued", &refusal));
        assert!(
            text.contains("pointsIssued") && text.contains("/loyalty/points"),
            "{text}"
        );
    }

    #[test]
    fn location_that_does_not_validate_says_nothing_about_the_records() {
        assert_eq!(verdict(501, "{}"), SampleVerdict::NotOffered);
        assert!(matches!(verdict(429, ""), SampleVerdict::Unavailable(_)));
    }
}
