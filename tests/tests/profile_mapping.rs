//! `docs/profile-mapping.json`, the Data Prep mapping set of the default upsert delivery, follows the mapping.
//!
//! `UPDATE_DOCS=1 cargo test -p conformance --test profile_mapping` writes it anew.

#![expect(clippy::unwrap_used, reason = "a test ends where something it needs is missing")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use capillary_xdm::{Input, Mapper, Params};
use conformance::samples::samples;
use conformance::xdm::PROFILE_SCHEMA;
use serde_json::{Value, json};

/// The default `identities` of the SmartModule: the primary's namespace, and the one that may be missing.
const PRIMARY: &str = "CapillaryId";
const OTHER: &str = "Email";

/// How a profile path is carried over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carried {
    Copied,
    /// Adobe wants the intent for a list spelt out in an upsert, and each statement carries the whole list.
    Replaced,
}

/// Every path the mapping can write into a profile, lists as a whole; identities and tenants' own fields aside.
fn profile_paths() -> BTreeMap<String, Carried> {
    let mut paths = BTreeMap::new();
    for params in [&[("events", "all")][..], &[("events", "all"), ("time-zone", "+00:00")]] {
        let pairs = params
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut mapper = Mapper::new(Params::from_pairs(pairs).unwrap());
        for sample in samples().unwrap() {
            let mut out = Vec::new();
            mapper.answer(
                Input {
                    offset: 0,
                    timestamp: Some(1_789_373_735_000),
                    value: &sample.bytes,
                },
                &mut out,
            );
            let answer: Value = serde_json::from_slice(&out).unwrap();
            for (key, value) in answer["profile"].as_object().into_iter().flatten() {
                if key != "identityMap" && !key.starts_with('_') {
                    collect(value, key.clone(), &mut paths);
                }
            }
        }
    }
    paths
}

fn collect(value: &Value, path: String, paths: &mut BTreeMap<String, Carried>) {
    match value {
        Value::Object(map) => map
            .iter()
            .for_each(|(key, value)| collect(value, format!("{path}.{key}"), paths)),
        Value::Array(_) => drop(paths.insert(path, Carried::Replaced)),
        _ => drop(paths.insert(path, Carried::Copied)),
    }
}

fn mapping_set() -> Value {
    let mut mappings = vec![json!({
        "sourceType": "EXPRESSION", "source": identity_map(), "destination": "identityMap",
        "name": "Identities", "description": "The primary identity, and the other one where the record has it",
    })];
    mappings.extend(profile_paths().into_iter().map(|(path, carried)| match carried {
        Carried::Copied => json!({"sourceType": "ATTRIBUTE", "source": path, "destination": path}),
        Carried::Replaced => {
            let expression = format!("upsert_array_replace({path})");
            json!({"sourceType": "EXPRESSION", "source": expression, "destination": path})
        }
    }));
    json!({
        "name": "Capillary profile upserts",
        "outputSchema": {
            "schemaRef": {"id": "{SCHEMA_ID}", "contentType": "application/vnd.adobe.xed-full+json;version=1"},
        },
        "mappings": mappings,
    })
}

/// Which namespaces a record has is known only when it is mapped, and an identity without an id is refused.
fn identity_map() -> String {
    let identity = |namespace: &str, primary: bool| {
        format!(
            r#""{namespace}", to_array(false, to_object("id", identityMap.{namespace}[0].id, "primary", {primary}))"#
        )
    };
    let (primary, other) = (identity(PRIMARY, true), identity(OTHER, false));
    format!(r#"iif(contains_key("identityMap.{OTHER}"), to_map({primary}, {other}), to_map({primary}))"#)
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .with_file_name("docs")
        .join("profile-mapping.json")
}

#[test]
fn the_published_mapping_set_is_the_one_the_mapping_needs() {
    let generated = format!("{:#}\n", mapping_set());
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        std::fs::write(file(), &generated).unwrap();
    }
    let published = std::fs::read_to_string(file()).unwrap();
    assert!(
        published == generated,
        "docs/profile-mapping.json is out of date: run this test with UPDATE_DOCS=1"
    );
}

#[test]
fn every_destination_is_a_field_of_the_profile_schema() {
    let schema: Value = serde_json::from_str(PROFILE_SCHEMA).unwrap();
    let paths = profile_paths();
    for (path, carried) in &paths {
        let pointer: String = path.split('.').map(|step| format!("/properties/{step}")).collect();
        let field = schema
            .pointer(&pointer)
            .unwrap_or_else(|| panic!("{path} is not in the schema"));
        assert_eq!(field["type"] == "array", *carried == Carried::Replaced, "{path}");
    }
    let names: BTreeSet<_> = paths.keys().map(String::as_str).collect();
    for expected in [
        "loyalty.points",
        "loyalty.tier",
        "person.name.firstName",
        "personalEmail.address",
    ] {
        assert!(names.contains(expected), "{expected} is not among {names:?}");
    }
}

#[test]
fn the_identity_expression_fits_what_the_mapping_sends() {
    let expression = identity_map();
    assert!(
        expression.len() <= 4_096,
        "Data Prep takes expressions of up to 4096 characters"
    );
    assert_eq!(expression.matches('(').count(), expression.matches(')').count());
    let mut mapper = Mapper::new(Params::default());
    let mut seen = BTreeSet::new();
    for sample in samples().unwrap() {
        let mut out = Vec::new();
        mapper.answer(
            Input {
                offset: 0,
                timestamp: Some(1_789_373_735_000),
                value: &sample.bytes,
            },
            &mut out,
        );
        let answer: Value = serde_json::from_slice(&out).unwrap();
        let Some(map) = answer["profile"]["identityMap"].as_object() else {
            continue;
        };
        assert_eq!(map[PRIMARY][0]["primary"], true, "{}", sample.name);
        for (namespace, identities) in map {
            assert!(
                [PRIMARY, OTHER].contains(&namespace.as_str()),
                "{namespace} is not in the expression"
            );
            assert_eq!(
                identities.as_array().map(Vec::len),
                Some(1),
                "{}: the expression carries one",
                sample.name
            );
            seen.insert(namespace.clone());
        }
    }
    assert_eq!(seen.len(), 2, "the samples show {seen:?} only");
}
