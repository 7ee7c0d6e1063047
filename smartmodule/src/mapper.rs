//! One record in, one answer out.

use std::ops::Range;

use sha2::{Digest as _, Sha256};

use crate::answer::{write_head, write_hex, write_verdict};
use crate::envelope::{ENVELOPE_KEYS, Envelope};
use crate::event::{Event, Trim};
use crate::identity::subject;
use crate::json::{
    Document, Fault, Members, Slots, Tape, is_unreserved, write_canonical, write_escaped, write_integer,
};
use crate::keys::Key;
use crate::kind::EventKind;
use crate::map::{Notes, write_event, write_profile};
use crate::params::Params;
use crate::program::Program;
use crate::sink::Sink;
use crate::text::Text;
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
    scratch: Scratch,
    /// Answers on their way to a caller's vector.
    sink: Sink,
}

/// Memory for what is known of one record.
#[derive(Debug, Default)]
struct Scratch {
    tape: Tape,
    envelope: Slots,
    data: Slots,
}

impl Mapper {
    /// A mapper with these parameters.
    #[must_use]
    pub fn new(params: Params) -> Self {
        Self {
            params,
            scratch: Scratch::default(),
            sink: Sink::default(),
        }
    }

    /// Appends the XDM event of a record to `out`; `false`, and nothing appended, when the record is skipped or rejected.
    pub fn event(&mut self, input: Input<'_>, out: &mut Vec<u8>) -> bool {
        self.with_sink(out, |mapper, sink| mapper.event_into(input, sink))
    }

    /// As [`event`](Self::event), without the way over a vector.
    pub(crate) fn event_into(&mut self, input: Input<'_>, out: &mut Sink) -> bool {
        let start = out.len();
        let written = with_event(&self.params, &mut self.scratch, input, |event| {
            fit_event(event, &mut Notes::default(), out)
        });
        if written.is_err() {
            out.truncate(start);
        }
        written.is_ok()
    }

    /// Appends exactly one JSON object to `out`, for any bytes whatever.
    pub fn answer(&mut self, input: Input<'_>, out: &mut Vec<u8>) {
        self.with_sink(out, |mapper, sink| mapper.answer_into(input, sink));
    }

    /// Appends to `out` what `write` writes.
    fn with_sink<T>(&mut self, out: &mut Vec<u8>, write: impl FnOnce(&mut Self, &mut Sink) -> T) -> T {
        let mut sink = std::mem::take(&mut self.sink);
        sink.clear();
        let written = write(self, &mut sink);
        out.extend_from_slice(sink.written());
        self.sink = sink;
        written
    }

    /// As [`answer`](Self::answer), without the way over a vector.
    pub(crate) fn answer_into(&mut self, input: Input<'_>, out: &mut Sink) {
        let start = out.len();
        let written = with_event(&self.params, &mut self.scratch, input, |event| {
            write(event, input.offset, out)
        });
        if let Err(verdict) = written {
            out.truncate(start);
            write_verdict(out, input.offset, input.value, &verdict);
        }
    }
}

