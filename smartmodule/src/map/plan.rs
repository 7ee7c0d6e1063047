//! Mappings as tables: which key of the event becomes which field, step by step.
//!
//! Where its values stand is found out once for all events of one shape, one after the other; what is left to do is a list
//! of actions, which one loop works through. In the broker's engine every call costs dozens of instructions (its own limits are checked
//! at each), and an event has some hundred fields: so whatever most values need is done in the loop itself, and only what
//! few need is called.

use super::common;
use crate::event::{Event, Shape, Trim};
use crate::json::{Kind, Value};
use crate::keys::Key;
use crate::read;
use crate::text::Text;
use crate::time::{epoch, epoch_millis};
use crate::xdm::{Name, Open, Xdm, name};

/// How a value is read, and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// [`read::text`].
    Text,
    /// As `Text`, in capitals.
    Upper,
    /// [`read::id`].
    Id,
    /// [`read::numbered`].
    Numbered,
    /// The event's organisation.
    Organization,
    /// [`read::number`].
    Number,
    /// A number without fraction, of 32 bits.
    Integer,
    /// [`read::boolean`].
    Boolean,
    /// [`epoch`].
    Epoch,
    /// [`common::instant_of`].
    Instant,
}

#[derive(Debug, Clone, Copy)]
enum Op {
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
    /// The end of these.
    EndObject,
    EndWithin,
    EndEach,
    EndBefore,
    /// Not yet known of what it is the end.
    End,
    /// Whatever the function writes.
    Call(fn(&Event<'_>, &mut Xdm<'_>)),
}

/// One step of a plan.
#[derive(Debug)]
pub(super) struct Step {
    op: Op,
    key: Key,
    /// Another member, should the first one say nothing.
    other: Key,
    /// The kinds of value that are written as they stand, by their bits …
    verbatim: u16,
    /// … if they have so many bytes at least …
    shortest: u8,
    /// … and so many more at most; 255 is any number.
    span: u8,
    quoted: bool,
    /// The step behind the end of this one; of an end, the step that follows its start.
    jump: u16,
    name: &'static Name,
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
pub(super) const fn text(name: &'static Name, key: Key) -> Step {
    field(Form::Text, name, key)
}

/// A text in capitals.
pub(super) const fn upper(name: &'static Name, key: Key) -> Step {
    field(Form::Upper, name, key)
}

/// An id.
pub(super) const fn id(name: &'static Name, key: Key) -> Step {
    field(Form::Id, name, key)
}

/// An id that is a number.
pub(super) const fn numbered(name: &'static Name, key: Key) -> Step {
    field(Form::Numbered, name, key)
}

/// The event's organisation.
pub(super) const fn organization(name: &'static Name) -> Step {
    let mut step = field(Form::Organization, name, Key::OrgId).of_envelope();
    // 0 is one, too.
    step.span = u8::MAX;
    step
}

/// A number.
pub(super) const fn number(name: &'static Name, key: Key) -> Step {
    field(Form::Number, name, key)
}

/// An integer.
pub(super) const fn integer(name: &'static Name, key: Key) -> Step {
    field(Form::Integer, name, key)
}

/// A boolean.
pub(super) const fn boolean(name: &'static Name, key: Key) -> Step {
    field(Form::Boolean, name, key)
}

/// An instant in epoch milliseconds or seconds.
pub(super) const fn epoch_time(name: &'static Name, key: Key) -> Step {
    field(Form::Epoch, name, key)
}

/// An instant, unless it is so far away that it means never.
pub(super) const fn instant(name: &'static Name, key: Key) -> Step {
    field(Form::Instant, name, key)
}

/// The event's name.
pub(super) const fn event_name(name: &'static Name) -> Step {
    step(Op::EventName, name, Key::Unknown)
}

/// An object with the members up to its [`end`].
pub(super) const fn object(name: &'static Name) -> Step {
    step(Op::Object, name, Key::Unknown)
}

/// Up to the [`end`], members are those of the object `key`.
pub(super) const fn within(key: Key) -> Step {
    step(Op::Within, name!(""), key)
}

/// A list with an object for each item of the list `key`, up to the [`end`].
pub(super) const fn each(name: &'static Name, key: Key) -> Step {
    step(Op::Each, name, key)
}

/// A list of keys and values from the list `key`.
pub(super) const fn pairs(name: &'static Name, key: Key) -> Step {
    step(Op::Pairs(Form::Text), name, key)
}

/// As [`pairs`], where the values are ids.
pub(super) const fn id_pairs(name: &'static Name, key: Key) -> Step {
    step(Op::Pairs(Form::Id), name, key)
}

/// What follows up to the [`end`] is left out from `level` on.
pub(super) const fn before(level: Trim) -> Step {
    step(Op::Before(level), name!(""), Key::Unknown)
}

/// The end of the last one that was begun.
pub(super) const fn end() -> Step {
    step(Op::End, name!(""), Key::Unknown)
}

/// What `write` writes.
pub(super) const fn call(write: fn(&Event<'_>, &mut Xdm<'_>)) -> Step {
    step(Op::Call(write), name!(""), Key::Unknown)
}

impl Step {
    /// Or else that of another key.
    pub(super) const fn or(mut self, other: Key) -> Self {
        self.other = other;
        self
    }

