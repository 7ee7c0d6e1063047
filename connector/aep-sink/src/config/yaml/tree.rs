//! The YAML file as a tree in which every node knows its line.

use std::collections::HashSet;
use std::fmt;

use saphyr::{LoadableYamlNode, MarkedYaml, Marker, YamlData};
use serde_json::Value;

use super::path::{KeyPath, PathSegment};

/// A file larger than this is not a connector configuration.
const MAX_BYTES: usize = 1 << 20;
/// Deeper nesting is not a connector configuration either; the bound keeps recursion off the end of
/// the stack.
const MAX_DEPTH: usize = 64;
/// The YAML library descends by recursion. In flow style it stops at 255 levels by itself; in block
/// style every level takes a column, or an indicator (`- - -`, `: : :`), so these two bounds keep
/// it off the end of the stack.
const MAX_INDENTATION: usize = 100;
const MAX_INDICATORS_PER_LINE: usize = 32;

/// Where something stands in the file: lines from 1, columns from 0, in characters; the end is
/// exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) struct Span {
    pub(in crate::config) line: usize,
    pub(in crate::config) start: usize,
    pub(in crate::config) end_line: usize,
    pub(in crate::config) end: usize,
}

/// A node and where it is.
#[derive(Debug, Clone)]
pub(in crate::config) struct Node {
    /// Of the key the node belongs to; `None` for the root and for items of lists.
    pub(in crate::config) key: Option<Span>,
    pub(in crate::config) value: Span,
    pub(in crate::config) kind: NodeKind,
}

#[derive(Debug, Clone)]
pub(in crate::config) enum NodeKind {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    String(TextScalar),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// A text and the secrets that were put into it.
#[derive(Clone)]
pub(in crate::config) struct TextScalar {
    pub(in crate::config) value: String,
    /// Names of the secrets the value was made of; not empty means that it must never be shown.
    pub(in crate::config) secrets: Vec<String>,
}

/// Why a text is no tree. Holds nothing of the text itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::config) struct SyntaxError {
    pub(in crate::config) line: Option<usize>,
    pub(in crate::config) message: String,
}

// === impl Place ===

impl Span {
    fn between(start: Marker, end: Marker) -> Self {
        Self {
            line: start.line(),
            start: start.col(),
            end_line: end.line(),
            end: end.col(),
        }
    }

    /// Whether some of it is on a line.
    pub(in crate::config) fn is_on(&self, line: usize) -> bool {
        (self.line..=self.end_line).contains(&line)
    }

    pub(in crate::config) fn begins_by(&self, line: usize, column: usize) -> bool {
        (self.line, self.start) <= (line, column)
    }

    pub(in crate::config) fn ends_before(&self, line: usize, column: usize) -> bool {
        (self.end_line, self.end) <= (line, column)
    }

    /// The column where the part on the first line ends, when that line is that long.
    pub(in crate::config) fn end_on(&self, length: usize) -> usize {
        if self.line == self.end_line {
            self.end
        } else {
            length
        }
    }
}

// === impl Node ===

impl Node {
    /// Reads one YAML document whose root is a map.
    pub(in crate::config) fn parse(text: &str) -> Result<Self, SyntaxError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.len() > MAX_BYTES {
            return Err(SyntaxError::new(None, "the file is larger than 1 MiB"));
        }
        for (number, line) in text.lines().enumerate() {
            if line.split('\r').any(nests_too_deeply) {
                return Err(SyntaxError::new(
                    Some(number + 1),
                    "the line nests too deeply",
                ));
            }
        }
        let documents = MarkedYaml::load_from_str(text).map_err(|error| {
            let line = error.marker().line();
            SyntaxError::new(Some(line), format!("not valid YAML: {}", error.info()))
        })?;
        match documents.as_slice() {
            [] => Err(SyntaxError::new(None, "the file is empty")),
            [document] => match convert(document, 0)? {
                node @ Self {
                    kind: NodeKind::Map(_),
                    ..
                } => Ok(node),
                node => Err(SyntaxError::new(
                    Some(node.value.line.max(1)),
                    format!("found {}, expected keys and values", node.kind_name()),
                )),
            },
            [_, second, ..] => Err(SyntaxError::new(
                Some(second.span.start.line()),
                "a second YAML document begins here; a configuration is one document",
            )),
        }
    }

    pub(in crate::config) fn get(&self, path: &KeyPath) -> Option<&Self> {
        path.0.iter().try_fold(self, |node, step| node.child(step))
    }

    /// Where a reader looks for a path: its key, or, with `value`, what stands there, when that is
    /// on the key's line. Of a path that is not there, the nearest thing above it that is.
    pub(in crate::config) fn span_of(&self, path: &KeyPath, value: bool) -> Option<Span> {
        let mut node = self;
        let mut span = None;
        for step in &path.0 {
            let Some(child) = node.child(step) else {
                return span;
            };
            node = child;
            span = Some(child.key.unwrap_or(child.value));
        }
        let is_scalar = !matches!(
            node.kind,
            NodeKind::Null | NodeKind::List(_) | NodeKind::Map(_)
        );
        match span {
            Some(key) if value && is_scalar && key.line == node.value.line => Some(node.value),
            span => span,
        }
    }

    pub(in crate::config) fn as_text(&self) -> Option<&TextScalar> {
        match &self.kind {
            NodeKind::String(text) => Some(text),
            _ => None,
        }
    }

    /// The kind of a node in words.
    pub(in crate::config) fn kind_name(&self) -> &'static str {
        match self.kind {
            NodeKind::Null => "nothing",
            NodeKind::Bool(_) => "true or false",
            NodeKind::Integer(_) | NodeKind::Float(_) => "a number",
            NodeKind::String(_) => "text",
            NodeKind::List(_) => "a list",
            NodeKind::Map(_) => "keys and values",
        }
    }

    pub(in crate::config) fn to_json(&self) -> Value {
        match &self.kind {
            NodeKind::Null => Value::Null,
            NodeKind::Bool(value) => Value::Bool(*value),
            NodeKind::Integer(value) => Value::from(*value),
            NodeKind::Float(value) => Value::from(*value),
            NodeKind::String(text) => Value::String(text.value.clone()),
            NodeKind::List(items) => items.iter().map(Self::to_json).collect(),
            NodeKind::Map(entries) => {
                let entries = entries
                    .iter()
                    .map(|(key, value)| (key.clone(), value.to_json()));
                Value::Object(entries.collect())
            }
        }
    }

    /// Visits every text, with its path.
    pub(in crate::config) fn for_each_text(
        &mut self,
        path: &KeyPath,
        visit: &mut impl FnMut(&KeyPath, &mut TextScalar),
    ) {
        match &mut self.kind {
            NodeKind::String(text) => visit(path, text),
            NodeKind::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    item.for_each_text(&path.index(index), visit);
                }
            }
            NodeKind::Map(entries) => {
                for (key, value) in entries {
                    value.for_each_text(&path.key(key), visit);
                }
            }
            NodeKind::Null | NodeKind::Bool(_) | NodeKind::Integer(_) | NodeKind::Float(_) => {}
        }
    }

    fn child(&self, step: &PathSegment) -> Option<&Self> {
        match (&self.kind, step) {
            (NodeKind::Map(entries), PathSegment::Key(key)) => entries
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, node)| node),
            (NodeKind::List(items), PathSegment::Index(index)) => items.get(*index),
            _ => None,
        }
    }
}

