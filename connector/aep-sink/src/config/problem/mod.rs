//! What is wrong with a configuration, said so that it can be put right: key, line, found,
//! expected.
//!
//! Nothing here shows a value that was made of a secret, nor one that stands where a secret
//! belongs.

mod excerpt;
mod suggest;

use std::fmt;

use super::schema;
use super::yaml::path::{KeyPath, is_plain};
use super::yaml::tree::{Node, NodeKind, SyntaxError};
use excerpt::Excerpt;
use suggest::nearest;

pub(in crate::config) use excerpt::Source;

/// Longer texts are cut in messages.
const SHOWN_CHARS: usize = 60;

/// One thing to put right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    line: Option<usize>,
    /// The key's path; empty when it is the file as a whole.
    path: String,
    message: String,
    excerpt: Option<Excerpt>,
}

/// Why there is no configuration. The fault is always the user's and never heals by itself: exit
/// code 2.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    file: String,
    problems: Vec<Problem>,
}

impl ConfigError {
    pub(in crate::config) fn new(file: &str, problems: Vec<Problem>) -> Self {
        Self {
            file: file.to_owned(),
            problems,
        }
    }

    /// The problems of other keys and those of the secrets, apart. `secrets` is the secrets' own
    /// file, if there is one.
    pub(crate) fn apart_from_secrets(self, secrets: Option<&str>) -> (Option<Self>, Option<Self>) {
        if secrets == Some(self.file.as_str()) {
            return (None, Some(self));
        }
        let Self { file, problems } = self;
        let (of_secrets, others): (Vec<_>, Vec<_>) = problems
            .into_iter()
            .partition(|problem| problem.path.starts_with("meta.secrets"));
        let some =
            |problems: Vec<Problem>| (!problems.is_empty()).then(|| Self::new(&file, problems));
        (some(others), some(of_secrets))
    }

    /// An error about the file as a whole.
    pub(in crate::config) fn whole(file: &str, message: impl Into<String>) -> Self {
        Self::at_line(file, None, message.into(), None)
    }

    /// A file that is no tree.
    pub(in crate::config) fn syntax(file: &str, text: &str, error: SyntaxError) -> Self {
        let excerpt = error.line.and_then(|line| Excerpt::of_broken(text, line));
        Self::at_line(file, error.line, error.message, excerpt)
    }

    fn at_line(file: &str, line: Option<usize>, message: String, excerpt: Option<Excerpt>) -> Self {
        let problem = Problem {
            line,
            path: String::new(),
            message,
            excerpt,
        };
        Self::new(file, vec![problem])
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.problems.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            f.write_str(&self.file)?;
            if let Some(line) = problem.line {
                write!(f, ":{line}")?;
            }
            if !problem.path.is_empty() {
                write!(f, ": {}", problem.path)?;
            }
            write!(f, ": {}", problem.message)?;
            if let Some(excerpt) = &problem.excerpt {
                write!(f, "\n{excerpt}")?;
            }
        }
        Ok(())
    }
}

/// Collects problems against the tree they were found in.
#[derive(Debug)]
pub(in crate::config) struct Problems<'a> {
    source: &'a Source,
    tree: &'a Node,
    found: Vec<(KeyPath, Problem)>,
    /// Keys that are not missing but mistyped, which is said already.
    mistyped: Vec<KeyPath>,
}

impl<'a> Problems<'a> {
    pub(in crate::config) fn new(source: &'a Source, tree: &'a Node) -> Self {
        Self {
            source,
            tree,
            found: Vec::new(),
            mistyped: Vec::new(),
        }
    }

