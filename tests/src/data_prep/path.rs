//! Paths to attributes: `identityMap.Email[0].id`.

use serde_json::{Map, Value};

use super::scanner::Scanner;

/// Field names that have to stand in `${…}`.
const RESERVED: &[&str] = &[
    "_errors", "and", "break", "continue", "div", "else", "eq", "false", "for", "ge", "gt", "if",
    "le", "lt", "mod", "ne", "new", "not", "null", "or", "return", "true", "var", "while",
];

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Member(String),
    Element(usize),
}

/// A path from the root of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    steps: Vec<Step>,
}

impl Path {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut scanner = Scanner::new(text);
        let path = Self::take(&mut scanner)?;
        scanner.expect_end()?;
        Ok(path)
    }

    /// Takes the path that is next.
    pub(super) fn take(scanner: &mut Scanner<'_>) -> Result<Self, String> {
        let mut steps = vec![Step::Member(name(scanner)?)];
        loop {
            if scanner.take(".") {
                steps.push(Step::Member(name(scanner)?));
            } else if scanner.take("[") {
                let digits = scanner.take_while(|c| c.is_ascii_digit());
                let index = digits.parse();
                let index = index.map_err(|_| format!("an index expected {}", scanner.here()))?;
                scanner.expect("]")?;
                steps.push(Step::Element(index));
            } else {
                return Ok(Self { steps });
            }
        }
    }

    /// What stands there; nothing where something on the way is absent.
    pub(super) fn read<'a>(&self, record: &'a Value) -> Result<Option<&'a Value>, String> {
        let mut found = record;
        for step in &self.steps {
            let below = match (step, found) {
                (Step::Member(name), Value::Object(members)) => members.get(name),
                (Step::Element(index), Value::Array(elements)) => elements.get(*index),
                (Step::Member(name), Value::Array(_)) => {
                    return Err(format!("`{name}` is read of a list, without an index"));
                }
                (Step::Element(_), Value::Object(_)) => {
                    return Err("an index into what is no list".to_owned());
                }
                _ => None,
            };
            match below {
                Some(below) => found = below,
                None => return Ok(None),
            }
        }
        Ok(Some(found))
    }

    /// Puts a value there, with the objects and lists it is in.
    pub(super) fn write(&self, record: &mut Value, value: Value) -> Result<(), String> {
        let mut place = record;
        for step in &self.steps {
            if place.is_null() {
                *place = match step {
                    Step::Member(_) => Value::Object(Map::new()),
                    Step::Element(_) => Value::Array(Vec::new()),
                };
            }
            place = match (step, place) {
                (Step::Member(name), Value::Object(members)) => {
                    members.entry(name.as_str()).or_insert(Value::Null)
                }
                (Step::Element(index), Value::Array(elements)) => {
                    if elements.len() == *index {
                        elements.push(Value::Null);
                    }
                    let absent = || format!("element {index} without those before it");
                    elements.get_mut(*index).ok_or_else(absent)?
                }
                _ => return Err("below a value that another line wrote".to_owned()),
            };
        }
        *place = value;
        Ok(())
    }
}

/// A field's name: letters, digits, `_` and `$`, with `\.` for a period, or anything in `${…}`.
fn name(scanner: &mut Scanner<'_>) -> Result<String, String> {
    let wrapped = scanner.take("${");
    let is_plain = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let mut name = String::new();
    loop {
        let more = if wrapped {
            scanner.take_while(|c| c != '}' && c != '\\')
        } else {
            scanner.take_while(is_plain)
        };
        name.push_str(more);
        if !scanner.take("\\") {
            break;
        }
        name.extend(scanner.next());
    }
    if wrapped {
        scanner.expect("}")?;
        return Ok(name);
    }
    if name.is_empty() || name.starts_with(|c: char| c.is_numeric()) {
        return Err(format!("a field's name expected {}", scanner.here()));
    }
    if RESERVED.contains(&name.as_str()) {
        return Err(format!(
            "`{name}` is a word of the language: `${{{name}}}` is the field"
        ));
    }
    Ok(name)
}