/// Whether a line can take the YAML library too far down. To YAML a carriage return alone ends a
/// line as well.
fn nests_too_deeply(line: &str) -> bool {
    let indentation = line.len() - line.trim_start().len();
    let bytes = line.as_bytes();
    let entries = bytes
        .windows(2)
        .filter(|pair| matches!(pair, [b'-' | b'?', b' ' | b'\t']));
    // A value without a key, which may stand where a value does: `: : :`.
    let keyless = bytes
        .windows(3)
        .filter(|three| matches!(three, [b' ' | b'\t', b':', b' ' | b'\t']));
    indentation > MAX_INDENTATION || entries.count() + keyless.count() > MAX_INDICATORS_PER_LINE
}

fn convert(yaml: &MarkedYaml<'_>, depth: usize) -> Result<Node, SyntaxError> {
    let line = yaml.span.start.line();
    let refuse = |message: &str| Err(SyntaxError::new(Some(line), message));
    if depth > MAX_DEPTH {
        return refuse("the file nests too deeply");
    }
    let kind = match &yaml.data {
        YamlData::Value(scalar) => match scalar {
            saphyr::Scalar::Null => NodeKind::Null,
            saphyr::Scalar::Boolean(value) => NodeKind::Bool(*value),
            saphyr::Scalar::Integer(value) => NodeKind::Integer(*value),
            saphyr::Scalar::FloatingPoint(value) => NodeKind::Float(value.into_inner()),
            saphyr::Scalar::String(value) => NodeKind::String(TextScalar::plain(value.as_ref())),
        },
        YamlData::Sequence(items) => NodeKind::List(
            items
                .iter()
                .map(|item| convert(item, depth + 1))
                .collect::<Result<_, _>>()?,
        ),
        YamlData::Mapping(entries) => {
            let mut map = Vec::with_capacity(entries.len());
            // A set, as a search per key would take minutes for a file of keys alone.
            let mut known = HashSet::with_capacity(entries.len());
            for (key, value) in entries {
                let line = key.span.start.line();
                let name = match &key.data {
                    YamlData::Value(saphyr::Scalar::String(name)) => name.to_string(),
                    YamlData::Value(saphyr::Scalar::Integer(number)) => number.to_string(),
                    _ => return Err(SyntaxError::new(Some(line), "a key is not plain text")),
                };
                if !known.insert(name.clone()) {
                    return Err(SyntaxError::new(Some(line), "the key is there twice"));
                }
                map.push((
                    name,
                    Node {
                        key: Some(Span::between(key.span.start, key.span.end)),
                        ..convert(value, depth + 1)?
                    },
                ));
            }
            NodeKind::Map(map)
        }
        YamlData::Tagged(..) => return refuse("tags (`!name`) have no meaning here"),
        // An empty document comes as a bad value.
        YamlData::BadValue if depth == 0 => NodeKind::Null,
        YamlData::BadValue | YamlData::Alias(_) | YamlData::Representation(..) => {
            return refuse("the value does not fit its YAML tag");
        }
    };
    Ok(Node {
        key: None,
        value: Span::between(yaml.span.start, yaml.span.end),
        kind,
    })
}

// === impl Text, SyntaxError ===

impl TextScalar {
    pub(in crate::config) fn plain(value: &str) -> Self {
        Self {
            value: value.to_owned(),
            secrets: Vec::new(),
        }
    }
}

impl fmt::Debug for TextScalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.secrets.is_empty() {
            write!(f, "{:?}", self.value)
        } else {
            f.write_str("***")
        }
    }
}

impl SyntaxError {
    fn new(line: Option<usize>, message: impl Into<String>) -> Self {
        Self {
            line,
            message: message.into(),
        }
    }
}
