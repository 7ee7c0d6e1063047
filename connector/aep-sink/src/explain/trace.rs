//! Which field of an event goes where, found by experiment: one value of the event is changed, the
//! event is mapped again, and what differs came from that value. This knows nothing of the mapping,
//! so it cannot fall behind it.

use std::collections::{BTreeMap, BTreeSet};

use capillary_xdm::{Input, Mapper};
use serde_json::Value;

/// Values tried; a mapping takes microseconds.
const MAX_VALUES: usize = 5_000;

/// Values of which each is valid for some field: one that has an effect shows where the value it
/// replaces would have gone.
const PROBE_VALUES: [&str; 8] = [
    "someone@example.org",
    "+15550100200",
    "2026-01-31",
    "1767225600000",
    "USD",
    "7",
    "true",
    "someone",
];

/// The XDM class a field belongs to: ExperienceEvent or Individual Profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum XdmClass {
    Event,
    Profile,
}

/// A field of an answer: `loyalty.pointsGained[0].value` of the event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Field {
    pub(super) class: XdmClass,
    pub(super) path: String,
}

impl Field {
    /// The event's `_id`.
    pub(super) fn id() -> Self {
        Self {
            class: XdmClass::Event,
            path: "_id".to_owned(),
        }
    }
}

/// The fields of a mapped answer with their values.
pub(super) type Fields = BTreeMap<Field, Value>;

/// An answer, as far as explaining needs it.
#[derive(Debug)]
pub(crate) enum Mapped {
    Fields {
        whole: Value,
        fields: Fields,
    },
    Skipped(String),
    Rejected {
        reason: String,
        pointer: String,
        message: String,
    },
}

/// What becomes of a value of the event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// These fields depend on it.
    MappedTo(BTreeSet<Field>),
    /// With another value, or none, the event is skipped or rejected, for this reason.
    Decides(String),
    /// It is left out, but another value would go there.
    Discarded(BTreeSet<Field>),
    /// Null, or an empty text.
    Empty,
    Unused,
}

/// The effect of every value of a mapped event, by JSON pointer, and how many were not looked at.
#[derive(Debug)]
pub(super) struct Trace {
    pub(super) effects: Vec<(String, Effect)>,
    pub(super) untried: usize,
}

/// Records of a topic always have a time, which counts where they say none: any will do to explain
/// them.
const SOME_TIME: i64 = 1_700_000_000_000;

/// Maps one record.
pub(super) fn map(mapper: &mut Mapper, value: &[u8], offset: i64) -> Mapped {
    let mut answer = Vec::new();
    let input = Input {
        offset,
        timestamp: Some(SOME_TIME),
        value,
    };
    mapper.answer(input, &mut answer);
    // An answer is always JSON; if not, there is nothing to explain.
    let whole: Value = serde_json::from_slice(&answer).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if let Some(reason) = whole.get("skip") {
        return Mapped::Skipped(text(reason));
    }
    if let Some(reject) = whole.get("reject") {
        return Mapped::Rejected {
            reason: text(&reject["reason"]),
            pointer: text(&reject["pointer"]),
            message: text(&reject["message"]),
        };
    }
    let mut fields = Fields::new();
    for (key, class) in [("event", XdmClass::Event), ("profile", XdmClass::Profile)] {
        flatten(&whole[key], String::new(), &mut |path, value| {
            fields.insert(Field { class, path }, value.clone());
        });
    }
    Mapped::Fields { whole, fields }
}

/// Finds out what becomes of every value of a document that is mapped to these fields.
pub(super) fn trace(mapper: &mut Mapper, document: &Value, fields: &Fields) -> Trace {
    let mut pointers = Vec::new();
    collect_pointers(document, String::new(), &mut pointers);
    let untried = pointers.len().saturating_sub(MAX_VALUES);
    pointers.truncate(MAX_VALUES);
    let mut fields = fields.clone();
    let is_own_id = |id: &Value| {
        pointers
            .iter()
            .any(|pointer| document.pointer(pointer) == Some(id))
    };
    if !fields.get(&Field::id()).is_some_and(is_own_id) {
        // A hash of everything depends on everything.
        fields.remove(&Field::id());
    }
    // Changed in place and put back: a copy for each experiment would make it quadratic.
    let mut document = document.clone();
    let effects = pointers
        .iter()
        .map(|pointer| {
            (
                pointer.clone(),
                trace_value(mapper, &mut document, pointer, &fields),
            )
        })
        .collect();
    Trace { effects, untried }
}

