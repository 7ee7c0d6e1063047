//! The steps of a plan, and how they are written down.

use crate::event::{Event, Trim};
use crate::json::{Kind, Value};
use crate::keys::Key;
use crate::sink::Sink;
use crate::xdm::{Name, Xdm, name};

/// How a value is read, and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// [`read::text`](crate::read::text).
    Text,
    /// As `Text`, in capitals.
    Upper,
    /// [`read::id`](crate::read::id).
    Id,
    /// [`read::numbered`](crate::read::numbered).
    Numbered,
    /// The event's organisation.
    Organization,
    /// [`read::number`](crate::read::number).
    Number,
    /// A number without fraction, of 32 bits.
    Integer,
    /// [`read::boolean`](crate::read::boolean).
    Boolean,
    /// [`epoch`](crate::time::epoch).
    Epoch,
    /// [`instant_of`](crate::map::common::instant_of).
    Instant,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Op {
    /// A field from a member of the source.
    Field(Form),
    /// A field from a member of the envelope.
    OfEnvelope(Form),
    /// The event's name.
    EventName,
    /// An object; its members follow.
    Object,
    /// What follows comes from a member of the source.
    Within,
    /// A list from one of the source; what follows is done for each of its items.
    Each,
    /// A list of keys and values from one of the source. A value that says nothing takes its key
    /// along.
    Pairs(Form),
    /// What follows is left out from this level on.
    Before(Trim),
    /// What follows is left out for a deleted customer.
    OfLiving,
    /// The end of these.
    EndObject,
    EndWithin,
    EndEach,
    EndBefore,
    EndOfLiving,
    /// Not yet known of what it is the end.
    End,
    /// Whatever the function writes.
    Call(fn(&Event<'_>, &mut Xdm<'_>)),
}

/// One step of a plan.
#[derive(Debug)]
pub(in crate::map) struct Step {
    pub(super) op: Op,
    pub(super) key: Key,
    /// Another member, should the first one say nothing.
    pub(super) other: Key,
    pub(super) verbatim: Verbatim,
    /// The step behind the end of this one; of an end, the step that follows its start.
    pub(super) jump: u16,
    pub(super) name: &'static Name,
}

/// The values that are written as they stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Verbatim {
    /// Their kinds, by their bits …
    kinds: u16,
    /// … if they have so many bytes at least …
    shortest: u8,
    /// … and so many more at most.
    span: u32,
    /// Whether they are quoted.
    quoted: bool,
}

impl Verbatim {
    const NONE: Self = Self {
        kinds: 0,
        shortest: 0,
        span: u32::MAX,
        quoted: false,
    };

    /// Writes a member with the value, if it goes as it stands; `false`, and nothing, for any
    /// other.
    #[inline(always)]
    pub(super) fn write(self, name: &Name, value: Value<'_>, out: &mut Sink) -> bool {
        let (kind, place) = value.kind_and_place();
        let (_, start, end) = place;
        let length = end.wrapping_sub(start) as u32;
        let goes = self.kinds >> kind as u16 & 1 == 1
            && length.wrapping_sub(u32::from(self.shortest)) <= self.span;
        if goes {
            name.write_with(place, self.quoted, out);
        }
        goes
    }
}

const fn bits(kinds: &[Kind]) -> u16 {
    let (mut bits, mut at) = (0, 0);
    while at < kinds.len() {
        bits |= 1 << kinds[at] as u16;
        at += 1;
    }
    bits
}

const fn step(op: Op, name: &'static Name, key: Key) -> Step {
    Step {
        op,
        key,
        other: Key::Unknown,
        verbatim: Verbatim::NONE,
        jump: 0,
        name,
    }
}

const fn field(form: Form, name: &'static Name, key: Key) -> Step {
    let mut step = step(Op::Field(form), name, key);
    let verbatim = &mut step.verbatim;
    (verbatim.kinds, verbatim.quoted) = match form {
        Form::Text => (
            bits(&[Kind::Word, Kind::Integer, Kind::True, Kind::False]),
            true,
        ),
        Form::Id => (bits(&[Kind::Word, Kind::Integer]), true),
        Form::Numbered | Form::Organization => (bits(&[Kind::Integer]), true),
        Form::Number | Form::Integer => (bits(&[Kind::Integer]), false),
        Form::Boolean => (bits(&[Kind::True, Kind::False]), false),
        Form::Upper | Form::Epoch | Form::Instant => (0, false),
    };
    if matches!(form, Form::Numbered) {
        // `0` means none.
        (verbatim.shortest, verbatim.span) = (2, u32::MAX - 2);
    }
    if matches!(form, Form::Integer) {
        verbatim.span = 9;
    }
    step
}

