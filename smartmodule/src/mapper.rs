//! One record in, one answer out.

use std::ops::Range;

use crate::answer::{write_head, write_unmapped};
use crate::catalog::key::Key;
use crate::catalog::kind::EventKind;
use crate::input::customer::subject;
use crate::input::envelope::Envelope;
use crate::input::event::{Event, Trim};
use crate::input::event_id::event_id;
use crate::input::locations::Locations;
use crate::input::program::Program;
use crate::input::unmapped::{Reject, Unmapped};
use crate::json::{Document, Fault, MAX_SHAPED_BYTES, Slots, Tape, write_integer};
use crate::mapping::{Notes, PlanCache, write_event, write_profile};
use crate::output::buffer::OutBuf;
use crate::output::padded::padded;
use crate::params::Params;
use crate::simd::scan::utf8;
use crate::values::text::write_characters;
use crate::values::time::{epoch, epoch_millis, instant_of};

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

/// Maps records to answers. Answers depend on the record alone. Of each kind it keeps the last
/// event whose shape it learnt, of at most 8 kB, in memory.
#[derive(Debug)]
pub struct Mapper {
    params: Params,
    /// One for each kind that came, and one for large events and those that do not begin with their
    /// name.
    scratch: Vec<Option<Box<Scratch>>>,
    /// Answers on their way to a caller's vector.
    out_buf: OutBuf,
}

/// Memory for what is known of one record, and of the shape of the records before it.
#[derive(Debug, Default)]
struct Scratch {
    tape: Tape,
    envelope: Slots,
    data: Slots,
    locations: Locations,
    resolved: PlanCache,
}

impl Mapper {
    /// A mapper with these parameters.
    #[must_use]
    pub fn new(params: Params) -> Self {
        Self {
            params,
            scratch: std::iter::repeat_with(|| None)
                .take(EventKind::ALL.len() + 1)
                .collect(),
            out_buf: OutBuf::default(),
        }
    }

    /// Appends the XDM event of a record to `out`; `false`, and nothing appended, when the record
    /// is skipped or rejected.
    pub fn event(&mut self, input: Input<'_>, out: &mut Vec<u8>) -> bool {
        self.with_out_buf(out, |mapper, out_buf| mapper.event_into(input, out_buf))
    }

    /// As [`event`](Self::event), without the way over a vector.
    pub(crate) fn event_into(&mut self, input: Input<'_>, out: &mut OutBuf) -> bool {
        let start = out.len();
        let written = with_event(&self.params, &mut self.scratch, input, |event, resolved| {
            fit_event(event, &mut Notes::default(), resolved, out)
        });
        if written.is_err() {
            out.truncate(start);
        }
        written.is_ok()
    }

    /// Appends exactly one JSON object to `out`, for any bytes whatever.
    pub fn answer(&mut self, input: Input<'_>, out: &mut Vec<u8>) {
        self.with_out_buf(out, |mapper, out_buf| mapper.answer_into(input, out_buf));
    }

    /// Appends to `out` what `write` writes.
    fn with_out_buf<T>(
        &mut self,
        out: &mut Vec<u8>,
        write: impl FnOnce(&mut Self, &mut OutBuf) -> T,
    ) -> T {
        let mut out_buf = std::mem::take(&mut self.out_buf);
        out_buf.clear();
        let written = write(self, &mut out_buf);
        out.extend_from_slice(out_buf.written());
        self.out_buf = out_buf;
        written
    }

    /// As [`answer`](Self::answer), without the way over a vector.
    pub(crate) fn answer_into(&mut self, input: Input<'_>, out: &mut OutBuf) {
        let start = out.len();
        let written = with_event(&self.params, &mut self.scratch, input, |event, resolved| {
            write(event, input, resolved, out)
        });
        if let Err(unmapped) = written {
            out.truncate(start);
            write_unmapped(out, input.offset, input.timestamp, input.value, &unmapped);
        }
    }
}

