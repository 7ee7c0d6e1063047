//! Mapping sets, as the Data Prep API takes them.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, json};

use super::behaviour::{Attributes, Behaviour, Nulls};
use super::expression::Expression;
use super::mapped::{LineError, Mapped};
use super::parse;
use super::path::Path;

/// Why a mapping set is not taken.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is not of the form the API takes.
    #[error("no mapping set: {0}")]
    Form(#[from] serde_json::Error),
    /// A line that is wrong, or more than is known here.
    #[error(transparent)]
    Line(#[from] LineError),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    output_schema: OutputSchema,
    allow_null_values: Option<bool>,
    mappings: Vec<Mapping>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OutputSchema {
    schema_ref: SchemaRef,
}

#[derive(Deserialize)]
struct SchemaRef {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mapping {
    source_type: SourceType,
    source: String,
    destination: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum SourceType {
    Attribute,
    Expression,
}

/// One line: where a value comes from, and where it goes.
#[derive(Debug, Clone)]
pub struct Line {
    from: String,
    source: Expression,
    to: String,
    destination: Path,
}

impl Line {
    fn read(mapping: Mapping) -> Result<Self, LineError> {
        let source = match mapping.source_type {
            SourceType::Attribute => Path::parse(&mapping.source).map(Expression::Attribute),
            SourceType::Expression => parse::expression(&mapping.source),
        };
        let (from, to) = (mapping.source, mapping.destination);
        match (source, Path::parse(&to)) {
            (Ok(source), Ok(destination)) => Ok(Self {
                from,
                source,
                to,
                destination,
            }),
            (Err(reason), _) | (_, Err(reason)) => Err(LineError {
                destination: to,
                from,
                reason,
            }),
        }
    }

    /// Where the value goes, for instance `loyalty.points`.
    pub fn destination(&self) -> &str {
        &self.to
    }

    /// An attribute's path, or an expression.
    pub fn source(&self) -> &str {
        &self.from
    }

    fn apply(&self, record: &Value, behaviour: Behaviour, with_nulls: bool, mapped: &mut Mapped) {
        let mut failed = |reason| {
            mapped.errors.push(LineError {
                destination: self.to.clone(),
                from: self.from.clone(),
                reason,
            });
        };
        let value = self.source.value(record, behaviour.maps);
        let value = value.unwrap_or_else(|reason| {
            failed(reason);
            Value::Null
        });
        if value.is_null() && !with_nulls {
            return;
        }
        match self.destination.write(&mut mapped.entity, value) {
            Err(reason) => failed(reason),
            Ok(()) => mapped
                .intents
                .extend(self.source.intent().map(|intent| (self.to.clone(), intent))),
        }
    }
}

/// A mapping set.
#[derive(Debug, Clone)]
pub struct MappingSet {
    schema_id: String,
    allow_null_values: Option<bool>,
    lines: Vec<Line>,
}

impl MappingSet {
    /// Reads the body of `POST /data/foundation/conversion/mappingSets`.
    pub fn from_json(text: &str) -> Result<Self, Unreadable> {
        let document: Document = serde_json::from_str(text)?;
        let lines = document.mappings.into_iter().map(Line::read);
        Ok(Self {
            schema_id: document.output_schema.schema_ref.id,
            allow_null_values: document.allow_null_values,
            lines: lines.collect::<Result<_, _>>()?,
        })
    }

    /// `$id` of the schema it maps to.
    pub fn schema_id(&self) -> &str {
        &self.schema_id
    }

    /// Its lines.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Maps a record: the `body` of an upsert, or a raw record of an inlet without upserts.
    pub fn apply(&self, record: &Value, behaviour: Behaviour) -> Mapped {
        let record = match behaviour.attributes {
            Attributes::InBody => Cow::Borrowed(record),
            Attributes::WithBodyPrefix => Cow::Owned(json!({"body": record})),
        };
        let with_nulls = match behaviour.nulls {
            Nulls::Dropped => false,
            Nulls::AsTheSetSays => self.allow_null_values.unwrap_or(true),
            Nulls::Copied => true,
        };
        let mut mapped = Mapped::default();
        for line in &self.lines {
            line.apply(&record, behaviour, with_nulls, &mut mapped);
        }
        mapped
    }
}