/// Hands the event of a record to `then`, unless it is to be skipped or rejected.
fn with_event<T>(
    params: &Params,
    scratch: &mut Scratch,
    input: Input<'_>,
    then: impl FnOnce(&Event<'_>) -> Result<T, Verdict>,
) -> Result<T, Verdict> {
    if let Some(reason) = unwanted(params, input.value) {
        return Err(Verdict::Skip(reason));
    }
    let document = parse(&mut scratch.tape, input.value)?;
    let envelope = Envelope::open(document.root(), &mut scratch.envelope)?;
    let kind = EventKind::from_name(&*envelope.name).ok_or(Verdict::Skip(UNKNOWN))?;
    if !params.events.contains(kind) {
        return Err(Verdict::Skip(UNWANTED));
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
        .ok_or_else(|| Reject::new("no_data", &envelope.at("/data"), "the event has no `data` object"))?;
    let data = scratch.data.fill(data);
    let at = created_at(&envelope, input.timestamp)?;
    let customer = subject(kind, data, &envelope)?;
    if params.qualify_identity && organization.is_none() {
        let message = "`qualify-identity` is on, but the event has no organisation";
        return Err(Reject::new("no_organization", &envelope.at("/orgId"), message).into());
    }
    if customer.primary(params, organization.as_deref()).is_none() {
        return Err(Verdict::Skip("no_primary_identity"));
    }
    let event = Event {
        kind,
        params,
        id: event_id(kind, &envelope, organization.as_deref(), data),
        envelope: &envelope,
        data,
        organization,
        customer: &customer,
        program: Program::read(data),
        at,
    };
    then(&event)
}

/// Reasons to skip an event for its kind.
const UNKNOWN: &str = "unknown_kind";
const UNWANTED: &str = "unwanted_kind";

/// Why an event is skipped for its name alone, where Capillary writes it: in front. What follows is not read then, so it
/// may be anything but cut off. `None` when the whole document has to tell.
fn unwanted(params: &Params, value: &[u8]) -> Option<&'static str> {
    let (name, rest) = Envelope::first_name(value)?;
    match EventKind::from_name(name) {
        Some(kind) if params.events.contains(kind) => None,
        found => {
            let reason = if found.is_some() { UNWANTED } else { UNKNOWN };
            Envelope::is_last_name(rest).then_some(reason)
        }
    }
}

/// Writes the answer to an event that is mapped.
fn write(event: &Event<'_>, offset: i64, out: &mut Sink) -> Result<(), Verdict> {
    write_head(out, offset);
    out.piece(b",\"name\":\"");
    out.put(event.kind.name().as_bytes());
    out.piece(b"\",\"id\":\"");
    // An id has no letters that need an escape.
    out.put(event.id.as_bytes());
    out.piece(b"\",\"key\":\"");
    write_lane_key(out, event)?;
    out.piece(b"\",\"at\":");
    write_integer(out, event.at);

    let mut notes = Notes::default();
    out.piece(b",\"event\":");
    let identities = fit_event(event, &mut notes, out)?;
    fit_profile(event, identities, &mut notes, out)?;
    write_notes(notes, out);
    out.push(b'}');
    Ok(())
}

fn write_notes(notes: Notes, out: &mut Sink) {
    let mut before: &[u8] = b",\"notes\":[\"";
    for name in notes.names() {
        out.put(before);
        out.put(name.as_bytes());
        before = b"\",\"";
    }
    if notes.names().next().is_some() {
        out.put(b"\"]");
    }
}

fn parse<'a>(tape: &'a mut Tape, value: &'a [u8]) -> Result<Document<'a>, Reject> {
    let Ok(text) = str::from_utf8(value) else {
        return Err(not_utf8(value));
    };
    // Some producers put a byte order mark first.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    tape.parse(text).map_err(not_json)
}

#[cold]
#[inline(never)]
fn not_utf8(value: &[u8]) -> Reject {
    let valid = str::from_utf8(value).map_or_else(|error| error.valid_up_to(), str::len);
    let message = format!("the record is no UTF-8 text: byte {valid}");
    Reject::new("not_utf8", "", &message)
}

#[cold]
#[inline(never)]
fn not_json(fault: Fault) -> Reject {
    match fault {
        Fault::Syntax(at) => Reject::new("not_json", "", &format!("the record is no JSON document: byte {at}")),
        Fault::TooDeep => Reject::new("too_complex", "", "the record is nested deeper than 64 levels"),
        Fault::TooMany => Reject::new("too_complex", "", "the record has more than 262144 values"),
    }
}

/// `createdAt`; else the hand-over time of the queue form; else the record's own time.
fn created_at(envelope: &Envelope<'_>, timestamp: Option<i64>) -> Result<i64, Reject> {
    for (key, name) in [(Key::CreatedAt, "createdAt"), (Key::TimeStamp, "timeStamp")] {
        if let Some(value) = envelope.get(key) {
            return epoch(value).map_err(|_| bad_time(envelope, name));
        }
    }
    let usable = timestamp.filter(|ms| (1..10_000_000_000_000).contains(ms));
    usable.ok_or_else(|| {
        let message = "the event has no time, nor has its record";
        Reject::new("bad_time", &envelope.at("/createdAt"), message)
    })
}

#[cold]
#[inline(never)]
fn bad_time(envelope: &Envelope<'_>, name: &str) -> Reject {
    let message = format!("`{name}` is no time in epoch milliseconds (13 digits) or seconds (10 digits)");
    Reject::new("bad_time", &envelope.at(&format!("/{name}")), &message)
}

/// Capillary's own id, else a hash of what makes the event this event. Never random: a repeated delivery must get the
/// same one.
fn event_id<'a>(
    kind: EventKind,
    envelope: &Envelope<'a>,
    organization: Option<&str>,
    data: Members<'_, '_>,
) -> Text<'a> {
    let own = envelope
        .get(Key::EventId)
        .filter(|id| id.is_string())
        .and_then(crate::read::text);
    match own.filter(|id| is_event_id(id)) {
        Some(own) => own,
        None => hashed_id(kind, envelope, organization, data),
    }
}