/// Hands the event of a record to `then`, unless it is to be skipped or rejected.
fn with_event<T>(
    params: &Params,
    scratch: &mut [Option<Box<Scratch>>],
    input: Input<'_>,
    then: impl FnOnce(&Event<'_>, &mut PlanCache) -> Result<T, Unmapped>,
) -> Result<T, Unmapped> {
    let first = match first_kind(params, input.value) {
        FirstName::Unwanted(reason) => return Err(Unmapped::Skip(reason)),
        FirstName::Kind(kind, name) => Some((kind, name)),
        FirstName::Unknown => None,
    };
    // Large ones share the memory of those whose kind is not known: few kinds have any.
    let place = match first {
        Some((kind, _)) if input.value.len() <= MAX_SHAPED_BYTES => kind as usize,
        _ => EventKind::ALL.len(),
    };
    let Some(scratch) = scratch.get_mut(place) else {
        return Err(Unmapped::Skip(UNKNOWN));
    };
    let scratch = scratch.get_or_insert_default();
    let document = parse(&mut scratch.tape, input.value)?;
    let envelope = Envelope::open(document.root(), &mut scratch.envelope)?;
    let name = envelope.name.as_bytes();
    let kind = match first {
        // The very same bytes: no other name followed.
        Some((kind, first)) if std::ptr::eq(first, name) => kind,
        _ => EventKind::from_name(name).ok_or(Unmapped::Skip(UNKNOWN))?,
    };
    if !params.events.contains(kind) {
        return Err(Unmapped::Skip(UNWANTED));
    }
    let organization = envelope.organization();
    let accepted = |wanted: &Vec<String>| {
        organization
            .as_deref()
            .is_some_and(|org| wanted.iter().any(|id| id == org))
    };
    if !params.organizations.as_ref().is_none_or(accepted) {
        return Err(Unmapped::Skip("other_organization"));
    }
    let data = envelope.data().ok_or_else(|| {
        Reject::new(
            "no_data",
            &envelope.at("/data"),
            "the event has no `data` object",
        )
    })?;
    let data = scratch.data.fill(data);
    let at = created_at(&envelope, input.timestamp)?;
    let locations = scratch.locations.fill(data);
    let customer = subject(kind, data, &locations.customer, &envelope, params)?;
    if params.qualify_identity && organization.is_none() {
        let message = "`qualify-identity` is on, but the event has no organisation";
        return Err(Reject::new("no_organization", &envelope.at("/orgId"), message).into());
    }
    if customer.primary(params, organization.as_deref()).is_none() {
        return Err(Unmapped::Skip("no_primary_identity"));
    }
    let event = Event {
        kind,
        params,
        id: event_id(kind, &envelope, organization.as_deref(), data, at),
        envelope: &envelope,
        data,
        organization,
        customer: &customer,
        program: Program::read(data, &locations.program),
        at,
    };
    then(&event, &mut scratch.resolved)
}

/// Reasons to skip an event for its kind.
const UNKNOWN: &str = "unknown_kind";
const UNWANTED: &str = "unwanted_kind";

/// What the name in front says, where Capillary writes it; unparsed.
enum FirstName<'a> {
    /// The event is skipped for its name alone. What follows is not read then, so it may be
    /// anything but cut off.
    Unwanted(&'static str),
    /// An event of this kind, most likely: for this name.
    Kind(EventKind, &'a [u8]),
    /// The whole document has to tell.
    Unknown,
}

#[inline(always)]
fn first_kind<'a>(params: &Params, value: &'a [u8]) -> FirstName<'a> {
    let Some((name, rest)) = Envelope::first_name(value) else {
        return FirstName::Unknown;
    };
    let end = value.len() - rest.len();
    match EventKind::at(value, end - name.len(), end) {
        Some(kind) if params.events.contains(kind) => FirstName::Kind(kind, name),
        found if Envelope::is_last_name(rest) => {
            FirstName::Unwanted(if found.is_some() { UNWANTED } else { UNKNOWN })
        }
        _ => FirstName::Unknown,
    }
}

/// Writes the answer to an event that is mapped.
fn write(
    event: &Event<'_>,
    input: Input<'_>,
    resolved: &mut PlanCache,
    out: &mut OutBuf,
) -> Result<(), Unmapped> {
    write_head(out, input.offset, input.timestamp);
    out.put32(padded!(b",\"name\":\""));
    out.put48(event.kind.event_name());
    out.put32(padded!(b",\"id\":\""));
    // An id has no letters that need an escape.
    out.put_inline(event.id.as_bytes());
    out.put32(padded!(b"\",\"key\":\""));
    write_lane_key(out, event)?;
    out.put32(padded!(b"\",\"at\":"));
    let written = event.envelope.first(Key::CreatedAt);
    match written.filter(|written| epoch_millis(*written) == Some(event.at)) {
        Some(written) => out.put_inline(written.raw().as_bytes()),
        None => write_integer(out, event.at),
    }

    let mut notes = Notes::default();
    out.put32(padded!(b",\"event\":"));
    let identities = fit_event(event, &mut notes, resolved, out)?;
    fit_profile(event, identities, &mut notes, resolved, out)?;
    if notes != Notes::default() {
        write_notes(notes, out);
    }
    out.push(b'}');
    Ok(())
}

