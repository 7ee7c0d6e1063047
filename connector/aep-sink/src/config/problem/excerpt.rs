//! A line of the file under the message about it, with a caret under the span.
//!
//! A line may hold a secret that is written out where a placeholder belongs, under its right key or
//! a mistyped one, in a comment, or in the ruins of broken YAML. So nothing of a line is shown but
//!
//! - keys, and the signs of YAML between them;
//! - values of keys that the [schema](mod@crate::config::schema) knows and does not call confidential, when
//!   the file has them on one line as they are read, and they are no URLs with a user in them.
//!
//! Everything else becomes `…`, and comments are cut off. A file that is no YAML shows the key its
//! broken line begins with, if that is one of ours.

use std::fmt;

use crate::config::schema;
use crate::config::yaml::path::{KeyPath, is_plain};
use crate::config::yaml::tree::{Node, NodeKind, Span};

/// Longer lines are cut around the span.
const SHOWN_CHARS: usize = 100;
/// What is kept before the span then.
const BEFORE: usize = 40;
const HIDDEN: char = '…';

/// The file's lines, and what on them may be shown.
#[derive(Debug)]
pub(in crate::config) struct Source {
    lines: Vec<Vec<char>>,
    tokens: Vec<Token>,
}

/// A key or a scalar of the file.
#[derive(Debug)]
struct Token {
    span: Span,
    is_open: bool,
}

/// One line as it is shown, and the span on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::config) struct Excerpt {
    line: usize,
    text: String,
    start: usize,
    length: usize,
}

// === impl Source ===

impl Source {
    /// The lines of a file and its tree, with placeholders as they are written.
    pub(in crate::config) fn new(text: &str, written: &Node) -> Self {
        let mut source = Self {
            lines: lines(text),
            tokens: Vec::new(),
        };
        source.visit(&KeyPath::default(), written);
        source
    }

    /// What may be shown of the line of a span; `None` when the file has no such line.
    pub(in crate::config) fn excerpt(&self, span: Span) -> Option<Excerpt> {
        let line = self.lines.get(span.line.checked_sub(1)?)?;
        let mut tokens: Vec<&Token> = self
            .tokens
            .iter()
            .filter(|token| token.span.is_on(span.line))
            .collect();
        tokens.sort_by_key(|token| (token.span.line, token.span.start));
        let mut tokens = tokens.into_iter().peekable();
        let mut shown = String::new();
        // Where the span is in what is shown.
        let (mut start, mut end) = (None, 0);
        for (column, letter) in line.iter().enumerate() {
            if column == span.start {
                start = Some(shown.chars().count());
            }
            while tokens
                .next_if(|token| token.span.ends_before(span.line, column))
                .is_some()
            {}
            match tokens
                .peek()
                .filter(|token| token.span.begins_by(span.line, column))
            {
                Some(Token { is_open: true, .. }) => shown.push(*letter),
                None if letter.is_whitespace() => shown.push(' '),
                None if "-?:,[]{}".contains(*letter) => shown.push(*letter),
                None if *letter == '#' => break,
                Some(_) | None if shown.ends_with(HIDDEN) => {}
                Some(_) | None => shown.push(HIDDEN),
            }
            if column < span.end_on(line.len()) {
                end = shown.chars().count();
            }
        }
        let start = start?;
        shown.truncate(shown.trim_end().len());
        Some(Excerpt::cut(
            span.line,
            &shown,
            start,
            end.saturating_sub(start),
        ))
    }

    fn visit(&mut self, path: &KeyPath, node: &Node) {
        match &node.kind {
            NodeKind::Map(entries) => {
                for (key, value) in entries {
                    if let Some(span) = value.key {
                        let is_open = is_plain(key) && self.reads(span, key);
                        self.tokens.push(Token { span, is_open });
                    }
                    self.visit(&path.key(key), value);
                }
            }
            NodeKind::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.visit(&path.index(index), item);
                }
            }
            NodeKind::Null => {}
            NodeKind::String(text) => {
                let has_user = text.value.contains("://") && text.value.contains('@');
                let is_open = is_open(path) && !has_user && self.reads(node.value, &text.value);
                self.tokens.push(Token {
                    span: node.value,
                    is_open,
                });
            }
            NodeKind::Bool(_) | NodeKind::Integer(_) | NodeKind::Float(_) => {
                let number =
                    |letter: &char| letter.is_ascii_alphanumeric() || ".+-".contains(*letter);
                let is_open = is_open(path)
                    && self
                        .slice(node.value)
                        .is_some_and(|text| text.iter().all(number));
                self.tokens.push(Token {
                    span: node.value,
                    is_open,
                });
            }
        }
    }

    /// Whether the file has just this text at a span, plain or in quotes.
    fn reads(&self, span: Span, text: &str) -> bool {
        let Some(written) = self.slice(span) else {
            return false;
        };
        let written: String = written.iter().collect();
        let bare = ['"', '\''].iter().find_map(|quote| {
            let inner = written.strip_prefix(*quote)?;
            inner.strip_suffix(*quote)
        });
        bare.unwrap_or(&written) == text
    }

    /// The text at a span that begins and ends on one line.
    fn slice(&self, span: Span) -> Option<&[char]> {
        let line = self.lines.get(span.line.checked_sub(1)?)?;
        (span.line == span.end_line).then(|| line.get(span.start..span.end))?
    }
}

/// Whether values of this key may be shown.
fn is_open(path: &KeyPath) -> bool {
    schema::at(path).is_some() && !schema::is_confidential(path)
}

/// To YAML, a carriage return alone ends a line as well.
fn lines(text: &str) -> Vec<Vec<char>> {
    let text = text
        .strip_prefix('\u{feff}')
        .unwrap_or(text)
        .replace("\r\n", "\n");
    let lines = text.split(['\n', '\r']);
    lines.map(|line| line.chars().collect()).collect()
}

// === impl Excerpt ===

impl Excerpt {
    /// What may be shown of a line that is no YAML: the key it begins with, if that is one of ours.
    pub(in crate::config) fn of_broken(text: &str, line: usize) -> Option<Self> {
        let letters = lines(text).into_iter().nth(line.checked_sub(1)?)?;
        let content: String = letters.into_iter().collect();
        let body = content.trim_start_matches([' ', '-']);
        let start = content.chars().count() - body.chars().count();
        let (key, rest) = body.split_once(':')?;
        if !schema::has_key(key) {
            return None;
        }
        let hidden = if rest.trim().is_empty() { "" } else { " …" };
        let shown = format!("{}{key}:{hidden}", &content[..content.len() - body.len()]);
        Some(Self::cut(
            line,
            &shown,
            start,
            shown.chars().count() - start,
        ))
    }

    fn cut(line: usize, text: &str, start: usize, length: usize) -> Self {
        let letters: Vec<char> = text.chars().collect();
        let first = if letters.len() > SHOWN_CHARS {
            start.saturating_sub(BEFORE)
        } else {
            0
        };
        let last = letters.len().min(first + SHOWN_CHARS);
        let mut text: String = letters[first.min(last)..last].iter().collect();
        if last < letters.len() {
            text.push(HIDDEN);
        }
        let start = start - first;
        Self {
            line,
            length: length.clamp(1, (last - first).saturating_sub(start).max(1)),
            text,
            start,
        }
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        writeln!(f, "  {number} | {}", self.text)?;
        write!(
            f,
            "  {margin} | {}{}",
            " ".repeat(self.start),
            "^".repeat(self.length)
        )
    }
}