/// A text.
pub(in crate::map) const fn text(name: &'static Name, key: Key) -> Step {
    field(Form::Text, name, key)
}

/// A text in capitals.
pub(in crate::map) const fn upper(name: &'static Name, key: Key) -> Step {
    field(Form::Upper, name, key)
}

/// An id.
pub(in crate::map) const fn id(name: &'static Name, key: Key) -> Step {
    field(Form::Id, name, key)
}

/// An id that is a number.
pub(in crate::map) const fn numbered(name: &'static Name, key: Key) -> Step {
    field(Form::Numbered, name, key)
}

/// The event's organisation.
pub(in crate::map) const fn organization(name: &'static Name) -> Step {
    // 0 is one, too.
    field(Form::Organization, name, Key::OrgId).of_envelope()
}

/// A number.
pub(in crate::map) const fn number(name: &'static Name, key: Key) -> Step {
    field(Form::Number, name, key)
}

/// An integer.
pub(in crate::map) const fn integer(name: &'static Name, key: Key) -> Step {
    field(Form::Integer, name, key)
}

/// A boolean.
pub(in crate::map) const fn boolean(name: &'static Name, key: Key) -> Step {
    field(Form::Boolean, name, key)
}

/// An instant in epoch milliseconds or seconds.
pub(in crate::map) const fn epoch_time(name: &'static Name, key: Key) -> Step {
    field(Form::Epoch, name, key)
}

/// An instant, unless it is so far away that it means never.
pub(in crate::map) const fn instant(name: &'static Name, key: Key) -> Step {
    field(Form::Instant, name, key)
}

/// The event's name.
pub(in crate::map) const fn event_name(name: &'static Name) -> Step {
    step(Op::EventName, name, Key::Unknown)
}

/// An object with the members up to its [`end`].
pub(in crate::map) const fn object(name: &'static Name) -> Step {
    step(Op::Object, name, Key::Unknown)
}

/// Up to the [`end`], members are those of the object `key`.
pub(in crate::map) const fn within(key: Key) -> Step {
    step(Op::Within, name!(""), key)
}

/// A list with an object for each item of the list `key`, up to the [`end`].
pub(in crate::map) const fn each(name: &'static Name, key: Key) -> Step {
    step(Op::Each, name, key)
}

const fn list_of(form: Form, name: &'static Name, key: Key) -> Step {
    let mut step = step(Op::Pairs(form), name, key);
    step.verbatim = field(form, name, key).verbatim;
    step
}

/// A list of keys and values from the list `key`.
pub(in crate::map) const fn pairs(name: &'static Name, key: Key) -> Step {
    list_of(Form::Text, name, key)
}

/// As [`pairs`], where the values are ids.
pub(in crate::map) const fn id_pairs(name: &'static Name, key: Key) -> Step {
    list_of(Form::Id, name, key)
}

/// What follows up to the [`end`] is left out from `level` on.
pub(in crate::map) const fn before(level: Trim) -> Step {
    step(Op::Before(level), name!(""), Key::Unknown)
}

/// What follows up to the [`end`] is left out for a deleted customer.
pub(in crate::map) const fn of_living() -> Step {
    step(Op::OfLiving, name!(""), Key::Unknown)
}

/// The end of the last one that was begun.
pub(in crate::map) const fn end() -> Step {
    step(Op::End, name!(""), Key::Unknown)
}

/// What `write` writes.
pub(in crate::map) const fn call(write: fn(&Event<'_>, &mut Xdm<'_>)) -> Step {
    step(Op::Call(write), name!(""), Key::Unknown)
}

impl Step {
    /// Or else that of another key.
    pub(in crate::map) const fn or(mut self, other: Key) -> Self {
        self.other = other;
        self
    }

    /// The member is one of the envelope's.
    pub(in crate::map) const fn of_envelope(mut self) -> Self {
        if let Op::Field(form) = self.op {
            self.op = Op::OfEnvelope(form);
        }
        self
    }

    /// How its value is read; a text's way for a step without one.
    pub(super) const fn form(&self) -> Form {
        match self.op {
            Op::Field(form) | Op::OfEnvelope(form) | Op::Pairs(form) => form,
            _ => Form::Text,
        }
    }

    pub(super) const fn op_is_object(&self) -> bool {
        matches!(self.op, Op::EndObject)
    }
}