#[inline(never)]
fn write_notes(notes: Notes, out: &mut OutBuf) {
    let mut before: &[u8] = b",\"notes\":[\"";
    for name in notes.names() {
        out.put(before);
        out.put(name.as_bytes());
        before = b"\",\"";
    }
    out.put(b"\"]");
}

#[inline(always)]
fn parse<'a>(tape: &'a mut Tape, value: &'a [u8]) -> Result<Document<'a>, Reject> {
    let Some(text) = utf8(value) else {
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
        Fault::Syntax(at) => Reject::new(
            "not_json",
            "",
            &format!("the record is no JSON document: byte {at}"),
        ),
        Fault::TooDeep => Reject::new(
            "too_complex",
            "",
            "the record is nested deeper than 64 levels",
        ),
        Fault::TooMany => Reject::new("too_complex", "", "the record has more than 262144 values"),
    }
}

/// `createdAt`; else the hand-over time of the queue form; else the record's own time.
#[inline(always)]
fn created_at(envelope: &Envelope<'_>, timestamp: Option<i64>) -> Result<i64, Reject> {
    for (key, name) in [(Key::CreatedAt, "createdAt"), (Key::TimeStamp, "timeStamp")] {
        if let Some(value) = envelope.get(key) {
            return match epoch_millis(value) {
                Some(time) => Ok(time),
                None => epoch(value).map_err(|_| bad_time(envelope, name)),
            };
        }
    }
    if let Some(time) = envelope.of_source_shape("timestamp") {
        return instant_of(time).ok_or_else(|| {
            let message = "`timestamp` is no time with its offset from UTC";
            Reject::new("bad_time", &envelope.at("/timestamp"), message)
        });
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
    let message =
        format!("`{name}` is no time in epoch milliseconds (13 digits) or seconds (10 digits)");
    Reject::new("bad_time", &envelope.at(&format!("/{name}")), &message)
}

/// Whose order is kept: the customer's, whatever the primary identity.
fn write_lane_key(out: &mut OutBuf, event: &Event<'_>) -> Result<(), Unmapped> {
    if let Some(organization) = &event.organization {
        write_characters(out, organization);
    }
    out.push(b':');
    match &event.customer.customer_id {
        Some(id) => write_characters(out, id),
        None => {
            let primary = event
                .customer
                .primary(event.params, event.organization.as_deref());
            write_characters(out, &primary.ok_or(Unmapped::Skip("no_primary_identity"))?);
        }
    }
    Ok(())
}

/// Writes the event, leaving out as little as the limit demands; gives where its identityMap
/// stands.
fn fit_event(
    event: &Event<'_>,
    notes: &mut Notes,
    resolved: &mut PlanCache,
    out: &mut OutBuf,
) -> Result<Range<usize>, Unmapped> {
    let start = out.len();
    for trim in Trim::LEVELS {
        out.truncate(start);
        let identities = write_event(event, trim, resolved, out);
        if out.len() - start <= event.params.max_event_bytes {
            notes.trimmed |= trim > Trim::Nothing;
            return Ok(identities);
        }
    }
    let message = format!(
        "the event is over {} bytes even without its optional parts; Profile would drop it \
         silently",
        event.params.max_event_bytes
    );
    Err(Reject::new("event_too_large", &event.envelope.at("/data"), &message).into())
}

/// Writes the profile, if the event states one, without its tenant part when it would be too large.
fn fit_profile(
    event: &Event<'_>,
    identities: Range<usize>,
    notes: &mut Notes,
    resolved: &mut PlanCache,
    out: &mut OutBuf,
) -> Result<(), Unmapped> {
    let mark = out.len();
    for with_tenant in [true, false] {
        out.put32(padded!(b",\"profile\":"));
        let start = out.len();
        if !write_profile(event, identities.clone(), with_tenant, notes, resolved, out) {
            out.truncate(mark);
            return Ok(());
        }
        if out.len() - start <= MAX_PROFILE_BYTES {
            notes.trimmed |= !with_tenant;
            return Ok(());
        }
        out.truncate(mark);
    }
    let message = "the profile is over 100000 bytes even without its optional parts; Profile \
        would drop it silently";
    Err(Reject::new("profile_too_large", &event.envelope.at("/data"), message).into())
}