    /// The member is one of the envelope's.
    pub(super) const fn of_envelope(mut self) -> Self {
        if let Op::Field(form) = self.op {
            self.op = Op::OfEnvelope(form);
        }
        self
    }

    /// How its value is read; a text's way for a step without one.
    const fn form(&self) -> Form {
        match self.op {
            Op::Field(form) | Op::OfEnvelope(form) | Op::Pairs(form) => form,
            _ => Form::Text,
        }
    }

    const fn op_is_object(&self) -> bool {
        matches!(self.op, Op::EndObject)
    }

    /// Whether the value is written as it stands.
    #[inline(always)]
    fn is_verbatim(&self, value: Value<'_>) -> bool {
        let (_, start, end) = value.place();
        self.verbatim >> value.kind() as u16 & 1 == 1
            && (self.span == u8::MAX
                || (end.wrapping_sub(start)).wrapping_sub(usize::from(self.shortest)) <= usize::from(self.span))
    }
}

/// How deep plans nest.
const DEPTH: usize = 8;

/// Joins every start with its end. Only for constants: a plan that does not come out even does not compile.
#[allow(clippy::indexing_slicing, clippy::panic)] // While compiling.
pub(super) const fn plan<const N: usize>(mut steps: [Step; N]) -> [Step; N] {
    let (mut open, mut depth, mut at) = ([0; DEPTH], 0, 0);
    while at < N {
        match steps[at].op {
            Op::Object | Op::Within | Op::Each | Op::Before(_) => {
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

/// A plan, and its place among the [`Resolved`] ones.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) place: Place,
    pub(super) steps: &'static [Step],
}

/// Every plan has a place of its own.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    Common,
    CommonOfDeleted,
    Standard,
    Tenant,
    TenantOfDeleted,
    Profile,
    ProfileTenant,
}

/// What the plans of one kind come to for events of one shape.
#[derive(Debug, Default)]
pub(crate) struct Resolved {
    plans: [Actions; 7],
    /// What is open while one of them is worked through.
    open: Vec<Open>,
}

#[derive(Debug, Default)]
struct Actions {
    of: Option<Shape>,
    actions: Vec<Action>,
}

/// What is left to do of a step, when it is known where in the document its value stands.
#[derive(Debug, Clone, Copy)]
struct Action {
    act: Act,
    /// The step's place in its plan.
    step: u16,
    /// The value's position in its document, and that of the other one; 0 is none. Of what opens a container: the action behind its
    /// end.
    value: u32,
    other: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Field,
    OfEnvelope,
    EventName,
    OpenObject,
    OpenList,
    OpenElement,
    Pair,
    /// Of an object or an element.
    CloseObject,
    CloseList,
    Call,
}

/// Works through a plan.
#[inline(never)]
pub(super) fn write(plan: &Plan, event: &Event<'_>, trim: Trim, xdm: &mut Xdm<'_>) {
    let of = event.shape();
    let Some(known) = xdm.resolved.plans.get_mut(plan.place as usize) else {
        return;
    };
    if trim > Trim::Nothing || known.of != Some(of) {
        let is_for_all = resolve(plan.steps, event, trim, &mut known.actions);
        known.of = (is_for_all && trim == Trim::Nothing).then_some(of);
    }
    let actions = std::mem::take(&mut known.actions);
    let mut open = std::mem::take(&mut xdm.resolved.open);
    if open.len() < DEPTH {
        open.resize(DEPTH, Open::default());
    }
    run(&actions, &mut open, plan.steps, event, xdm);
    xdm.resolved.open = open;
    if let Some(known) = xdm.resolved.plans.get_mut(plan.place as usize) {
        known.actions = actions;
    }
}

fn run(actions: &[Action], open: &mut [Open], steps: &[Step], event: &Event<'_>, xdm: &mut Xdm<'_>) {
    let mut depth = 0;
    let mut at = 0;
    let data = event.data.object();
    while let Some(action) = actions.get(at) {
        at += 1;
        let Some(step) = steps.get(usize::from(action.step)) else {
            return;
        };
        let value = data.moved(action.value);
        // Most are this; what follows is a jump nobody can foresee.
        if action.act == Act::Field && step.is_verbatim(value) {
            xdm.verbatim(step.name, value, step.quoted);
            continue;
        }
        match action.act {
            Act::Field => odd_field(step, value, data.moved(action.other), xdm),
            Act::OfEnvelope if action.value != 0 && step.is_verbatim(value) => {
                xdm.verbatim(step.name, value, step.quoted);
            }
            Act::OfEnvelope => of_envelope(step, event, xdm),
            Act::EventName => xdm.known_member(step.name, event.kind.event_name()),
            Act::OpenObject | Act::OpenList => match (xdm.open_here(step.name), open.get_mut(depth)) {
                (Some(container), Some(place)) => {
                    *place = container;
                    depth += 1;
                }
                _ => at = action.value as usize,
            },
            Act::OpenElement => {
                if let Some(place) = open.get_mut(depth) {
                    *place = xdm.open_element();
                    depth += 1;
                }
            }
            Act::Pair => {
                let other = data.moved(action.other);
                let [key_step, value_step] = if step.form() == Form::Id { ID_PAIR } else { TEXT_PAIR };
                if key_step.is_verbatim(value) && value_step.is_verbatim(other) {
                    let element = xdm.open_element();
                    xdm.verbatim(&key_step.name, value, true);
                    xdm.verbatim(&value_step.name, other, true);
                    xdm.close_here(element, *b"{}");
                } else {
                    odd_pair(step.form(), value, other, xdm);
                }
            }
            Act::CloseObject | Act::CloseList => {
                depth = depth.wrapping_sub(1);
                if let Some(container) = open.get(depth) {
                    let brackets = if action.act == Act::CloseList { *b"[]" } else { *b"{}" };
                    xdm.close_here(*container, brackets);
                }
            }
            Act::Call => {
                if let Op::Call(write) = step.op {
                    write(event, xdm);
                }
            }
        }
    }
}

/// Where members are looked for.
#[derive(Clone, Copy)]
enum Source<'a> {
    /// In the event's `data`.
    Data,
    /// In this object.
    Object(Value<'a>),
    /// In this item, of a list that ends there.
    Item(Value<'a>, u32),
}

/// Finds out what a plan comes to for an event; `false` when not every event of its shape is like it in this.
#[inline(never)]
fn resolve<'a>(steps: &[Step], event: &Event<'a>, trim: Trim, actions: &mut Vec<Action>) -> bool {
    actions.clear();
    let mut is_for_all = true;
    // What was open before, and the action that opened what is open now.
    let mut outer = [(Source::Data, 0); DEPTH];
    let mut depth = 0;
    let mut source = Source::Data;
    let mut at = 0;
    let find = |source: Source<'a>, key: Key| match source {
        _ if key == Key::Unknown => None,
        Source::Data => event.data.get(key),
        Source::Object(object) | Source::Item(object, _) => object.get(key),
    };
    let position = |value: Option<Value<'_>>| value.map_or(0, Value::position);
    while let Some(step) = steps.get(at) {
        let (mut next, count) = (at + 1, actions.len());
        let mut add = |act: Act, value: u32, other: u32| {
            actions.push(Action {
                act,
                step: at as u16,
                value,
                other,
            });
        };
        let frame = outer.get_mut(depth);
        match step.op {
            Op::Field(_) => {
                let (first, second) = (find(source, step.key), find(source, step.other));
                if first.or(second).is_some() {
                    add(Act::Field, position(first.or(second)), position(first.and(second)));
                }
            }
            Op::OfEnvelope(form) => {
                let value = event.envelope.first(step.key);
                let is_elsewhere = !event.envelope.is_plain() || form == Form::Organization;
                if value.is_some() || is_elsewhere || find(Source::Data, step.other).is_some() {
                    add(Act::OfEnvelope, position(value), 0);
                }
            }
            Op::EventName => add(Act::EventName, 0, 0),
            Op::Object => {
                if let Some(frame) = frame {
                    *frame = (source, count);
                    depth += 1;
                }
                add(Act::OpenObject, 0, 0);
            }
            Op::Within => {
                let first = find(source, step.key);
                // Whether a scalar says something is not the same for all.
                is_for_all &= step.other == Key::Unknown || first.is_none_or(|value| !value.is_scalar());
                let says = |value: Option<Value<'a>>| value.filter(|value| !read::is_nothing(*value));
                match (says(first).or_else(|| says(find(source, step.other))), frame) {
                    (Some(value), Some(frame)) => {
                        *frame = (std::mem::replace(&mut source, Source::Object(value)), 0);
                        depth += 1;
                    }
                    _ => next = usize::from(step.jump),
                }
            }
            Op::Each => match (find(source, step.key).and_then(Value::first_item), frame) {
                (Some((item, end)), Some(frame)) => {
                    *frame = (std::mem::replace(&mut source, Source::Item(item, end)), count);
                    depth += 1;
                    add(Act::OpenList, 0, 0);
                    add(Act::OpenElement, 0, 0);
                }
                _ => next = usize::from(step.jump),
            },
            Op::EndObject | Op::EndWithin => {
                depth = depth.wrapping_sub(1);
                if let Some((before, start)) = outer.get(depth) {
                    source = *before;
                    if step.op_is_object() {
                        add(Act::CloseObject, 0, 0);
                        if let Some(start) = actions.get_mut(*start) {
                            start.value = count as u32 + 1;
                        }
                    }
                }
            }
            Op::EndEach => {
                add(Act::CloseObject, 0, 0);
                match source {
                    Source::Item(item, end) if item.following() < end => {
                        source = Source::Item(item.moved(item.following()), end);
                        add(Act::OpenElement, 0, 0);
                        next = usize::from(step.jump);
                    }
                    _ => {
                        add(Act::CloseList, 0, 0);
                        depth = depth.wrapping_sub(1);
                        if let Some((before, start)) = outer.get(depth) {
                            source = *before;
                            if let Some(start) = actions.get_mut(*start) {
                                start.value = count as u32 + 2;
                            }
                        }
                    }
                }
            }
            Op::Pairs(_) => {
                if let Some(list) = find(source, step.key).filter(|list| list.first_item().is_some()) {
                    add(Act::OpenList, 0, 0);
                    for item in list.items() {
                        let (key, value) = (item.get(Key::OfPair), item.get(Key::Value));
                        if let (Some(key), Some(value)) = (key, value) {
                            add(Act::Pair, key.position(), value.position());
                        }
                    }
                    add(Act::CloseList, 0, 0);
                    let end = actions.len() as u32;
                    if let Some(start) = actions.get_mut(count) {
                        start.value = end;
                    }
                }
            }
            Op::Before(level) => {
                if trim >= level {
                    next = usize::from(step.jump);
                }
            }
            Op::EndBefore | Op::End => {}
            Op::Call(_) => add(Act::Call, 0, 0),
        }
        at = next;
    }
    is_for_all
}

const TEXT_PAIR: &[Step; 2] = &[text(name!("key"), Key::OfPair), text(name!("value"), Key::Value)];
const ID_PAIR: &[Step; 2] = &[text(name!("key"), Key::OfPair), id(name!("value"), Key::Value)];

/// Writes a pair that most are not like.
#[inline(never)]
fn odd_pair(form: Form, key: Value<'_>, value: Value<'_>, xdm: &mut Xdm<'_>) {
    let value = if form == Form::Id {
        read::id(value)
    } else {
        read::text(value)
    };
    if let (Some(key), Some(value)) = (read::text(key), value) {
        xdm.element(|xdm| {
            xdm.text(name!("key"), Some(key));
            xdm.text(name!("value"), Some(value));
        });
    }
}

/// Writes a field whose value does not go as it stands, or the other one; the document's own place is none.
#[inline(never)]
fn odd_field(step: &Step, value: Value<'_>, other: Value<'_>, xdm: &mut Xdm<'_>) {
    let form = step.form();
    if form == Form::Upper && value.kind() == Kind::Word {
        xdm.capitals(step.name, value);
    } else if let (Form::Number, Some(end)) = (form, value.decimal_end()) {
        let (text, start, _) = value.place();
        xdm.part(step.name, (text, start, end));
    } else if let (Form::Epoch | Form::Instant, Some(ms)) = (form, epoch_millis(value)) {
        xdm.instant_here(step.name, ms);
    } else if !odd(step, form, value, xdm) && other.position() != 0 {
        odd(step, form, other, xdm);
    }
}

/// Writes a value that most are not like; `false` when it says nothing.
#[inline(never)]
fn odd(step: &Step, form: Form, value: Value<'_>, xdm: &mut Xdm<'_>) -> bool {
    let name = step.name;
    let mut put = |text: Option<Text<'_>>| {
        let says = text.is_some();
        xdm.text(name, text);
        says
    };
    match form {
        Form::Text => put(read::text(value)),
        Form::Upper => put(read::text(value).map(Text::upper)),
        Form::Id => put(read::id(value)),
        Form::Numbered | Form::Organization => put(read::numbered(value)),
        Form::Number => {
            let number = read::number(value);
            xdm.amount(name, number);
            number.is_some()
        }
        Form::Integer => {
            let number = read::integer(value);
            xdm.integer(name, number);
            number.is_some()
        }
        Form::Boolean => {
            let boolean = read::boolean(value);
            xdm.boolean(name, boolean);
            boolean.is_some()
        }
        Form::Epoch => {
            let time = epoch(value).ok();
            xdm.instant(name, time);
            time.is_some()
        }
        Form::Instant => {
            let time = common::instant_of(value);
            xdm.instant(name, time);
            time.is_some()
        }
    }
}

/// A member that another wrapper has, or that says nothing where it is looked for first; else that of `data`.
#[cold]
#[inline(never)]
fn of_envelope(step: &Step, event: &Event<'_>, xdm: &mut Xdm<'_>) {
    let form = step.form();
    if form == Form::Organization {
        return xdm.shared(step.name, event.organization.as_ref());
    }
    let value = event.envelope.get(step.key);
    if !value.is_some_and(|value| odd(step, form, value, xdm))
        && let Some(other) = event.find(step.other)
    {
        odd(step, form, other, xdm);
    }
}
