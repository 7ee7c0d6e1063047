//! The loop that works through the actions; what few values need is called.

use super::super::common;
use super::resolved::{Act, Action};
use super::step::{Form, Op, Step, id, text};
use crate::event::Event;
use crate::json::{Kind, Value};
use crate::keys::Key;
use crate::read;
use crate::text::Text;
use crate::time::{epoch, epoch_millis};
use crate::xdm::{Open, Xdm, name};

pub(super) fn run(actions: &[Action], open: &mut [Open], steps: &[Step], event: &Event<'_>, xdm: &mut Xdm<'_>) {
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
                    xdm.verbatim(key_step.name, value, true);
                    xdm.verbatim(value_step.name, other, true);
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
