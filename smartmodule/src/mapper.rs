//! One record in, one answer out.

use std::borrow::Cow;

use sha2::{Digest as _, Sha256};

use crate::answer::{write_head, write_hex, write_verdict};
use crate::envelope::{ENVELOPE_KEYS, Envelope};
use crate::event::{Event, Trim};
use crate::identity::subject;
use crate::json::{Fault, Index, Tape, Value, write_canonical, write_escaped, write_integer, write_text};
use crate::kind::EventKind;
use crate::map::{Notes, write_event, write_profile};
use crate::params::Params;
use crate::program::Program;
use crate::time::epoch;
use crate::verdict::{Reject, Verdict};

/// Profile drops a larger event silently, after it was acknowledged (Adobe's Profile guardrails: 10 KB).
pub const MAX_EVENT_BYTES: usize = 10_000;

/// Profile drops a larger profile record silently (Adobe's Profile guardrails: 100 KB).
pub const MAX_PROFILE_BYTES: usize = 100_000;

/// A record as it lies in the log.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// Its true offset in the log.
    pub offset: i64,
    /// Its Fluvio timestamp, milliseconds since the epoch; `None` when the producer gave none.
    pub timestamp: Option<i64>,
    /// Its value, untouched.
    pub value: &'a [u8],
}

/// Maps records to answers. It keeps nothing of a record but the memory it took.
#[derive(Debug)]
pub struct Mapper {
    params: Params,
    tape: Tape,
}

impl Mapper {
    /// A mapper with these parameters.
    #[must_use]
    pub fn new(params: Params) -> Self {
        Self {
            params,
            tape: Tape::default(),
        }
    }

    /// Appends the XDM event of a record to `out`; `false`, and nothing appended, when the record is skipped or rejected.
    pub fn event(&mut self, input: Input<'_>, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        let written = parse(&mut self.tape, input.value)
            .map_err(Verdict::from)
            .and_then(|document| read(&self.params, document, input.timestamp))
            .and_then(|event| fit_event(&event, &mut Notes::default(), out));
        if written.is_err() {
            out.truncate(start);
        }
        written.is_ok()
    }

    /// Appends exactly one JSON object to `out`, for any bytes whatever.
    pub fn answer(&mut self, input: Input<'_>, out: &mut Vec<u8>) {
        let start = out.len();
        if let Err(verdict) = map(&self.params, &mut self.tape, input, out) {
            out.truncate(start);
            write_verdict(out, input.offset, input.value, &verdict);
        }
    }
}

fn map(params: &Params, tape: &mut Tape, input: Input<'_>, out: &mut Vec<u8>) -> Result<(), Verdict> {
    let document = parse(tape, input.value)?;
    let event = read(params, document, input.timestamp)?;
    write_head(out, input.offset);
    out.extend_from_slice(b",\"name\":");
    write_text(out, event.kind.name());
    out.extend_from_slice(b",\"id\":");
    write_text(out, &event.id);
    out.extend_from_slice(b",\"key\":");
    write_lane_key(out, &event)?;
    out.extend_from_slice(b",\"at\":");
    write_integer(out, event.at);

    let mut notes = Notes::default();
    out.extend_from_slice(b",\"event\":");
    fit_event(&event, &mut notes, out)?;
    fit_profile(&event, &mut notes, out)?;
    for (index, name) in notes.names().enumerate() {
        out.extend_from_slice(if index == 0 { b",\"notes\":[".as_slice() } else { b"," });
        write_text(out, name);
    }
    if notes.names().next().is_some() {
        out.push(b']');
    }
    out.push(b'}');
    Ok(())
}

fn parse<'a>(tape: &'a mut Tape, value: &'a [u8]) -> Result<Value<'a>, Reject> {
    let text = std::str::from_utf8(value).map_err(|error| {
        Reject::new(
            "not_utf8",
            "",
            format!("the record is no UTF-8 text: byte {}", error.valid_up_to()),
        )
    })?;
    // Some producers put a byte order mark first.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    tape.parse(text).map_err(|fault| match fault {
        Fault::Syntax(at) => Reject::new("not_json", "", format!("the record is no JSON document: byte {at}")),
        Fault::TooDeep => Reject::new("too_complex", "", "the record is nested deeper than 64 levels"),
        Fault::TooMany => Reject::new("too_complex", "", "the record has more than 262144 values"),
    })
}

/// Everything about the event that can make it skipped or rejected.
fn read<'a>(params: &'a Params, document: Value<'a>, timestamp: Option<i64>) -> Result<Event<'a>, Verdict> {
    let envelope = Envelope::open(document)?;
    let kind = EventKind::from_name(&envelope.name).ok_or(Verdict::Skip("unknown_kind"))?;
    if !params.events.contains(&kind) {
        return Err(Verdict::Skip("unwanted_kind"));
    }
    let organization = envelope.organization();
    let accepted = |wanted: &Vec<String>| {
        organization
            .as_deref()
            .is_some_and(|org| wanted.iter().any(|id| id == org))
    };
    if !params.organizations.as_ref().is_none_or(accepted) {
        return Err(Verdict::Skip("other_organization"));
    }
    let data = envelope
        .data()
        .ok_or_else(|| Reject::new("no_data", envelope.at("/data"), "the event has no `data` object"))?;
    let at = created_at(&envelope, timestamp)?;
    let customer = subject(kind, data, &envelope)?;
    if params.qualify_identity && organization.is_none() {
        let message = "`qualify-identity` is on, but the event has no organisation";
        return Err(Reject::new("no_organization", envelope.at("/orgId"), message).into());
    }
    if customer.primary(params, organization.as_deref()).is_none() {
        return Err(Verdict::Skip("no_primary_identity"));
    }
    let id = event_id(kind, &envelope, organization.as_deref(), data);
    let program = Program::read(data);
    Ok(Event {
        kind,
        params,
        envelope,
        data,
        members: Index::new(data),
        organization,
        customer,
        program,
        at,
        id,
    })
}

