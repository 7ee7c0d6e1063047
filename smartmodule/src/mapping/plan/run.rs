//! The loop that works through the actions; what few values need is called.

use super::action::{Act, Action};
use super::builder::text;
use super::step::{DEPTH, Form, Op, Step};
use super::verbatim::Verbatim;
use crate::catalog::key::Key;
use crate::input::event::Event;
use crate::json::{Kind, Value};
use crate::mapping::xdm_writer::{Open, XdmWriter};
use crate::output::name::{Name, name};
use crate::values::coerce;
use crate::values::text::Text;
use crate::values::time::{epoch, epoch_millis, instant_of};

/// A container that was opened: where its name begins, and its content.
#[derive(Debug, Clone, Copy)]
struct Container {
    mark: usize,
    inside: usize,
}

/// Works through the actions where nothing is omitted.
#[inline(always)]
pub(super) fn run(actions: &[Action], steps: &[Step], event: &Event<'_>, xdm: &mut XdmWriter<'_>) {
    let mut open = [Container { mark: 0, inside: 0 }; DEPTH];
    let mut depth = 0;
    let mut at = 0;
    let data = event.data.object();
    while let Some(action) = actions.get(at) {
        at += 1;
        let value = data.moved(action.value);
        match action.act {
            Act::Field | Act::OfEnvelope
                if action.verbatim.write(action.name, value, xdm.out_buf()) => {}
            Act::OpenObject | Act::OpenList | Act::OpenElement => {
                let out = xdm.out_buf();
                let mark = out.len();
                // An element has no name; its comma is written over in the end, as the first one in
                // an object.
                if action.act == Act::OpenElement {
                    out.push(b',');
                } else {
                    action.name.write_bare(out);
                }
                if let Some(place) = open.get_mut(depth) {
                    *place = Container {
                        mark,
                        inside: out.len(),
                    };
                }
                depth += 1;
            }
            Act::CloseObject | Act::CloseList => {
                depth = depth.wrapping_sub(1);
                let out = xdm.out_buf();
                if let Some(container) = open.get(depth) {
                    if out.len() == container.inside {
                        out.truncate(container.mark);
                    } else {
                        // Of `{` and `[`, `}` and `]`.
                        let curved = if action.act == Act::CloseList {
                            0
                        } else {
                            b'{' - b'['
                        };
                        out.set(container.inside, b'[' + curved);
                        out.push(b']' + curved);
                    }
                }
            }
            Act::Pair => {
                let (other, out) = (data.moved(action.other), xdm.out_buf());
                let mark = out.len();
                if KEY.write(FIRST_KEY, value, out)
                    && action.verbatim.write(name!("value"), other, out)
                {
                    out.push(b'}');
                } else {
                    out.truncate(mark);
                    run_uncommon(action, steps, value, event, xdm);
                }
            }
            _ => run_uncommon(action, steps, value, event, xdm),
        }
    }
}