fn trace_value(
    mapper: &mut Mapper,
    document: &mut Value,
    pointer: &str,
    fields: &Fields,
) -> Effect {
    let Some(value) = document.pointer(pointer).cloned() else {
        return Effect::Unused;
    };
    let has_own_id = fields.contains_key(&Field::id());
    let mut decides = None;
    let mut changes_with = |replacement: Value| {
        let place = document.pointer_mut(pointer)?;
        let before = std::mem::replace(place, replacement);
        let mapped = map(mapper, document.to_string().as_bytes(), 0);
        if let Some(place) = document.pointer_mut(pointer) {
            *place = before;
        }
        match mapped {
            Mapped::Fields {
                fields: mut others, ..
            } => {
                if !has_own_id {
                    others.remove(&Field::id());
                }
                Some(differences(fields, &others)).filter(|differences| !differences.is_empty())
            }
            Mapped::Skipped(reason) | Mapped::Rejected { reason, .. } => {
                decides.get_or_insert(reason);
                None
            }
        }
    };
    if value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty()) {
        return Effect::Empty;
    }
    let changed: BTreeSet<Field> = variants_of(&value)
        .into_iter()
        .filter_map(&mut changes_with)
        .flatten()
        .collect();
    if !changed.is_empty() {
        return Effect::MappedTo(changed);
    }
    // Some values count only by being there.
    if let Some(changed) = changes_with(Value::Null) {
        return Effect::MappedTo(changed);
    }
    let possible: BTreeSet<Field> = PROBE_VALUES
        .into_iter()
        .filter_map(|text| changes_with(text.into()))
        .flatten()
        .collect();
    match decides {
        Some(reason) => Effect::Decides(reason),
        None if possible.is_empty() => Effect::Unused,
        None => Effect::Discarded(possible),
    }
}

/// Other values of the same kind, as near as can be, so that they are as usable as the one that is
/// there.
fn variants_of(value: &Value) -> Vec<Value> {
    match value {
        Value::Bool(value) => vec![(!value).into()],
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            // One up and one down: an amount, a count, a time in milliseconds or seconds stays one.
            (Some(whole), _) => vec![
                whole.saturating_add(1).into(),
                whole.saturating_sub(1).into(),
            ],
            (None, Some(float)) => vec![(float + 1.0).into()],
            (None, None) => Vec::new(),
        },
        Value::String(text) => {
            let mut others = Vec::new();
            match text.to_ascii_lowercase().as_str() {
                "true" => others.push("false".into()),
                "false" => others.push("true".into()),
                _ => {}
            }
            // Another digit keeps a number, a time or a day what it is. The first and the last two
            // are enough: long ids need no experiment per digit, and of a time the last ones may
            // not count.
            let digits: Vec<usize> = text
                .char_indices()
                .filter(|(_, letter)| letter.is_ascii_digit())
                .map(|(at, _)| at)
                .collect();
            for (number, at) in digits.iter().enumerate() {
                if number < 2 || number + 2 >= digits.len() {
                    let digit = if &text[*at..=*at] == "1" { "2" } else { "1" };
                    others.push(format!("{}{digit}{}", &text[..*at], &text[at + 1..]).into());
                }
            }
            others.push(format!("x{text}").into());
            others
        }
        Value::Null | Value::Array(_) | Value::Object(_) => Vec::new(),
    }
}

/// Fields that one answer has and the other has not, or with another value.
fn differences(one: &Fields, other: &Fields) -> BTreeSet<Field> {
    let not_in = |fields: &Fields, others: &Fields| -> Vec<Field> {
        let different = fields
            .iter()
            .filter(|(field, value)| others.get(field) != Some(value));
        different.map(|(field, _)| field.clone()).collect()
    };
    not_in(one, other)
        .into_iter()
        .chain(not_in(other, one))
        .collect()
}

/// Calls `seen` with the path and the value of every scalar.
fn flatten(value: &Value, path: String, seen: &mut dyn FnMut(String, &Value)) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                let dot = if path.is_empty() { "" } else { "." };
                flatten(value, format!("{path}{dot}{key}"), seen);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                flatten(item, format!("{path}[{index}]"), seen);
            }
        }
        Value::Null => {}
        scalar => seen(path, scalar),
    }
}

/// The JSON pointers of all scalars.
fn collect_pointers(value: &Value, pointer: String, pointers: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                let key = key.replace('~', "~0").replace('/', "~1");
                collect_pointers(value, format!("{pointer}/{key}"), pointers);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect_pointers(item, format!("{pointer}/{index}"), pointers);
            }
        }
        _ => pointers.push(pointer),
    }
}