/// `createdAt`; else the hand-over time of the queue form; else the record's own time.
fn created_at(envelope: &Envelope<'_>, timestamp: Option<i64>) -> Result<i64, Reject> {
    for key in ["createdAt", "timeStamp"] {
        if let Some(value) = envelope.get(key) {
            let message = format!("`{key}` is no time in epoch milliseconds (13 digits) or seconds (10 digits)");
            return epoch(value).map_err(|_| Reject::new("bad_time", envelope.at(&format!("/{key}")), message));
        }
    }
    let usable = timestamp.filter(|ms| (1..10_000_000_000_000).contains(ms));
    usable.ok_or_else(|| {
        Reject::new(
            "bad_time",
            envelope.at("/createdAt"),
            "the event has no time, nor has its record",
        )
    })
}

/// Capillary's own id, else a hash of what makes the event this event. Never random: a repeated delivery must get the
/// same one.
fn event_id<'a>(kind: EventKind, envelope: &Envelope<'a>, organization: Option<&str>, data: Value<'_>) -> Cow<'a, str> {
    let own = envelope
        .get("eventId")
        .filter(|id| id.string().is_some())
        .and_then(crate::read::text);
    if let Some(own) = own.filter(|id| is_event_id(id)) {
        return own;
    }
    let created_at = envelope.get("createdAt").and_then(|value| epoch(value).ok());
    let mut text = Vec::new();
    for part in [
        Some(kind.name().into()),
        organization.map(Cow::Borrowed),
        created_at.map(|ms| ms.to_string().into()),
        envelope.text("refId"),
    ] {
        text.extend_from_slice(part.unwrap_or_default().as_bytes());
        text.push(b'\n');
    }
    // In the broken form the envelope's own keys stand in `data`: without them it is the same `data` as in all others.
    let skip = if envelope.broken { ENVELOPE_KEYS } else { &[] };
    write_canonical(&mut text, data, skip);
    let mut hex = Vec::new();
    write_hex(&mut hex, &Sha256::digest(&text));
    hex.truncate(32);
    String::from_utf8(hex).unwrap_or_default().into()
}

/// Whether an id can be `_id`, which XDM declares a URI reference: what stands before a colon must be a scheme.
fn is_event_id(id: &str) -> bool {
    let scheme = |scheme: &str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
    };
    (1..=128).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'~' | b':' | b'-'))
        && id.split_once(':').is_none_or(|(before, _)| scheme(before))
}

/// Whose order is kept: the customer's, whatever the primary identity.
fn write_lane_key(out: &mut Vec<u8>, event: &Event<'_>) -> Result<(), Verdict> {
    let organization = event.organization.as_deref().unwrap_or_default();
    let customer = match &event.customer.customer_id {
        Some(id) => Cow::Borrowed(id.as_ref()),
        None => event
            .customer
            .primary(event.params, event.organization.as_deref())
            .ok_or(Verdict::Skip("no_primary_identity"))?,
    };
    out.push(b'"');
    write_escaped(out, organization);
    out.push(b':');
    write_escaped(out, &customer);
    out.push(b'"');
    Ok(())
}

/// Writes the event, leaving out as little as the limit demands.
fn fit_event(event: &Event<'_>, notes: &mut Notes, out: &mut Vec<u8>) -> Result<(), Verdict> {
    let start = out.len();
    for trim in Trim::LEVELS {
        out.truncate(start);
        write_event(event, trim, out);
        if out.len() - start <= MAX_EVENT_BYTES {
            notes.trimmed |= trim > Trim::Nothing;
            return Ok(());
        }
    }
    let message = "the event is over 10000 bytes even without its optional parts; Profile would drop it silently";
    Err(Reject::new("event_too_large", event.envelope.at("/data"), message).into())
}

/// Writes the profile, if the event states one, without its tenant part when it would be too large.
fn fit_profile(event: &Event<'_>, notes: &mut Notes, out: &mut Vec<u8>) -> Result<(), Verdict> {
    let mark = out.len();
    for with_tenant in [true, false] {
        out.extend_from_slice(b",\"profile\":");
        let start = out.len();
        if !write_profile(event, with_tenant, notes, out) {
            out.truncate(mark);
            return Ok(());
        }
        if out.len() - start <= MAX_PROFILE_BYTES {
            notes.trimmed |= !with_tenant;
            return Ok(());
        }
        out.truncate(mark);
    }
    let message = "the profile is over 100000 bytes even without its optional parts; Profile would drop it silently";
    Err(Reject::new("profile_too_large", event.envelope.at("/data"), message).into())
}
