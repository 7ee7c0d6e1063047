//! Every form an event arrives in gives the same event.
#![allow(clippy::unwrap_used)] // Helpers of tests.

mod support;

use serde_json::{Value, json};
use support::{answer, map_json, mapper, sample};

/// All forms of one event of form A.
fn forms(event: &Value) -> Vec<(&'static str, Value)> {
    let mut attributes = event.clone();
    let id = attributes
        .as_object_mut()
        .unwrap()
        .remove("eventId")
        .unwrap_or(Value::Null);
    let mut nameless = attributes.clone();
    nameless.as_object_mut().unwrap().remove("eventName");
    nameless.as_object_mut().unwrap().remove("orgId");
    let mut inside = event["data"].clone();
    for (key, value) in event.as_object().unwrap() {
        if key != "data" {
            inside[key] = value.clone();
        }
    }
    let mut half = json!({"data": inside, "orgId": event["orgId"]});
    half["data"].as_object_mut().unwrap().remove("orgId");
    let queue = |kind: &str, attributes: &Value| json!({"eventId": id, "eventType": kind, "consumerGroupId": "", "actionType": "START", "timeStamp": 1_789_373_799_999_i64, "attributes": attributes});
    let prefixed = queue("90417_pointsIssued", &attributes);
    vec![
        ("A", event.clone()),
        ("B", queue("pointsIssued", &attributes)),
        ("B with prefix", prefixed.clone()),
        ("B without name", queue("90417_pointsIssued", &nameless)),
        (
            "C",
            json!({"data": event, "errors": null, "warnings": null}),
        ),
        ("C around B", json!({"data": prefixed})),
        ("D1", json!({"body": event})),
        (
            "D2",
            json!({"event": {"body": event, "headers": {"content-type": "application/json"}, "method": "POST"}}),
        ),
        ("D1 around B", json!({"body": prefixed})),
        ("broken", json!({"data": inside})),
        ("half broken", half),
    ]
}

#[test]
fn envelope_forms_of_one_event_give_the_same_answer() {
    let mut event = sample("pointsIssued");
    // Broken and whole form can only agree on what is not in both places.
    event.as_object_mut().unwrap().remove("loyaltyEventId");
    for with_id in [true, false] {
        if !with_id {
            event.as_object_mut().unwrap().remove("eventId");
        }
        let mut mapper = mapper(&[("tenant", "acme")]);
        let plain = answer(&mut mapper, event.to_string().as_bytes());
        assert_eq!(
            plain["id"].as_str().unwrap().len(),
            if with_id { 36 } else { 32 }
        );
        for (form, event) in forms(&event) {
            assert_eq!(
                answer(&mut mapper, event.to_string().as_bytes()),
                plain,
                "form {form}"
            );
        }
    }
}

#[test]
fn hashed_id_ignores_how_the_same_data_is_written() {
    let mut event = sample("promotionEarned");
    event.as_object_mut().unwrap().remove("eventId");
    let id = map_json(&[], &event)["id"].clone();
    let text = event.to_string();
    // Other whitespace, escapes, number forms, and another order of keys.
    let pretty = serde_json::to_string_pretty(&event).unwrap();
    let rewritten = text
        .replace("Pastry", "P\\u0061stry")
        .replace("88050", "88050.0")
        .replace("40977", "4.0977e4");
    for other in [pretty, rewritten] {
        assert_eq!(answer(&mut mapper(&[]), other.as_bytes())["id"], id);
    }
    for (pointer, value) in [
        ("/data/earnedId", json!(40978)),
        ("/createdAt", json!(1_789_373_730_413_i64)),
        ("/refId", json!("x")),
    ] {
        let mut other = event.clone();
        *other.pointer_mut(pointer).unwrap() = value;
        assert_ne!(map_json(&[], &other)["id"], id, "{pointer}");
    }
}

#[test]
fn event_id_is_used_when_it_can_be_an_xdm_id() {
    let mut event = sample("pointsIssued");
    for (id, usable) in [
        (json!("b59fe265-82e3-49b6-9a96-dd176edbb8b4"), true),
        (json!("urn:event:1"), true),
        (json!("A._~-9"), true),
        (json!("x".repeat(128)), true),
        (json!("x".repeat(129)), false),
        (json!("with space"), false),
        (json!("12:34"), false),
        (json!("é"), false),
        (json!(15), false),
        (json!(""), false),
        (json!(null), false),
    ] {
        event["eventId"] = id.clone();
        let answer = map_json(&[], &event);
        assert_eq!(answer["id"], answer["event"]["_id"]);
        assert_eq!(answer["id"] == id, usable, "{id}");
    }
}

