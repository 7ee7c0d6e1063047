//! The table of keys and the sample say what is true.

use std::collections::BTreeSet;

use super::*;

struct Row {
    key: String,
    default: String,
}

fn rows() -> Vec<Row> {
    let rows = TABLE.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|line| line.split(" | ").collect::<Vec<_>>());
    cells
        .map(|cells| Row {
            key: cells[0].trim_start_matches("| ").trim_matches('`').to_owned(),
            default: cells[2].to_owned(),
        })
        .collect()
}

/// The keys the raw types know, found by asking for one they cannot know.
fn keys<T: serde::de::DeserializeOwned>(
    prefix: &str,
    wrap: &dyn Fn(serde_json::Value) -> serde_json::Value,
) -> BTreeSet<String> {
    const PROBE: &str = "no such key";
    let ask = |inner: serde_json::Value| match serde_json::from_value::<T>(wrap(inner)) {
        Err(error) if error.to_string().starts_with(&format!("unknown field `{PROBE}`")) => {
            let message = error.to_string();
            Some(
                message
                    .split('`')
                    .skip(3)
                    .step_by(2)
                    .map(str::to_owned)
                    .collect::<Vec<_>>(),
            )
        }
        _ => None,
    };
    let probe = || serde_json::json!({ PROBE: null });
    let mut found = BTreeSet::new();
    for key in ask(probe())
        .unwrap_or_default()
        .into_iter()
        .filter(|key| !key.contains('_'))
    {
        let map = |inner| wrap(serde_json::json!({ key.as_str(): inner }));
        let list = |inner| wrap(serde_json::json!({ key.as_str(): [inner] }));
        let path = format!("{prefix}{key}");
        let inner: BTreeSet<String> = keys::<T>(&format!("{path}."), &map)
            .into_iter()
            .chain(keys::<T>(&format!("{path}[]."), &list))
            .collect();
        found.extend(if inner.is_empty() {
            BTreeSet::from([path])
        } else {
            inner
        });
    }
    found
}

#[test]
fn the_table_has_every_key_and_no_other() {
    let mut known = keys::<RawConfig>("", &|inner| inner);
    known.extend(keys::<raw::RawTopic>("meta.topic.", &|inner| inner));
    let written: BTreeSet<String> = rows().into_iter().map(|row| row.key).collect();
    assert!(known.len() > 50, "the probe found too few keys: {known:?}");
    assert_eq!(known, written);
}

#[test]
fn the_sample_shows_every_key_that_does_something() {
    for row in rows() {
        let refused = TABLE.lines().any(|line| {
            line.starts_with(&format!("| `{}` |", row.key))
                && (line.contains("| Refused") || line.ends_with("| Not yet |"))
        });
        let key = row.key.rsplit(['.', ']']).next().unwrap_or_default();
        if !refused && !row.key.starts_with("meta.topic.") && row.key != "experience-platform.profiles.schema-id" {
            assert!(SAMPLE.contains(&format!("{key}:")), "{} is not in the sample", row.key);
        }
    }
}

#[test]
fn the_defaults_of_the_table_are_the_defaults() {
    let base = plus("  profiles: {inlet-url: \"https://x/collection/p\", flow-id: f, dataset-id: d}");
    let expected = format!("{:?}", valid(&base));
    let mut tried = 0;
    for row in rows()
        .into_iter()
        .filter(|row| row.default.starts_with('`') && row.key != "apiVersion")
    {
        let mut value: serde_json::Value = tree::Node::parse(&base).unwrap().to_json();
        // `strategy` has to stand beside every other key of `offset`.
        if row.key.starts_with("meta.consumer.offset.") {
            value["meta"]["consumer"]["offset"]["strategy"] = "manual".into();
        }
        let default = row.default.trim_matches('`');
        let mut place = &mut value;
        for key in row.key.split('.') {
            place = &mut place[key];
        }
        *place = serde_json::from_str(default).unwrap_or_else(|_| default.into());
        // JSON is YAML.
        let config = valid(&value.to_string());
        assert_eq!(format!("{config:?}"), expected, "{}", row.key);
        tried += 1;
    }
    assert!(tried > 15, "only {tried} defaults were tried");
}
