//! Reading back over HTTP what was seen, and steering the simulator: JSON under `/simulator`.

use std::sync::Arc;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::{Method, Request};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::config::{TokenRefusal, TokenShape};
use super::faults::FaultScript;
use super::form::Form;
use super::reply::Reply;
use super::shared::Shared;
use super::store::{Accepted, Fragment, FragmentKey};

/// Most bytes of a control request.
const MAX_CONTROL_BYTES: usize = 4_000_000;

/// A page of records: those after `after`, at most `limit`.
#[derive(Serialize)]
struct Page<'a> {
    /// How many there are in all.
    total: usize,
    records: Vec<&'a Accepted>,
}

#[derive(Serialize)]
struct StoredFragment<'a> {
    #[serde(flatten)]
    key: &'a FragmentKey,
    #[serde(flatten)]
    fragment: &'a Fragment,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct InletChange {
    flow_enabled: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RefusalChange {
    token_refusal: TokenRefusal,
}

pub(super) async fn serve(shared: &Shared, path: &str, request: Request<Incoming>) -> Reply {
    let (head, body) = request.into_parts();
    let query = Form::parse(head.uri.query().unwrap_or_default().as_bytes()).unwrap_or_default();
    let body = match Limited::new(body, MAX_CONTROL_BYTES).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return failure(400, &error.to_string()),
    };
    let number = |name: &str, default: usize| {
        query
            .get(name)
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    let (after, limit) = (number("after", 0), number("limit", usize::MAX));
    match (head.method, path) {
        (Method::GET, "") => json_reply(&index(shared)),
        (Method::GET, "counters") => shared.look(|state| json_reply(state.seen.counters())),
        (Method::GET, "events") => {
            shared.look(|state| page(state.seen.store().events(), after, limit))
        }
        (Method::GET, "profiles") => {
            shared.look(|state| page(state.seen.store().profiles(), after, limit))
        }
        (Method::GET, "profile-store") => shared.look(|state| {
            let fragments = state.seen.store().fragments().iter();
            json_reply(
                &fragments
                    .map(|(key, fragment)| StoredFragment { key, fragment })
                    .collect::<Vec<_>>(),
            )
        }),
        (Method::GET, "lake") => shared.look(|state| {
            json_reply(
                &state
                    .seen
                    .store()
                    .lake()
                    .map(AsRef::as_ref)
                    .collect::<Vec<&Accepted>>(),
            )
        }),
        (Method::GET, "requests") => shared.look(|state| {
            let requests = state.seen.requests();
            json_reply(&requests.iter().skip(after).take(limit).collect::<Vec<_>>())
        }),
        (Method::GET, "token-calls") => shared.look(|state| json_reply(&state.seen.token_calls())),
        (Method::GET, "faults") => shared.look(|state| json_reply(&state.script.left())),
        (Method::POST, "faults") => with(&body, |script: FaultScript| {
            shared.change(|state| {
                state.script.extend(script);
                json_reply(&state.script.left())
            })
        }),
        (Method::DELETE, "faults") => shared.change(|state| {
            state.script.clear();
            done()
        }),
        (Method::POST, "reset") => {
            shared.reset();
            done()
        }
        (Method::POST, "revoke-tokens") => {
            shared.change(|state| json_reply(&json!({"revoked": state.tokens.revoke()})))
        }
        (Method::POST, "token-shape") => with(&body, |shape: TokenShape| {
            shared.change(|state| state.token_shape = shape);
            done()
        }),
        (Method::POST, "token-refusal") => with(&body, |change: RefusalChange| {
            shared.change(|state| state.token_refusal = change.token_refusal);
            done()
        }),
        (Method::POST, path) if path.starts_with("inlets/") => {
            with(&body, |change: InletChange| {
                match shared.enable_flow(&path["inlets/".len()..], change.flow_enabled) {
                    true => done(),
                    false => failure(404, "no such inlet"),
                }
            })
        }
        _ => failure(
            404,
            "no such resource or method; GET /simulator lists what there is",
        ),
    }
}

fn index(shared: &Shared) -> Value {
    let base = &shared.base_url;
    let inlets: Vec<Value> = shared
        .config
        .inlets
        .iter()
        .map(|inlet| {
            json!({
                "name": inlet.name,
                "inlet-url": format!("{base}/collection/{}", inlet.id),
                "batch-url": format!("{base}/collection/batch/{}", inlet.id),
                "authenticated": inlet.authenticated,
                "schema-id": inlet.schema_id(),
                "dataset-id": inlet.dataset_id,
                "flow-id": inlet.flow_id,
            })
        })
        .collect();
    json!({
        "token-url": format!("{base}/ims/token/v3"),
        "organization-id": shared.config.organization_id,
        "inlets": inlets,
        "get": ["counters", "events?after=&limit=", "profiles?after=&limit=", "profile-store",
        "lake",
                "requests?after=&limit=", "token-calls", "faults"],
        "post": ["faults", "reset", "revoke-tokens", "token-shape", "token-refusal",
        "inlets/{name}"],
        "delete": ["faults"],
    })
}

fn page(records: &[Arc<Accepted>], after: usize, limit: usize) -> Reply {
    // Records are in the order of their sequence numbers, but share them with the other kind.
    let from = records.partition_point(|record| record.sequence <= after as u64);
    let rest = &records[from..];
    json_reply(&Page {
        total: records.len(),
        records: rest.iter().take(limit).map(AsRef::as_ref).collect(),
    })
}

fn with<T: DeserializeOwned>(body: &[u8], act: impl FnOnce(T) -> Reply) -> Reply {
    match serde_json::from_slice(body) {
        Ok(value) => act(value),
        Err(error) => failure(400, &error.to_string()),
    }
}

fn json_reply<T: Serialize>(value: &T) -> Reply {
    match serde_json::to_vec(value) {
        Ok(body) => Reply::json(200, body),
        Err(error) => failure(500, &error.to_string()),
    }
}

fn done() -> Reply {
    Reply::json(200, "{}")
}

fn failure(status: u16, message: &str) -> Reply {
    Reply::json(status, json!({"error": message}).to_string())
}
