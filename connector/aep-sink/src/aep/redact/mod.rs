//! What of a foreign message may be shown: never a token, and in logs never a value of a record.
//!
//! A dead letter holds its record anyway, so its message is only rid of what looks personal. Logs,
//! readiness and `check` are read by others. What Experience Platform can say is endless, and what
//! was sent is known: so they show a message without the values of the records it is about, and
//! without what looks like data whosever it is. What is quoted may be data that was not sent, of
//! a profile perhaps; of that they show what is known to be a name, a code, an id or a word of a
//! rule.

use super::sent_values::{self, SentValues, TELLING_DIGITS};

/// Longest message that is kept, in characters.
const MESSAGE: usize = 400;
/// As many digits in a row may be a telephone or customer number.
const SUSPICIOUS_DIGITS: usize = 7;
/// As many are data wherever they stand.
const DATA_DIGITS: usize = 5;
/// Replaces what is left out.
const LEFT_OUT: char = '…';

/// The English of rules, as validators of JSON Schema write them. A word of it is no sign of a
/// value that happens to contain it, and is shown where it is quoted.
const RULE_WORDS: [&str; 141] = [
    "a",
    "absent",
    "actual",
    "again",
    "against",
    "all",
    "allowed",
    "an",
    "and",
    "any",
    "are",
    "array",
    "as",
    "at",
    "be",
    "been",
    "between",
    "bigdecimal",
    "body",
    "boolean",
    "but",
    "by",
    "can",
    "cannot",
    "class",
    "constraint",
    "contain",
    "contains",
    "count",
    "data",
    "dataflow",
    "dataset",
    "date",
    "disabled",
    "does",
    "double",
    "email",
    "empty",
    "enabled",
    "enum",
    "equal",
    "error",
    "errors",
    "exactly",
    "exist",
    "expected",
    "extraneous",
    "field",
    "fields",
    "flow",
    "for",
    "format",
    "found",
    "from",
    "greater",
    "has",
    "have",
    "header",
    "identity",
    "ims",
    "in",
    "instance",
    "integer",
    "invalid",
    "is",
    "item",
    "items",
    "its",
    "json",
    "jsonarray",
    "jsonobject",
    "key",
    "keys",
    "large",
    "length",
    "less",
    "long",
    "mandatory",
    "match",
    "matches",
    "maximum",
    "maxlength",
    "message",
    "minimum",
    "minlength",
    "missing",
    "more",
    "multiple",
    "must",
    "name",
    "names",
    "namespace",
    "no",
    "not",
    "null",
    "number",
    "object",
    "of",
    "one",
    "only",
    "or",
    "org",
    "pattern",
    "payload",
    "permitted",
    "primary",
    "properties",
    "property",
    "provide",
    "record",
    "records",
    "reference",
    "required",
    "schema",
    "schemaref",
    "source",
    "string",
    "subschema",
    "subschemas",
    "than",
    "that",
    "the",
    "this",
    "time",
    "timestamp",
    "to",
    "too",
    "try",
    "type",
    "unexpected",
    "unique",
    "unknown",
    "valid",
    "validated",
    "validation",
    "value",
    "violation",
    "violations",
    "was",
    "with",
    "wrong",
];

/// Words before a name that comes from the configuration or from a schema.
const LABELS: [&str; 15] = [
    "key",
    "keys",
    "property",
    "properties",
    "field",
    "fields",
    "inletid",
    "imsorgid",
    "flowid",
    "flow",
    "datasetid",
    "dataset",
    "schemaref",
    "schema",
    "namespace",
];

// === what is kept ===

/// Makes a foreign message fit to be kept: no addresses, no tokens, no long numbers, no control
/// characters, not long.
pub(super) fn redact(text: &str) -> String {
    let boundary = |c: char| c.is_whitespace() || c.is_control() || "[](){}<>\"'`,;".contains(c);
    let mut clean = Clean::default();
    let mut length = 0;
    for piece in text.split_inclusive(boundary) {
        length += piece.chars().count();
        if length > MESSAGE {
            // Whole words only: the beginning of one would not be recognised as a value.
            clean.leave_out();
            break;
        }
        let word = piece.trim_end_matches(boundary);
        if is_personal(word) {
            clean.leave_out();
        } else {
            clean.text.push_str(word);
        }
        clean.gap(&piece[word.len()..]);
    }
    clean.text
}