#[test]
fn event_name_counts_in_any_case_and_with_blanks_around_it() {
    let mut mapper = mapper(&[("events", "all"), ("tenant", "acme")]);
    for (name, raw) in support::samples() {
        let mut event: Value = serde_json::from_slice(&raw).unwrap();
        let expected = answer(&mut mapper, event.to_string().as_bytes());
        let Some(kind) = event["eventName"].as_str().map(str::to_owned) else {
            continue;
        };
        for other in [
            kind.to_lowercase(),
            kind.to_uppercase(),
            format!(" {kind}\n"),
            format!("\t{}", kind.to_uppercase()),
        ] {
            event["eventName"] = json!(other);
            for text in [
                event.to_string(),
                format!(
                    "{{\"eventName\":{},{}",
                    json!(other),
                    &event.to_string()[1..]
                ),
            ] {
                let found = answer(&mut mapper, text.as_bytes());
                assert_eq!(found, expected, "{name}: {other}");
            }
        }
    }
    for kind in ["90417_POINTSISSUED", " 90417_ pointsIssued "] {
        let queue = json!({"eventType": kind, "attributes": nameless(&sample("pointsIssued"))});
        assert_eq!(map_json(&[], &queue)["name"], "pointsIssued", "{kind}");
    }
    // So one public page spells it.
    let mut event = sample("issuedAlternateCurrenciesReversed");
    event["eventName"] = json!("issuedalternateCurrenciesReversed");
    let answer = map_json(&[("events", "ISSUEDALTERNATECURRENCIESREVERSED")], &event);
    assert_eq!(answer["name"], "issuedAlternateCurrenciesReversed");
}

fn nameless(event: &Value) -> Value {
    let mut event = event.clone();
    event.as_object_mut().unwrap().remove("eventName");
    event
}

#[test]
fn reject_points_at_the_defect_in_the_record() {
    let mut event = sample("pointsIssued");
    event["createdAt"] = json!(5);
    for (form, pointer) in [
        ("A", "/createdAt"),
        ("B", "/attributes/createdAt"),
        ("C", "/data/createdAt"),
        ("D1", "/body/createdAt"),
        ("D2", "/event/body/createdAt"),
        ("C around B", "/data/attributes/createdAt"),
    ] {
        let (_, event) = forms(&event)
            .into_iter()
            .find(|(name, _)| *name == form)
            .unwrap();
        assert_eq!(
            map_json(&[], &event)["reject"]["pointer"],
            pointer,
            "{form}"
        );
    }
}

#[test]
fn record_without_event_is_rejected_with_the_reason() {
    for (raw, reason) in [
        (&b"[]"[..], "not_an_object"),
        (b"\"pointsIssued\"", "not_an_object"),
        (b"{}", "no_event_name"),
        (b"{\"eventName\":5}", "no_event_name"),
        (b"{\"eventName\":\"pointsIssued\"}", "no_data"),
        (b"{\"eventName\":\"pointsIssued\",\"data\":[]}", "no_data"),
        (b"", "not_json"),
        (b"{\"eventName\":\"pointsIssued\"", "not_json"),
        (b"\xff{}", "not_utf8"),
    ] {
        assert_eq!(answer(&mut mapper(&[]), raw)["reject"]["reason"], reason);
    }
}

#[test]
fn unwanted_event_is_skipped_by_its_first_key_unread() {
    let mut mapper = mapper(&[("events", "pointsIssued")]);
    let reason =
        |mapper: &mut _, text: &[u8]| answer(mapper, text)["skip"].as_str().map(str::to_owned);
    for (text, expected) in [
        (
            &br#"{"eventName":"tierRenewed","data":{}}"#[..],
            "unwanted_kind",
        ),
        (
            b"{ \"eventName\" : \"tierRenewed\" , \"data\": {}}\n",
            "unwanted_kind",
        ),
        (br#"{"eventName":"tierRenamed"}"#, "unknown_kind"),
        // What nobody asked for may be broken.
        (
            br#"{"eventName":"tierRenewed",]"data":tru}"#,
            "unwanted_kind",
        ),
        (
            b"{\"eventName\":\"tierRenewed\",\"data\":\"\xff\"}",
            "unwanted_kind",
        ),
    ] {
        assert_eq!(
            reason(&mut mapper, text).as_deref(),
            Some(expected),
            "{}",
            text.escape_ascii()
        );
    }
}

#[test]
fn unwanted_event_is_read_when_cut_off_or_its_name_may_repeat() {
    let mut mapper = mapper(&[("events", "pointsIssued")]);
    let wanted = |name: &str| {
        format!(
            r#"{{"eventName":"tierRenewed","createdAt":1789373730412,"data":{{"customerIdentifiers":{{"customerId":7}},"padding":"{}"}},{name}}}"#,
            "x".repeat(100)
        )
    };
    // Of a repeated key the last value counts.
    for name in [
        r#""eventName":"pointsIssued""#,
        r#""event\u004eame":"pointsIssued""#,
    ] {
        let answer = answer(&mut mapper, wanted(name).as_bytes());
        assert_eq!(answer["name"], "pointsIssued", "{answer}");
    }
    for cut in [
        r#"{"eventName":"tierRenewed","#,
        r#"{"eventName":"tierRenewed","data":{"a":1"#,
    ] {
        assert_eq!(
            answer(&mut mapper, cut.as_bytes())["reject"]["reason"],
            "not_json",
            "{cut}"
        );
    }
    // No name of a kind at all.
    for name in ["", " ", "null"] {
        let text = format!(r#"{{"eventName":"{name}","eventType":"tierRenewed"}}"#);
        assert_eq!(
            answer(&mut mapper, text.as_bytes())["skip"],
            "unwanted_kind",
            "{text}"
        );
    }
}
