//! How plans are written down.

use super::step::{DEPTH, Form, Op, Step};
use super::verbatim::Verbatim;
use crate::catalog::key::Key;
use crate::input::event::{Event, Trim};
use crate::json::Kind;
use crate::mapping::xdm_writer::XdmWriter;
use crate::output::name::{Name, name};

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
pub(in crate::mapping) const fn text(name: &'static Name, key: Key) -> Step {
    field(Form::Text, name, key)
}

/// A text in upper case.
pub(in crate::mapping) const fn upper(name: &'static Name, key: Key) -> Step {
    field(Form::Upper, name, key)
}

/// An id.
pub(in crate::mapping) const fn id(name: &'static Name, key: Key) -> Step {
    field(Form::Id, name, key)
}

/// An id that is a number.
pub(in crate::mapping) const fn numbered(name: &'static Name, key: Key) -> Step {
    field(Form::Numbered, name, key)
}

/// The event's organisation.
pub(in crate::mapping) const fn organization(name: &'static Name) -> Step {
    // 0 is one, too.
    field(Form::Organization, name, Key::OrgId).of_envelope()
}

/// A number.
pub(in crate::mapping) const fn number(name: &'static Name, key: Key) -> Step {
    field(Form::Number, name, key)
}

/// An integer.
pub(in crate::mapping) const fn integer(name: &'static Name, key: Key) -> Step {
    field(Form::Integer, name, key)
}

/// A boolean.
pub(in crate::mapping) const fn boolean(name: &'static Name, key: Key) -> Step {
    field(Form::Boolean, name, key)
}

/// An instant in epoch milliseconds or seconds.
pub(in crate::mapping) const fn epoch_time(name: &'static Name, key: Key) -> Step {
    field(Form::Epoch, name, key)
}

/// An instant, unless it is so far away that it means never.
pub(in crate::mapping) const fn instant(name: &'static Name, key: Key) -> Step {
    field(Form::Instant, name, key)
}

/// The event's name.
pub(in crate::mapping) const fn event_name(name: &'static Name) -> Step {
    step(Op::EventName, name, Key::Unknown)
}

/// An object with the members up to its [`end`].
pub(in crate::mapping) const fn object(name: &'static Name) -> Step {
    step(Op::Object, name, Key::Unknown)
}

/// Up to the [`end`], members are those of the object `key`.
pub(in crate::mapping) const fn within(key: Key) -> Step {
    step(Op::Within, name!(""), key)
}

/// A list with an object for each item of the list `key`, up to the [`end`].
pub(in crate::mapping) const fn each(name: &'static Name, key: Key) -> Step {
    step(Op::Each, name, key)
}

const fn list_of(form: Form, name: &'static Name, key: Key) -> Step {
    let mut step = step(Op::Pairs(form), name, key);
    step.verbatim = field(form, name, key).verbatim;
    step
}

/// A list of keys and values from the list `key`.
pub(in crate::mapping) const fn pairs(name: &'static Name, key: Key) -> Step {
    list_of(Form::Text, name, key)
}

/// As [`pairs`], where the values are ids.
pub(in crate::mapping) const fn id_pairs(name: &'static Name, key: Key) -> Step {
    list_of(Form::Id, name, key)
}

/// What follows up to the [`end`] is left out from `level` on.
pub(in crate::mapping) const fn before(level: Trim) -> Step {
    step(Op::Before(level), name!(""), Key::Unknown)
}

/// What follows up to the [`end`] is left out for a deleted customer.
pub(in crate::mapping) const fn unless_deleted() -> Step {
    step(Op::UnlessDeleted, name!(""), Key::Unknown)
}

/// The end of the last one that was begun.
pub(in crate::mapping) const fn end() -> Step {
    step(Op::End, name!(""), Key::Unknown)
}

/// What `write` writes.
pub(in crate::mapping) const fn call(write: fn(&Event<'_>, &mut XdmWriter<'_>)) -> Step {
    step(Op::Call(write), name!(""), Key::Unknown)
}

/// Joins every start with its end. Only for constants: a plan that does not come out even does not
/// compile.
#[allow(clippy::indexing_slicing, clippy::panic)] // While compiling.
pub(in crate::mapping) const fn plan<const N: usize>(mut steps: [Step; N]) -> [Step; N] {
    let (mut open, mut depth, mut at) = ([0; DEPTH], 0, 0);
    while at < N {
        match steps[at].op {
            Op::Object | Op::Within | Op::Each | Op::Before(_) | Op::UnlessDeleted => {
                open[depth] = at;
                depth += 1;
            }
            Op::End => {
                depth -= 1;
                let start = open[depth];
                steps[start].jump = at as u16 + 1;
                steps[at].jump = start as u16 + 1;
                steps[at].op = match steps[start].op {
                    Op::Object => Op::EndObject,
                    Op::Within => Op::EndWithin,
                    Op::Each => Op::EndEach,
                    Op::Before(_) => Op::EndBefore,
                    Op::UnlessDeleted => Op::EndUnlessDeleted,
                    _ => panic!("an end of nothing"),
                };
            }
            _ => {}
        }
        at += 1;
    }
    assert!(depth == 0);
    steps
}