fn is_personal(word: &str) -> bool {
    let is_address = word.contains('@') && !is_organization(word);
    let is_number =
        longest_row(word) >= SUSPICIOUS_DIGITS && !is_id(word) && !is_organization(word);
    is_address || word.starts_with("eyJ") || is_number
}

/// A text that is put together with parts left out.
#[derive(Default)]
struct Clean {
    text: String,
}

impl Clean {
    fn leave_out(&mut self) {
        let shown = self.text.trim_end();
        if shown.ends_with(LEFT_OUT) {
            self.text.truncate(shown.len());
        } else {
            self.text.push(LEFT_OUT);
        }
    }

    /// What is between words; blanks as one.
    fn gap(&mut self, text: &str) {
        for c in text.chars() {
            if !c.is_whitespace() && !c.is_control() {
                self.text.push(c);
            } else if !self.text.ends_with(' ') {
                self.text.push(' ');
            }
        }
    }
}

// === what is shown ===

/// A message without the values of the records it is about.
pub(super) fn without_values(text: &str, sent: &SentValues) -> String {
    let message = Message::read(text);
    let mut clean = Clean::default();
    let mut done = 0;
    for (start, end) in message.hidden(sent) {
        if end > done {
            clean.gap(&text[done..start.max(done)]);
            clean.leave_out();
            done = end;
        }
    }
    clean.gap(&text[done..]);
    clean.text
}

/// A message in its words.
struct Message<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    quotes: Vec<Quote>,
}

/// A word, and where it stands.
#[derive(Clone, Copy)]
struct Token {
    start: usize,
    end: usize,
    path: Option<Path>,
    /// The innermost quotation it is in.
    quote: Option<usize>,
}

/// What a word is a segment of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Path {
    Pointer,
    /// Of a schema: the tenant is in it, whose name is often in records as well.
    Url,
}

/// What stands in square brackets or between quotation marks.
#[derive(Clone, Copy)]
struct Quote {
    start: usize,
    end: usize,
    /// Behind a word that says that it is a name, and one word or a list of them.
    is_name: bool,
}

/// What is open at a place of a text.
struct Open {
    closer: char,
    quote: Option<usize>,
}

const SCHEMAS: &str = "https://ns.adobe.com";

