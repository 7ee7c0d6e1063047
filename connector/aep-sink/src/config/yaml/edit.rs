//! Setting values in the text of a file, with its comments and its order kept.
//!
//! Whatever the edit does to the text, the result is read again and compared with what it must
//! mean; a text that would mean anything else is never given out.

use serde_json::{Map, Value};

use super::path::{KeyPath, PathSegment};
use super::tree::{Node, NodeKind, Span};

/// The values cannot be set in this text; they have to be put in by hand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path} cannot be set in the file as it is written; put it in by hand")]
pub(crate) struct EditError {
    path: String,
}

/// The text with values set, each at a path such as `transforms.0.with.tenant`.
pub(crate) fn set(text: &str, values: &[(String, Value)]) -> Result<String, EditError> {
    let mut text = text.to_owned();
    for (path, value) in values {
        let failed = || EditError { path: path.clone() };
        let steps = segments(path);
        let tree = Node::parse(&text).map_err(|_| failed())?;
        let mut meant = tree.to_json();
        put(&mut meant, &steps, value).ok_or_else(failed)?;
        if tree.to_json() == meant {
            continue;
        }
        let edited = edited(&text, &tree, &steps, value).ok_or_else(failed)?;
        let read = Node::parse(&edited).map_err(|_| failed())?;
        if read.to_json() != meant {
            return Err(failed());
        }
        text = edited;
    }
    Ok(text)
}

fn segments(path: &str) -> Vec<PathSegment> {
    let step = |key: &str| match key.parse() {
        Ok(index) => PathSegment::Index(index),
        Err(_) => PathSegment::Key(key.to_owned()),
    };
    path.split('.').map(step).collect()
}

/// Sets a value in a tree. `None` where the path leads through something else than keys.
fn put(root: &mut Value, steps: &[PathSegment], value: &Value) -> Option<()> {
    let mut node = root;
    for step in steps {
        if node.is_null() {
            *node = Value::Object(Map::new());
        }
        node = match step {
            PathSegment::Key(key) => node
                .as_object_mut()?
                .entry(key.clone())
                .or_insert(Value::Null),
            PathSegment::Index(index) => node.get_mut(*index)?,
        };
    }
    *node = value.clone();
    Some(())
}

fn edited(text: &str, tree: &Node, steps: &[PathSegment], value: &Value) -> Option<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    // The deepest node that is there.
    let mut depth = steps.len();
    let mut found = None;
    while found.is_none() {
        found = tree.get(&KeyPath(steps[..depth].to_vec()));
        if found.is_none() {
            depth = depth.checked_sub(1)?;
        }
    }
    let (node, rest) = (found?, &steps[depth..]);
    if rest.is_empty() && !matches!(node.kind, NodeKind::Null) {
        replace(&mut lines, node, value)?;
    } else {
        let keys: Option<Vec<&str>> = rest
            .iter()
            .map(|step| match step {
                PathSegment::Key(key) => Some(key.as_str()),
                PathSegment::Index(_) => None,
            })
            .collect();
        let keys = keys?;
        match &node.kind {
            NodeKind::Null => below_nothing(&mut lines, node, &keys, value)?,
            NodeKind::Map(entries) if opening(&lines, node).is_some() => {
                in_flow(&mut lines, node, entries.is_empty(), &keys, value)?;
            }
            NodeKind::Map(entries) => {
                let (_, last) = entries.last()?;
                let key = last.key?;
                let at = end_of_block(&lines, &key, matches!(last.kind, NodeKind::List(_)));
                insert(&mut lines, at, block(&keys, value, key.start));
            }
            _ => return None,
        }
    }
    let mut text = lines.join("\n");
    text.push('\n');
    Some(text)
}

/// Another value on the same line.
fn replace(lines: &mut [String], node: &Node, value: &Value) -> Option<()> {
    let Span {
        line,
        start,
        end_line,
        end,
    } = node.value;
    let text = lines.get(line.checked_sub(1)?)?;
    if line != end_line {
        return None;
    }
    let characters: Vec<char> = text.chars().collect();
    let (before, after) = (characters.get(..start)?, characters.get(end..)?);
    // The end of a plain text may lie behind the blanks before a comment.
    let between: String = characters.get(start..end)?.iter().collect();
    let blanks = &between[between.trim_end().len()..];
    let edited = [
        before.iter().collect(),
        flow(value),
        blanks.to_owned(),
        after.iter().collect::<String>(),
    ];
    lines[line - 1] = edited.concat();
    Some(())
}

