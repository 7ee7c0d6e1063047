//! The responses of Adobe IMS to token requests (RFC 6749, 5.1 and 5.2), and what they mean.
//!
//! The unit of `expires_in` is not certain: seconds at `/ims/token/v3`, milliseconds at
//! `/ims/token` (`86399994` in the documentation of the Capillary source) and within the token's
//! own claims.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::header::HeaderValue;
use serde_json::Value;

/// The longest life Adobe documents. A longer one is a mistaken unit.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 3600);
/// Above it, `expires_in` is milliseconds: as seconds it would be 11 days, and as milliseconds it
/// is 17 minutes, below any life that IMS gives.
const GREATEST_SECONDS: f64 = 1_000_000.0;
/// For a token without a stated life. Short, as it is a guess.
const UNKNOWN_LIFE: Duration = Duration::from_secs(600);
/// Claims and body may differ by this much and still state the same life.
const ROUNDING: Duration = Duration::from_secs(60);

/// A token response: IMS granted a token.
#[derive(Debug)]
pub struct TokenGrant {
    /// `Bearer …`, marked sensitive.
    pub bearer: HeaderValue,
    /// How long the token is valid from its grant on, a day at most.
    pub life: Duration,
    /// The token's claims and the response's body state different lives.
    pub units_disagree: bool,
}

/// Why a request gave no token. Holds nothing that was sent, and of the response only what cannot
/// be secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestError {
    /// OAuth's `invalid_client`: the client id or the client secret is wrong.
    InvalidClient(CredentialPart),
    /// Another error response.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The OAuth error code, or that it is none.
        code: String,
    },
    /// Neither a token nor a refusal of OAuth: a page, a redirect or nothing. IMS did not say it,
    /// but something on the way to it.
    Interposed {
        /// The HTTP status.
        status: u16,
    },
    /// The proxy opens no tunnel, and answers with this status.
    Proxy(u16),
    /// IMS is overloaded or broken; it may have named a pause.
    Unavailable {
        /// The HTTP status.
        status: u16,
        /// What `Retry-After` asks for.
        pause: Option<Duration>,
    },
    /// No response, or half of one.
    Network(String),
    /// A status of success without a usable token.
    Unusable(&'static str),
    /// A panic of this program.
    Defect,
}

/// Which part of the credential an error response names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialPart {
    /// The client id.
    Id,
    /// The client secret.
    Secret,
    /// Neither, or both.
    Unknown,
}

/// Parses a response.
///
/// # Errors
/// When it holds no token that can be sent.
pub fn parse(
    status: u16,
    retry_after: Option<&str>,
    body: &[u8],
) -> Result<TokenGrant, RequestError> {
    match status {
        200..=299 => token_response(body),
        408 | 429 | 500.. => Err(RequestError::Unavailable {
            status,
            // IMS documents no form; a date would need a common clock, so only seconds are
            // understood.
            pause: retry_after
                .and_then(|text| text.trim().parse().ok())
                .map(Duration::from_secs),
        }),
        _ => Err(error_response(status, body)),
    }
}

fn token_response(body: &[u8]) -> Result<TokenGrant, RequestError> {
    let body: Value =
        serde_json::from_slice(body).map_err(|_| RequestError::Unusable("it is not JSON"))?;
    let token = body
        .get("access_token")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if token.is_empty() {
        return Err(RequestError::Unusable("it has no access_token"));
    }
    // Absent in one of Adobe's samples.
    let kind = body.get("token_type").and_then(Value::as_str);
    if kind.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        return Err(RequestError::Unusable("its token_type is not bearer"));
    }
    let mut bearer = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| {
        RequestError::Unusable("its access_token has characters no header may have")
    })?;
    bearer.set_sensitive(true);
    let claimed = claimed_life(token);
    let stated = body.get("expires_in").and_then(number).map(|stated| {
        if stated > GREATEST_SECONDS {
            millis(stated)
        } else {
            millis(stated * 1000.0)
        }
    });
    Ok(TokenGrant {
        bearer,
        life: claimed.or(stated).unwrap_or(UNKNOWN_LIFE).min(LONGEST_LIFE),
        units_disagree: matches!((claimed, stated), (Some(claimed), Some(stated)) if claimed.abs_diff(stated) > ROUNDING),
    })
}

/// The life in a token's own claims: Adobe's tokens are JWTs whose `created_at` and `expires_in`
/// are milliseconds.
fn claimed_life(token: &str) -> Option<Duration> {
    let payload = token.split('.').nth(1)?;
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    number(claims.get("created_at")?)?;
    number(claims.get("expires_in")?).map(millis)
}

/// A number, or one written as text; not negative.
fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    (number.is_finite() && number >= 0.0).then_some(number)
}

fn millis(millis: f64) -> Duration {
    Duration::try_from_secs_f64(millis / 1000.0).unwrap_or(LONGEST_LIFE)
}

