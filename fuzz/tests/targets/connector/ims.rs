//! Responses of Adobe IMS.

use std::any::type_name_of_val;
use std::time::Duration;

use capillary_aep_sink::config::CredentialNames;
use capillary_aep_sink::ims::TokenError;
use capillary_aep_sink::ims::response::parse;
use fuzz_targets::{Target, json, text};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use super::texts::texts;

const KEYS: &[&str] = &[
    "access_token",
    "token_type",
    "bearer",
    "expires_in",
    "created_at",
    "error",
    "error_description",
    "invalid_client",
    "invalid_scope",
    "S3cretP4ss",
    // {"created_at":1,"expires_in":1e300}
    "e30.eyJjcmVhdGVkX2F0IjoxLCJleHBpcmVzX2luIjoxZTMwMH0.c2ln",
];

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

/// Lines: status, Retry-After; then the body.
fn inputs(stored: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let bodies: Vec<Vec<u8>> = stored
        .iter()
        .filter_map(|input| input.splitn(3, |byte| *byte == b'\n').nth(2))
        .map(<[u8]>::to_vec)
        .collect();
    let status = prop_oneof![4 => Just(200), 1 => select(vec![400, 401, 408, 429, 500]), 1 => 100..1_000_u16];
    let pause = select(vec!["", "7", " 7 ", "-1", "18446744073709551615", "soon"]);
    let body = json::edited(select(bodies.clone()), &bodies, KEYS);
    let written = (status, pause, body).prop_map(|(status, pause, body)| {
        [format!("{status}\n{pause}\n").into_bytes(), body].concat()
    });
    let inputs = prop_oneof![3 => written, 1 => text::spliced(stored)];
    text::edited(inputs, DICTIONARY)
}

#[test]
fn ims_response_gives_a_bounded_token_or_an_error_and_is_never_shown() {
    let target = Target {
        name: "ims",
        test: type_name_of_val(&ims_response_gives_a_bounded_token_or_an_error_and_is_never_shown),
        cases: 4_000,
    };
    target.run(inputs(target.stored()), |input| {
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
        let ours = super::ims::shown(status, retry_after.as_deref(), b"{}");
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
    });
}
