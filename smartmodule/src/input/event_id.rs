//! The id of an event: `_id` of its record.

use sha2::{Digest as _, Sha256};

use crate::catalog::key::Key;
use crate::catalog::kind::EventKind;
use crate::input::envelope::{ENVELOPE_KEYS, Envelope};
use crate::input::nobody::is_nobodys;
use crate::json::{Members, write_canonical, write_escaped};
use crate::output::buffer::OutBuf;
use crate::output::encode::write_hex;
use crate::simd::scan::is_unreserved;
use crate::values::coerce;
use crate::values::text::Text;
use crate::values::time::epoch;

/// Capillary's own id, else a hash of all that makes the event this event. Never random: a repeated
/// delivery must get the same one, and no other event.
pub(crate) fn event_id<'a>(
    kind: EventKind,
    envelope: &Envelope<'a>,
    organization: Option<&str>,
    data: Members<'_, '_>,
    at: i64,
) -> Text<'a> {
    let own = envelope
        .get(Key::EventId)
        .filter(|id| id.is_string())
        .and_then(coerce::text);
    match own.filter(|id| is_event_id(id)) {
        Some(own) => own,
        None => hashed_id(kind, envelope, organization, data, at),
    }
}

#[cold]
#[inline(never)]
fn hashed_id<'a>(
    kind: EventKind,
    envelope: &Envelope<'a>,
    organization: Option<&str>,
    data: Members<'_, '_>,
    at: i64,
) -> Text<'a> {
    let own = envelope.of_source_shape("_id").and_then(coerce::id);
    if let Some(own) = own.filter(|id| is_event_id(id)) {
        return own;
    }
    let text_of = |key: Key| envelope.get(key).and_then(coerce::text);
    let id_of = |key: Key| envelope.get(key).and_then(coerce::id);
    // When it was handed over counts where nothing says when it was made.
    let time = [Key::CreatedAt, Key::TimeStamp]
        .into_iter()
        .find_map(|key| envelope.get(key))
        .and_then(|value| epoch(value).ok())
        // A balance that is stated again later is another statement.
        .or(envelope.is_source_shaped.then_some(at));
    let mut text = OutBuf::default();
    for part in [
        Some(Text::Plain(kind.name())),
        organization.map(Text::Plain),
        time.map(|ms| Text::made(ms.to_string())),
        text_of(Key::RefId),
        text_of(Key::ApiRequestId),
        id_of(Key::LoyaltyEventId),
        id_of(Key::EventLogId),
        // One that cannot be `_id` still tells two events apart.
        id_of(Key::EventId).filter(|id| !is_nobodys(id)),
    ] {
        // Escaped, no part can hold the line break that ends it.
        write_escaped(&mut text, &part.unwrap_or(Text::Plain("")));
        text.push(b'\n');
    }
    // In the broken form the envelope's own keys stand in `data`: without them it is the same
    // `data` as in all others.
    let skip = if envelope.broken { ENVELOPE_KEYS } else { &[] };
    write_canonical(&mut text, data.object(), skip);
    let mut hex = OutBuf::default();
    write_hex(&mut hex, &Sha256::digest(text.written()));
    hex.truncate(32);
    Text::made(String::from_utf8_lossy(hex.written()).into_owned())
}

/// Whether an id is one that any event without an id may have: `0`, `-1`, `unknown`, zeros.
#[inline(always)]
fn is_made_up(id: &str) -> bool {
    // A UUID is told by its length and first digit.
    (id.len() < 32 || id.starts_with('0')) && is_nobodys(id)
}

/// Whether an id can be `_id`, which XDM declares a URI reference: what stands before a colon must
/// be a scheme.
fn is_event_id(id: &str) -> bool {
    if !(1..=128).contains(&id.len()) || is_made_up(id) {
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
