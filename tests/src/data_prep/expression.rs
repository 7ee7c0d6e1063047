//! Calculated fields, and their values.

use serde_json::Value;

use super::behaviour::Maps;
use super::function::Function;
use super::mapped::Intent;
use super::path::Path;

/// A calculated field.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    Constant(Value),
    Attribute(Path),
    List(Vec<Expression>),
    Call(Function, Vec<Expression>),
}

impl Expression {
    /// Its value. Arguments are evaluated first, also those `iif` does not choose.
    pub(super) fn value(&self, record: &Value, maps: Maps) -> Result<Value, String> {
        let values = |expressions: &[Self]| -> Result<Vec<Value>, String> {
            let values = expressions.iter();
            values.map(|one| one.value(record, maps)).collect()
        };
        match self {
            Self::Constant(value) => Ok(value.clone()),
            Self::Attribute(path) => Ok(path.read(record)?.cloned().unwrap_or_default()),
            Self::List(elements) => Ok(Value::Array(values(elements)?)),
            Self::Call(function, arguments) => function.call(values(arguments)?, record, maps),
        }
    }

    /// What the whole of it asks to be done with a list.
    pub(super) fn intent(&self) -> Option<Intent> {
        match self {
            Self::Call(function, _) => function.intent(),
            _ => None,
        }
    }

    /// No document says what an intent means for a part of a value.
    pub(super) fn has_inner_intent(&self) -> bool {
        let any = |inner: &[Self]| {
            let mut inner = inner.iter();
            inner.any(|one| one.intent().is_some() || one.has_inner_intent())
        };
        match self {
            Self::Constant(_) | Self::Attribute(_) => false,
            Self::List(inner) | Self::Call(_, inner) => any(inner),
        }
    }
}
