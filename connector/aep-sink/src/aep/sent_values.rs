//! What the records of a request say: their values, which no log may repeat, and the names of their
//! properties, which every log may.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use serde_json::Value;

/// From this many letters on, the beginning of a word of a record gives it away: messages are cut.
const TELLING_START: usize = 3;
/// From this many letters on, any piece of a word of a record does.
const TELLING_PIECE: usize = 5;
/// Shorter values are found in words by chance …
const LEAST_VALUE: usize = 3;
/// … and so are shorter words of a value of several.
const LEAST_WORD: usize = 4;
/// Fewer digits are in some number of every record.
pub(super) const TELLING_DIGITS: usize = 3;

/// The values and names of some records, made for comparison: in lower case and in words.
#[derive(Debug, Default)]
pub(super) struct SentValues {
    /// Whole values as words, by their first word.
    phrases: HashMap<String, Vec<Vec<String>>>,
    /// Whole values, their words run together.
    wholes: HashSet<String>,
    /// Every word of a value.
    words: HashSet<String>,
    /// Every row of digits, with blanks between.
    digits: String,
    names: HashSet<String>,
}

impl SentValues {
    /// Of the JSON of some records.
    pub(super) fn of(records: &[Bytes]) -> Self {
        let mut values = Self::default();
        for record in records {
            match serde_json::from_slice(record) {
                Ok(value) => values.add(value),
                // Then all of it counts as a value.
                Err(_) => values.add_text(&String::from_utf8_lossy(record)),
            }
        }
        values
    }

    fn add(&mut self, value: Value) {
        match value {
            Value::String(text) => self.add_text(&text),
            Value::Number(number) => self.add_text(&number.to_string()),
            Value::Array(items) => items.into_iter().for_each(|item| self.add(item)),
            Value::Object(members) => {
                for (name, value) in members {
                    self.names.insert(name);
                    self.add(value);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn add_text(&mut self, text: &str) {
        let words: Vec<String> = words(text).collect();
        self.words.extend(words.iter().cloned());
        self.wholes.insert(words.concat());
        for row in text.split(|c: char| !c.is_ascii_digit()) {
            if row.len() >= TELLING_DIGITS {
                self.digits.push_str(row);
                self.digits.push(' ');
            }
        }
        if let [first, ..] = words.as_slice() {
            let phrases = self.phrases.entry(first.clone()).or_default();
            if !phrases.contains(&words) {
                phrases.push(words);
            }
        }
    }

    /// Whether a property has this name.
    pub(super) fn is_name(&self, word: &str) -> bool {
        self.names.contains(word)
    }

    /// Whether a row of digits is part of a value.
    pub(super) fn has_digits(&self, row: &str) -> bool {
        self.digits.contains(row)
    }

    /// The longest whole value that these words begin with, in words.
    pub(super) fn phrase_at(&self, words: &[String]) -> Option<&[String]> {
        let begun = self.phrases.get(words.first()?)?;
        begun
            .iter()
            .filter(|phrase| words.starts_with(phrase))
            .max_by_key(|phrase| phrase.len())
            .map(Vec::as_slice)
    }

    /// Whether a word is one of a value.
    pub(super) fn has_word(&self, word: &str) -> bool {
        self.words.contains(word)
    }

    /// Whether a word is a telling piece of one of a value, or holds one.
    pub(super) fn tells(&self, word: &str) -> bool {
        word.len() >= TELLING_START
            && self.words.iter().any(|part| {
                (part.len() >= LEAST_WORD && word.contains(part.as_str()))
                    || part.starts_with(word)
                    || (word.len() >= TELLING_PIECE && part.contains(word))
            })
    }

    /// Whether a whole value is in this.
    pub(super) fn is_in(&self, text: &str) -> bool {
        let text = words(text).collect::<String>();
        let mut wholes = self.wholes.iter();
        wholes.any(|whole| whole.len() >= LEAST_VALUE && text.contains(whole.as_str()))
    }

    /// Whether this is in a value.
    pub(super) fn has_within(&self, text: &str) -> bool {
        let text = words(text).collect::<String>();
        self.wholes.iter().any(|whole| whole.contains(&text))
    }
}

/// The words of a text, in lower case.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !is_letter(c))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

/// What a word is made of. Other scripts have signs that are no letters to Unicode.
fn is_letter(c: char) -> bool {
    c.is_ascii_alphanumeric() || is_foreign(c)
}

/// Neither ASCII nor the punctuation and blanks of English text.
pub(super) fn is_foreign(c: char) -> bool {
    !c.is_ascii() && !c.is_whitespace() && !"…‘’“”–—•·".contains(c)
}