fn error_response(status: u16, body: &[u8]) -> RequestError {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(code) = body.get("error").and_then(Value::as_str) else {
        return RequestError::Interposed { status };
    };
    if code == "invalid_client" {
        // Known texts: "invalid client_secret parameter", "invalid client_id parameter".
        let description = body
            .get("error_description")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let part = match (
            description.contains("client_id"),
            description.contains("client_secret"),
        ) {
            (true, false) => CredentialPart::Id,
            (false, true) => CredentialPart::Secret,
            _ => CredentialPart::Unknown,
        };
        return RequestError::InvalidClient(part);
    }
    // Anything else than an OAuth error code might repeat what was sent.
    let is_code = (1..=40).contains(&code.len())
        && code
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let code = if is_code { code } else { "no reason given" };
    RequestError::Refused {
        status,
        code: code.to_owned(),
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    fn life(body: &str) -> Duration {
        parse(200, None, body.as_bytes()).unwrap().life
    }

    fn jwt(claims: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn both_units_of_expires_in_give_the_same_life() {
        assert_eq!(
            life(r#"{"access_token":"t","token_type":"bearer","expires_in":86399}"#),
            Duration::from_secs(86_399)
        );
        assert_eq!(
            life(r#"{"access_token":"t","expires_in":86399994}"#),
            Duration::from_millis(86_399_994)
        );
        assert_eq!(
            life(r#"{"access_token":"t","expires_in":"3599"}"#),
            Duration::from_secs(3_599)
        );
        assert_eq!(
            life(r#"{"access_token":"t","expires_in":1000000}"#),
            LONGEST_LIFE
        );
        assert_eq!(
            life(r#"{"access_token":"t","expires_in":1000001}"#),
            Duration::from_millis(1_000_001)
        );
    }

    #[test]
    fn claims_of_the_token_count_more_than_the_body() {
        let claims = r#"{"created_at":"1700000000000","expires_in":"3600000"}"#;
        let body = format!(r#"{{"access_token":"{}","expires_in":86399}}"#, jwt(claims));
        let grant = parse(200, None, body.as_bytes()).unwrap();
        assert_eq!(grant.life, Duration::from_secs(3_600));
        assert!(grant.units_disagree);
        let numbers = jwt(r#"{"created_at":1700000000000,"expires_in":3600000}"#);
        assert_eq!(
            life(&format!(r#"{{"access_token":"{numbers}"}}"#)),
            Duration::from_secs(3_600)
        );
    }

    #[test]
    fn claims_without_a_creation_time_or_other_tokens_leave_it_to_the_body() {
        for token in [
            jwt(r#"{"expires_in":"5"}"#),
            jwt("no json"),
            "a.b.c".to_owned(),
            "opaque".to_owned(),
        ] {
            assert_eq!(
                life(&format!(
                    r#"{{"access_token":"{token}","expires_in":3599}}"#
                )),
                Duration::from_secs(3_599)
            );
        }
        assert_eq!(life(r#"{"access_token":"t"}"#), UNKNOWN_LIFE);
        assert_eq!(
            life(r#"{"access_token":"t","expires_in":-1}"#),
            UNKNOWN_LIFE
        );
    }

    #[test]
    fn no_life_is_longer_than_a_day() {
        assert_eq!(
            life(r#"{"access_token":"t","expires_in":1e300}"#),
            LONGEST_LIFE
        );
    }

    #[test]
    fn token_type_is_optional_and_has_no_case() {
        assert!(parse(200, None, br#"{"access_token":"t","token_type":"Bearer"}"#).is_ok());
        assert!(matches!(
            parse(200, None, br#"{"access_token":"t","token_type":"mac"}"#),
            Err(RequestError::Unusable(_))
        ));
    }

    #[test]
    fn invalid_client_is_told_from_other_errors() {
        let part = |description: &str| {
            let body =
                format!(r#"{{"error":"invalid_client","error_description":"{description}"}}"#);
            parse(400, None, body.as_bytes()).unwrap_err()
        };
        assert_eq!(
            part("invalid client_secret parameter"),
            RequestError::InvalidClient(CredentialPart::Secret)
        );
        assert_eq!(
            part("invalid client_id parameter"),
            RequestError::InvalidClient(CredentialPart::Id)
        );
        assert_eq!(
            part("something else"),
            RequestError::InvalidClient(CredentialPart::Unknown)
        );
        let scope = parse(400, None, br#"{"error":"invalid_scope"}"#).unwrap_err();
        assert_eq!(
            scope,
            RequestError::Refused {
                status: 400,
                code: "invalid_scope".to_owned()
            }
        );
    }

    #[test]
    fn overload_names_its_pause() {
        let busy = parse(429, Some(" 7 "), b"").unwrap_err();
        assert_eq!(
            busy,
            RequestError::Unavailable {
                status: 429,
                pause: Some(Duration::from_secs(7))
            }
        );
        let broken = parse(503, Some("Wed, 21 Oct 2015 07:28:00 GMT"), b"<html>").unwrap_err();
        assert_eq!(
            broken,
            RequestError::Unavailable {
                status: 503,
                pause: None
            }
        );
    }

    #[test]
    fn any_answer_is_read_without_a_panic_and_shows_nothing_of_itself() {
        let mut random = fastrand::Rng::with_seed(11);
        let good = format!(
            r#"{{"access_token":"{}hush","token_type":"bearer","expires_in":86399}}"#,
            jwt(r#"{"created_at":"1","expires_in":"2"}"#)
        );
        for status in [200, 201, 302, 400, 401, 418, 429, 500, 503, 999] {
            for _ in 0..200 {
                let mut body = good.clone().into_bytes();
                for _ in 0..random.usize(0..4) {
                    let at = random.usize(..body.len());
                    body[at] = random.u8(..);
                }
                body.truncate(random.usize(..=body.len()));
                let shown = format!("{:?}", parse(status, Some("x"), &body));
                assert!(!shown.contains("hush"), "{shown}");
            }
        }
        let echo = parse(400, None, br#"{"error":"unknown client hush"}"#).unwrap_err();
        assert!(!format!("{echo:?}").contains("hush"));
    }
}
