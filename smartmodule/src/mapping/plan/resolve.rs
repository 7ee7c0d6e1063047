//! Turns a plan into actions for events of one shape.

use super::action::{Act, Action};
use super::step::{DEPTH, Form, Op, Step};
use crate::catalog::key::Key;
use crate::input::event::{Event, Trim};
use crate::json::Value;
use crate::values::coerce;

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

/// Finds out what a plan comes to for an event; `false` when not every event of its shape is like
/// it in this.
#[inline(never)]
pub(super) fn resolve<'a>(
    steps: &[Step],
    event: &Event<'a>,
    trim: Trim,
    actions: &mut Vec<Action>,
) -> bool {
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
                name: step.name,
                verbatim: step.verbatim,
                value,
                other,
            });
        };
        let frame = outer.get_mut(depth);
        match step.op {
            Op::Field(_) => {
                let (first, second) = (find(source, step.key), find(source, step.other));
                if first.or(second).is_some() {
                    add(
                        Act::Field,
                        position(first.or(second)),
                        position(first.and(second)),
                    );
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
                is_for_all &=
                    step.other == Key::Unknown || first.is_none_or(|value| !value.is_scalar());
                let says =
                    |value: Option<Value<'a>>| value.filter(|value| !coerce::is_blank(*value));
                match (
                    says(first).or_else(|| says(find(source, step.other))),
                    frame,
                ) {
                    // A scalar has no members.
                    (Some(value), Some(frame)) if !value.is_scalar() => {
                        *frame = (std::mem::replace(&mut source, Source::Object(value)), 0);
                        depth += 1;
                    }
                    _ => next = usize::from(step.jump),
                }
            }
            Op::Each => match (find(source, step.key).and_then(Value::first_item), frame) {
                (Some((item, end)), Some(frame)) => {
                    *frame = (
                        std::mem::replace(&mut source, Source::Item(item, end)),
                        count,
                    );
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
                if let Some(list) =
                    find(source, step.key).filter(|list| list.first_item().is_some())
                {
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
            Op::UnlessDeleted => {
                if event.is_deleted() {
                    next = usize::from(step.jump);
                }
            }
            Op::EndBefore | Op::EndUnlessDeleted | Op::End => {}
            Op::Call(_) => add(Act::Call, 0, 0),
        }
        at = next;
    }
    is_for_all
}
