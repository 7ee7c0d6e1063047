//! The wrappers an event arrives in, taken off.
//!
//! Forms of `capillary-events` 1.1–1.3: A (the webhook's), B (`attributes`, of queues), C (`{data,
//! errors, warnings}`), D1 (`{body}`), D2 (`{event: {body}}`), each possibly inside another, and
//! the broken one whose envelope keys stand inside `data`. And E, which is no event of Capillary's
//! own any more: [`source_shape`].

use std::borrow::Cow;

use crate::catalog::key::Key;
use crate::input::source_shape;
use crate::input::unmapped::Reject;
use crate::json::{Kind, Members, Number, Slots, Value};
use crate::simd::scan::{may_name, plain_prefix};
use crate::values::coerce;
use crate::values::text::Text;

/// Keys of the envelope that the broken form has inside `data`.
pub(crate) const ENVELOPE_KEYS: &[Key] = &[
    Key::EventName,
    Key::EventId,
    Key::EventLogId,
    Key::OrgId,
    Key::RefId,
    Key::ApiRequestId,
    Key::CreatedAt,
    Key::LoyaltyEventId,
    Key::TraceAttributes,
    Key::EventSearch,
];

/// An event without its wrappers.
#[derive(Debug)]
pub(crate) struct Envelope<'a> {
    pub(crate) name: Text<'a>,
    /// The event: the object that has `data`.
    root: Members<'a, 'a>,
    /// The queue form's own object around `attributes`.
    queue: Option<Value<'a>>,
    /// The organisation in the queue form's `<orgId>_<eventName>`.
    prefix: Option<String>,
    /// Whether the envelope's keys stand inside `data`.
    pub(crate) broken: bool,
    /// Whether it has the shape of Adobe's Capillary source.
    pub(crate) is_source_shaped: bool,
    /// JSON pointer of `root`.
    pub(crate) pointer: String,
}

/// Wrappers inside wrappers than this are nobody's.
const MAX_WRAPPERS: usize = 4;

impl<'a> Envelope<'a> {
    /// Takes the wrappers off.
    pub(crate) fn open(document: Value<'a>, slots: &'a mut Slots) -> Result<Self, Reject> {
        if !document.is_object() {
            return Err(Reject::new(
                "not_an_object",
                "",
                "an event is a JSON object",
            ));
        }
        // Nearly always there is no wrapper.
        let name = slots.fill(document).get(Key::EventName);
        if let Some(name) = name.filter(|name| name.kind() == Kind::Word) {
            return Ok(Self {
                name: Text::Plain(name.raw()),
                root: slots.fill(document),
                queue: None,
                prefix: None,
                broken: false,
                is_source_shaped: false,
                pointer: String::new(),
            });
        }
        Self::unwrapped(document, slots)
    }

    /// As [`open`](Self::open), of a document whose event may stand anywhere.
    #[inline(never)]
    fn unwrapped(document: Value<'a>, slots: &'a mut Slots) -> Result<Self, Reject> {
        let mut root = document;
        let mut queue = None;
        let mut pointer = String::new();
        for _ in 0..MAX_WRAPPERS {
            let Some((inner, step)) = unwrap(root) else {
                break;
            };
            if step == "/attributes" {
                queue = Some(root);
            }
            pointer.push_str(step);
            root = inner;
        }
        let mut event = Self {
            name: Text::Plain(""),
            root: slots.fill(root),
            queue,
            prefix: None,
            broken: false,
            is_source_shaped: false,
            pointer,
        };
        if let Some(name) = event_name(root) {
            event.name = name;
        } else if let Some(name) = root.get(Key::Data).and_then(event_name) {
            event.broken = true;
            event.name = name;
        } else if let Some(kind) = source_shape::kind(root) {
            event.is_source_shaped = true;
            event.name = Text::Plain(kind.name());
        } else if let Some(kind) = queue
            .or(Some(root))
            .and_then(|queue| coerce::text(queue.get(Key::EventType)?))
        {
            (event.prefix, event.name) = split_prefix(kind);
        } else {
            return Err(Reject::new(
                "no_event_name",
                &event.at("/eventName"),
                "the record has no event name in any known envelope",
            ));
        }
        Ok(event)
    }

    /// The event's name, when the document begins with it, and what follows it; unparsed.
    #[inline(always)]
    pub(crate) fn first_name(document: &[u8]) -> Option<(&[u8], &[u8])> {
        let rest = behind(document, b"{")?;
        let rest = behind(rest, b"\"eventName\"")?;
        let rest = behind(rest, b":")?;
        let name = behind(rest, b"\"")?;
        name.split_at_checked(plain_prefix(name))
            .filter(|(name, rest)| {
                matches!(name, [b'!'..=b'~', .., b'!'..=b'~']) && rest.starts_with(b"\"")
            })
            .filter(|(name, _)| *name != b"null")
    }

