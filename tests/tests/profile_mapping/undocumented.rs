//! What comes of the sets where Adobe's documents leave something open, or contradict each other.

use std::io::Write;
use std::process::{Command, Stdio};

use conformance::data_prep::{Attributes, Behaviour, MappingSet, Maps as MapFunctions, Nulls};
use serde_json::{Value, json};

use crate::published::{Maps, OTHER, PRIMARY, PUBLISHED, Published, documentation};
use crate::statements::{expected, members, statements};

/// As `docs/data-prep.md` has it, for the case that sources begin at the message.
const WITH_BODY_PREFIX: [&str; 2] = [
    r"/iif/s/identityMap\./body.identityMap./g",
    r#"s/("source": "(upsert_array_replace\()?)([^"(]+\)?",)$/\1body.\3/"#,
];

/// Applies a set to everything it has to carry, and gives the statement with what came of it.
fn each(set: Published, behaviour: Behaviour, mut check: impl FnMut(&str, &Value, Value, usize)) {
    let mapping = set.read();
    for (name, statement) in statements(set) {
        let mapped = mapping.apply(&statement, behaviour);
        let name = format!("{}: {name}", set.file);
        check(&name, &statement, mapped.entity, mapped.errors.len());
    }
}

#[test]
fn without_maps_only_the_descriptor_sets_name_the_customer() {
    let behaviour = Behaviour {
        maps: MapFunctions::Unsupported,
        ..Behaviour::default()
    };
    for set in PUBLISHED {
        each(set, behaviour, |name, statement, entity, errors| {
            let mut expected = expected(set, statement);
            let by_map = set.maps != Maps::ProfilesByDescriptor;
            if by_map {
                members(&mut expected).remove("identityMap");
            }
            assert_eq!(errors, usize::from(by_map), "{name}");
            assert_eq!(entity, expected, "{name}");
        });
    }
}

#[test]
fn lists_of_identities_have_no_intent_unless_a_descriptor_names_them() {
    for set in PUBLISHED.into_iter().filter(|set| set.maps != Maps::Events) {
        let mapping = set.read();
        for (name, statement) in statements(set) {
            let mapped = mapping.apply(&statement, Behaviour::default());
            let without = mapped.lists_without_intent();
            let namespaces = statement["identityMap"].as_object().unwrap().keys();
            let namespaces: Vec<_> = namespaces.map(|one| format!("identityMap.{one}")).collect();
            let by_descriptor = set.maps == Maps::ProfilesByDescriptor;
            let expected = if by_descriptor { vec![] } else { namespaces };
            assert_eq!(without, expected, "{}: {name}", set.file);
        }
    }
}

#[test]
fn sets_forbid_nulls() {
    let behaviour = Behaviour {
        nulls: Nulls::AsTheSetSays,
        ..Behaviour::default()
    };
    for set in PUBLISHED {
        each(set, behaviour, |name, statement, entity, errors| {
            assert_eq!(errors, 0, "{name}");
            assert_eq!(entity, expected(set, statement), "{name}");
        });
    }
}

/// Takes the nulls out, and the objects that held nothing else.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members
                .into_iter()
                .map(|(name, below)| (name, without_nulls(below)));
            let kept: serde_json::Map<_, _> = kept.filter(|(_, below)| !below.is_null()).collect();
            if kept.is_empty() {
                Value::Null
            } else {
                Value::Object(kept)
            }
        }
        other => other,
    }
}

#[test]
fn nulls_copied_in_spite_of_the_set_would_blank_what_is_not_stated() {
    let behaviour = Behaviour {
        nulls: Nulls::Copied,
        ..Behaviour::default()
    };
    for set in PUBLISHED {
        let mut blanked = 0;
        each(set, behaviour, |name, statement, entity, _| {
            let expected = expected(set, statement);
            blanked += usize::from(entity != expected);
            assert_eq!(without_nulls(entity), expected, "{name}");
        });
        assert!(blanked > 0, "{}", set.file);
    }
}

#[test]
fn attributes_below_body_need_the_documented_prefix() {
    let behaviour = Behaviour {
        attributes: Attributes::WithBodyPrefix,
        ..Behaviour::default()
    };
    for set in PUBLISHED.into_iter().filter(|set| set.maps != Maps::Events) {
        let prefixed = MappingSet::from_json(&edited(&set.uploaded())).unwrap();
        let nobody = match set.maps {
            Maps::ProfilesByDescriptor => Value::Null,
            _ => json!({"identityMap": {PRIMARY: [{"id": null, "primary": true}]}}),
        };
        each(set, behaviour, |name, statement, entity, _| {
            assert_eq!(entity, nobody, "{name}");
            let mapped = prefixed.apply(statement, behaviour);
            assert_eq!(mapped.errors, [], "{name}");
            assert_eq!(mapped.entity, expected(set, statement), "{name}");
        });
    }
}

/// What the documented command makes of a set.
fn edited(set: &str) -> String {
    let docs = documentation();
    let mut sed = Command::new("sed");
    sed.arg("-E").stdin(Stdio::piped()).stdout(Stdio::piped());
    for step in WITH_BODY_PREFIX {
        assert!(
            docs.contains(&format!("-e '{step}'")),
            "docs/data-prep.md lacks {step}"
        );
        sed.args(["-e", step]);
    }
    let mut sed = sed.spawn().unwrap();
    sed.stdin.take().unwrap().write_all(set.as_bytes()).unwrap();
    String::from_utf8(sed.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn further_namespaces_take_the_documented_shape() {
    // Each namespace that may be missing doubles the cases.
    let docs = documentation();
    let shape = docs
        .split("```text\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .unwrap();
    let named = shape
        .replace("\"P\"", "\"CRMID\"")
        .replace(".P[", ".CRMID[");
    let named = named
        .replace(".O\"", ".Phone\"")
        .replace("\"O\"", "\"Phone\"");
    let named = named.replace(".O[", ".Phone[");
    let line = json!({"sourceType": "EXPRESSION", "source": named, "destination": "identityMap"});
    let set = json!({"outputSchema": {"schemaRef": {"id": "s"}}, "mappings": [line]});
    let set = MappingSet::from_json(&set.to_string()).unwrap();
    let both = json!({"identityMap": {
        "CRMID": [{"id": "7", "primary": true}], "Phone": [{"id": "+49 1", "primary": false}],
    }});
    let mut one = both.clone();
    members(&mut one["identityMap"]).remove("Phone");
    for record in [both, one] {
        assert_eq!(set.apply(&record, Behaviour::default()).entity, record);
    }
    let email = json!({"identityMap": {OTHER: [{"id": "mara@example.com", "primary": true}]}});
    assert_ne!(set.apply(&email, Behaviour::default()).entity, email);
}
