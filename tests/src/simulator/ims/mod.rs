//! The token server: client credentials in, JWT-shaped tokens out, and the record of which are
//! still good.

pub(super) mod tokens;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request};
use serde_json::json;

use crate::simulator::clock::now_ms;
use crate::simulator::config::{Credential, ExpiresIn, TokenShape};
use crate::simulator::faults::Fault;
use crate::simulator::faults::script::{Called, Plan};
use crate::simulator::form::Form;
use crate::simulator::inlet::answer;
use crate::simulator::reply::{Ending, Reply};
use crate::simulator::shared::{Shared, State};

/// What the documents' samples are short of a whole day: a token has already lived when the answer
/// is written.
const AGE_AT_ANSWER_MS: u64 = 6;

/// Counts the end of a call, also when the client leaves before it is answered.
struct Call<'a> {
    shared: &'a Shared,
    number: u64,
    status: Option<u16>,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.shared
            .change(|state| state.seen.token_call_ended(self.number, self.status));
    }
}

pub(crate) async fn serve(shared: &Shared, path: &str, request: Request<Incoming>) -> Reply {
    let number = shared.change(|state| state.seen.token_call_arrived(path, now_ms()));
    let mut call = Call {
        shared,
        number,
        status: None,
    };
    let plan = shared.change(|state| {
        let plan = state.script.before_body(Called::Ims).unwrap_or_default();
        state.seen.count_fault(plan.fault.name());
        plan
    });
    let reply = respond(shared, path, number, &plan, request).await;
    call.status = reply.seen_status();
    if reply.ending == Ending::Hang {
        // The call is under way until the client leaves.
        std::future::pending::<()>().await;
    }
    reply
}

async fn respond(
    shared: &Shared,
    path: &str,
    number: u64,
    plan: &Plan,
    request: Request<Incoming>,
) -> Reply {
    tokio::time::sleep(plan.delay).await;
    if plan.fault == Fault::ResetBeforeBody {
        return Reply::none(Ending::Reset);
    }
    let reply = token(shared, path, number, request, plan.fault.accepts()).await;
    tokio::time::sleep(plan.answer_delay).await;
    match &plan.fault {
        Fault::Status {
            status,
            retry_after,
            body,
            ..
        } => {
            let status = u16::from(*status);
            // Throttling is announced in prose only; an empty body without a hint is the worst
            // case.
            let mut reply = match body {
                Some(body) => Reply::json(status, body.clone()),
                None => Reply::empty(status),
            };
            reply.retry_after.clone_from(retry_after);
            reply
        }
        Fault::Html { status, .. } => Reply::html((*status).into(), answer::html((*status).into())),
        Fault::ResetAfterBody { .. } => Reply::none(Ending::Reset),
        Fault::Hang { .. } => Reply::none(Ending::Hang),
        Fault::Truncated { lose_connection } => reply.truncated(*lose_connection),
        Fault::EmptyBody => Reply::empty(reply.status),
        Fault::Close => reply.ending(Ending::Silent),
        Fault::SlowAnswer { over_ms } => reply.over(Duration::from_millis(*over_ms)),
        // The others are about messages, which a token call has none of.
        _ => reply,
    }
}

async fn token(
    shared: &Shared,
    path: &str,
    number: u64,
    request: Request<Incoming>,
    issue: bool,
) -> Reply {
    let (head, body) = request.into_parts();
    let Ok(body) = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
    else {
        return error("invalid_request", "the body could not be read");
    };
    if head.method != Method::POST {
        return Reply::json(405, answer::problem(405, "POST is required"));
    }
    let query = head.uri.query().unwrap_or_default();
    let content_type = head
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !body.is_empty() && !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return error(
            "invalid_request",
            "application/x-www-form-urlencoded is required",
        );
    }
    // Parameters in the query work as well, although servers may log them.
    let Some(form) =
        Form::parse(&body).and_then(|form| Some(form.or(Form::parse(query.as_bytes())?)))
    else {
        return error("invalid_request", "the form is not properly encoded");
    };
    let scope = form.get("scope").map(str::to_owned);
    shared.change(|state| {
        if let Some(call) = state.seen.token_call(number) {
            call.scope.clone_from(&scope);
        }
        let secret = match check(&shared.config.credential, &form) {
            Ok(secret) => secret,
            Err(refusal) => return refusal,
        };
        if let Some(call) = state.seen.token_call(number) {
            call.secret = Some(secret);
        }
        if !issue {
            return Reply::empty(200);
        }
        let shape = state.token_shape;
        let token = issue_token(
            state,
            &shape,
            &shared.config.credential.client_id,
            scope.as_deref().unwrap_or_default(),
        );
        Reply::json(200, success(path, &shape, &token))
    })
}

