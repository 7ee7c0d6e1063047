//! What of a foreign message may be shown: never a token, and in logs never anything of a record.
//!
//! A dead letter holds its record anyway, so its message is only redacted. Logs, readiness and
//! `check` are read by others: of a refusal that may quote the record they show the words refusals
//! are made of, and the ids the operator configured.

/// Longest message that is kept, in characters.
const MESSAGE: usize = 240;
/// As many digits in a row may be a telephone or customer number.
const SUSPICIOUS_DIGITS: usize = 7;
/// Replaces words left out.
const LEFT_OUT: &str = "…";

/// Words of documented refusals and of JSON Schema. Nothing a record could give away by one of
/// them.
const VOCABULARY: [&str; 118] = [
    "a",
    "absent",
    "again",
    "allowed",
    "an",
    "and",
    "any",
    "are",
    "array",
    "at",
    "be",
    "between",
    "bigdecimal",
    "body",
    "boolean",
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
    "date-time",
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
    "header",
    "identity",
    "identitymap",
    "ims",
    "imsorgid",
    "in",
    "inletid",
    "integer",
    "invalid",
    "is",
    "item",
    "items",
    "json",
    "jsonarray",
    "jsonobject",
    "key",
    "large",
    "length",
    "less",
    "long",
    "mandatory",
    "match",
    "matches",
    "maximum",
    "message",
    "minimum",
    "missing",
    "more",
    "multiple",
    "must",
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
    "permitted",
    "primary",
    "property",
    "provide",
    "record",
    "records",
    "required",
    "schema",
    "schemaref",
    "string",
    "than",
    "the",
    "timestamp",
    "to",
    "too",
    "try",
    "type",
    "unexpected",
    "unique",
    "unknown",
    "valid",
    "value",
    "violation",
    "violations",
    "wrong",
];

/// Words before a name that comes from the configuration or from a schema.
const LABELS: [&str; 9] = [
    "key",
    "inletid",
    "imsorgid",
    "flowid",
    "flow",
    "datasetid",
    "dataset",
    "schemaref",
    "schema",
];

/// Makes a foreign message fit to be kept: no addresses, no tokens, no long numbers, no control
/// characters, not long.
pub(super) fn redact(text: &str) -> String {
    each_word(text, |word, _| !is_personal(word))
}

/// Of a message that concerns the configuration and not a record: all but what is quoted, unless
/// the operator knows it.
pub(super) fn unquoted(text: &str) -> String {
    each_word(text, |word, place| {
        !is_personal(word) && (!place.quoted || is_known(word, place))
    })
}

/// Of a message that may quote a record: the words refusals are made of, and what the operator
/// knows.
pub(super) fn without_record(text: &str) -> String {
    each_word(text, |word, place| {
        !is_personal(word) && (is_known(word, place) || (!place.quoted && is_vocabulary(word)))
    })
}

/// What surrounds a word.
struct Place<'a> {
    /// In brackets or between quotation marks.
    quoted: bool,
    /// The word before.
    after: &'a str,
    /// What comes behind it.
    before: &'a str,
}

