//! Accepts the messages of a request and writes the answer that says so.

use std::collections::BTreeMap;

use serde_json::json;

use super::answer::{self, Batch, Code, Dialect, Item, Single, about};
use super::envelope::{Checked, Facts, Message};
use super::unlanded::Unlanded;
use crate::simulator::clock::now_ms;
use crate::simulator::config::{InletConfig, Records};
use crate::simulator::faults::Fault;
use crate::simulator::faults::script::Plan;
use crate::simulator::reply::Reply;
use crate::simulator::seen::MessageFate;
use crate::simulator::shared::{Shared, State};
use crate::simulator::store::Arriving;

/// A request that was read and may be accepted.
pub(crate) struct Received<'a> {
    pub(crate) inlet: &'a InletConfig,
    pub(crate) number: u64,
    pub(crate) batch: bool,
    pub(crate) sync_validation: bool,
    pub(crate) plan: &'a Plan,
    pub(crate) messages: Vec<Message>,
}

/// What is said about one message: nothing, or a status and a text.
type Verdict = Option<(u16, String)>;

impl MessageFate {
    pub(crate) fn new(facts: &Facts, accepted: bool, status: u16) -> Self {
        let identity = facts
            .identities
            .iter()
            .find(|identity| identity.primary)
            .map(|identity| identity.id.clone());
        Self {
            id: facts.id.clone(),
            identity,
            accepted,
            status,
            text: None,
        }
    }
}

/// Accepts what can be accepted, in one step that no other request can interleave with, and
/// answers.
pub(crate) fn accept(shared: &Shared, received: Received<'_>) -> Reply {
    let now = now_ms();
    let too_early = shared.is_too_early(received.inlet);
    shared.change(|state| {
        let faults = state
            .script
            .message_faults(received.inlet, &received.messages);
        let dialect = dialect(state.dialect, received.plan, &faults);
        let Received {
            inlet,
            number,
            batch,
            sync_validation,
            plan,
            messages,
        } = received;
        let mut verdicts = Vec::with_capacity(messages.len());
        let mut fates = Vec::with_capacity(messages.len());
        let mut accepted_count = 0;
        let mut unlanded = Unlanded::default();
        for (index, message) in messages.into_iter().enumerate() {
            let (verdict, record) = judge(
                shared,
                inlet,
                dialect,
                faults.get(&index),
                &message,
                sync_validation,
            );
            if faults.contains_key(&index) {
                state.seen.count_fault("message");
            }
            let status = verdict.as_ref().map_or(200, |(status, _)| *status);
            fates.push(MessageFate {
                text: verdict.as_ref().map(|(_, text)| text.clone()),
                ..MessageFate::new(&message.facts, record.is_some(), status)
            });
            if let Some(checked) = record {
                accepted_count += 1;
                let violations = state.landing.violations(&inlet.name, &checked.entity);
                let raw = message.raw.clone();
                let ingestion = state.seen.store.accept(Arriving {
                    request: number,
                    index,
                    at_ms: now,
                    inlet: inlet.name.clone(),
                    records: inlet.records,
                    too_early,
                    violations: violations.clone(),
                    reordered_within: shared.config.reordered_within,
                    facts: message.facts,
                    operation: checked.operation,
                    dataset_id: checked.dataset_id,
                    entity: checked.entity,
                    message: message.raw,
                });
                unlanded.add(ingestion, &raw, violations);
            }
            verdicts.push(verdict);
        }
        unlanded.store(state, inlet, now);
        state.seen.recount(
            &inlet.name,
            accepted_count,
            fates.len() as u64 - accepted_count,
        );
        if let Some(request) = state.seen.request(number) {
            request.messages = fates;
        }
        if batch {
            batch_reply(state, inlet, dialect, &plan.fault, verdicts, now)
        } else {
            single_reply(
                state,
                inlet,
                verdicts.into_iter().next().flatten(),
                sync_validation,
                now,
            )
        }
    })
}

/// The answer that acknowledges every one of so many messages.
pub(crate) fn acknowledge(
    shared: &Shared,
    inlet: &InletConfig,
    batch: bool,
    count: usize,
) -> Reply {
    let now = now_ms();
    shared.change(|state| {
        if batch {
            batch_reply(
                state,
                inlet,
                shared.config.dialect,
                &Fault::Pass,
                vec![None; count],
                now,
            )
        } else {
            single_reply(state, inlet, None, false, now)
        }
    })
}

/// The form of the answer: what a fault asks for, or the simulator's.
fn dialect(usual: Dialect, plan: &Plan, faults: &BTreeMap<usize, Fault>) -> Dialect {
    let of_messages = faults.values().find_map(|fault| match fault {
        Fault::Message { dialect, .. } => *dialect,
        _ => None,
    });
    match plan.fault {
        Fault::Dialect { dialect } => dialect,
        // Only this form carries an index that tells where a response belongs.
        Fault::ReversedResponses => Dialect::Status,
        _ => of_messages.unwrap_or(usual),
    }
}

