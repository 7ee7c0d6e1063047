//! The steps of a plan, and how they are written down.

use crate::event::{Event, Trim};
use crate::json::{Kind, Value};
use crate::keys::Key;
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
    /// A list of keys and values from one of the source. A value that says nothing takes its key along.
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
    /// The kinds of value that are written as they stand, by their bits …
    verbatim: u16,
    /// … if they have so many bytes at least …
    shortest: u8,
    /// … and so many more at most; 255 is any number.
    span: u8,
    pub(super) quoted: bool,
    /// The step behind the end of this one; of an end, the step that follows its start.
    pub(super) jump: u16,
    pub(super) name: &'static Name,
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
        verbatim: 0,
        shortest: 0,
        span: u8::MAX,
        quoted: false,
        jump: 0,
        name,
    }
}

const fn field(form: Form, name: &'static Name, key: Key) -> Step {
    let mut step = step(Op::Field(form), name, key);
    (step.verbatim, step.quoted) = match form {
        Form::Text => (bits(&[Kind::Word, Kind::Integer, Kind::True, Kind::False]), true),
        Form::Id => (bits(&[Kind::Word, Kind::Integer]), true),
        Form::Numbered | Form::Organization => (bits(&[Kind::Integer]), true),
        Form::Number | Form::Integer => (bits(&[Kind::Integer]), false),
        Form::Boolean => (bits(&[Kind::True, Kind::False]), false),
        Form::Upper | Form::Epoch | Form::Instant => (0, false),
    };
    if matches!(form, Form::Numbered) {
        // `0` means none.
        (step.shortest, step.span) = (2, 254);
    }
    if matches!(form, Form::Integer) {
        step.span = 9;
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

/// A list of keys and values from the list `key`.
pub(in crate::map) const fn pairs(name: &'static Name, key: Key) -> Step {
    step(Op::Pairs(Form::Text), name, key)
}

/// As [`pairs`], where the values are ids.
pub(in crate::map) const fn id_pairs(name: &'static Name, key: Key) -> Step {
    step(Op::Pairs(Form::Id), name, key)
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

    /// Whether the value is written as it stands.
    #[inline(always)]
    pub(super) fn is_verbatim(&self, value: Value<'_>) -> bool {
        let (_, start, end) = value.place();
        self.verbatim >> value.kind() as u16 & 1 == 1
            && (self.span == u8::MAX
                || (end.wrapping_sub(start)).wrapping_sub(usize::from(self.shortest)) <= usize::from(self.span))
    }
}