/// `key:` without a value gets one.
fn below_nothing(lines: &mut Vec<String>, node: &Node, keys: &[&str], value: &Value) -> Option<()> {
    let key = node.key?;
    let line = lines.get_mut(key.line.checked_sub(1)?)?;
    if keys.is_empty() && !value.is_object() {
        let characters: Vec<char> = line.chars().collect();
        // Up to the colon, which may follow a quote.
        let colon = characters.iter().skip(key.end).position(|c| *c == ':')? + key.end + 1;
        let (before, after) = characters.split_at(colon);
        let (before, after): (String, String) = (before.iter().collect(), after.iter().collect());
        *line = format!("{before} {}{after}", flow(value));
        return Some(());
    }
    let new = if keys.is_empty() {
        let members = value.as_object()?;
        members
            .iter()
            .flat_map(|(name, value)| block(&[name], value, key.start + 2))
            .collect()
    } else {
        block(keys, value, key.start + 2)
    };
    insert(lines, key.line, new);
    Some(())
}

/// Another entry of `{…}`, which is on one line.
fn in_flow(
    lines: &mut [String],
    node: &Node,
    is_empty: bool,
    keys: &[&str],
    value: &Value,
) -> Option<()> {
    let (number, open) = opening(lines, node)?;
    let line = lines.get_mut(number)?;
    let characters: Vec<char> = line.chars().collect();
    let mut depth = 0;
    let close = characters
        .iter()
        .enumerate()
        .skip(open)
        .find(|(_, letter)| {
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            depth == 0
        });
    let (close, _) = close?;
    let nested = keys
        .iter()
        .skip(1)
        .rev()
        .fold(flow(value), |inner, key| format!("{{{key}: {inner}}}"));
    let before: String = characters[..close].iter().collect();
    let after: String = characters[close..].iter().collect();
    let comma = if is_empty { "" } else { ", " };
    *line = format!(
        "{}{comma}{}: {nested}{after}",
        before.trim_end(),
        keys.first()?
    );
    Some(())
}

/// Line and column of the brace that opens a map, when it stands behind its key.
fn opening(lines: &[String], node: &Node) -> Option<(usize, usize)> {
    let key = node.key?;
    let number = key.line.checked_sub(1)?;
    let mut behind = lines.get(number)?.chars().enumerate().skip(key.end);
    let (column, letter) = behind.find(|(_, letter)| !matches!(letter, ' ' | ':' | '"' | '\''))?;
    (letter == '{').then_some((number, column))
}

/// The number of lines up to the end of the block a key begins, with the comments that are indented
/// below the key, and without the blank lines and other comments that follow it.
fn end_of_block(lines: &[String], key: &Span, is_list: bool) -> usize {
    let mut end = key.line;
    for (number, line) in lines.iter().enumerate().skip(key.line) {
        let trimmed = line.trim_start();
        if trimmed.is_empty() {
            continue;
        }
        let column = line.chars().count() - trimmed.chars().count();
        let item = is_list && column == key.start && trimmed.starts_with('-');
        if column <= key.start && !item {
            // What a comment is about begins after it.
            if trimmed.starts_with('#') {
                continue;
            }
            break;
        }
        end = number + 1;
    }
    end
}

fn insert(lines: &mut Vec<String>, at: usize, new: Vec<String>) {
    let at = at.min(lines.len());
    lines.splice(at..at, new);
}