/// What is said about a message, and what is accepted of it; a fault may set the two against each
/// other.
fn judge(
    shared: &Shared,
    inlet: &InletConfig,
    dialect: Dialect,
    fault: Option<&Fault>,
    message: &Message,
    sync_validation: bool,
) -> (Verdict, Option<Checked>) {
    let organization = &shared.config.organization_id;
    let checked = match &message.outcome {
        Err(refusal) => {
            return (
                Some((400, refusal.text(dialect, inlet, organization))),
                None,
            );
        }
        Ok(checked) => checked,
    };
    if let Some(Fault::Message {
        status,
        message: text,
        accept,
        ..
    }) = fault
    {
        let status = u16::from(*status);
        let text = text.clone().unwrap_or_else(|| {
            let usual = match status {
                400 => "Message has unknown xdm format",
                429 => "Too many requests",
                503 => "Service unavailable",
                _ => "Message could not be processed",
            };
            about(inlet.id.as_str(), organization, usual)
        });
        return (Some((status, text)), accept.then(|| checked.clone()));
    }
    let violations = if sync_validation {
        violations(inlet, &message.facts)
    } else {
        Vec::new()
    };
    if violations.is_empty() {
        (None, Some(checked.clone()))
    } else {
        (
            Some((
                400,
                answer::invalid(inlet.id.as_str(), organization, &violations),
            )),
            None,
        )
    }
}

/// What the class requires and the record lacks.
fn violations(inlet: &InletConfig, facts: &Facts) -> Vec<String> {
    let required = match inlet.records {
        Records::Events => vec![("_id", facts.id.is_some()), ("timestamp", facts.timestamp)],
        Records::Profiles => vec![("identityMap", !facts.identities.is_empty())],
    };
    required
        .into_iter()
        .filter(|(_, present)| !present)
        .map(|(name, _)| name.to_owned())
        .collect()
}

fn single_reply(
    state: &mut State,
    inlet: &InletConfig,
    verdict: Verdict,
    sync_validation: bool,
    received_time_ms: u64,
) -> Reply {
    if let Some((status, text)) = verdict {
        // A refusal by synchronous validation is a whole problem body already.
        let body = if text.starts_with('{') {
            text
        } else {
            answer::problem(status, &text)
        };
        return Reply::json(status, body);
    }
    let sync = if sync_validation {
        json!({"status": "pass"})
    } else {
        json!({"skipped": true})
    };
    json_reply(
        200,
        &Single {
            inlet_id: inlet.id.as_str(),
            xaction_id: &colon_id(state, received_time_ms),
            received_time_ms,
            sync_validation: Some(sync),
            flow_id: inlet
                .schema_id()
                .is_none()
                .then_some(inlet.flow_id.as_str()),
        },
    )
}

fn batch_reply(
    state: &mut State,
    inlet: &InletConfig,
    dialect: Dialect,
    fault: &Fault,
    verdicts: Vec<Verdict>,
    received_time_ms: u64,
) -> Reply {
    let batch_id = match dialect {
        Dialect::StatusCode => colon_id(state, received_time_ms),
        Dialect::Status => uuid(state),
    };
    let last = verdicts.len().saturating_sub(1);
    let item = |(index, verdict): (usize, Verdict)| {
        let index = if *fault == Fault::MisnumberedIds {
            last - index
        } else {
            index
        };
        match verdict {
            None => dialect.accepted(&batch_id, index),
            Some((status, text)) => dialect.refused(&batch_id, index, status, text),
        }
    };
    let mut responses: Vec<Item> = verdicts.into_iter().enumerate().map(item).collect();
    match fault {
        Fault::ShortResponses { missing } => {
            responses.truncate(responses.len().saturating_sub(*missing))
        }
        Fault::EmptyResponses => responses.clear(),
        Fault::ReversedResponses => responses.reverse(),
        Fault::TextNumbers => {
            for item in &mut responses {
                item.status = item.status.take().map(Code::into_text);
                item.status_code = item.status_code.take().map(Code::into_text);
            }
        }
        _ => {}
    }
    json_reply(
        if *fault == Fault::OkForBatch {
            200
        } else {
            207
        },
        &Batch {
            inlet_id: inlet.id.as_str(),
            batch_id: &batch_id,
            received_time_ms,
            responses: (*fault != Fault::NoResponses).then_some(responses),
        },
    )
}

fn json_reply<T: serde::Serialize>(status: u16, body: &T) -> Reply {
    match serde_json::to_vec(body) {
        Ok(body) => Reply::json(status, body),
        // Nothing in these bodies can fail to serialise; if it does, the client must not take it
        // for a success.
        Err(error) => Reply::json(500, answer::problem(500, &error.to_string())),
    }
}

/// `1555445493896:8600:8`
fn colon_id(state: &mut State, now: u64) -> String {
    format!("{now}:{}:{}", state.rng.u16(1..9999), state.rng.u16(1..999))
}

fn uuid(state: &mut State) -> String {
    let digits = format!("{:032x}", state.rng.u128(..));
    format!(
        "{}-{}-4{}-a{}-{}",
        &digits[..8],
        &digits[8..12],
        &digits[13..16],
        &digits[17..20],
        &digits[20..]
    )
}
