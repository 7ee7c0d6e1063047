//! The table of keys, the schema and the sample say what is true.
//!
//! The keys are described once, at the fields of `keys.rs`. After a change there,
//! `UPDATE_DOCS=1 cargo test --workspace --lib -- config::` writes the table and the schema again.

use std::path::PathBuf;

use serde_json::Value;

use super::*;

const TABLE: &str = "docs/configuration.md";

/// A key that holds a value.
struct Key {
    path: String,
    schema: Value,
    required: bool,
}

impl Key {
    fn default(&self) -> Option<&Value> {
        self.schema
            .get("default")
            .filter(|default| !default.is_null())
    }

    /// Whether the key does something; the others are there to be refused with a reason.
    fn does_something(&self) -> bool {
        self.schema["type"] != "null"
    }

    /// Its row in the table.
    fn row(&self) -> String {
        let default = match self.default() {
            _ if self.required => "*required*".to_owned(),
            Some(Value::String(text)) => format!("`{text}`"),
            Some(value) => format!("`{value}`"),
            None => "–".to_owned(),
        };
        let meaning = self.schema["description"]
            .as_str()
            .unwrap()
            .replace('\n', " ");
        format!(
            "| `{}` | {} | {default} | {meaning} |",
            self.path,
            form(&self.schema)
        )
    }
}

/// The form of a value, in words.
fn form(schema: &Value) -> String {
    let words = schema
        .get("enum")
        .or_else(|| schema["anyOf"][0].get("enum"));
    if let Some(title) = schema["title"].as_str() {
        return title.to_owned();
    }
    if let Some(words) = words.and_then(Value::as_array) {
        let words: Vec<String> = words
            .iter()
            .filter_map(|word| Some(format!("`{}`", word.as_str()?)))
            .collect();
        return words.join(", ");
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => &kinds[0],
        kind => kind,
    };
    match kind.as_str().unwrap_or_default() {
        "string" => "text".to_owned(),
        "integer" => "number".to_owned(),
        "array" => format!("list of {}", form(&schema["items"])),
        "object" => "map".to_owned(),
        _ => "–".to_owned(),
    }
}

fn keys() -> Vec<Key> {
    let whole: Value = serde_json::from_str(&schema::text()).unwrap();
    let mut keys = Vec::new();
    section("", &whole, &mut keys);
    keys
}

fn section(prefix: &str, schema: &Value, keys: &mut Vec<Key>) {
    for (name, property) in schema["properties"].as_object().unwrap() {
        let path = format!("{prefix}{name}");
        let items = &property["items"];
        let is_section = property.get("properties").is_some() && property.get("title").is_none();
        if property.get("deprecationMessage").is_some() {
            continue;
        }
        if is_section {
            section(&format!("{path}."), property, keys);
        } else if items.get("properties").is_some() {
            section(&format!("{path}[]."), items, keys);
        } else {
            let required = schema["required"].as_array();
            keys.push(Key {
                path: path.clone(),
                schema: property.clone(),
                required: required.is_some_and(|required| required.contains(&name.as_str().into())),
            });
        }
        if path == "meta.topic" {
            section("meta.topic.", &property["anyOf"][1], keys);
        }
        if path == "experience-platform.landed" {
            section("experience-platform.landed.", &property["anyOf"][1], keys);
        }
    }
}

fn path(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(file)
}

/// A file of the repository; read when the test runs: it may have been edited since the test was
/// built.
fn document(file: &str) -> String {
    std::fs::read_to_string(path(file)).unwrap_or_default()
}

/// Compares a file of the repository with what it must be, or writes it, when that is asked for.
#[track_caller]
pub(crate) fn keep(file: &str, expected: &str) {
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path(file), expected).unwrap();
    }
    let found = document(file);
    let difference = found
        .lines()
        .zip(expected.lines())
        .find(|(found, expected)| found != expected);
    assert!(
        found == expected,
        "{file} is not up to date, UPDATE_DOCS=1 writes it anew; the first difference: \
            {difference:?}"
    );
}

