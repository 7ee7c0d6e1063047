//! The steps of a plan.

use super::verbatim::Verbatim;
use crate::catalog::key::Key;
use crate::input::event::{Event, Trim};
use crate::mapping::xdm_writer::XdmWriter;
use crate::output::name::Name;

/// How deep plans nest.
pub(super) const DEPTH: usize = 8;

/// How a value is read, and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// [`coerce::text`](crate::values::coerce::text).
    Text,
    /// As `Text`, in upper case.
    Upper,
    /// [`coerce::id`](crate::values::coerce::id).
    Id,
    /// [`coerce::numbered`](crate::values::coerce::numbered).
    Numbered,
    /// The event's organisation.
    Organization,
    /// [`coerce::number`](crate::values::coerce::number).
    Number,
    /// A number without fraction, of 32 bits.
    Integer,
    /// [`coerce::boolean`](crate::values::coerce::boolean).
    Boolean,
    /// [`epoch`](crate::values::time::epoch).
    Epoch,
    /// [`instant_of`](crate::values::time::instant_of).
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
    /// A list of keys and values from one of the source. A blank value takes its key
    /// along.
    Pairs(Form),
    /// What follows is left out from this level on.
    Before(Trim),
    /// What follows is left out for a deleted customer.
    UnlessDeleted,
    /// The end of these.
    EndObject,
    EndWithin,
    EndEach,
    EndBefore,
    EndUnlessDeleted,
    /// Not yet known of what it is the end.
    End,
    /// Whatever the function writes.
    Call(fn(&Event<'_>, &mut XdmWriter<'_>)),
}

/// One step of a plan.
#[derive(Debug)]
pub(in crate::mapping) struct Step {
    pub(super) op: Op,
    pub(super) key: Key,
    /// Another member, when the first one is blank.
    pub(super) other: Key,
    pub(super) verbatim: Verbatim,
    /// The step behind the end of this one; of an end, the step that follows its start.
    pub(super) jump: u16,
    pub(super) name: &'static Name,
}

impl Step {
    /// Or else that of another key.
    pub(in crate::mapping) const fn or(mut self, other: Key) -> Self {
        self.other = other;
        self
    }

    /// The member is one of the envelope's.
    pub(in crate::mapping) const fn of_envelope(mut self) -> Self {
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
