//! Streaming ingestion: one message, or a batch, to an inlet.

pub(super) mod acceptance;
pub mod answer;
pub(super) mod envelope;
mod unlanded;

use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use hyper::http::request::Parts;
use hyper::{Method, Request};

use bytes::{Bytes, BytesMut};

use self::acceptance::Received;
use self::answer::about;
use self::envelope::{Message, Refusal, Rules};
use crate::simulator::clock::now_ms;
use crate::simulator::config::{DataType, InletConfig, Keeping, TokenRefusal};
use crate::simulator::faults::Fault;
use crate::simulator::faults::script::{Called, Plan};
use crate::simulator::form::Form;
use crate::simulator::reply::{Ending, Reply};
use crate::simulator::seen::MessageFate;
use crate::simulator::shared::Shared;
use crate::simulator::tally::Messages;

/// Counts the end of a request, also when the client leaves before it is answered.
struct Visit<'a> {
    shared: &'a Shared,
    number: u64,
    status: Option<u16>,
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        self.shared
            .change(|state| state.seen.ended(self.number, self.status));
    }
}

pub(crate) async fn serve(
    shared: &Shared,
    id: &str,
    batch: bool,
    request: Request<Incoming>,
) -> Reply {
    let made = shared.look(|state| state.organization.inlet(id));
    let inlet = made.as_ref().or_else(|| shared.inlet_of_id(id));
    if let (Some(inlet), Keeping::Counts { answer_time }) = (inlet, shared.config.keeping) {
        return count(shared, inlet, batch, request, answer_time).await;
    }
    let name = inlet.map_or(id, |inlet| inlet.name.as_str());
    let number = shared.change(|state| state.seen.arrived(name, inlet.is_some(), batch, now_ms()));
    let mut visit = Visit {
        shared,
        number,
        status: None,
    };
    let reply = match inlet {
        Some(inlet) => respond(shared, inlet, number, batch, request).await,
        None => {
            let text = format!("inletId: [{id}] No such inlet");
            // No document says what an unknown inlet answers.
            read(shared, request.into_body())
                .await
                .err()
                .unwrap_or_else(|| Reply::json(404, answer::problem(404, &text)))
        }
    };
    visit.status = reply.seen_status();
    if reply.ending == Ending::Hang {
        // The request is under way until the client leaves.
        std::future::pending::<()>().await;
    }
    reply
}

/// Accepts a request whose messages are only counted.
async fn count(
    shared: &Shared,
    inlet: &InletConfig,
    batch: bool,
    request: Request<Incoming>,
    answer_time: Duration,
) -> Reply {
    let _under_way = shared.tally.begin();
    let (head, body) = request.into_parts();
    let refused = admit(shared, inlet, batch, &head);
    let body = match read(shared, body).await {
        Ok(body) => body,
        Err(too_large) => return too_large,
    };
    if let Err(refusal) = refused {
        return refusal;
    }
    let Some(messages) = Messages::read(&body) else {
        let text = about(
            inlet.id.as_str(),
            &shared.config.organization_id,
            "Message has unknown xdm format",
        );
        return Reply::json(400, answer::problem(400, &text));
    };
    tokio::time::sleep(answer_time).await;
    if shared.tally.is_down() {
        return documented(inlet, 503);
    }
    shared.tally.acknowledged(inlet, batch, &body, &messages);
    acceptance::acknowledge(shared, inlet, batch, messages.count)
}

