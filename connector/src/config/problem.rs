//! What is wrong with a configuration, said so that it can be put right: key, line, found, expected.
//!
//! Nothing here shows a value that was made of a secret, nor one that stands where a secret belongs.

use std::fmt;

use super::tree::{Kind, Node, Path};

/// Longer texts are cut in messages.
const SHOWN_CHARS: usize = 60;

/// Keys whose values are not shown even when they are written out instead of being placeholders.
const CONFIDENTIAL: [&str; 4] = [
    "experience-platform.ims.client-id",
    "experience-platform.ims.client-secret",
    "experience-platform.ims.client-secret-next",
    // May hold a password.
    "experience-platform.http.proxy",
];

/// One thing to put right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    line: Option<usize>,
    /// The key's path; empty when it is the file as a whole.
    path: String,
    message: String,
}

/// Why there is no configuration. The fault is always the user's and never heals by itself: exit code 2.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) struct ConfigError {
    file: String,
    problems: Vec<Problem>,
}

impl ConfigError {
    pub(super) fn new(file: &str, problems: Vec<Problem>) -> Self {
        Self {
            file: file.to_owned(),
            problems,
        }
    }

    /// The problems of other keys and those of the secrets, apart. `secrets` is the secrets' own file, if there is one.
    pub(crate) fn apart_from_secrets(self, secrets: Option<&str>) -> (Option<Self>, Option<Self>) {
        if secrets == Some(self.file.as_str()) {
            return (None, Some(self));
        }
        let Self { file, problems } = self;
        let (of_secrets, others): (Vec<_>, Vec<_>) = problems
            .into_iter()
            .partition(|problem| problem.path.starts_with("meta.secrets"));
        let some = |problems: Vec<Problem>| (!problems.is_empty()).then(|| Self::new(&file, problems));
        (some(others), some(of_secrets))
    }

    /// An error about the file as a whole.
    pub(super) fn whole(file: &str, line: Option<usize>, message: impl Into<String>) -> Self {
        let problem = Problem {
            line,
            path: String::new(),
            message: message.into(),
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
        }
        Ok(())
    }
}

/// Collects problems against the tree they were found in.
#[derive(Debug)]
pub(super) struct Problems<'a> {
    tree: &'a Node,
    found: Vec<(Path, Problem)>,
    /// Keys that are not missing but mistyped, which is said already.
    mistyped: Vec<Path>,
}

impl<'a> Problems<'a> {
    pub(super) fn new(tree: &'a Node) -> Self {
        Self {
            tree,
            found: Vec::new(),
            mistyped: Vec::new(),
        }
    }

    /// Goes on with another tree of the same file.
    pub(super) fn onto<'b>(self, tree: &'b Node) -> Problems<'b> {
        Problems {
            tree,
            found: self.found,
            mistyped: self.mistyped,
        }
    }

    pub(super) fn tree(&self) -> &'a Node {
        self.tree
    }

    /// Adds a problem. The message must not hold the value: [`Self::expected`] shows it when that is allowed.
    pub(super) fn add(&mut self, path: &Path, message: impl Into<String>) {
        let problem = Problem {
            line: self.tree.line_of(path),
            path: path.to_string(),
            message: message.into(),
        };
        self.found.push((path.clone(), problem));
    }

    /// Adds "found X, expected Y".
    pub(super) fn expected(&mut self, path: &Path, expected: &str) {
        let found = self.found_at(path);
        self.add(path, format!("found {found}, expected {expected}"));
    }

    /// Adds "did you mean": the key meant is not reported as missing any more.
    pub(super) fn mistyped(&mut self, path: &Path, meant: &str) {
        self.add(path, format!("unknown key; did you mean `{meant}`?"));
        self.mistyped.push(path.sibling(meant));
    }

    /// Passes a required value on, or says that it is missing, unless something was said about it already.
    pub(super) fn require<T>(&mut self, path: &Path, value: Option<T>, expected: &str) -> Option<T> {
        if value.is_none() && !self.mentions(path) && !self.mentions_below(path) {
            self.add(path, format!("missing; expected {expected}"));
        }
        value
    }

    /// Whether a problem of this key, or of one above it, is known.
    pub(super) fn mentions(&self, path: &Path) -> bool {
        self.found
            .iter()
            .map(|(known, _)| known)
            .chain(&self.mistyped)
            .any(|known| path.starts_with(known))
    }

    /// Whether a problem of this key, or of one below it, is known.
    pub(super) fn mentions_below(&self, path: &Path) -> bool {
        self.found.iter().any(|(known, _)| known.starts_with(path))
    }

    /// Forgets the problems of other keys.
    pub(super) fn keep_below(&mut self, path: &Path) {
        self.found.retain(|(known, _)| known.starts_with(path));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// All problems, in the order of the file.
    pub(super) fn into_vec(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|(_, problem)| problem.line);
        self.found.into_iter().map(|(_, problem)| problem).collect()
    }

    /// What stands at a path, in words.
    fn found_at(&self, path: &Path) -> String {
        let Some(node) = self.tree.get(path) else {
            return "nothing".to_owned();
        };
        match &node.kind {
            Kind::Text(text) if !text.secrets.is_empty() => {
                format!("a text made of secrets.{} (not shown)", text.secrets.join(", secrets."))
            }
            Kind::Text(_) | Kind::Integer(_) | Kind::Float(_) if is_confidential(path) => {
                format!("{} (not shown)", node.noun())
            }
            Kind::Text(text) => shown(&text.value),
            Kind::Integer(number) => format!("the number {number}"),
            Kind::Float(number) => format!("the number {number}"),
            Kind::Bool(value) => value.to_string(),
            Kind::Null | Kind::List(_) | Kind::Map(_) => node.noun().to_owned(),
        }
    }
}

/// Whether the value at this path is never shown.
pub(super) fn is_confidential(path: &Path) -> bool {
    let path = path.to_string();
    CONFIDENTIAL.contains(&path.as_str())
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// The candidate a mistyped word was most likely meant to be.
pub(super) fn nearest<'c>(word: &str, candidates: &[&'c str]) -> Option<&'c str> {
    let word = canonical(word);
    candidates
        .iter()
        .map(|candidate| (edits(&word, &canonical(candidate)), *candidate))
        .filter(|(edits, candidate)| *edits <= (candidate.len() / 3).max(2))
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// `clientId`, `client_id` and `client-id` are the same word.
fn canonical(word: &str) -> String {
    let letters = word.chars().filter(|letter| letter.is_alphanumeric()).take(64);
    letters.flat_map(char::to_lowercase).collect()
}

/// Levenshtein distance: insertions, deletions and replacements between two words.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for column in 1..row.len() {
            let replaced = diagonal + usize::from(letter != to[column - 1]);
            diagonal = row[column];
            row[column] = replaced.min(row[column] + 1).min(row[column - 1] + 1);
        }
    }
    row[to.len()]
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_key_finds_the_nearest_right_one() {
        let keys = ["client-id", "client-secret", "token-url"];
        assert_eq!(nearest("clientId", &keys), Some("client-id"));
        assert_eq!(nearest("client_secert", &keys), Some("client-secret"));
        assert_eq!(nearest("tokenurl", &keys), Some("token-url"));
        assert_eq!(nearest("colour", &keys), None);
    }
}
