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

// === tests ===

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::{Value, json};

    use super::*;

    fn record() -> Value {
        json!({
            "_id": "pointsIssued-0f8fad5b-d9cb-469f-a165-70867728950e",
            "timestamp": "2026-11-29T08:00:00Z",
            "person": {"name": {"firstName": "Mara", "lastName": "Long"}, "birthDate": "1991-05-17"},
            "personalEmail": {"address": "mara.long@example.com"},
            "mobilePhone": {"number": "+919812345678"},
            "loyalty": {"program": "Acme Rewards", "tier": "gold", "points": 312.5,
                "pointsGained": [{"value": "many"}]},
            "identityMap": {"CapillaryId": [{"id": "700100201", "primary": true}]},
            "_demo": {"note": "Gift card of the month, not valid in store 17"},
        })
    }

    fn sent(record: &Value) -> SentValues {
        SentValues::of(&[Bytes::from(serde_json::to_vec(record).unwrap())])
    }

    fn shown(text: &str) -> String {
        without_values(&redact(text), &sent(&record()))
    }

    #[test]
    fn message_is_redacted_of_what_may_be_personal_and_cut() {
        let scrubbed = redact(
            "value [asha@example.com] of X@AdobeOrg, phone +919812345678, token eyJhbGciOi.J9.x, code 400",
        );
        assert_eq!(
            scrubbed,
            "value […] of X@AdobeOrg, phone …, token …, code 400"
        );
        assert!(redact(&"wörd ".repeat(1000)).chars().count() <= MESSAGE + 1);
        assert!(redact(&"abcdef ".repeat(100)).ends_with("abcdef …"));
        assert_eq!(redact("a\r\nb"), "a b");
        for id in [
            "0A71234567DB9D3360A495FD3@AdobeOrg",
            "65f12345678d4e5f70819aa3",
        ] {
            assert_eq!(redact(id), id);
        }
    }

    /// Texts of public reports. The rule, the place and the names are the diagnosis.
    #[test]
    fn refusals_of_the_platform_are_shown_with_code_rule_place_and_names() {
        for text in [
            "DCVS-1106-400: The message cannot be validated: [#: required key [_acme] not found]",
            "DCVS-1104-400: The message can't be validated: [#/loyalty/pointsGained/0/value: expected type: Number, found: String]",
            "The message cannot be validated: #/loyalty: extraneous key [lifetimePoints] is not permitted",
            "Payload header is missing Source Name",
            "No active flow exists for the given inlet",
            "UPLIB-101003-400: the service is over its capacity for this sandbox, try again later",
            "The message can't be validated: the message schema does not match the dataset schema reference",
            "inletId: [e7e7e7] imsOrgId: [0A7D42FC5DB9D3360A495FD3@AdobeOrg] Message has an absent or wrong ims org in the header",
            "dataset 65f1a2b3c4d5e6f70819aa3b does not exist",
            "unknown schema https://ns.adobe.com/acme/schemas/0a1b",
            "The 'header' field is mandatory. Provide a valid 'header' value and try again.",
            "Access to the dataset is denied by access label C8",
            "#: 2 schema violations found",
        ] {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn values_of_the_record_are_not_shown_wherever_they_stand() {
        for (said, expected) in [
            (
                "DCVS-1105-400: The message cannot be validated: [#/timestamp: [2026-11-29 08:00] is not a valid date-time]",
                "DCVS-1105-400: The message cannot be validated: [#/timestamp: […] is not a valid date-time]",
            ),
            (
                "expected type: Integer, found: String [Mara]",
                "expected type: Integer, found: String […]",
            ),
            (
                "#/person/name: Mara Long is not a valid enum value",
                "#/person/name: … is not a valid enum value",
            ),
            (
                "expected type: Number, found: Long",
                "expected type: Number, found: …",
            ),
            (
                "string \"MARA\" does not match pattern ^[0-9]+$",
                "string \"…\" does not match pattern ^[…]+$",
            ),
            (
                "The customer's tier 'gold' is wrong",
                "The customer's tier '…' is wrong",
            ),
            (
                "extraneous key [Mara Long] is not permitted",
                "extraneous key […] is not permitted",
            ),
            (
                "extraneous key [mara] is not permitted",
                "extraneous key […] is not permitted",
            ),
            ("dataset Mara does not exist", "dataset … does not exist"),
            ("born 17/05/1991 or May 17, 1991", "born … or May 17, …"),
            ("tel 98123 45678 of 700100201", "tel … of …"),
            (
                "note [card of the month] is too large",
                "note […] is too large",
            ),
            ("xMaray and Mar… are it", "… and … are it"),
            ("points 312.5 or 312 in store 17", "points … or … in … 17"),
            ("profile [Jane Roe] exists", "profile […] exists"),
            (
                "#/identityMap/CapillaryId/0/id: Mara",
                "#/identityMap/CapillaryId/0/id: …",
            ),
            ("#/person/Mara/x", "#/person/…/x"),
            ("prénom Mára", "…"),
        ] {
            assert_eq!(shown(said), expected, "{said}");
        }
    }

    #[test]
    fn refusal_of_the_request_loses_only_what_it_quotes() {
        assert_eq!(
            shown("Client 'acme-loyalty' lacks the permission ingest in sandbox prod"),
            "Client '…' lacks the permission ingest in sandbox prod"
        );
    }

    #[test]
    fn rule_words_are_sorted_and_lower_case() {
        assert!(RULE_WORDS.is_sorted());
        assert!(RULE_WORDS.iter().all(|word| *word == word.to_lowercase()));
    }

    // === property ===

    const TEMPLATES: [&str; 12] = [
        "DCVS-1106-400: The message cannot be validated: [#: required key [@] not found]",
        "[#/loyalty/points/0: expected type: Number, found: String (@)]",
        "#/person/name: @ is not a valid enum value",
        "@ is refused",
        "it ends in @",
        "the value '@' of \"@\" is `@`",
        "extraneous key [@, x] is not permitted, {\"name\": \"@\"}",
        "[@: too long] and [#/timestamp: [@] is not a valid date-time]",
        "x-@-y, _@_, (@), <@>, =@; a/@.b",
        "#/@/0: unknown",
        "https://ns.adobe.com/@/schemas/@ is unknown",
        "inletId: [@] imsOrgId: [@] Message is invalid @ @",
    ];

    fn value(random: &mut fastrand::Rng) -> Value {
        let letters = |random: &mut fastrand::Rng, least: usize| -> String {
            let length = random.usize(least..9);
            (0..length)
                .map(|_| char::from(*random.choice(b"bcdfghjkqvwxzBCDWZ").unwrap()))
                .collect()
        };
        match random.usize(..10) {
            0 => letters(random, 3).into(),
            1 => format!("{} {}", letters(random, 1), letters(random, 3)).into(),
            2 => format!(
                "{}.{}@{}.example",
                letters(random, 2),
                letters(random, 1),
                letters(random, 3)
            )
            .into(),
            3 => format!("+{}", random.u64(100_000_000..9_999_999_999)).into(),
            4 => format!(
                "19{:02}-{:02}-{:02}",
                random.u8(10..99),
                random.u8(1..12),
                random.u8(1..28)
            )
            .into(),
            5 => random.u32(4_000..5_000_000).into(),
            6 => (f64::from(random.u32(40_000..500_000)) / 100.0).into(),
            7 => format!("{}-{}", letters(random, 3), random.u32(10..99_999)).into(),
            8 => format!("é{}मारा [{}]", letters(random, 1), letters(random, 2)).into(),
            _ => format!("{} of the {}", letters(random, 3), letters(random, 2)).into(),
        }
    }

    #[test]
    fn message_of_any_punctuation_is_read_to_its_end() {
        let letters: Vec<char> = "[]\"'`#/.,:;…aé1@-_ {}(".chars().collect();
        let mut random = fastrand::Rng::with_seed(14);
        for _ in 0..10_000 {
            let length = random.usize(..40);
            let said: String = (0..length)
                .map(|_| *random.choice(&letters).unwrap())
                .collect();
            assert!(!without_values(&said, &sent(&json!({"x": "a"}))).contains('é'));
            let said = format!("https://ns.adobe.com{said}");
            assert!(!without_values(&redact(&said), &SentValues::default()).contains('é'));
        }
    }

    #[test]
    fn no_value_of_a_record_is_shown_in_any_message_about_it() {
        let mut random = fastrand::Rng::with_seed(14);
        for _ in 0..6_000 {
            let values: Vec<Value> = (0..6).map(|_| value(&mut random)).collect();
            let record = json!({"_id": values[0], "person": {"name": values[1]}, "list": [values[2],
                {"value": values[3]}], "loyalty": {"points": values[4]}, "x": values[5]});
            let sent = sent(&record);
            let text = |value: &Value| match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let mut said = String::new();
            for part in random.choice(TEMPLATES).unwrap().split_inclusive('@') {
                said.push_str(part.trim_end_matches('@'));
                if part.ends_with('@') {
                    let value = text(random.choice(&values).unwrap());
                    said.push_str(&match random.usize(..5) {
                        0 => value.to_uppercase(),
                        1 => format!(" {value} "),
                        2 if !value.contains(' ') => format!("zq{value}qz"),
                        _ => value,
                    });
                }
            }
            let shown = without_values(&redact(&said), &sent).to_lowercase();
            for value in &values {
                let value = text(value).to_lowercase();
                assert!(
                    !shown.contains(&value),
                    "{value} of {record}\n{said}\n{shown}"
                );
            }
        }
    }
}
