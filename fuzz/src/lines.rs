//! Texts made of lines, changed line by line: YAML, and lists of `name=value`.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Most changes of one text.
const MAX_EDITS: usize = 4;

#[derive(Debug, Clone)]
enum Edit {
    Remove,
    Repeat,
    /// The line goes to another place.
    Move(Index),
    /// Another value behind the separator.
    Value(String),
    /// Further right, or left.
    Indent(usize),
    Insert(String),
}

/// The inputs, most of them with some of their lines changed. A line is a key, `separator` and a
/// value; `words` become values and lines.
pub fn edited(
    inputs: impl Strategy<Value = Vec<u8>>,
    separator: &'static str,
    words: &'static [&'static str],
) -> impl Strategy<Value = Vec<u8>> {
    let edits = vec((any::<Index>(), edit(words)), 0..=MAX_EDITS);
    (inputs, edits).prop_map(move |(input, edits)| {
        if edits.is_empty() {
            return input;
        }
        let text = String::from_utf8_lossy(&input);
        let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
        for (at, edit) in edits {
            edit.apply(at, separator, &mut lines);
        }
        lines.join("\n").into_bytes()
    })
}

fn edit(words: &'static [&'static str]) -> impl Strategy<Value = Edit> {
    let word = select(words).prop_map(str::to_owned);
    let value = prop_oneof![word, "\\PC{0,12}"].boxed();
    prop_oneof![
        2 => Just(Edit::Remove),
        1 => Just(Edit::Repeat),
        1 => any::<Index>().prop_map(Edit::Move),
        4 => value.clone().prop_map(Edit::Value),
        1 => (0..8_usize).prop_map(Edit::Indent),
        2 => value.prop_map(Edit::Insert),
    ]
}

impl Edit {
    fn apply(self, at: Index, separator: &str, lines: &mut Vec<String>) {
        if lines.is_empty() {
            return;
        }
        let at = at.index(lines.len());
        match self {
            Self::Remove => drop(lines.remove(at)),
            Self::Repeat => lines.insert(at, lines[at].clone()),
            Self::Move(to) => {
                let line = lines.remove(at);
                lines.insert(to.index(lines.len() + 1), line);
            }
            Self::Value(value) => {
                if let Some((key, _)) = lines[at].split_once(separator) {
                    lines[at] = format!("{key}{separator}{value}");
                }
            }
            Self::Indent(columns) => {
                lines[at] = format!("{}{}", " ".repeat(columns), lines[at].trim_start());
            }
            Self::Insert(line) => lines.insert(at, line),
        }
    }
}