/// Keys below one another, then the value, as lines at a column.
fn block(keys: &[&str], value: &Value, column: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut column = column;
    for (position, key) in keys.iter().enumerate() {
        let blanks = " ".repeat(column);
        if position + 1 < keys.len() {
            lines.push(format!("{blanks}{key}:"));
            column += 2;
            continue;
        }
        match value {
            Value::Object(members) if !members.is_empty() && key_needs_block(members) => {
                lines.push(format!("{blanks}{key}:"));
                for (name, below) in members {
                    lines.extend(block(&[name], below, column + 2));
                }
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                lines.push(format!("{blanks}{key}:"));
                for item in items {
                    let mut below = match item {
                        Value::Object(members) => members
                            .iter()
                            .flat_map(|(name, value)| block(&[name], value, column + 4))
                            .collect(),
                        other => vec![format!("{blanks}    {}", flow(other))],
                    };
                    if let Some(first) = below.first_mut() {
                        first.replace_range(column + 2..column + 3, "-");
                    }
                    lines.extend(below);
                }
            }
            _ => lines.push(format!("{blanks}{key}: {}", flow(value))),
        }
    }
    lines
}

/// Lists of plain values are easier to read within braces.
fn key_needs_block(members: &Map<String, Value>) -> bool {
    members.values().any(|value| !value.is_array())
}

/// A value on one line.
fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(members) => {
            let members: Vec<String> = members
                .iter()
                .map(|(name, value)| format!("{}: {}", scalar(name), flow(value)))
                .collect();
            format!("{{{}}}", members.join(", "))
        }
        other => other.to_string(),
    }
}

/// A text, quoted where it would be read as something else.
fn scalar(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_./@".contains(c))
        || text.starts_with("https://") && !text.contains([' ', '#', ',', '[', ']', '{', '}']);
    let same = plain
        && Node::parse(&format!("k: {text}"))
            .ok()
            .is_some_and(|tree| tree.to_json()["k"] == text);
    if same {
        text.to_owned()
    } else {
        // Escapes of JSON are a part of YAML's.
        Value::from(text).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn edit(text: &str, path: &str, value: Value) -> String {
        set(text, &[(path.to_owned(), value)]).unwrap()
    }

    #[test]
    fn value_is_replaced_and_its_comment_stays() {
        let text = "# top\na:\n  b: one # why\n  c: 'two'\n";
        assert_eq!(
            edit(text, "a.b", "three".into()),
            "# top\na:\n  b: three # why\n  c: 'two'\n"
        );
        assert_eq!(
            edit(text, "a.c", "65e10".into()),
            "# top\na:\n  b: one # why\n  c: \"65e10\"\n"
        );
    }

    #[test]
    fn new_key_goes_behind_its_siblings_and_before_the_comments_that_follow() {
        let text = "a:\n  b: 1\n  # c: 2\n\n# about d\nd: 3\n";
        assert_eq!(
            edit(text, "a.x.y", "new".into()),
            "a:\n  b: 1\n  x:\n    y: new\n  # c: 2\n\n# about d\nd: 3\n"
        );
        assert_eq!(edit(text, "e", "4".into()), format!("{text}e: \"4\"\n"));
    }

    #[test]
    fn lists_maps_and_flow_style_are_extended() {
        let text = "t:\n  - uses: m\n    with:\n      p: q\nf: {a: 1}\nn:\n";
        assert_eq!(
            edit(text, "t.0.with.tenant", "acme".into()),
            "t:\n  - uses: m\n    with:\n      p: q\n      tenant: acme\nf: {a: 1}\nn:\n"
        );
        assert!(edit(text, "f.b", "x".into()).contains("f: {a: 1, b: x}\n"));
        assert!(edit(text, "n.b", "x".into()).ends_with("n:\n  b: x\n"));
        assert!(edit(text, "n", "x".into()).ends_with("n: x\n"));
        let omit = json!({"event": ["a.b", "c"], "profile": []});
        assert!(
            edit(text, "t.0.with.omit-fields", omit)
                .contains("      omit-fields: {event: [a.b, c], profile: []}\n")
        );
        let steps = json!([{"uses": "m", "with": {"tenant": "acme"}}]);
        assert_eq!(
            edit("a: 1\n", "s", steps),
            "a: 1\ns:\n  - uses: m\n    with:\n      tenant: acme\n"
        );
    }

    #[test]
    fn same_value_changes_nothing_and_an_unfit_place_is_refused() {
        let text = "a: 1   # odd\nb:   [ x,y ]\n";
        assert_eq!(edit(text, "b", json!(["x", "y"])), text);
        assert!(set(text, &[("a.b".to_owned(), "x".into())]).is_err());
    }
}