/// Which secret was right, or the refusal.
fn check(credential: &Credential, form: &Form) -> Result<u8, Reply> {
    match form.get("grant_type") {
        Some("client_credentials") => {}
        Some(_) => return Err(error("unsupported_grant_type", "unsupported grant_type")),
        None => return Err(error("invalid_request", "grant_type is required")),
    }
    if form.get("client_id") != Some(credential.client_id.as_str()) {
        return Err(error("invalid_client", "invalid client_id parameter"));
    }
    let secret = form.get("client_secret");
    let which = if secret == Some(credential.client_secret.as_str()) {
        1
    } else if secret.is_some() && secret == credential.second_secret.as_deref() {
        2
    } else {
        return Err(error("invalid_client", "invalid client_secret parameter"));
    };
    // The documents separate scopes by commas, the Capillary page by spaces.
    let scope = form.get("scope").unwrap_or_default();
    let mut asked = scope
        .split([',', ' '])
        .filter(|scope| !scope.is_empty())
        .peekable();
    if asked.peek().is_none() || asked.any(|scope| !credential.scopes.contains(scope)) {
        return Err(error(
            "invalid_scope",
            "The scopes are not a subset of the scopes in the binding.",
        ));
    }
    Ok(which)
}

fn error(code: &str, description: &str) -> Reply {
    Reply::json(
        400,
        format!(r#"{{"error":"{code}","error_description":"{description}"}}"#),
    )
}

fn issue_token(state: &mut State, shape: &TokenShape, client_id: &str, scope: &str) -> String {
    let serial: u128 = state.rng.u128(..);
    let token = if shape.jwt {
        let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let head =
            part(json!({"alg": "RS256", "typ": "at+jwt", "kid": "ims_na1-key-at-1", "itt": "at"}));
        let claims = part(json!({
            "id": format!("{serial:032x}"), "type": "access_token", "client_id": client_id,
            "user_id": format!("{:024X}@techacct.adobe.com", serial >> 32), "as": "ims-na1",
            "scope": scope,
            "created_at": now_ms().to_string(), "expires_in": shape.lifetime_ms.to_string(),
        }));
        let signature = URL_SAFE_NO_PAD.encode(
            (0..8)
                .flat_map(|_| state.rng.u64(..).to_be_bytes())
                .collect::<Vec<_>>(),
        );
        format!("{head}.{claims}.{signature}")
    } else {
        format!("opaque-{serial:032x}")
    };
    let lifetime = Duration::from_millis(shape.lifetime_ms);
    state.tokens.add(token.clone(), lifetime);
    state.seen.counters.tokens_issued += 1;
    token
}

/// The body of a success, members in the documents' order.
fn success(path: &str, shape: &TokenShape, token: &str) -> String {
    let milliseconds = shape.lifetime_ms.saturating_sub(AGE_AT_ANSWER_MS);
    let seconds = milliseconds / 1000;
    let by_path = if path == "/ims/token/v3" {
        seconds
    } else {
        milliseconds
    };
    let expires_in = match shape.expires_in {
        ExpiresIn::ByPath => format!(r#","expires_in":{by_path}"#),
        ExpiresIn::Seconds => format!(r#","expires_in":{seconds}"#),
        ExpiresIn::Milliseconds => format!(r#","expires_in":{milliseconds}"#),
        ExpiresIn::Text => format!(r#","expires_in":"{by_path}""#),
        ExpiresIn::Absent => String::new(),
    };
    let token_type = if shape.token_type {
        r#","token_type":"bearer""#
    } else {
        ""
    };
    format!(r#"{{"access_token":"{token}"{token_type}{expires_in}}}"#)
}
