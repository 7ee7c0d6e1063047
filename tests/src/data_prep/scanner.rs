//! Reads a text from left to right.

/// What is left of a source, a destination or an expression.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scanner<'a> {
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.rest = self.rest.get(next.len_utf8()..).unwrap_or_default();
        Some(next)
    }

    /// Takes `text` when it is next.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Takes characters as long as they are wanted.
    pub(super) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    pub(super) fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    pub(super) fn expect(&mut self, text: &str) -> Result<(), String> {
        self.skip_blanks();
        if self.take(text) {
            return Ok(());
        }
        Err(format!("`{text}` expected {}", self.here()))
    }

    pub(super) fn expect_end(&mut self) -> Result<(), String> {
        self.skip_blanks();
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(format!("nothing more is understood {}", self.here()))
    }

    /// Where it stands, for a message.
    pub(super) fn here(&self) -> String {
        match self.rest {
            "" => "at the end".to_owned(),
            rest => format!("before `{}`", rest.chars().take(30).collect::<String>()),
        }
    }
}