#[cold]
#[inline(never)]
fn hashed_id<'a>(
    kind: EventKind,
    envelope: &Envelope<'_>,
    organization: Option<&str>,
    data: Members<'_, '_>,
) -> Text<'a> {
    let created_at = envelope.get(Key::CreatedAt).and_then(|value| epoch(value).ok());
    let mut text = Sink::default();
    for part in [
        Some(Text::Plain(kind.name())),
        organization.map(Text::Plain),
        created_at.map(|ms| Text::made(ms.to_string())),
        envelope.get(Key::RefId).and_then(crate::read::text),
    ] {
        text.put(part.unwrap_or(Text::Plain("")).as_bytes());
        text.push(b'\n');
    }
    // In the broken form the envelope's own keys stand in `data`: without them it is the same `data` as in all others.
    let skip = if envelope.broken { ENVELOPE_KEYS } else { &[] };
    write_canonical(&mut text, data.object(), skip);
    let mut hex = Sink::default();
    write_hex(&mut hex, &Sha256::digest(text.written()));
    hex.truncate(32);
    Text::made(String::from_utf8_lossy(hex.written()).into_owned())
}

/// Whether an id can be `_id`, which XDM declares a URI reference: what stands before a colon must be a scheme.
fn is_event_id(id: &str) -> bool {
    if !(1..=128).contains(&id.len()) {
        return false;
    }
    if is_unreserved(id.as_bytes()) {
        return true;
    }
    match id.split_once(':') {
        None => false,
        Some((scheme, rest)) => {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
                && rest.split(':').all(|part| is_unreserved(part.as_bytes()))
        }
    }
}

/// Whose order is kept: the customer's, whatever the primary identity.
fn write_lane_key(out: &mut Sink, event: &Event<'_>) -> Result<(), Verdict> {
    write_escaped(out, event.organization.as_deref().unwrap_or_default());
    out.push(b':');
    match &event.customer.customer_id {
        Some(id) => write_escaped(out, id),
        None => {
            let primary = event.customer.primary(event.params, event.organization.as_deref());
            write_escaped(out, &primary.ok_or(Verdict::Skip("no_primary_identity"))?);
        }
    }
    Ok(())
}

/// Writes the event, leaving out as little as the limit demands; gives where its identityMap stands.
fn fit_event(event: &Event<'_>, notes: &mut Notes, out: &mut Sink) -> Result<Range<usize>, Verdict> {
    let start = out.len();
    for trim in Trim::LEVELS {
        out.truncate(start);
        let identities = write_event(event, trim, out);
        if out.len() - start <= MAX_EVENT_BYTES {
            notes.trimmed |= trim > Trim::Nothing;
            return Ok(identities);
        }
    }
    let message = "the event is over 10000 bytes even without its optional parts; Profile would drop it silently";
    Err(Reject::new("event_too_large", &event.envelope.at("/data"), message).into())
}

/// Writes the profile, if the event states one, without its tenant part when it would be too large.
fn fit_profile(event: &Event<'_>, identities: Range<usize>, notes: &mut Notes, out: &mut Sink) -> Result<(), Verdict> {
    let mark = out.len();
    for with_tenant in [true, false] {
        out.piece(b",\"profile\":");
        let start = out.len();
        if !write_profile(event, identities.clone(), with_tenant, notes, out) {
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
    Err(Reject::new("profile_too_large", &event.envelope.at("/data"), message).into())
}