    /// Goes on with another tree of the same file.
    pub(in crate::config) fn onto<'b>(self, tree: &'b Node) -> Problems<'b>
    where
        'a: 'b,
    {
        Problems {
            source: self.source,
            tree,
            found: self.found,
            mistyped: self.mistyped,
        }
    }

    pub(in crate::config) fn tree(&self) -> &'a Node {
        self.tree
    }

    /// Adds a problem of a key. The message must not hold the value: [`Self::expected`] shows it
    /// when that is allowed.
    pub(in crate::config) fn add(&mut self, path: &KeyPath, message: impl Into<String>) {
        self.push(path, false, message.into());
    }

    /// Adds "found X, expected Y".
    pub(in crate::config) fn expected(&mut self, path: &KeyPath, expected: &str) {
        let found = self.found_at(path);
        self.push(path, true, format!("found {found}, expected {expected}"));
    }

    /// Adds "found X, expected one of these words", and which of them was meant if that can be
    /// guessed.
    pub(in crate::config) fn expected_one_of(&mut self, path: &KeyPath, words: &[&str]) {
        let found = self.found_at(path);
        let mut message = format!("found {found}, expected {}", alternatives(words));
        let text = self.tree.get(path).and_then(Node::as_text);
        // A word near to a secret would tell something of it.
        let open = text.filter(|text| text.secrets.is_empty() && !schema::is_confidential(path));
        if let Some(meant) = open.and_then(|text| nearest(&text.value, words)) {
            message = format!("{message}; did you mean `{meant}`?");
        }
        self.push(path, true, message);
    }

    fn push(&mut self, path: &KeyPath, is_of_value: bool, message: String) {
        let span = self.tree.span_of(path, is_of_value);
        let problem = Problem {
            line: span.map(|span| span.line),
            path: path.to_string(),
            message,
            excerpt: span.and_then(|span| self.source.excerpt(span)),
        };
        self.found.push((path.clone(), problem));
    }

    /// Adds that a key is none of those allowed. The one that was meant, if that can be guessed, is
    /// not reported as missing any more.
    pub(in crate::config) fn unknown(&mut self, path: &KeyPath, allowed: &[&str]) {
        let key = path.last_key().unwrap_or_default();
        if !is_plain(key) {
            return self.add(
                path,
                "this does not look like a key and is not shown; a colon needs a blank after it",
            );
        }
        match nearest(key, allowed) {
            Some(meant) => {
                self.add(path, format!("unknown key; did you mean `{meant}`?"));
                self.mistyped.push(path.sibling(meant));
            }
            None => self.add(
                path,
                format!("unknown key; known here: {}", allowed.join(", ")),
            ),
        }
    }

    /// Passes a required value on, or says that it is missing, unless something was said about it
    /// already.
    pub(in crate::config) fn require<T>(
        &mut self,
        path: &KeyPath,
        value: Option<T>,
        expected: &str,
    ) -> Option<T> {
        if value.is_none() && !self.mentions(path) && !self.mentions_below(path) {
            self.add(path, format!("missing; expected {expected}"));
        }
        value
    }

    /// Whether a problem of this key, or of one above it, is known.
    pub(in crate::config) fn mentions(&self, path: &KeyPath) -> bool {
        self.found
            .iter()
            .map(|(known, _)| known)
            .chain(&self.mistyped)
            .any(|known| path.starts_with(known))
    }

    /// Whether a problem of this key, or of one below it, is known.
    pub(in crate::config) fn mentions_below(&self, path: &KeyPath) -> bool {
        self.found.iter().any(|(known, _)| known.starts_with(path))
    }

    /// Forgets the problems of other keys.
    pub(in crate::config) fn keep_below(&mut self, path: &KeyPath) {
        self.found.retain(|(known, _)| known.starts_with(path));
    }

    pub(in crate::config) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// All problems, in the order of the file.
    pub(in crate::config) fn into_vec(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|(_, problem)| problem.line);
        self.found.into_iter().map(|(_, problem)| problem).collect()
    }

    /// What stands at a path, in words.
    fn found_at(&self, path: &KeyPath) -> String {
        let Some(node) = self.tree.get(path) else {
            return "nothing".to_owned();
        };
        match &node.kind {
            NodeKind::String(text) if !text.secrets.is_empty() => {
                format!(
                    "a text made of secrets.{} (not shown)",
                    text.secrets.join(", secrets.")
                )
            }
            NodeKind::String(_) | NodeKind::Integer(_) | NodeKind::Float(_)
                if schema::is_confidential(path) =>
            {
                format!("{} (not shown)", node.kind_name())
            }
            NodeKind::String(text) => shown(&text.value),
            NodeKind::Integer(number) => format!("the number {number}"),
            NodeKind::Float(number) => format!("the number {number}"),
            NodeKind::Bool(value) => value.to_string(),
            NodeKind::Null | NodeKind::List(_) | NodeKind::Map(_) => node.kind_name().to_owned(),
        }
    }
}

/// `a`, `b` or `c`.
fn alternatives(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match words.as_slice() {
        [before @ .., last] if !before.is_empty() => format!("{} or {last}", before.join(", ")),
        words => words.join(""),
    }
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