async fn respond(
    shared: &Shared,
    inlet: &InletConfig,
    number: u64,
    batch: bool,
    request: Request<Incoming>,
) -> Reply {
    let early = shared.change(|state| state.script.before_body(Called::Inlet(inlet)));
    if let Some(plan) = &early {
        note(shared, number, plan);
        if plan.fault == Fault::ResetBeforeBody {
            tokio::time::sleep(plan.delay).await;
            return Reply::none(Ending::Reset);
        }
    }
    let (head, body) = request.into_parts();
    let refused = admit(shared, inlet, batch, &head);
    let pause = match early.as_ref().map(|plan| &plan.fault) {
        Some(Fault::SlowReading { pause_ms }) => Duration::from_millis(*pause_ms),
        _ => Duration::ZERO,
    };
    let body = match read_slowly(shared, body, pause).await {
        Ok(body) => body,
        Err(too_large) => return too_large,
    };
    if let Some(plan) = &early {
        // Only once the body is read does the server notice that a client lost its patience.
        tokio::time::sleep(plan.delay).await;
    }
    shared.change(|state| {
        let token = bearer(&head).and_then(|token| state.tokens.number(token));
        if let Some(request) = state.seen.request(number) {
            request.bytes = body.len();
            request.token = token;
        }
    });
    let rules = Rules {
        inlet,
        organization_id: &shared.config.organization_id,
        flow_enabled: shared.look(|state| !state.disabled_flows.contains(&inlet.name)),
    };
    let messages = if batch {
        envelope::batch(&body, rules)
    } else {
        envelope::single(&body, rules).map(|message| vec![message])
    };
    if let Some(plan) = early.as_ref().filter(|plan| !plan.fault.accepts()) {
        note_unaccepted(
            shared,
            number,
            messages.as_deref().unwrap_or_default(),
            &plan.fault,
        );
        return faulty(inlet, plan, None);
    }
    let sync_validation = match refused {
        Ok(sync_validation) => sync_validation,
        Err(refusal) => return refusal,
    };
    let Some(messages) = messages else {
        let text = about(
            inlet.id.as_str(),
            rules.organization_id,
            "Message has unknown xdm format",
        );
        return Reply::json(400, answer::problem(400, &text));
    };
    let plan = match early {
        Some(plan) => plan,
        None => {
            let plan = shared.change(|state| state.script.decide(Called::Inlet(inlet), &messages));
            note(shared, number, &plan);
            tokio::time::sleep(plan.delay).await;
            plan
        }
    };
    if !plan.fault.accepts() {
        note_unaccepted(shared, number, &messages, &plan.fault);
        return faulty(inlet, &plan, None);
    }
    let reply = acceptance::accept(
        shared,
        Received {
            inlet,
            number,
            batch,
            sync_validation,
            plan: &plan,
            messages,
        },
    );
    tokio::time::sleep(plan.answer_delay).await;
    faulty(inlet, &plan, Some(reply))
}

/// Notes the fault of a plan.
fn note(shared: &Shared, number: u64, plan: &Plan) {
    shared.change(|state| {
        state.seen.count_fault(plan.fault.name());
        if let Some(request) = state.seen.request(number) {
            request.fault = Some(plan.fault.name()).filter(|name| *name != "pass");
        }
    });
}

fn note_unaccepted(shared: &Shared, number: u64, messages: &[Message], fault: &Fault) {
    let status = match fault {
        Fault::Status { status, .. } | Fault::Html { status, .. } => (*status).into(),
        _ => 0,
    };
    let fates = messages
        .iter()
        .map(|message| MessageFate::new(&message.facts, false, status))
        .collect();
    shared.change(|state| {
        if let Some(request) = state.seen.request(number) {
            request.messages = fates;
        }
    });
}

/// The answer that a fault makes of the usual one.
fn faulty(inlet: &InletConfig, plan: &Plan, usual: Option<Reply>) -> Reply {
    let usual = usual.unwrap_or_else(|| Reply::empty(200));
    match &plan.fault {
        Fault::Status {
            status,
            retry_after,
            body,
            ..
        } => {
            let status = u16::from(*status);
            let mut reply = match body {
                Some(body) => Reply::json(status, body.clone()),
                None => documented(inlet, status),
            };
            reply.retry_after.clone_from(retry_after);
            reply
        }
        Fault::Html { status, .. } => Reply::html((*status).into(), answer::html((*status).into())),
        Fault::EmptyBody => Reply::empty(usual.status),
        Fault::ResetBeforeBody | Fault::ResetAfterBody { .. } => Reply::none(Ending::Reset),
        Fault::Hang { .. } => Reply::none(Ending::Hang),
        Fault::Truncated { lose_connection } => usual.truncated(*lose_connection),
        Fault::Close => usual.ending(Ending::Silent),
        Fault::SlowAnswer { over_ms } => usual.over(Duration::from_millis(*over_ms)),
        _ => usual,
    }
}

/// The documented body of a status, or none where none is documented.
fn documented(inlet: &InletConfig, status: u16) -> Reply {
    match status {
        401 => Reply::json(401, answer::unauthorized(401)),
        400 | 500..=599 => {
            let text = format!("inletId: [{}] The request could not be processed", inlet.id);
            Reply::json(status, answer::problem(status, &text))
        }
        _ => Reply::empty(status),
    }
}

