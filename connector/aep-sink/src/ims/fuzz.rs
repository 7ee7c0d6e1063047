//! What IMS answers, fuzzed.

use std::time::Duration;

use fuzzing::{Target, fuzz};
use serde_json::Value;

use super::TokenError;
use super::response::parse;
use crate::config::CredentialNames;
use crate::fuzz::texts;

const DICTIONARY: &[&str] = &[
    "\"access_token\":",
    "\"token_type\":\"bearer\"",
    "\"expires_in\":",
    "\"created_at\":",
    "\"error\":",
    "\"error_description\":",
    "invalid_client",
    "client_id",
    "eyJjcmVhdGVkX2F0IjoxLCJleHBpcmVzX2luIjoxZTMwMH0",
    "86399994",
    "-1",
    "1e300",
    "1e-300",
    "\"inf\"",
    "\"NaN\"",
    "200\n",
    "400\n",
    "429\n",
    "500\n",
    "S3cretP4ss",
];

fn shown(status: u16, retry_after: Option<&str>, body: &[u8]) -> String {
    let names = CredentialNames {
        client_id: "secrets.IMS_CLIENT_ID".to_owned(),
        client_secret: "secrets.IMS_CLIENT_SECRET".to_owned(),
        client_secret_next: None,
    };
    match parse(status, retry_after, body) {
        Ok(grant) => format!("{grant:?}"),
        Err(failure) => {
            let debug = format!("{failure:?}");
            format!(
                "{debug} {}",
                TokenError::new(failure, &names, Duration::ZERO)
            )
        }
    }
}

#[test]
fn fuzzed_ims_answers_give_a_token_of_a_day_at_most_or_an_error_and_show_nothing_of_themselves() {
    let target = Target {
        name: "ims",
        seeds: Vec::new(),
        dictionary: DICTIONARY,
        executions: 4_000,
    };
    // Lines: status, Retry-After; then the body.
    fuzz(target, |input| {
        let mut parts = input.splitn(3, |byte| *byte == b'\n');
        let mut line = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
        let status = line().parse().unwrap_or(200);
        let retry_after = Some(line()).filter(|text| !text.is_empty());
        let body = parts.next().unwrap_or_default();
        let value: Value = serde_json::from_slice(body).unwrap_or_default();
        if let Ok(grant) = parse(status, retry_after.as_deref(), body) {
            assert!((200..300).contains(&status));
            assert!(
                grant.life <= Duration::from_secs(24 * 3600),
                "{:?}",
                grant.life
            );
            assert!(grant.bearer.is_sensitive());
            let token = value["access_token"].as_str().unwrap();
            assert_eq!(
                grant.bearer.as_bytes(),
                format!("Bearer {token}").as_bytes()
            );
        }
        let shown = shown(status, retry_after.as_deref(), body);
        let ours = super::fuzz::shown(status, retry_after.as_deref(), b"{}");
        let mut secrets = Vec::new();
        texts(&value, &mut secrets);
        for secret in secrets.iter().filter(|text| text.len() >= 6) {
            // An OAuth error code is lower case and underscores; nothing else of the answer may be
            // repeated.
            let is_code = secret
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            assert!(
                is_code || ours.contains(secret.as_str()) || !shown.contains(secret.as_str()),
                "{secret:?} is in {shown}"
            );
        }
        let outcome: String = shown
            .chars()
            .filter(|letter| !letter.is_ascii_digit())
            .take(90)
            .collect();
        outcome
    });
}
