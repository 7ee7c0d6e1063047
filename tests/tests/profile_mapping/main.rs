//! The Data Prep mapping sets of `docs/` follow the mapping, and carry what it writes.
//!
//! `UPDATE_DOCS=1 cargo test -p conformance --test profile_mapping`, run twice, writes them anew.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod destinations;
mod published;
mod statements;
mod undocumented;

use std::collections::BTreeSet;

use capillary_xdm::FieldType;
use conformance::data_prep::{Behaviour, Intent};
use serde_json::{Value, json};

use published::{ACME, Maps, OTHER, PRIMARY, PUBLISHED, documentation};
use statements::{expected, lists, statements};

#[test]
fn published_mapping_sets_are_the_ones_the_mapping_needs() {
    for set in PUBLISHED {
        let generated = set.generated();
        if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
            std::fs::write(set.path(), &generated).unwrap();
        }
        let published = std::fs::read_to_string(set.path()).unwrap_or_default();
        assert!(
            published == generated,
            "docs/{} is out of date: run this test with UPDATE_DOCS=1",
            set.file
        );
    }
}

#[test]
fn every_statement_comes_out_of_each_set_as_it_went_in() {
    for set in PUBLISHED {
        let mapping = set.read();
        for (name, statement) in statements(set) {
            let mapped = mapping.apply(&statement, Behaviour::default());
            assert_eq!(mapped.errors, [], "{}: {name}", set.file);
            assert_eq!(
                mapped.entity,
                expected(set, &statement),
                "{}: {name}",
                set.file
            );
        }
    }
}

#[test]
fn statements_show_one_identity_and_two() {
    for set in PUBLISHED {
        let namespaces: BTreeSet<Vec<String>> = statements(set)
            .into_iter()
            .map(|(_, statement)| {
                let map = statement["identityMap"].as_object().unwrap();
                map.keys().cloned().collect()
            })
            .collect();
        let expected = [
            vec![PRIMARY.to_owned()],
            vec![PRIMARY.to_owned(), OTHER.to_owned()],
        ];
        assert_eq!(namespaces, expected.into(), "{}", set.file);
    }
}

#[test]
fn each_list_of_an_upsert_replaces_the_one_in_the_profile() {
    for set in PUBLISHED.into_iter().filter(|set| set.maps != Maps::Events) {
        let mapping = set.read();
        for (name, statement) in statements(set) {
            let mapped = mapping.apply(&statement, Behaviour::default());
            let replaced: BTreeSet<String> = mapped.intents.keys().cloned().collect();
            assert_eq!(replaced, lists(&statement), "{}: {name}", set.file);
            assert!(
                mapped
                    .intents
                    .values()
                    .all(|intent| *intent == Intent::Replace)
            );
        }
    }
}

#[test]
fn documented_preview_gives_what_the_page_expects() {
    let page = documentation();
    let sample = page.split(r#"printf '{"data":"#).nth(1).unwrap();
    let sample = sample.split(r#","mappingSet":"#).next().unwrap();
    let sample: Value = serde_json::from_str(sample).unwrap();
    for set in PUBLISHED {
        let expected = match set.maps {
            Maps::Events => continue,
            Maps::Profiles => sample.clone(),
            Maps::ProfilesByDescriptor => {
                json!({"loyalty": {"points": 1250}, "personID": "700100201"})
            }
        };
        let mapped = set.read().apply(&sample, Behaviour::default());
        assert_eq!(mapped.entity, expected, "{}", set.file);
        assert_eq!(mapped.errors, [], "{}", set.file);
    }
}

/// Every text below `path`, whose lists are marked with `[]`.
fn texts<'a>(value: &'a Value, path: &str, found: &mut Vec<&'a str>) {
    let (step, rest) = path.split_once('.').unwrap_or((path, ""));
    let below = &value[step.trim_end_matches("[]")];
    let all = below
        .as_array()
        .map_or(std::slice::from_ref(below), Vec::as_slice);
    for below in all {
        match below {
            Value::String(text) => found.push(text),
            below if !rest.is_empty() => texts(below, rest, found),
            _ => {}
        }
    }
}

#[test]
fn times_and_days_have_a_form_data_prep_reads_unasked() {
    // Of its list of such forms: "yyyy-MM-dd'T'HH:mm:ss.SSSX" and "yyyy-MM-dd".
    for set in PUBLISHED {
        let fields = set.fields(ACME);
        let times = fields.iter().filter_map(|field| match field.field_type {
            FieldType::DateTime => Some((&field.path, "0000-00-00T00:00:00.000Z")),
            FieldType::Date => Some((&field.path, "0000-00-00")),
            _ => None,
        });
        let times: Vec<_> = times.collect();
        for (name, statement) in statements(set) {
            for (path, form) in &times {
                let mut found = Vec::new();
                texts(&statement, path, &mut found);
                for text in found {
                    let digits = |c: char| if c.is_ascii_digit() { '0' } else { c };
                    let is: String = text.chars().map(digits).collect();
                    assert_eq!(is, **form, "{}: {path} of {name}", set.file);
                }
            }
        }
    }
}