impl<'t> Message<'t> {
    fn read(text: &'t str) -> Self {
        let mut message = Self {
            text,
            tokens: Vec::new(),
            quotes: Vec::new(),
        };
        let mut open: Vec<Open> = Vec::new();
        let mut at = 0;
        while let Some(c) = text[at..].chars().next() {
            let quote = open.last().and_then(|open| open.quote);
            let before = text[..at].chars().next_back();
            let behind = &text[at + c.len_utf8()..];
            let starts = !before.is_some_and(is_word);
            let is_path = starts
                && (text[at..].starts_with(SCHEMAS)
                    || text[at..].starts_with("#/")
                    || (c == '/'
                        && behind.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')));
            if is_path {
                at = message.path(at, quote);
                continue;
            }
            if is_word(c) || c == LEFT_OUT {
                at = message.word(at, quote);
                continue;
            }
            let in_word = c == '\'' && !starts && behind.starts_with(is_word);
            if in_word {
            } else if let Some(opened) = open.iter().rposition(|open| open.closer == c) {
                for closed in open.drain(opened..) {
                    if let Some(quote) = closed.quote {
                        message.quotes[quote].end = at;
                    }
                }
            } else if c == '[' || ("\"'`".contains(c) && starts) {
                // A rule in brackets quotes nothing by that: `[#/timestamp: […] is no date]`.
                let inner = behind.trim_start();
                let is_rule = c == '[' && quote.is_none() && {
                    let end = inner.find([' ', ':', ']']).unwrap_or(inner.len());
                    inner.starts_with('#') || is_code(&inner[..end])
                };
                let quote = (!is_rule).then(|| message.open(at + 1));
                let closer = if c == '[' { ']' } else { c };
                open.push(Open { closer, quote });
            }
            at += c.len_utf8();
        }
        message
    }

    /// A quotation begins here, until the end of the text or its own.
    fn open(&mut self, start: usize) -> usize {
        let is_name = self.tokens.last().is_some_and(|before| {
            let between = self.text[before.end..start - 1].trim();
            matches!(between, "" | ":") && LABELS.contains(&self.of(before).to_lowercase().as_str())
        });
        self.quotes.push(Quote {
            start,
            end: self.text.len(),
            is_name,
        });
        self.quotes.len() - 1
    }

    /// Reads a word, or a number with its signs; gives its end.
    fn word(&mut self, start: usize, quote: Option<usize>) -> usize {
        let mut end = start;
        let mut chars = self.text[start..].chars().peekable();
        let mut before = None;
        while let Some(c) = chars.next() {
            let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
            let joins = ".,:/+".contains(c) && is_digit(before) && is_digit(chars.peek().copied());
            if c == LEFT_OUT {
                if before.is_none() {
                    end += c.len_utf8();
                }
                break;
            }
            if !is_word(c) && !joins {
                break;
            }
            before = Some(c);
            end += c.len_utf8();
        }
        self.push(start, end, None, quote);
        end
    }

    /// Reads what has segments; gives its end.
    fn path(&mut self, start: usize, quote: Option<usize>) -> usize {
        let text = self.text;
        let ends = |c: char| c.is_whitespace() || "[](){}<>\"'`,;…".contains(c);
        let end = text[start..]
            .find(ends)
            .map_or(text.len(), |end| start + end);
        let whole = text[start..end].trim_end_matches([':', '.']);
        let end = start + whole.len();
        let (host, path) = if whole.starts_with(SCHEMAS) {
            (SCHEMAS.len(), Path::Url)
        } else {
            (0, Path::Pointer)
        };
        let mut at = start + host;
        for segment in whole[host..].split('/') {
            if segment != "#" {
                self.push(at, at + segment.len(), Some(path), quote);
            }
            at += segment.len() + 1;
        }
        end
    }

    fn push(&mut self, start: usize, end: usize, path: Option<Path>, quote: Option<usize>) {
        let is_gap = |c: char| c == '-' || c == '_' || c == '@';
        if self.text[start..end].trim_matches(is_gap).is_empty() {
            return;
        }
        if let Some(quote) = quote
            && let Some(before) = self
                .tokens
                .last()
                .filter(|token| token.quote == Some(quote))
            && !self.text[before.end..start].contains(',')
        {
            self.quotes[quote].is_name = false;
        }
        self.tokens.push(Token {
            start,
            end,
            path,
            quote,
        });
    }

    fn of(&self, token: &Token) -> &'t str {
        &self.text[token.start..token.end]
    }

    /// What is not shown, in order. Of what is quoted all, when one word of it is not.
    fn hidden(&self, sent: &SentValues) -> Vec<(usize, usize)> {
        let in_values = self.in_values(sent);
        let mut hidden: Vec<(usize, usize)> = self
            .tokens
            .iter()
            .zip(in_values)
            .filter(|(token, in_value)| !self.is_shown(token, *in_value, sent))
            .map(
                |(token, _)| match token.quote.map(|quote| self.quotes[quote]) {
                    Some(quote) => (quote.start, quote.end),
                    None => (token.start, token.end),
                },
            )
            .collect();
        hidden.sort_unstable();
        hidden
    }

    /// Which words are part of a whole value that stands in the message, whatever is between its
    /// words.
    fn in_values(&self, sent: &SentValues) -> Vec<bool> {
        let (mut words, mut tokens) = (Vec::new(), Vec::new());
        for (index, token) in self.tokens.iter().enumerate() {
            // Numbers in them are not the record's.
            if is_code(self.of(token)) || is_id(self.of(token)) {
                continue;
            }
            for word in sent_values::words(self.of(token)) {
                words.push(word);
                tokens.push(index);
            }
        }
        let mut found = vec![false; self.tokens.len()];
        for at in 0..words.len() {
            let Some(phrase) = sent.phrase_at(&words[at..]) else {
                continue;
            };
            // A number of two digits, or an article, is no sign of a value.
            let is_little = |word: &str| {
                word.len() < TELLING_DIGITS
                    && (is_rule_word(word) || word.bytes().all(|byte| byte.is_ascii_digit()))
            };
            if !matches!(phrase, [word] if is_little(word)) {
                for token in &tokens[at..at + phrase.len()] {
                    found[*token] = true;
                }
            }
        }
        found
    }

    fn is_shown(&self, token: &Token, in_value: bool, sent: &SentValues) -> bool {
        let word = self.of(token);
        let quote = token.quote.map(|quote| self.quotes[quote]);
        if word.starts_with(LEFT_OUT) || word.contains(sent_values::is_foreign) {
            return false;
        }
        let digits = longest_row(word);
        let is_index = digits == word.len() && digits < TELLING_DIGITS;
        if token.path == Some(Path::Pointer) && (sent.is_name(word) || is_index) {
            return true;
        }
        if in_value {
            return false;
        }
        if is_organization(word) || is_id(word) {
            return !sent.has_within(word);
        }
        if word.contains('@') {
            return false;
        }
        if let Some(letters) = word.split('-').next().filter(|_| is_code(word)) {
            return !sent.tells(&letters.to_lowercase());
        }
        if !word.contains(|c: char| c.is_ascii_alphabetic()) {
            let is_row = word.bytes().filter(u8::is_ascii_digit).count() == digits;
            let is_sent =
                digits >= TELLING_DIGITS && sent.has_digits(word.trim_matches(['-', '_']));
            return quote.is_none() && is_row && digits < DATA_DIGITS && !is_sent;
        }
        let parts: Vec<String> = sent_values::words(word).collect();
        if sent.is_name(word) || parts.iter().all(|part| is_rule_word(part)) {
            return true;
        }
        if digits >= DATA_DIGITS || sent.is_in(word) {
            return false;
        }
        if token.path.is_some() || quote.is_some_and(|quote| quote.is_name) {
            return token.path == Some(Path::Url) || !sent.has_word(&word.to_lowercase());
        }
        quote.is_none()
            && parts
                .iter()
                .all(|part| is_rule_word(part) || !sent.tells(part))
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-@".contains(c) || sent_values::is_foreign(c)
}

fn is_rule_word(word: &str) -> bool {
    RULE_WORDS.binary_search(&word).is_ok()
}

/// The most digits in a row.
fn longest_row(word: &str) -> usize {
    word.split(|c: char| !c.is_ascii_digit())
        .map(str::len)
        .max()
        .unwrap_or(0)
}

fn is_organization(word: &str) -> bool {
    word.strip_suffix("@AdobeOrg")
        .is_some_and(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// The id of an inlet, a flow, a dataset or a message.
fn is_id(word: &str) -> bool {
    word.len() >= 16
        && word.contains(|c: char| c.is_ascii_digit())
        && word.contains(|c: char| c.is_ascii_alphabetic())
        && word
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// A code of Experience Platform, such as `DCVS-1106-400` or `UPINGT-030075`.
fn is_code(word: &str) -> bool {
    let mut parts = word.split('-');
    let letters = parts.next().unwrap_or_default();
    let numbers: Vec<&str> = parts.collect();
    (3..=10).contains(&letters.len())
        && letters.bytes().all(|byte| byte.is_ascii_uppercase())
        && (1..=2).contains(&numbers.len())
        && numbers.iter().all(|number| {
            (3..=6).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests;
