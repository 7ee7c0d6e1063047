//! The fields of a statement, found in one pass and without copies.
//!
//! Lists are values: a merge replaces them whole. The entity is JSON that was read before; what
//! looks like anything else has no fields, and is sent as it is.

use std::hash::{DefaultHasher, Hash, Hasher};

/// Deepest field. What the SmartModule states has three names at most.
const DEPTH: usize = 8;

/// The names that lead to a field, outermost first.
#[derive(Debug, Clone, Copy, Default)]
pub struct Path<'a> {
    names: [&'a str; DEPTH],
    len: usize,
}

/// A field and its value as it was written.
pub type Field<'a> = (Path<'a>, &'a str);

/// The fields of an entity, or `None` when it is no object, has names with escapes, or is nested
/// too deeply.
pub fn fields(entity: &[u8]) -> Option<Vec<Field<'_>>> {
    let mut walk = Walk {
        json: std::str::from_utf8(entity).ok()?,
        at: 0,
        path: Path::default(),
        found: Vec::with_capacity(16),
    };
    walk.space();
    walk.object()?;
    walk.space();
    (walk.at == entity.len()).then_some(walk.found)
}

impl<'a> Path<'a> {
    /// The names, outermost first.
    pub fn names(&self) -> &[&'a str] {
        self.names.get(..self.len).unwrap_or_default()
    }

    /// One number for the path.
    pub fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.names().hash(&mut hasher);
        hasher.finish()
    }

    fn push(&mut self, name: &'a str) -> Option<()> {
        *self.names.get_mut(self.len)? = name;
        self.len += 1;
        Some(())
    }
}

impl PartialEq for Path<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.names() == other.names()
    }
}

impl Eq for Path<'_> {}

impl PartialOrd for Path<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Path<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.names().cmp(other.names())
    }
}

struct Walk<'a> {
    json: &'a str,
    at: usize,
    path: Path<'a>,
    found: Vec<Field<'a>>,
}

impl<'a> Walk<'a> {
    fn peek(&self) -> Option<u8> {
        self.json.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek();
        self.at += 1;
        byte
    }

    fn take(&mut self, wanted: u8) -> Option<()> {
        (self.next()? == wanted).then_some(())
    }

    fn space(&mut self) {
        while self
            .peek()
            .is_some_and(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t'))
        {
            self.at += 1;
        }
    }

    fn object(&mut self) -> Option<()> {
        self.take(b'{')?;
        self.space();
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            let name = self.name()?;
            self.space();
            self.take(b':')?;
            self.space();
            self.path.push(name)?;
            if self.peek()? == b'{' {
                self.object()?;
            } else {
                let begin = self.at;
                self.value()?;
                self.found.push((self.path, self.json.get(begin..self.at)?));
            }
            self.path.len -= 1;
            self.space();
            match self.next()? {
                b',' => self.space(),
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    fn name(&mut self) -> Option<&'a str> {
        let begin = self.at + 1;
        self.string()?;
        let name = self.json.get(begin..self.at - 1)?;
        // Two spellings of one name must not pass for two fields.
        (!name.contains('\\')).then_some(name)
    }

    fn string(&mut self) -> Option<()> {
        self.take(b'"')?;
        loop {
            match self.next()? {
                b'"' => return Some(()),
                b'\\' => self.at += 1,
                _ => {}
            }
        }
    }

    /// Passes over a value that is no object.
    fn value(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.string(),
            b'[' => self.list(),
            _ => {
                let begin = self.at;
                while self
                    .peek()
                    .is_some_and(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
                {
                    self.at += 1;
                }
                (self.at > begin).then_some(())
            }
        }
    }

    fn list(&mut self) -> Option<()> {
        let mut open = 0_usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'[' | b'{' => open += 1,
                b']' | b'}' => open -= 1,
                _ => {}
            }
            self.at += 1;
            if open == 0 {
                return Some(());
            }
        }
    }
}

// === tests ===

#[cfg(test)]
mod tests {
    use super::*;

    fn found(json: &str) -> Option<Vec<(String, String)>> {
        let fields = fields(json.as_bytes())?;
        let text = |(path, value): &Field<'_>| (path.names().join("/"), (*value).to_owned());
        Some(fields.iter().map(text).collect())
    }

    #[test]
    fn fields_are_found_as_written_and_lists_are_values() {
        let json =
            r#"{"a":1,"b":{"c":"x\"}","d":{"e":[{"f":["]"]},2]}}, "g" : -1.5e3 ,"h":{},"i":null}"#;
        let expected = [
            ("a", "1"),
            ("b/c", r#""x\"}""#),
            ("b/d/e", r#"[{"f":["]"]},2]"#),
            ("g", "-1.5e3"),
            ("i", "null"),
        ];
        let expected = expected.map(|(path, value)| (path.to_owned(), value.to_owned()));
        assert_eq!(found(json).unwrap(), expected);
    }

    #[test]
    fn fields_are_not_read_from_ambiguous_json() {
        for json in [
            "",
            "[]",
            "7",
            r#"{"a":1"#,
            r#"{"a":1}}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            r#"{"\u0061":1}"#,
            r#"{"a":[1"#,
            r#"{"a":"b"#,
            r#"{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}}}}"#,
        ] {
            assert_eq!(found(json), None, "{json}");
        }
    }

    #[test]
    fn paths_differ_by_where_their_names_end() {
        let digest = |json: &'static str| fields(json.as_bytes()).unwrap()[0].0.digest();
        assert_ne!(digest(r#"{"ab":{"c":1}}"#), digest(r#"{"a":{"bc":1}}"#));
        assert_eq!(digest(r#"{"a":{"b":1}}"#), digest(r#"{"a":{"b":2}}"#));
    }
}