/// The document with the rows of its table of keys rewritten, in their order; a key it does not
/// have comes after its nearest relative.
fn with_rows_of(document: &str, keys: &[Key]) -> String {
    const HEAD: &str = "| key | type | default | meaning |\n| --- | --- | --- | --- |\n";
    let (before, rest) = document.split_once(HEAD).unwrap();
    let (table, after) = rest.split_once("\n\n").unwrap();
    let mut rows: Vec<&Key> = table
        .lines()
        .filter_map(|row| {
            let path = row.strip_prefix("| `")?.split_once('`')?.0;
            keys.iter().find(|key| key.path == path)
        })
        .collect();
    for key in keys {
        if !rows.iter().any(|row| row.path == key.path) {
            let common = |row: &Key| {
                row.path
                    .bytes()
                    .zip(key.path.bytes())
                    .take_while(|(a, b)| a == b)
                    .count()
            };
            let nearest = (0..rows.len()).max_by_key(|index| (common(rows[*index]), *index));
            rows.insert(nearest.map_or(0, |index| index + 1), key);
        }
    }
    let rows: Vec<String> = rows.into_iter().map(Key::row).collect();
    format!("{before}{HEAD}{}\n\n{after}", rows.join("\n"))
}

#[test]
fn table_is_what_the_code_says_of_each_key() {
    let keys = keys();
    assert!(keys.len() > 60, "only {} keys were found", keys.len());
    keep(TABLE, &with_rows_of(&document(TABLE), &keys));
}

#[test]
fn schema_in_the_repository_is_what_the_command_prints() {
    keep("docs/connector.schema.json", &schema::text());
}

#[test]
fn sample_names_the_schema_and_shows_every_key_that_does_something() {
    let first = SAMPLE.lines().next().unwrap();
    assert_eq!(
        first,
        "# yaml-language-server: $schema=docs/connector.schema.json"
    );
    for key in keys().iter().filter(|key| key.does_something()) {
        let name = key.path.rsplit(['.', ']']).next().unwrap();
        let only_elsewhere = key.path.starts_with("meta.topic.")
            || key.path.starts_with("experience-platform.profiles.schema-");
        assert!(
            only_elsewhere || SAMPLE.contains(&format!("{name}:")),
            "{} is not in the sample",
            key.path
        );
    }
}

#[test]
fn every_key_is_described() {
    for key in keys() {
        assert!(
            key.schema["description"]
                .as_str()
                .is_some_and(|text| text.len() > 5),
            "{}",
            key.path
        );
    }
}

#[test]
fn defaults_are_the_defaults() {
    let base = plus(
        "  profiles: {inlet-url: \"https://x/collection/p\", flow-id: f, dataset-id: d}\n  \
            deduplicate: {}",
    );
    let expected = format!("{:?}", valid(&base));
    let mut tried = 0;
    for key in keys() {
        // One has no place without secrets, the other none in a section of the default format.
        let elsewhere = [
            "apiVersion",
            "experience-platform.profiles.schema-content-type",
        ];
        let Some(default) = key
            .default()
            .filter(|_| !elsewhere.contains(&key.path.as_str()))
        else {
            continue;
        };
        let mut value: Value = Node::parse(&base).unwrap().to_json();
        // `strategy` has to stand beside every other key of `offset`.
        if key.path.starts_with("meta.consumer.offset.") {
            value["meta"]["consumer"]["offset"]["strategy"] = "manual".into();
        }
        let mut place = &mut value;
        for name in key.path.split('.') {
            place = &mut place[name];
        }
        *place = default.clone();
        // JSON is YAML.
        let config = valid(&value.to_string());
        assert_eq!(format!("{config:?}"), expected, "{}", key.path);
        tried += 1;
    }
    assert!(tried > 20, "only {tried} defaults were tried");
}