/// Reads a body up to the limit. Beyond it the rest stays unread and the connection ends after the
/// answer.
async fn read(shared: &Shared, body: Incoming) -> Result<Bytes, Reply> {
    let limit = shared.config.max_body_bytes;
    let too_large = || Reply::empty(413).ending(Ending::Announced);
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(_) => Err(too_large()),
    }
}

/// Reads a body with a pause before each piece; without one, all at once.
async fn read_slowly(shared: &Shared, mut body: Incoming, pause: Duration) -> Result<Bytes, Reply> {
    if pause.is_zero() {
        return read(shared, body).await;
    }
    let mut read = BytesMut::new();
    loop {
        tokio::time::sleep(pause).await;
        match body.frame().await {
            Some(Ok(frame)) => read.extend(frame.into_data().unwrap_or_default()),
            // The client left in the middle of it; nobody sees this answer.
            Some(Err(_)) => return Err(Reply::empty(400)),
            None if read.len() > shared.config.max_body_bytes => {
                return Err(Reply::empty(413).ending(Ending::Announced));
            }
            None => return Ok(read.freeze()),
        }
    }
}

/// The token a request comes with.
fn bearer(head: &Parts) -> Option<&str> {
    let value = head.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// What can be refused by looking at the head. Whether the message is to be validated synchronously
/// otherwise.
fn admit(shared: &Shared, inlet: &InletConfig, batch: bool, head: &Parts) -> Result<bool, Reply> {
    let header = |name: hyper::header::HeaderName| {
        head.headers.get(name).and_then(|value| value.to_str().ok())
    };
    if head.method != Method::POST {
        return Err(Reply::json(405, answer::problem(405, "POST is required")));
    }
    if inlet.authenticated {
        match bearer(head) {
            None => return Err(Reply::json(401, answer::unauthorized(401))),
            Some(token) => {
                let (good, refusal) =
                    shared.look(|state| (state.tokens.is_good(token), state.token_refusal));
                if !good {
                    return Err(match refusal {
                        TokenRefusal::Unauthorized => Reply::json(401, answer::unauthorized(401)),
                        TokenRefusal::Forbidden => Reply::json(403, answer::unauthorized(403)),
                        TokenRefusal::ForbiddenWithoutBody => Reply::empty(403),
                    });
                }
            }
        }
    }
    // No document says that compression is understood; accepting it would hide a client that turned
    // it on.
    if header(CONTENT_ENCODING).is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        return Err(Reply::json(
            415,
            answer::problem(415, "Content-Encoding is not supported"),
        ));
    }
    let essence = header(CONTENT_TYPE)
        .and_then(|value| value.split(';').next())
        .unwrap_or_default()
        .trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Reply::json(
            415,
            answer::problem(415, "Content-Type must be application/json"),
        ));
    }
    let query = Form::parse(head.uri.query().unwrap_or_default().as_bytes()).unwrap_or_default();
    if matches!(inlet.data_type, DataType::Raw { .. }) {
        let flow = head
            .headers
            .get("x-adobe-flow-id")
            .and_then(|value| value.to_str().ok());
        if flow.or_else(|| query.get("x-adobe-flow-id")) != Some(inlet.flow_id.as_str()) {
            let text = Refusal::WrongFlow.text(
                shared.look(|state| state.dialect),
                inlet,
                &shared.config.organization_id,
            );
            return Err(Reply::json(400, answer::problem(400, &text)));
        }
    }
    let asked = ["syncValidation", "synchronousValidation"]
        .iter()
        .any(|name| query.get(name) == Some("true"));
    if batch || !asked {
        return Ok(false);
    }
    if !shared.config.sync_validation {
        let text = "Synchronous validation is not supported at this location";
        return Err(Reply::json(501, answer::problem(501, text)));
    }
    let allowed = shared.change(|state| {
        let (began, count) = &mut state.sync_minute;
        if began.elapsed().as_secs() >= 60 {
            (*began, *count) = (std::time::Instant::now(), 0);
        }
        *count += 1;
        *count <= 60
    });
    if allowed {
        Ok(true)
    } else {
        Err(Reply::empty(429))
    }
}
