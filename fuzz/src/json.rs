//! JSON changed value by value, so that what comes out is JSON again.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value, json};

/// Most changes of one document.
const MAX_EDITS: usize = 4;

#[derive(Debug, Clone)]
enum Edit {
    Replace(Value),
    /// A member or an item less.
    RemoveChild(Index),
    /// A member more; of a list, an item more.
    AddChild(String, Value),
    RepeatChild(Index),
    /// The value as the only item of a list.
    InList,
    /// The value's JSON as a text.
    AsText,
}

/// The inputs, most of them with some of their values changed. What is not JSON stays as it is.
/// `keys` become keys and texts; values also come out of `donors`, which may be the same documents.
pub fn edited<S: Strategy<Value = Vec<u8>>>(
    inputs: S,
    donors: &[Vec<u8>],
    keys: &'static [&'static str],
) -> impl Strategy<Value = Vec<u8>> + use<S> {
    let edits = vec((any::<Index>(), edit(donors, keys)), 0..=MAX_EDITS);
    (inputs, edits).prop_map(|(input, edits)| {
        let parsed = serde_json::from_slice::<Value>(&input);
        match parsed {
            // The text as it was, with its order and its spaces.
            _ if edits.is_empty() => input,
            Err(_) => input,
            Ok(mut document) => {
                for (at, edit) in edits {
                    let mut position = at.index(count(&document));
                    if let Some(node) = nth(&mut document, &mut position) {
                        edit.apply(node);
                    }
                }
                document.to_string().into_bytes()
            }
        }
    })
}

/// Any JSON value, with edges of every type and `keys` for keys and texts.
pub fn value(keys: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        select(edges()),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        key(keys).prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(key(keys), inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Values at an edge of something: of a type, of a unit, of what readers take for a number, a time
/// or a status.
fn edges() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(-1),
        json!(1),
        json!(-0.0),
        json!(0.5),
        json!(1e300),
        json!(-1e-300),
        json!(200),
        json!(207),
        json!(400),
        json!(429),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1_789_373_735_000_i64),
        json!(1_789_373_735),
        json!(""),
        json!(" "),
        json!("0"),
        json!("NaN"),
        json!("2026-02-30"),
        json!("\0\u{2028}\u{feff}"),
        json!("a@b.example"),
        json!([]),
        json!({}),
        json!([[{}], null]),
    ]
}

fn key(keys: &'static [&'static str]) -> impl Strategy<Value = String> {
    let keys: Vec<&str> = if keys.is_empty() {
        vec![""]
    } else {
        keys.to_vec()
    };
    prop_oneof![4 => select(keys).prop_map(str::to_owned), 1 => "[a-z]{1,6}"]
}

fn edit(donors: &[Vec<u8>], keys: &'static [&'static str]) -> impl Strategy<Value = Edit> + use<> {
    let mut documents: Vec<Value> = donors
        .iter()
        .filter_map(|donor| serde_json::from_slice(donor).ok())
        .collect();
    documents.push(Value::Null);
    let donated = (select(documents), any::<Index>()).prop_map(|(mut document, at)| {
        let mut position = at.index(count(&document));
        nth(&mut document, &mut position).map_or(Value::Null, Value::take)
    });
    let value = prop_oneof![value(keys), donated].boxed();
    prop_oneof![
        6 => value.clone().prop_map(Edit::Replace),
        2 => any::<Index>().prop_map(Edit::RemoveChild),
        3 => (key(keys), value).prop_map(|(key, value)| Edit::AddChild(key, value)),
        1 => any::<Index>().prop_map(Edit::RepeatChild),
        1 => Just(Edit::InList),
        1 => Just(Edit::AsText),
    ]
}

/// The number of values in a document, itself among them.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum::<usize>(),
        _ => 0,
    }
}

/// The value at a position, parents before their children. `position` is what remains to be passed.
fn nth<'a>(value: &'a mut Value, position: &mut usize) -> Option<&'a mut Value> {
    if *position == 0 {
        return Some(value);
    }
    *position -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, position)),
        Value::Object(members) => members
            .values_mut()
            .find_map(|member| nth(member, position)),
        _ => None,
    }
}

impl Edit {
    fn apply(self, value: &mut Value) {
        match (self, value) {
            (Self::Replace(new), value) => *value = new,
            (Self::RemoveChild(at), Value::Array(items)) if !items.is_empty() => {
                items.remove(at.index(items.len()));
            }
            (Self::RemoveChild(at), Value::Object(members)) if !members.is_empty() => {
                let key = members.keys().nth(at.index(members.len())).cloned();
                key.and_then(|key| members.remove(&key));
            }
            (Self::AddChild(_, new), Value::Array(items)) => items.push(new),
            (Self::AddChild(key, new), Value::Object(members)) => {
                members.insert(key, new);
            }
            (Self::RepeatChild(at), Value::Array(items)) if !items.is_empty() => {
                let at = at.index(items.len());
                items.insert(at, items[at].clone());
            }
            (Self::InList, value) => *value = Value::Array(vec![value.take()]),
            (Self::AsText, value) => *value = Value::String(value.to_string()),
            (Self::RemoveChild(_) | Self::AddChild(..) | Self::RepeatChild(_), _) => {}
        }
    }
}
