//! The functions of Adobe's reference that are known here, under its names.

use serde_json::{Map, Value};

use super::behaviour::Maps;
use super::mapped::Intent;
use super::path::Path;

/// A function of Data Prep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Coalesce,
    ContainsKey,
    Iif,
    IsEmpty,
    Nullify,
    ToArray,
    ToMap,
    ToObject,
    UpsertArrayAppend,
    UpsertArrayReplace,
}

impl Function {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "coalesce" => Self::Coalesce,
            "contains_key" => Self::ContainsKey,
            "iif" => Self::Iif,
            "is_empty" => Self::IsEmpty,
            "nullify" => Self::Nullify,
            "to_array" => Self::ToArray,
            "to_map" => Self::ToMap,
            "to_object" => Self::ToObject,
            "upsert_array_append" => Self::UpsertArrayAppend,
            "upsert_array_replace" => Self::UpsertArrayReplace,
            _ => return None,
        })
    }

    /// Whether it can be called with so many arguments.
    pub(super) fn takes(self, arguments: usize) -> bool {
        match self {
            Self::Coalesce => arguments >= 1,
            Self::ContainsKey
            | Self::IsEmpty
            | Self::UpsertArrayAppend
            | Self::UpsertArrayReplace => arguments == 1,
            Self::Iif => arguments == 3,
            Self::Nullify => arguments == 0,
            Self::ToArray => arguments >= 2,
            Self::ToMap | Self::ToObject => arguments >= 2 && arguments.is_multiple_of(2),
        }
    }

    pub(super) fn intent(self) -> Option<Intent> {
        match self {
            Self::UpsertArrayAppend => Some(Intent::Append),
            Self::UpsertArrayReplace => Some(Intent::Replace),
            _ => None,
        }
    }

    /// Its value; the number of arguments is right, since the parser asked [`takes`](Self::takes).
    pub(super) fn call(
        self,
        arguments: Vec<Value>,
        record: &Value,
        maps: Maps,
    ) -> Result<Value, String> {
        let mut arguments = arguments.into_iter();
        let mut next = || arguments.next().unwrap_or_default();
        match self {
            Self::Coalesce => Ok(arguments.find(|value| !value.is_null()).unwrap_or_default()),
            Self::ContainsKey => match next() {
                Value::String(path) => Ok(Path::parse(&path)?.read(record)?.is_some().into()),
                _ => Err("contains_key takes a path as text".to_owned()),
            },
            Self::Iif => match (next(), next(), next()) {
                (Value::Bool(true), chosen, _) | (Value::Bool(false), _, chosen) => Ok(chosen),
                _ => Err("iif needs true or false first".to_owned()),
            },
            Self::IsEmpty => match next() {
                Value::Null => Ok(true.into()),
                Value::Array(elements) => Ok(elements.is_empty().into()),
                Value::Object(members) => Ok(members.is_empty().into()),
                Value::String(text) => Ok(text.is_empty().into()),
                _ => Err("is_empty of a number or boolean is not documented".to_owned()),
            },
            Self::Nullify => Ok(Value::Null),
            Self::ToArray => {
                let Value::Bool(with_nulls) = next() else {
                    return Err("to_array needs true or false first".to_owned());
                };
                let kept = arguments.filter(|value| with_nulls || !value.is_null());
                Ok(Value::Array(kept.collect()))
            }
            Self::ToMap if maps == Maps::Unsupported => Err("maps are not supported".to_owned()),
            Self::ToMap | Self::ToObject => pairs(arguments),
            Self::UpsertArrayAppend | Self::UpsertArrayReplace => match next() {
                list @ (Value::Array(_) | Value::Null) => Ok(list),
                _ => Err("an upsert of a list needs a list".to_owned()),
            },
        }
    }
}

fn pairs(mut flat: std::vec::IntoIter<Value>) -> Result<Value, String> {
    let mut members = Map::new();
    while let (Some(key), Some(value)) = (flat.next(), flat.next()) {
        let Value::String(key) = key else {
            return Err("a key must be a text".to_owned());
        };
        members.insert(key, value);
    }
    Ok(Value::Object(members))
}
