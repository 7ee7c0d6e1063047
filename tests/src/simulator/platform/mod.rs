//! The services an organisation is set up with, beneath `/data`: Schema Registry, Identity
//! namespaces, Catalog, Flow Service, Data Prep and the list of sandboxes.
//!
//! An organisation begins empty, apart from Adobe's own field groups and namespaces.

mod asked;
mod catalog;
mod flows;
mod gate;
mod identity;
mod mapping_sets;
pub(super) mod organization;
mod preview;
mod registry;
pub(super) mod settings;

use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::ACCEPT;
use hyper::{Method, Request};
use serde_json::{Value, json};

use self::asked::{Answer, Asked};
use self::organization::{Call, Organization};
use super::config::SimulatorConfig;
use super::faults::Fault;
use super::faults::script::{Called, Plan};
use super::form::Form;
use super::inlet::answer;
use super::reply::{Ending, Reply};
use super::shared::Shared;

/// Most bytes of a request; no document gives a limit.
const MAX_BYTES: usize = 4_000_000;

/// What the services need besides the organisation.
struct Services<'a> {
    organization: &'a mut Organization,
    config: &'a SimulatorConfig,
    base_url: &'a str,
    random: &'a mut fastrand::Rng,
}

pub(super) async fn serve(shared: &Shared, path: &str, request: Request<Incoming>) -> Reply {
    let call = Call {
        method: request.method().to_string(),
        path: path.to_owned(),
    };
    let plan = shared.change(|state| {
        state.organization.calls.push(call);
        let plan = state
            .script
            .before_body(Called::Platform)
            .unwrap_or_default();
        state.seen.count_fault(plan.fault.name());
        plan
    });
    let reply = respond(shared, path, &plan, request).await;
    if reply.ending == Ending::Hang {
        std::future::pending::<()>().await;
    }
    reply
}

async fn respond(shared: &Shared, path: &str, plan: &Plan, request: Request<Incoming>) -> Reply {
    tokio::time::sleep(plan.delay).await;
    if plan.fault == Fault::ResetBeforeBody {
        return Reply::none(Ending::Reset);
    }
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_BYTES).collect().await else {
        return Reply::empty(413).ending(Ending::Announced);
    };
    let body = body.to_bytes();
    let mut answer = (500, Value::Null);
    if plan.fault.accepts() {
        let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        let asked = Asked {
            method: head.method.clone(),
            path: path.split('/').map(decoded).collect(),
            query: Form::parse(head.uri.query().unwrap_or_default().as_bytes()).unwrap_or_default(),
            accept: header(ACCEPT.as_str()).unwrap_or_default().to_owned(),
            if_match: header("if-match").map(str::to_owned),
            body: serde_json::from_slice(&body).unwrap_or_default(),
        };
        answer = shared.change(|state| {
            if let Err(refusal) = gate::admit(&shared.config, state, &head, &asked) {
                return refusal;
            }
            let mut services = Services {
                organization: &mut state.organization,
                config: &shared.config,
                base_url: &shared.base_url,
                random: &mut state.rng,
            };
            services.answer(&asked)
        });
    }
    let usual = match answer {
        (status, Value::Null) => Reply::empty(status),
        (status, body) => Reply::json(status, body.to_string()),
    };
    tokio::time::sleep(plan.answer_delay).await;
    faulty(plan, usual)
}

fn faulty(plan: &Plan, usual: Reply) -> Reply {
    match &plan.fault {
        Fault::Status {
            status,
            retry_after,
            body,
            ..
        } => {
            let mut reply = match body {
                Some(body) => Reply::json((*status).into(), body.clone()),
                None => Reply::empty((*status).into()),
            };
            reply.retry_after.clone_from(retry_after);
            reply
        }
        Fault::Html { status, .. } => Reply::html((*status).into(), answer::html((*status).into())),
        Fault::EmptyBody => Reply::empty(usual.status),
        Fault::ResetAfterBody { .. } => Reply::none(Ending::Reset),
        Fault::Hang { .. } => Reply::none(Ending::Hang),
        Fault::Truncated { lose_connection } => usual.truncated(*lose_connection),
        Fault::Close => usual.ending(Ending::Silent),
        Fault::SlowAnswer { over_ms } => usual.over(Duration::from_millis(*over_ms)),
        // The others are about messages, which these services have none of.
        _ => usual,
    }
}

impl Services<'_> {
    fn answer(&mut self, asked: &Asked) -> Answer {
        let (_, path) = asked.target();
        match path.as_slice() {
            ["foundation", "sandbox-management", ..] => self.sandboxes(asked),
            ["foundation", "schemaregistry", rest @ ..] => self.registry(asked, rest),
            ["core", "idnamespace", "identities"] => self.namespaces(asked),
            ["foundation", "catalog", "dataSets", rest @ ..] => self.datasets(asked, rest),
            ["foundation", "flowservice", rest @ ..] => self.flow_service(asked, rest),
            ["foundation", "conversion", "mappingSets", rest @ ..] => {
                self.mapping_sets(asked, rest)
            }
            _ => not_found(),
        }
    }

    /// `GET /data/foundation/sandbox-management/`: those the caller may use.
    fn sandboxes(&self, asked: &Asked) -> Answer {
        if asked.method != Method::GET {
            return not_found();
        }
        let sandboxes = self.config.organization.sandboxes.iter().enumerate();
        let sandboxes: Vec<Value> = sandboxes
            .map(|(index, name)| {
                json!({
                    "name": name, "title": name, "state": "active", "region": "VA7",
                    "type": if index == 0 { "production" } else { "development" },
                    "isDefault": index == 0,
                })
            })
            .collect();
        let count = sandboxes.len();
        (
            200,
            json!({"sandboxes": sandboxes, "_page": {"limit": 200, "count": count}}),
        )
    }

    /// Hexadecimal digits, for ids.
    fn digits(&mut self, count: usize) -> String {
        (0..count)
            .map(|_| char::from(b"0123456789abcdef"[self.random.usize(..16)]))
            .collect()
    }

    fn uuid(&mut self) -> String {
        let digits = self.digits(32);
        let part = |from: usize, to: usize| &digits[from..to];
        format!(
            "{}-{}-4{}-a{}-{}",
            part(0, 8),
            part(8, 12),
            part(13, 16),
            part(17, 20),
            part(20, 32)
        )
    }
}

fn not_found() -> Answer {
    // No document shows what the gateway answers to an unknown path.
    (404, json!({"title": "Not Found", "status": 404}))
}

/// A segment of a path, with its escapes resolved.
fn decoded(segment: &str) -> String {
    let text = segment.replace('+', "%2B");
    Form::parse(format!("x={text}").as_bytes())
        .and_then(|form| form.get("x").map(str::to_owned))
        .unwrap_or_else(|| segment.to_owned())
}