fn each_word(text: &str, keep: impl Fn(&str, &Place<'_>) -> bool) -> String {
    let mut clean = String::new();
    let boundary = |c: char| c.is_whitespace() || c.is_control() || "[](){}<>\"'`,;".contains(c);
    let (mut depth, mut mark, mut after) = (0_u32, None, "");
    for piece in text.split_inclusive(boundary) {
        let word = piece.trim_end_matches(boundary);
        if !word.is_empty() {
            let place = Place {
                quoted: depth > 0 || mark.is_some(),
                after,
                before: &piece[word.len()..],
            };
            if keep(word, &place) {
                clean.push_str(word);
            } else if clean.trim_end().ends_with(LEFT_OUT) {
                clean.truncate(clean.trim_end().len());
            } else {
                clean.push_str(LEFT_OUT);
            }
            after = word;
        }
        for c in piece[word.len()..].chars() {
            match c {
                '[' | '{' | '(' | '<' => depth += 1,
                ']' | '}' | ')' | '>' => depth = depth.saturating_sub(1),
                // An apostrophe inside of a word opens nothing.
                '\'' if mark.is_none() && !word.is_empty() => {}
                '"' | '\'' | '`' if mark == Some(c) => mark = None,
                '"' | '\'' | '`' if mark.is_none() => mark = Some(c),
                _ => {}
            }
            if !c.is_whitespace() && !c.is_control() {
                clean.push(c);
            } else if !clean.ends_with(' ') {
                clean.push(' ');
            }
        }
        if clean.len() > 4 * MESSAGE {
            break;
        }
    }
    match clean.char_indices().nth(MESSAGE) {
        Some((end, _)) => format!("{}{LEFT_OUT}", &clean[..end]),
        None => clean,
    }
}

fn is_personal(word: &str) -> bool {
    let digits = word
        .bytes()
        .fold((0, 0), |(run, longest): (usize, usize), byte| {
            let run = if byte.is_ascii_digit() { run + 1 } else { 0 };
            (run, longest.max(run))
        });
    (word.contains('@') && !word.ends_with("@AdobeOrg"))
        || word.starts_with("eyJ")
        // Inlet ids are hexadecimal and long: they are what the operator compares.
        || (digits.1 >= SUSPICIOUS_DIGITS && word.len() < 64)
}

fn letters(word: &str) -> String {
    word.trim_matches(|c: char| !c.is_alphanumeric())
        .to_ascii_lowercase()
}

fn is_vocabulary(word: &str) -> bool {
    let word = letters(word);
    // Punctuation by itself gives nothing away.
    word.is_empty() || VOCABULARY.contains(&word.as_str())
}

/// An organisation, a schema, an id, or a name of one word behind its label.
fn is_known(word: &str, place: &Place<'_>) -> bool {
    let is_labelled = || LABELS.contains(&letters(place.after).as_str());
    let of = |more: &[u8]| {
        word.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte))
    };
    let is_name =
        || place.quoted && of(b"_-.:/") && place.before.starts_with([']', '\'', '"', '`']);
    let is_id = || {
        word.len() >= 16
            && word
                .bytes()
                .all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
    };
    word.ends_with("@AdobeOrg")
        || word.starts_with("https://ns.adobe.com/")
        || (is_labelled() && (is_name() || is_id()))
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_is_redacted_of_what_may_be_personal_and_cut() {
        let scrubbed = redact(
            "value [asha@example.com] of X@AdobeOrg, phone +919812345678, token eyJhbGciOi.J9.x, code 400",
        );
        assert_eq!(
            scrubbed,
            "value […] of X@AdobeOrg, phone …, token …, code 400"
        );
        assert_eq!(redact(&"wörd ".repeat(1000)).chars().count(), MESSAGE + 1);
        assert_eq!(redact("a\r\nb"), "a b");
    }

    #[test]
    fn refusal_is_shown_without_a_word_of_the_record() {
        for (said, redacted_message) in [
            (
                "expected type: Integer, found: String [Mara]",
                "expected type: Integer, found: String […]",
            ),
            (
                "#/person/name: Mara Ellison is not a valid enum value",
                "… is not a valid enum value",
            ),
            (
                "string \"Mara\" does not match pattern ^[0-9]+$",
                "string \"…\" does not match pattern ^[…]+$",
            ),
            (
                "The customer's tier 'gold' is wrong",
                "The …'… '…' is wrong",
            ),
            (
                "required key [_id] not found",
                "required key [_id] not found",
            ),
            (
                "extraneous key [Mara Ellison] is not permitted",
                "extraneous key […] is not permitted",
            ),
            ("dataset Mara does not exist", "dataset … does not exist"),
            ("born 1991-05-17 in Pune", "… in …"),
        ] {
            assert_eq!(without_record(said), redacted_message);
        }
    }

    #[test]
    fn configured_values_are_shown_unredacted() {
        let header = "inletId: [e7e7e7] imsOrgId: [0A7D42FC5DB9D3360A495FD3@AdobeOrg] Message has an absent or wrong ims org in the header";
        assert_eq!(without_record(header), header);
        for text in [
            "dataset 65f1a2b3c4d5e6f70819aa3b does not exist",
            "unknown schema https://ns.adobe.com/acme/schemas/0a1b",
            "The header field is mandatory. Provide a valid header value and try again.",
        ] {
            assert_eq!(without_record(text), text);
        }
    }

    #[test]
    fn refusal_of_the_request_loses_only_what_it_quotes() {
        assert_eq!(
            unquoted("Client 'acme-loyalty' lacks the permission ingest in sandbox prod"),
            "Client '…' lacks the permission ingest in sandbox prod"
        );
    }

    #[test]
    fn vocabulary_is_sorted_and_lower_case() {
        assert!(VOCABULARY.is_sorted());
        assert!(VOCABULARY.iter().all(|word| *word == letters(word)));
    }
}