    /// Whether no other name can follow: a repeated key would count instead of the first. And
    /// whether the document ends as one does: a cut record is worth telling.
    pub(crate) fn is_last_name(rest: &[u8]) -> bool {
        rest.trim_ascii_end().ends_with(b"}") && !may_name(rest)
    }

    /// A key of the envelope, wherever the form has it. Says something, or is `None`.
    #[inline(always)]
    pub(crate) fn get(&self, key: Key) -> Option<Value<'a>> {
        match self.root.get(key) {
            Some(value) if !coerce::is_blank(value) => Some(value),
            _ if self.is_plain() => None,
            _ => self.get_elsewhere(key),
        }
    }

    #[inline(never)]
    fn get_elsewhere(&self, key: Key) -> Option<Value<'a>> {
        let broken = self.root.get(Key::Data).filter(|_| self.broken);
        coerce::member(broken, key).or_else(|| coerce::member(self.queue, key))
    }

    /// A key of the event's own object.
    #[inline(always)]
    pub(crate) fn first(&self, key: Key) -> Option<Value<'a>> {
        self.root.get(key)
    }

    /// Where the event's own object stands.
    #[inline(always)]
    pub(crate) const fn position(&self) -> u32 {
        self.root.object().position()
    }

    /// Whether no other object has keys of the envelope.
    #[inline(always)]
    pub(crate) const fn is_plain(&self) -> bool {
        !self.broken && self.queue.is_none()
    }

    /// The organisation's id; 0 is one, too (`requestWorkflowEvent`).
    #[inline(always)]
    pub(crate) fn organization(&self) -> Option<Text<'a>> {
        match self.first(Key::OrgId) {
            Some(value) if value.kind() == Kind::Integer => Some(Text::Plain(value.raw())),
            _ => self.organization_elsewhere(),
        }
    }

    #[inline(never)]
    fn organization_elsewhere(&self) -> Option<Text<'a>> {
        self.get(Key::OrgId)
            .and_then(coerce::id)
            .map(normal_id)
            .or_else(|| self.prefix.clone().map(Text::made))
    }

    /// The event's body.
    pub(crate) fn data(&self) -> Option<Value<'a>> {
        if self.is_source_shaped {
            return Some(self.root.object());
        }
        self.root.get(Key::Data).filter(Value::is_object)
    }

    /// A member of a document in the shape of Adobe's Capillary source.
    #[cold]
    #[inline(never)]
    pub(crate) fn of_source_shape(&self, name: &str) -> Option<Value<'a>> {
        source_shape::member(self.is_source_shaped.then(|| self.root.object()), name)
    }

    /// JSON pointer of a member of the event.
    #[cold]
    #[inline(never)]
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.pointer)
    }
}

/// What follows `token` and the blanks before it.
fn behind<'t>(text: &'t [u8], token: &[u8]) -> Option<&'t [u8]> {
    let text = match text {
        [..=b' ', ..] => text.trim_ascii_start(),
        _ => text,
    };
    text.strip_prefix(token)
}

/// `"90417.0"` as text is 90417.
fn normal_id(id: Text<'_>) -> Text<'_> {
    // Nearly always, and nothing to change.
    if id.bytes().all(|b| b.is_ascii_digit()) {
        return id;
    }
    id.map(|id| Number::parse(id)?.whole().map(Cow::into_owned))
}

fn event_name(value: Value<'_>) -> Option<Text<'_>> {
    value
        .get(Key::EventName)
        .filter(|name| name.is_string())
        .and_then(coerce::text)
}

/// The object inside one wrapper, and the step to it.
fn unwrap(value: Value<'_>) -> Option<(Value<'_>, &'static str)> {
    if event_name(value).is_some() {
        return None;
    }
    let object = |value: Option<Value<'_>>| value.filter(Value::is_object).is_some();
    if let Some(inner) = value.get(Key::Attributes).filter(Value::is_object) {
        return Some((inner, "/attributes"));
    }
    if let Some(inner) = value.get(Key::Body).filter(Value::is_object) {
        return Some((inner, "/body"));
    }
    if let Some(inner) = value
        .get(Key::Event)
        .and_then(|event| event.get(Key::Body))
        .filter(Value::is_object)
    {
        return Some((inner, "/event/body"));
    }
    // Form C: `data` is the whole event, or another wrapper. In the broken form it has no `data` of
    // its own.
    let inner = value.get(Key::Data).filter(Value::is_object)?;
    (object(inner.get(Key::Data)) || object(inner.get(Key::Attributes))).then_some((inner, "/data"))
}

/// `<orgId>_<eventName>` of older queue material, or the plain name.
fn split_prefix(kind: Text<'_>) -> (Option<String>, Text<'_>) {
    let Some((org, name)) = kind.split_once('_') else {
        return (None, kind);
    };
    let org = org.trim();
    if org.is_empty() || !org.bytes().all(|b| b.is_ascii_digit()) {
        return (None, kind);
    }
    (Some(org.to_owned()), Text::made(name.trim().to_owned()))
}