/// Works through the actions where something may be omitted.
#[inline(never)]
pub(super) fn run_omitting(
    actions: &[Action],
    steps: &[Step],
    event: &Event<'_>,
    xdm: &mut XdmWriter<'_>,
) {
    let mut open = [Open::default(); DEPTH];
    let mut depth = 0;
    let mut at = 0;
    let data = event.data.object();
    while let Some(action) = actions.get(at) {
        at += 1;
        let value = data.moved(action.value);
        match action.act {
            Act::OpenObject | Act::OpenList => match (xdm.open(action.name), open.get_mut(depth)) {
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
            Act::CloseObject | Act::CloseList => {
                depth = depth.wrapping_sub(1);
                if let Some(container) = open.get(depth) {
                    let brackets = if action.act == Act::CloseList {
                        *b"[]"
                    } else {
                        *b"{}"
                    };
                    xdm.close(*container, brackets);
                }
            }
            Act::Field | Act::OfEnvelope
                if xdm.omits(action.name)
                    || action.verbatim.write(action.name, value, xdm.out_buf()) => {}
            _ => run_uncommon(action, steps, value, event, xdm),
        }
    }
}

/// The key of a pair, with which an object of an array begins.
const KEY: Verbatim = text(name!(""), Key::OfPair).verbatim;
const FIRST_KEY: &Name = &Name::first("key");

/// Runs an action whose value is not written verbatim.
#[inline(always)]
fn run_uncommon(
    action: &Action,
    steps: &[Step],
    value: Value<'_>,
    event: &Event<'_>,
    xdm: &mut XdmWriter<'_>,
) {
    let Some(step) = steps.get(usize::from(action.step)) else {
        return;
    };
    match (action.act, step.op) {
        (_, Op::Call(write)) => write(event, xdm),
        (Act::Field, _) => write_uncommon_field(step, value, value.moved(action.other), xdm),
        (Act::OfEnvelope, _) => of_envelope(step, event, xdm),
        (Act::Pair, _) => write_uncommon_pair(step.form(), value, value.moved(action.other), xdm),
        _ => xdm.const_member(step.name, event.kind.event_name()),
    }
}

/// Writes a pair of uncommon form.
#[inline(never)]
fn write_uncommon_pair(form: Form, key: Value<'_>, value: Value<'_>, xdm: &mut XdmWriter<'_>) {
    let value = if form == Form::Id {
        coerce::id(value)
    } else {
        coerce::text(value)
    };
    if let (Some(key), Some(value)) = (coerce::text(key), value) {
        xdm.element(|xdm| {
            xdm.text(name!("key"), Some(key));
            xdm.text(name!("value"), Some(value));
        });
    }
}

/// Writes a field whose value is not written verbatim, or the other one; the document's own place
/// is none.
#[inline(never)]
fn write_uncommon_field(step: &Step, value: Value<'_>, other: Value<'_>, xdm: &mut XdmWriter<'_>) {
    let form = step.form();
    if form == Form::Upper && value.kind() == Kind::Word {
        xdm.uppercase(step.name, value);
    } else if let (Form::Number, Some(end)) = (form, value.decimal_end()) {
        let (text, start, _) = value.place();
        xdm.part(step.name, (text, start, end));
    } else if let (Form::Epoch | Form::Instant, Some(ms)) = (form, epoch_millis(value)) {
        xdm.instant_inline(step.name, ms);
    } else if !odd(step, form, value, xdm) && other.position() != 0 {
        odd(step, form, other, xdm);
    }
}

/// Writes a value of an uncommon form; `false` when it is blank.
#[inline(never)]
fn odd(step: &Step, form: Form, value: Value<'_>, xdm: &mut XdmWriter<'_>) -> bool {
    let name = step.name;
    let mut put = |text: Option<Text<'_>>| {
        let says = text.is_some();
        xdm.text(name, text);
        says
    };
    match form {
        Form::Text => put(coerce::text(value)),
        Form::Upper => put(coerce::text(value).map(Text::upper)),
        Form::Id => put(coerce::id(value)),
        Form::Numbered | Form::Organization => put(coerce::numbered(value)),
        Form::Number => {
            let number = coerce::number(value);
            xdm.amount(name, number);
            number.is_some()
        }
        Form::Integer => {
            let number = coerce::integer(value);
            xdm.integer(name, number);
            number.is_some()
        }
        Form::Boolean => {
            let boolean = coerce::boolean(value);
            xdm.boolean(name, boolean);
            boolean.is_some()
        }
        Form::Epoch => {
            let time = epoch(value).ok();
            xdm.instant(name, time);
            time.is_some()
        }
        Form::Instant => {
            let time = instant_of(value);
            xdm.instant(name, time);
            time.is_some()
        }
    }
}

/// A member that another wrapper has, or that is blank where it is looked up first; else that
/// of `data`.
#[cold]
#[inline(never)]
fn of_envelope(step: &Step, event: &Event<'_>, xdm: &mut XdmWriter<'_>) {
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
