//! What the SmartModule writes: of the samples, and with every field at once.

use std::collections::BTreeSet;

use capillary_xdm::{FieldType, Input, Mapper, Params};
use conformance::samples::samples;
use serde_json::{Map, Value, json};

use crate::published::{ACME, Maps, OTHER, PRIMARY, Published};

/// Parameter sets that together state every fact of the samples, by whether they have a tenant.
const PARAMETERS: [&[(&str, &str)]; 3] = [
    &[],
    &[
        ("events", "all"),
        ("time-zone", "+05:30"),
        ("tiers", r#"{"1":"Silver","2":"Gold","3":"Platinum"}"#),
        ("currency", "inr"),
        ("test-profile", "true"),
        ("max-event-bytes", "50000"),
    ],
    &[
        ("events", "all"),
        ("tenant", ACME),
        ("time-zone", "-03:00"),
        ("deleted-labels", r#"["Active"]"#),
        ("mobile-format", "e164"),
    ],
];

/// Every statement a set has to carry, with the name of where it is from.
pub(crate) fn statements(set: Published) -> Vec<(String, Value)> {
    let mut found = vec![("every field at once".to_owned(), complete(set))];
    for params in PARAMETERS {
        if params.iter().any(|(name, _)| *name == "tenant") && !set.with_tenant {
            continue;
        }
        let pairs = params.iter();
        let pairs = pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let params_of = Params::from_pairs(pairs);
        let mut mapper = Mapper::new(params_of.unwrap_or_else(|e| panic!("{params:?}: {e}")));
        for sample in samples().unwrap() {
            let mut out = Vec::new();
            let input = Input {
                offset: 0,
                timestamp: Some(1_789_373_735_000),
                value: &sample.bytes,
            };
            mapper.answer(input, &mut out);
            let mut answer: Value = serde_json::from_slice(&out).unwrap();
            let statement = answer[set.statement()].take();
            if statement.is_object() {
                found.push((format!("{} with {params:?}", sample.name), statement));
            }
        }
    }
    found
}

/// A statement with every field, so that each line of a set has something to carry.
fn complete(set: Published) -> Value {
    let mut entity = json!({"identityMap": {
        PRIMARY: [{"id": "700100201", "primary": true}],
        OTHER: [{"id": "mara@example.com", "primary": false}],
    }});
    for (index, field) in set.fields(ACME).into_iter().enumerate() {
        let value = match field.field_type {
            FieldType::Text => json!(format!("text {index}")),
            FieldType::Number => json!(0.5),
            FieldType::Integer => json!(index),
            FieldType::Boolean => json!(index % 2 == 0),
            FieldType::DateTime => json!("2026-09-30T18:29:59.000Z"),
            FieldType::Date => json!("1990-02-28"),
            FieldType::IdentityMap => panic!("{}", field.path),
        };
        put(&mut entity, &field.path, value);
    }
    entity
}

fn put(entity: &mut Value, path: &str, value: Value) {
    let mut place = entity;
    for step in path.split('.') {
        let name = step.trim_end_matches("[]");
        place = &mut place[name];
        if name != step {
            if place.is_null() {
                *place = json!([null]);
            }
            place = &mut place[0];
        }
    }
    *place = value;
}

/// What the set should make of a statement.
pub(crate) fn expected(set: Published, statement: &Value) -> Value {
    let mut expected = statement.clone();
    if set.maps == Maps::ProfilesByDescriptor {
        let map = members(&mut expected).remove("identityMap").unwrap();
        expected["personID"] = map[PRIMARY][0]["id"].clone();
    }
    expected
}

pub(crate) fn members(value: &mut Value) -> &mut Map<String, Value> {
    value.as_object_mut().unwrap()
}

/// Paths of its lists, those below a namespace of `identityMap` aside.
pub(crate) fn lists(statement: &Value) -> BTreeSet<String> {
    fn collect(value: &Value, path: &str, found: &mut BTreeSet<String>) {
        match value {
            Value::Array(_) => {
                found.insert(path.to_owned());
            }
            Value::Object(members) => {
                for (name, below) in members {
                    collect(below, &format!("{path}.{name}"), found);
                }
            }
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    for (name, below) in statement.as_object().unwrap() {
        if name != "identityMap" {
            collect(below, name, &mut found);
        }
    }
    found
}
