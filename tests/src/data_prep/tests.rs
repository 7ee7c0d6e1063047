//! Samples are those of Adobe's function reference, where it has one.

use serde_json::{Value, json};

use super::{Attributes, Behaviour, Intent, Mapped, MappingSet, Maps, Nulls, Unreadable};

fn set(source_type: &str, source: &str, destination: &str) -> Result<MappingSet, Unreadable> {
    let line = json!({"sourceType": source_type, "source": source, "destination": destination});
    let document = json!({
        "outputSchema": {"schemaRef": {"id": "https://ns.adobe.com/acme/schemas/1"}},
        "mappings": [line],
    });
    MappingSet::from_json(&document.to_string())
}

fn calculated(expression: &str, record: &Value, behaviour: Behaviour) -> Mapped {
    let set = set("EXPRESSION", expression, "out");
    let set = set.unwrap_or_else(|error| panic!("{error}"));
    set.apply(record, behaviour)
}

/// The value of an expression that does not fail.
fn value_of(expression: &str, record: &Value) -> Value {
    let mapped = calculated(expression, record, Behaviour::default());
    assert_eq!(mapped.errors, [], "{expression}");
    mapped.entity["out"].clone()
}

fn failure_of(expression: &str, record: &Value) -> String {
    let mapped = calculated(expression, record, Behaviour::default());
    assert_eq!(mapped.entity, Value::Null, "{expression}");
    let [error] = &mapped.errors[..] else {
        panic!("{expression}: {:?}", mapped.errors);
    };
    assert_eq!(error.destination, "out");
    error.reason.clone()
}

fn refusal_of(source_type: &str, source: &str, destination: &str) -> String {
    match set(source_type, source, destination) {
        Err(Unreadable::Line(error)) => error.reason,
        other => panic!("{source} to {destination}: {other:?}"),
    }
}

