//! `docs/profile-mapping.json`, the Data Prep mapping set of the default upsert delivery, follows
//! the mapping.
//!
//! `UPDATE_DOCS=1 cargo test --workspace --test profile_mapping` writes it anew.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use capillary_xdm::{FieldType, Input, Mapper, Params, profile_paths};
use conformance::samples::samples;
use serde_json::{Value, json};
use xdm_schema::{Registry, profile_schema};

/// The default `identities` of the SmartModule: the primary's namespace, and the one that may be
/// missing.
const PRIMARY: &str = "CapillaryId";
const OTHER: &str = "Email";

/// What stands for an organisation's own namespace in the second file.
const TENANT: &str = "{TENANT}";

/// How a profile path is carried over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carried {
    Copied,
    /// Adobe wants the intent for a list spelt out in an upsert, and each statement carries the
    /// whole list.
    Replaced,
}

/// Every path the mapping can write into a profile, lists as a whole; the identities aside.
fn carried_paths(tenant: Option<&str>) -> BTreeMap<String, Carried> {
    let fields = profile_paths(tenant)
        .into_iter()
        .filter(|field| field.field_type != FieldType::IdentityMap);
    let carried = |path: String| match path.split_once("[]") {
        Some((list, _)) => (list.to_owned(), Carried::Replaced),
        None => (path, Carried::Copied),
    };
    fields.map(|field| carried(field.path)).collect()
}

fn mapping_set(tenant: Option<&str>) -> Value {
    let mut mappings = vec![json!({
        "sourceType": "EXPRESSION", "source": identity_map(), "destination": "identityMap",
        "name": "Identities", "description": "The primary identity, and the other one where the \
            record has it",
    })];
    mappings.extend(
        carried_paths(tenant)
            .into_iter()
            .map(|(path, carried)| match carried {
                Carried::Copied => {
                    json!({"sourceType": "ATTRIBUTE", "source": path, "destination": path})
                }
                Carried::Replaced => {
                    let expression = format!("upsert_array_replace({path})");
                    json!({"sourceType": "EXPRESSION", "source": expression, "destination": path})
                }
            }),
    );
    json!({
        "name": "Capillary profile upserts",
        "outputSchema": {
            "schemaRef": {"id": "{SCHEMA_ID}",
            "contentType": "application/vnd.adobe.xed-full+json;version=1"},
        },
        "mappings": mappings,
    })
}

/// Which namespaces a record has is known only when it is mapped, and an identity without an id is
/// refused.
fn identity_map() -> String {
    let identity = |namespace: &str, primary: bool| {
        format!(
            r#""{namespace}", to_array(false, to_object("id", identityMap.{namespace}[0].id, "primary", {primary}))"#
        )
    };
    let (primary, other) = (identity(PRIMARY, true), identity(OTHER, false));
    format!(
        r#"iif(contains_key("identityMap.{OTHER}"), to_map({primary}, {other}), to_map({primary}))"#
    )
}

fn document(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .with_file_name("docs")
        .join(name)
}

#[test]
fn published_mapping_sets_are_the_ones_the_mapping_needs() {
    for (name, tenant) in [
        ("profile-mapping.json", None),
        ("profile-mapping-tenant.json", Some(TENANT)),
    ] {
        let generated = format!("{:#}\n", mapping_set(tenant));
        if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
            std::fs::write(document(name), &generated).unwrap();
        }
        let published = std::fs::read_to_string(document(name)).unwrap();
        assert!(
            published == generated,
            "docs/{name} is out of date: run this test with UPDATE_DOCS=1"
        );
    }
}

#[test]
fn every_destination_is_a_field_of_the_profile_schema() {
    let schema = profile_schema(Registry::Newest).unwrap();
    let paths = carried_paths(None);
    for (path, carried) in &paths {
        let pointer: String = path
            .split('.')
            .map(|step| format!("/properties/{step}"))
            .collect();
        let field = schema
            .pointer(&pointer)
            .unwrap_or_else(|| panic!("{path} is not in the schema"));
        assert_eq!(
            field["type"] == "array",
            *carried == Carried::Replaced,
            "{path}"
        );
    }
    for expected in [
        "loyalty.points",
        "loyalty.tier",
        "person.name.firstName",
        "personalEmail.address",
    ] {
        assert!(
            paths.contains_key(expected),
            "{expected} is not among {paths:?}"
        );
    }
}

#[test]
fn identity_expression_fits_what_the_mapping_sends() {
    let expression = identity_map();
    assert!(
        expression.len() <= 4_096,
        "Data Prep takes expressions of up to 4096 characters"
    );
    assert_eq!(
        expression.matches('(').count(),
        expression.matches(')').count()
    );
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
