//! The table of docs/mapping.md that says what Experience Platform shows of each kind follows the
//! mapping.
//!
//! `UPDATE_DOCS=1 cargo test --workspace --test facts` writes its columns anew; the
//! last one is written by hand.
#![allow(clippy::unwrap_used)] // Helpers of tests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::support::{map_json, sample, samples};
use capillary_xdm::EventKind;
use serde_json::Value;

const HEAD: &str = "| Kind | Mapped | Event, besides who, when and type | Profile | What it is \
    good for |\n|---|---|---|---|---|\n";

fn document() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/mapping.md")
}

/// The paths of an entity, two steps deep, lists as a whole.
fn parts(value: &Value, path: &[&str], found: &mut BTreeSet<String>) {
    match value {
        Value::Array(_) => drop(found.insert(format!("{}[]", path.join(".")))),
        Value::Object(members) if path.len() < 2 => {
            for (key, value) in members {
                parts(value, &[path, &[key.as_str()]].concat(), found);
            }
        }
        _ => drop(found.insert(path.join("."))),
    }
}

fn cell(entity: Option<&Value>) -> String {
    let mut found = BTreeSet::new();
    if let Some(entity) = entity {
        parts(entity, &[], &mut found);
    }
    let of_all = ["_id", "timestamp", "eventType"];
    found.retain(|path| !of_all.contains(&path.as_str()) && !path.starts_with("identityMap"));
    match found.len() {
        0 => "–".to_owned(),
        _ => {
            let paths: Vec<_> = found.iter().map(|path| format!("`{path}`")).collect();
            paths.join(", ")
        }
    }
}

/// The columns of a kind that its sample decides, with no parameter but `events`.
fn columns(kind: EventKind) -> String {
    let answer = map_json(&[("events", "all")], &sample(kind.name()));
    let mapped = match (answer["skip"].as_str(), kind.is_default()) {
        (Some(reason), _) => format!("never (`{reason}`)"),
        (None, true) => "yes".to_owned(),
        (None, false) => "when asked".to_owned(),
    };
    let (event, profile) = (cell(answer.get("event")), cell(answer.get("profile")));
    format!("| `{}` | {mapped} | {event} | {profile} |", kind.name())
}

#[test]
fn table_of_what_the_platform_shows_is_true_for_every_kind() {
    let text = std::fs::read_to_string(document()).unwrap();
    let start = text.find(HEAD).unwrap() + HEAD.len();
    let rows = text[start..].split("\n\n").next().unwrap().trim_end();
    let end = start + rows.len();
    let purposes: BTreeMap<&str, &str> = rows
        .lines()
        .filter_map(|row| {
            let cells: Vec<_> = row.split(" | ").collect();
            let kind = cells.first()?.trim_start_matches("| ").trim_matches('`');
            Some((kind, cells.last()?.trim_end_matches(" |")))
        })
        .collect();
    let names: BTreeSet<String> = samples().into_iter().map(|(name, _)| name).collect();
    let rows: Vec<String> = EventKind::ALL
        .iter()
        .map(|kind| {
            assert!(names.contains(kind.name()), "{} has a sample", kind.name());
            let purpose = purposes.get(kind.name()).copied().unwrap_or_default();
            assert!(!purpose.is_empty(), "{}: what it is good for", kind.name());
            format!("{} {purpose} |", columns(*kind))
        })
        .collect();
    let expected = format!("{}{}{}", &text[..start], rows.join("\n"), &text[end..]);
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        std::fs::write(document(), &expected).unwrap();
    }
    assert!(
        std::fs::read_to_string(document()).unwrap() == expected,
        "the table of docs/mapping.md is out of date: run this test with UPDATE_DOCS=1"
    );
}

#[test]
fn what_the_table_promises_with_a_tenant_is_there() {
    let text = std::fs::read_to_string(document()).unwrap();
    let rows = text[text.find(HEAD).unwrap() + HEAD.len()..].lines();
    let mut promised = 0;
    for row in rows.take_while(|row| row.starts_with('|')) {
        let kind = row.trim_start_matches("| `").split('`').next().unwrap();
        if !row.contains("with `tenant`") {
            continue;
        }
        promised += 1;
        let answer = map_json(&[("events", "all"), ("tenant", "acme")], &sample(kind));
        let fields = answer["event"]["_acme"]["capillary"].as_object().unwrap();
        let of_this_kind = ["details", "points", "promotion"];
        assert!(
            of_this_kind.iter().any(|field| fields.contains_key(*field)),
            "{kind}: {fields:?}"
        );
    }
    assert!(promised > 5, "only {promised} rows were found");
}
