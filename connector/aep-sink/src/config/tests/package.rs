//! `Connector.toml`, by which cdk knows the package, says what the table of keys says.

use super::*;

const PACKAGE: &str = include_str!("../../../../Connector.toml");
const TABLE: &str = include_str!("../../../../../docs/configuration.md");
const SECTION: &str = "experience-platform.";
/// From here on the file is made from the table.
const MARK: &str = "[custom]\n";

/// A row of the table below `experience-platform`.
struct Row<'a> {
    path: Vec<&'a str>,
    kind: &'a str,
    default: &'a str,
    meaning: &'a str,
}

impl Row<'_> {
    /// Required whatever the format is; cdk does not know formats.
    fn is_required(&self) -> bool {
        let of_some_formats =
            self.meaning.contains("Format `") || self.meaning.contains("Required with");
        self.default == "*required*" && !of_some_formats && self.path[0] != "profiles"
    }
}

fn rows() -> Vec<Row<'static>> {
    let rows = TABLE.lines().filter_map(|line| {
        let cells: Vec<&str> = line
            .strip_prefix("| `")?
            .strip_suffix(" |")?
            .splitn(4, " | ")
            .collect();
        let [key, kind, default, meaning] = cells[..] else {
            return None;
        };
        let path = key
            .trim_end_matches('`')
            .strip_prefix(SECTION)?
            .split('.')
            .collect();
        let refused = meaning.starts_with("Refused") || meaning == "Not yet";
        (!refused).then_some(Row {
            path,
            kind,
            default,
            meaning,
        })
    });
    rows.collect()
}

/// Text as TOML writes it; JSON writes it the same way.
fn text(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn list(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| text(word)).collect();
    format!("[{}]", words.join(", "))
}

/// The words of a cell that lists nothing but words in backticks.
fn choices(kind: &str) -> Option<Vec<&str>> {
    let words = kind
        .split(", ")
        .map(|word| word.strip_prefix('`')?.strip_suffix('`'));
    let words: Vec<&str> = words.collect::<Option<_>>()?;
    // One alone is a pattern, such as that of an organisation id.
    (words.len() > 1).then_some(words)
}

fn property(row: &Row<'_>) -> String {
    let mut lines = format!("description = {}\n", text(&row.meaning.replace('`', "")));
    let default = row
        .default
        .strip_prefix('`')
        .and_then(|default| default.strip_suffix('`'));
    match (row.kind, choices(row.kind)) {
        // A number or a text: no one type.
        ("size", _) => {}
        // A word or an object.
        (kind, _) if kind.ends_with("or object") => {}
        ("number", _) => {
            lines += "type = \"integer\"\n";
            if let Some(default) = default {
                lines += &format!("default = {default}\n");
            }
        }
        (list, _) if list.starts_with("list of") => {
            lines += "type = \"array\"\nitems = { type = \"string\" }\n"
        }
        (_, choices) => {
            lines += "type = \"string\"\n";
            if let Some(choices) = choices {
                lines += &format!("enum = {}\n", list(&choices));
            }
            if let Some(default) = default {
                lines += &format!("default = {}\n", text(default));
            }
        }
    }
    lines
}

fn custom() -> String {
    let rows = rows();
    let mut sections: Vec<&str> = Vec::new();
    for row in &rows {
        if !sections.contains(&row.path[0]) {
            sections.push(row.path[0]);
        }
    }
    let in_section = |section: &str| {
        rows.iter()
            .filter(move |row| row.path[0] == section)
            .collect::<Vec<_>>()
    };
    let required: Vec<&str> = sections
        .iter()
        .copied()
        .filter(|section| in_section(section).iter().any(|row| row.is_required()))
        .collect();
    let mut out = format!(
        "{MARK}name = \"experience-platform\"\ntype = \"object\"\nrequired = {}\n",
        list(&required)
    );
    for section in sections {
        let rows = in_section(section);
        let table = format!("custom.properties.{section}");
        // A row of its own: a value, or what may be a word in place of an object.
        if let Some(row) = rows.iter().find(|row| row.path.len() == 1) {
            out += &format!("\n[{table}]\n{}", property(row));
            continue;
        }
        let required: Vec<&str> = rows
            .iter()
            .filter(|row| row.is_required())
            .map(|row| row.path[1])
            .collect();
        out += &format!(
            "\n[{table}]\ntype = \"object\"\nrequired = {}\n",
            list(&required)
        );
        for row in rows {
            assert_eq!(
                row.path.len(),
                2,
                "deeper than cdk's schema is written here: {:?}",
                row.path
            );
            out += &format!("\n[{table}.properties.{}]\n{}", row.path[1], property(row));
        }
    }
    out
}

#[test]
fn connector_toml_describes_every_key_of_the_table() {
    let (head, written) = PACKAGE.split_at(PACKAGE.find(MARK).unwrap());
    let expected = custom();
    if std::env::var_os("UPDATE_CONNECTOR_TOML").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../Connector.toml");
        std::fs::write(path, format!("{head}{expected}")).unwrap();
    } else {
        assert!(
            written == expected,
            "Connector.toml is behind docs/configuration.md; UPDATE_CONNECTOR_TOML=1 with this \
                test writes it:\n{expected}"
        );
    }
    assert!(
        expected.matches("description").count() > 30,
        "the table was not read: {expected}"
    );
}

#[test]
fn what_connector_toml_requires_is_required() {
    let mut tried = 0;
    for row in rows().iter().filter(|row| row.is_required()) {
        let mut value = Node::parse(LEAST).unwrap().to_json();
        let mut place = &mut value["experience-platform"];
        let (last, parents) = row.path.split_last().unwrap();
        for parent in parents {
            place = &mut place[parent];
        }
        place.as_object_mut().unwrap().remove(*last).unwrap();
        says(&value.to_string(), &[&row.path.join("."), "missing"]);
        tried += 1;
    }
    assert!(tried >= 4, "only {tried} keys are required");
}

#[test]
fn connector_toml_names_this_package_as_cdk_finds_it() {
    for line in [
        "name = \"capillary-aep-sink\"",
        concat!("version = \"", env!("CARGO_PKG_VERSION"), "\""),
        "binary = \"capillary-aep-sink\"",
        "dest = true",
    ] {
        assert!(PACKAGE.lines().any(|found| found == line), "{line}");
    }
}
