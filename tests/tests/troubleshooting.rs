//! `docs/troubleshooting.md` has every message an operator can meet, and no other.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A text as it is compared: variable parts are `…`, backticks are for display.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut depth = 0;
    for letter in text.chars() {
        match letter {
            '{' => {
                depth += 1;
                plain.push('…');
            }
            '}' => depth -= 1,
            '`' => {}
            _ if depth > 0 => {}
            _ => plain.push(letter),
        }
    }
    plain
}

/// The row for a message: the one that says most of its beginning, in whole words.
fn row_of<'r>(message: &str, rows: &'r BTreeSet<String>) -> Option<&'r String> {
    let begins = |row: &&String| {
        let rest = message.strip_prefix(row.as_str());
        rest.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    };
    rows.iter().filter(begins).max_by_key(|row| row.len())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// The connector's sources without its tests.
fn sources() -> Vec<(String, String)> {
    fn visit(directory: &Path, files: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "tests" {
                visit(&path, files);
            } else if name.ends_with(".rs") && name != "tests.rs" {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text
                    .split("#[cfg(test)]\nmod tests {")
                    .next()
                    .unwrap()
                    .to_owned();
                files.push((path.display().to_string(), code));
            }
        }
    }
    let mut files = Vec::new();
    visit(&root().join("connector"), &mut files);
    files
}

/// The string literals of a piece of code that ends where its first bracket is closed.
fn literals(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut depth = 0;
    let mut letters = code.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => {
                depth -= 1;
                if depth <= 0 {
                    break;
                }
            }
            '"' => {
                let mut literal = String::new();
                while let Some(letter) = letters.next().filter(|letter| *letter != '"') {
                    match (letter, letters.peek()) {
                        ('\\', Some('\n')) => {
                            while letters.next_if(|next| next.is_whitespace()).is_some() {}
                        }
                        ('\\', Some(_)) => literal.extend(letters.next()),
                        _ => literal.push(letter),
                    }
                }
                found.push(literal);
            }
            _ => {}
        }
    }
    found
}

/// Every message of the sources, and where it is.
fn messages() -> BTreeMap<String, String> {
    let mut messages = BTreeMap::new();
    for (file, code) in sources() {
        let mut note = |literal: &str| {
            let message = plain(literal);
            // What is nothing but another message.
            if message.chars().any(char::is_alphabetic) {
                messages.entry(message).or_insert_with(|| file.clone());
            }
        };
        for opening in ["error!(", "warn!(", "complain(", "#[error("] {
            for (at, _) in code.match_indices(opening) {
                let macro_name_goes_on = opening != "#[error("
                    && code[..at]
                        .ends_with(|letter: char| letter.is_alphanumeric() || letter == '_');
                if !macro_name_goes_on {
                    literals(&code[at + opening.len() - 1..])
                        .iter()
                        .filter(|literal| literal.contains(' '))
                        .for_each(|literal| note(literal));
                }
            }
        }
        // Messages that are made elsewhere than where they are logged.
        let ends = code
            .match_indices("const END: &'static str = ")
            .map(|(at, found)| at + found.len());
        let of_ims = code
            .match_indices("Adobe IMS")
            .filter(|_| file.ends_with("ims/error.rs"))
            .filter_map(|(at, _)| {
                let line = code[..at].rfind('\n')?;
                let is_comment = code[line..at].contains("//");
                code[line..at]
                    .rfind('"')
                    .filter(|_| !is_comment)
                    .map(|quote| line + quote)
            });
        for start in ends.chain(of_ims) {
            if let Some(literal) = literals(&format!("({}", &code[start..])).first() {
                note(literal);
            }
        }
    }
    messages
}

/// The rows of the document, by the beginnings of messages in their first cells (in double
/// backticks).
fn rows() -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("docs/troubleshooting.md")).unwrap();
    let cells = text
        .lines()
        .filter_map(|line| line.strip_prefix("| ``")?.split_once("`` |"));
    cells.map(|(cell, _)| plain(cell)).collect()
}

#[test]
fn messages_of_the_connector_are_explained_and_no_other() {
    let messages = messages();
    let rows = rows();
    assert!(
        messages.len() > 60,
        "only {} messages were found",
        messages.len()
    );
    let missing: Vec<_> = messages
        .iter()
        .filter(|(message, _)| row_of(message, &rows).is_none())
        .collect();
    assert!(
        missing.is_empty(),
        "docs/troubleshooting.md lacks {missing:#?}"
    );
    let used: BTreeSet<_> = messages
        .keys()
        .filter_map(|message| row_of(message, &rows))
        .collect();
    let gone: Vec<_> = rows.iter().filter(|row| !used.contains(row)).collect();
    assert!(
        gone.is_empty(),
        "docs/troubleshooting.md explains what nobody says: {gone:#?}"
    );
}

#[test]
fn reasons_for_a_hold_or_a_dead_letter_are_explained() {
    let text = std::fs::read_to_string(root().join("docs/troubleshooting.md")).unwrap();
    let mut reasons = BTreeSet::new();
    for (_, code) in sources() {
        for opening in ["(Scope::Target, \"", "(Scope::Record, \"", "reason: \""] {
            for (at, _) in code.match_indices(opening) {
                let word = code[at + opening.len()..].split('"').next().unwrap();
                if !word.contains(' ') {
                    reasons.insert(word.to_owned());
                }
            }
        }
    }
    assert!(reasons.len() > 9, "{reasons:?}");
    for reason in reasons {
        assert!(
            text.contains(&format!("| `{reason}` |")),
            "{reason} is not explained"
        );
    }
}