#[test]
fn functions_give_what_the_reference_shows() {
    let record = json!({"evars": {"evar": {"field1": "x"}}, "list": [1], "empty": {}});
    for (expression, expected) in [
        ("to_array(false, 1, null, 2, 3)", json!([1, 2, 3])),
        ("to_array(true, 1, null)", json!([1, null])),
        (
            r#"to_object("firstName", "John", "lastName", "Doe")"#,
            json!({"firstName": "John", "lastName": "Doe"}),
        ),
        (
            r#"to_map("firstName", "John", "lastName", "Doe")"#,
            json!({"firstName": "John", "lastName": "Doe"}),
        ),
        (r#"contains_key("evars.evar.field1")"#, json!(true)),
        (r#"contains_key("evars.evar.field2")"#, json!(false)),
        ("is_empty([1, null, 2, 3])", json!(false)),
        ("is_empty(empty)", json!(true)),
        (r#"iif(is_empty(list), "True", "False")"#, json!("False")),
        (
            r#"coalesce(null, null, null, "first", null, "second")"#,
            json!("first"),
        ),
        ("upsert_array_append([123, 456])", json!([123, 456])),
        ("upsert_array_replace(list)", json!([1])),
        (r"'it\'s'", json!("it's")),
        ("20.5", json!(20.5)),
    ] {
        assert_eq!(value_of(expression, &record), expected, "{expression}");
    }
    let nothing = calculated("nullify()", &record, Behaviour::default());
    assert_eq!((nothing.entity, nothing.errors), (Value::Null, vec![]));
}

#[test]
fn attributes_are_copied_from_and_to_any_depth() {
    let record = json!({"a": {"b": [{"c": 1}, {"c": 2}]}, "First Name": "Mara", "d.e": {"f": 3}});
    for (source, destination, expected) in [
        ("a", "x", json!({"x": {"b": [{"c": 1}, {"c": 2}]}})),
        ("a.b[1].c", "x.y", json!({"x": {"y": 2}})),
        // As Adobe's page on its own Capillary source maps an identity.
        (
            "a.b[0].c",
            "identityMap.email[0].id",
            json!({"identityMap": {"email": [{"id": 1}]}}),
        ),
        ("${First Name}", "x", json!({"x": "Mara"})),
        (r"d\.e.f", "${x y}.or_not", json!({"x y": {"or_not": 3}})),
    ] {
        let set = set("ATTRIBUTE", source, destination).unwrap();
        let mapped = set.apply(&record, Behaviour::default());
        assert_eq!(mapped.entity, expected, "{source}");
        assert_eq!(mapped.errors, [], "{source}");
    }
}

#[test]
fn absent_attributes_leave_no_trace() {
    let record = json!({"a": {"b": [1]}, "text": "x", "null": null});
    for source in ["z", "a.z", "a.b[1]", "a.z[0].y", "text.z", "${null}"] {
        let set = set("ATTRIBUTE", source, "x.y").unwrap();
        assert_eq!(
            set.apply(&record, Behaviour::default()),
            Mapped::default(),
            "{source}"
        );
    }
}

#[test]
fn lists_of_an_upsert_carry_their_intent() {
    let record = json!({"list": [1], "object": {"list": [2]}});
    let intents = |expression: &str| calculated(expression, &record, Behaviour::default()).intents;
    assert_eq!(
        intents("upsert_array_replace(list)")["out"],
        Intent::Replace
    );
    assert_eq!(intents("upsert_array_append(list)")["out"], Intent::Append);
    assert!(intents("upsert_array_replace(absent)").is_empty());

    let copied = calculated("object", &record, Behaviour::default());
    assert_eq!(copied.lists_without_intent(), ["out.list"]);
    let replaced = calculated("upsert_array_replace(list)", &record, Behaviour::default());
    assert!(replaced.lists_without_intent().is_empty());
}

#[test]
fn failed_line_has_no_value_and_leaves_the_others() {
    let lines = json!([
        {"sourceType": "EXPRESSION", "source": "iif(points, 1, 2)", "destination": "a"},
        {"sourceType": "ATTRIBUTE", "source": "points", "destination": "b"},
        {"sourceType": "ATTRIBUTE", "source": "points", "destination": "b.c"},
        {"sourceType": "ATTRIBUTE", "source": "points", "destination": "list[1]"},
    ]);
    let document = json!({"outputSchema": {"schemaRef": {"id": "s"}}, "mappings": lines});
    let set = MappingSet::from_json(&document.to_string()).unwrap();
    let mapped = set.apply(&json!({"points": 7}), Behaviour::default());
    assert_eq!(mapped.entity["b"], 7);
    let failed: Vec<_> = mapped
        .errors
        .iter()
        .map(|error| &error.destination[..])
        .collect();
    assert_eq!(failed, ["a", "b.c", "list[1]"]);
}

#[test]
fn what_no_document_explains_fails() {
    let record = json!({"list": [{"id": 1}], "object": {}, "number": 1});
    for (expression, reason) in [
        ("list.id", "of a list, without an index"),
        ("object[0]", "into what is no list"),
        ("iif(number, 1, 2)", "iif needs true or false"),
        ("contains_key(number)", "takes a path"),
        ("is_empty(number)", "is not documented"),
        ("to_array(number, 1)", "needs true or false"),
        ("to_object(number, 1)", "a key must be a text"),
        ("upsert_array_replace(object)", "needs a list"),
    ] {
        let found = failure_of(expression, &record);
        assert!(found.contains(reason), "{expression}: {found}");
    }
}

#[test]
fn mapping_set_with_more_than_is_known_is_refused() {
    for (expression, reason) in [
        (r#"to_mop("a", 1)"#, "`to_mop` is not known"),
        (
            r#""a".equals("b")"#,
            "nothing more is understood before `.equals",
        ),
        ("a.equals(b)", "`a.equals` is not known"),
        ("points > 1", "nothing more is understood before `> 1`"),
        ("1.2.3", "is no number"),
        ("-1", "a field's name expected before `-1`"),
        ("to_array(false, 1", "`,` expected at the end"),
        ("to_array(false 1)", "`,` expected before `1)`"),
        (
            "to_array(false, 1))",
            "nothing more is understood before `)`",
        ),
        (r#"to_object("a", 1, "b")"#, "does not take 3 arguments"),
        ("upsert_array_replace([1], 1)", "does not take 2 arguments"),
        (r#""a"#, "a text without its end"),
        ("", "a field's name expected at the end"),
        ("a.or", "`or` is a word of the language"),
        ("items[*].sku", "an index expected before `*].sku`"),
        (
            "_{TENANT}.capillary",
            "nothing more is understood before `{TENANT}",
        ),
        (
            r#"to_object("a", upsert_array_replace(b))"#,
            "the whole of a line",
        ),
        (
            &format!("'{}'", "x".repeat(4_095)),
            "longer than 4096 characters",
        ),
        (&"[".repeat(4_096), "more than 64 expressions"),
    ] {
        let found = refusal_of("EXPRESSION", expression, "out");
        assert!(found.contains(reason), "{expression}: {found}");
    }
    for (source, destination) in [
        ("a b", "c"),
        ("a", "b."),
        ("a", "b[x]"),
        ("1a", "b"),
        ("", "b"),
    ] {
        refusal_of("ATTRIBUTE", source, destination);
    }
    for source_type in ["STATIC", "text/x.schema-path"] {
        assert!(matches!(
            set(source_type, "a", "b"),
            Err(Unreadable::Form(_))
        ));
    }
    assert!(matches!(
        MappingSet::from_json("{}"),
        Err(Unreadable::Form(_))
    ));
}

#[test]
fn maps_can_be_unsupported() {
    let behaviour = Behaviour {
        maps: Maps::Unsupported,
        ..Behaviour::default()
    };
    let mapped = calculated(r#"to_map("a", 1)"#, &json!({}), behaviour);
    assert_eq!(mapped.entity, Value::Null);
    assert_eq!(mapped.errors[0].reason, "maps are not supported");
    let object = calculated(r#"to_object("a", 1)"#, &json!({}), behaviour);
    assert_eq!(object.entity["out"]["a"], 1);
}

#[test]
fn nulls_can_be_copied_unless_the_set_forbids_them() {
    let mut document = json!({
        "outputSchema": {"schemaRef": {"id": "s"}},
        "mappings": [{"sourceType": "ATTRIBUTE", "source": "a", "destination": "b.c"}],
    });
    let mut entity = |allowed: Value, nulls| {
        document["allowNullValues"] = allowed;
        let set = MappingSet::from_json(&document.to_string()).unwrap();
        let behaviour = Behaviour {
            nulls,
            ..Behaviour::default()
        };
        set.apply(&json!({}), behaviour).entity
    };
    let copied = json!({"b": {"c": null}});
    assert_eq!(entity(Value::Null, Nulls::Dropped), Value::Null);
    assert_eq!(entity(Value::Null, Nulls::AsTheSetSays), copied);
    assert_eq!(entity(json!(false), Nulls::AsTheSetSays), Value::Null);
    assert_eq!(entity(json!(false), Nulls::Copied), copied);
}

#[test]
fn attributes_can_be_below_the_body() {
    let behaviour = Behaviour {
        attributes: Attributes::WithBodyPrefix,
        ..Behaviour::default()
    };
    let record = json!({"a": 1});
    assert_eq!(calculated("a", &record, behaviour).entity, Value::Null);
    assert_eq!(calculated("body.a", &record, behaviour).entity["out"], 1);
    let checked = calculated(r#"contains_key("body.a")"#, &record, behaviour);
    assert_eq!(checked.entity["out"], true);
}
